"""Load at a steady rate (open loop): latency includes the time that a due request waits to be sent."""

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.client import Connection
from benchmarks.load import Load


def paced(url: str, body: bytes, *, rate: float, seconds: float, connections: int = 8) -> Load:
    """Post ``body`` ``rate`` times a second; a latency begins when a request is due, not when sent."""
    path = "/" + url.split("/", 3)[3]
    fields = f"Host: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    message = f"POST {path} HTTP/1.1\r\n{fields}".encode() + body
    begin = time.perf_counter()

    def converse(number: int) -> tuple[list[float], int]:
        connection, latencies, failures = Connection(url), [], 0
        for turn in range(number, int(rate * seconds), connections):
            due = begin + turn / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                failures += connection.exchange(message, patience=10.0) != 200
                latencies.append(time.perf_counter() - due)
            except OSError:
                failures += 1
        connection.close()
        return latencies, failures

    with ThreadPoolExecutor(connections) as pool:
        parts = list(pool.map(converse, range(connections)))
    latencies = [latency for part, _ in parts for latency in part]
    return Load.of(latencies, failures=sum(failed for _, failed in parts), seconds=seconds)
