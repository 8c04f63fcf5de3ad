"""What one row costs the client besides urllib3: ``PYTHONPATH=client python -m benchmarks.client_cost``.

The server only writes one answer again and again, so that it disturbs little. All clients send the same
request; urllib3 as it is sends bytes that were encoded before and leaves the answer as bytes, so that JSON
counts as the client's own. It is the CPU time of the process, Python's and the kernel's; clients take turns,
and the least of all rounds counts.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import click
import requests
import urllib3
from rich.console import Console

from benchmarks.table import new_table
from model_service_client import Client

ROW = [0.38, -1.22, 3.01, 0.55, -0.87, 2.14, -1.9, 0.03, 1.44, -2.61]
ROW += [0.92, -0.45, 1.78, -3.2, 0.66, 1.05, -0.71, 2.38, -1.13, 0.29]
PROBABILITIES = {"class_0": 0.29, "class_1": 0.18, "class_2": 0.53}
RESULT = {"prediction": 2, "confidence": 0.53, "probabilities": PROBABILITIES}
ID = "18385be7e9bf59843f49ba56ee81b534"
DOCUMENT = {"success": True, "result": RESULT, "model_version": "20261123_212901", "request_id": ID}
BODY = json.dumps(DOCUMENT | {"timestamp": "2026-11-23T21:29:08.699+00:00"}).encode()
HEADERS = {"Content-Type": "application/json", "X-API-Key": 40 * "k"}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Mon, 23 Nov 2026 21:29:08 GMT\r\n"
    b"Connection: keep-alive\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nX-Request-ID: %b\r\n"
    b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n%b" % (len(BODY), ID.encode(), BODY)
)
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
WARM_UP = 200


@click.command()
@click.option("--calls", default=2_000, show_default=True, help="Of each client in a round.")
@click.option("--rounds", default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(calls: int, rounds: int, as_json: bool) -> None:
    """Measure the CPU time of one row, of this client and of others."""
    listening = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-m", "benchmarks.client_cost", "--serve", str(listening.fileno())]
    with listening, subprocess.Popen(command, pass_fds=[listening.fileno()]) as server:
        try:
            found = _measured(listening.getsockname()[1], calls, rounds)
        finally:
            server.kill()
    if as_json:
        click.echo(json.dumps(found))
        return
    table = new_table("One row")
    for heading in ("client", "CPU µs", "more than urllib3"):
        table.add_column(heading, justify="left" if heading == "client" else "right")
    for name, cost in found.items():
        table.add_row(name, f"{cost:.1f}", f"{cost - found['urllib3']:.1f}")
    Console().print(table)


def _measured(port: int, calls: int, rounds: int) -> dict[str, float]:
    """The least CPU time of a call, in µs, by client."""
    clients = _clients(port)
    for ask in clients.values():
        _cost(ask, WARM_UP)
    costs = {name: [_cost(ask, calls)] for name, ask in clients.items()}
    for _ in range(rounds - 1):
        for name, ask in clients.items():
            costs[name].append(_cost(ask, calls))
    return {name: round(min(found), 2) for name, found in costs.items()}


def _cost(ask: Callable[[], Any], calls: int) -> float:
    began = process_time()
    for _ in range(calls):
        ask()
    return (process_time() - began) / calls * 1e6


def _clients(port: int) -> dict[str, Callable[[], Any]]:
    url, path = f"http://127.0.0.1:{port}", "/api/predict"
    client = Client(url, api_key=HEADERS["X-API-Key"])
    pool, session = urllib3.HTTPConnectionPool("127.0.0.1", port), requests.Session()
    body = {"features": ROW}
    sent = json.dumps(body).encode()
    return {
        "urllib3": lambda: pool.urlopen("POST", path, sent, HEADERS).data,
        "this client": lambda: client.predict(ROW),
        "requests": lambda: session.post(url + path, json=body, headers=HEADERS).json(),
    }


def serve(listening: socket.socket) -> None:
    """Answer every request of every connection alike, in one thread for each."""
    from threading import Thread

    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    received = b""
    while part := connection.recv(65536):
        received += part
        head, end, rest = received.partition(b"\r\n\r\n")
        if end and (length := LENGTH.search(head)) and len(rest) >= int(length[1]):
            received = b""
            connection.sendall(ANSWER)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(socket.socket(fileno=int(sys.argv[2])))
    main()
