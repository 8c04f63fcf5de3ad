"""Clients that hold their connections for as long as they are let, and come back when they are cut off."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

PAUSE = 1.0  # s between two bytes
HEAD = b"POST /api/predict HTTP/1.1\r\nHost: drill\r\nContent-Type: application/json\r\n"
BATCH = json.dumps({"samples": [[1, 1, 1]] * 1000}).encode()
# What each kind says at once, before it goes on byte by byte.
KINDS = {
    "slow headers": HEAD,
    "slow short body": HEAD + b"Content-Length: 1000\r\n\r\n",
    "slow long body": HEAD + b"Content-Length: 1000000\r\n\r\n",
    "slow chunked body": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000\r\n",
    "slow reader": HEAD.replace(b"predict", b"predict/batch")
    + b"Content-Length: %d\r\n\r\n" % len(BATCH)
    + BATCH,
}


@dataclass
class SlowClients:
    """Connections of one kind, from several addresses so that no limit for each address spares the server."""

    port: int
    kind: str
    number: int
    cut: int = 0
    """How often a connection was ended by the server."""
    ended: Event = field(default_factory=Event)
    complete: Event = field(default_factory=Event)

    def run(self) -> None:
        connections: list[socket.socket | None] = [None] * self.number
        try:
            while not self.ended.wait(PAUSE if self.complete.is_set() else 0):
                for place, connection in enumerate(connections):
                    if self.ended.is_set():
                        break
                    if connection is None or not self._go_on(connection):
                        self.cut += connection is not None
                        connections[place] = self._connect(place)
                self.complete.set()
        finally:
            for connection in connections:
                if connection is not None:
                    connection.close()

    def _connect(self, place: int) -> socket.socket | None:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least that the kernel allows
        connection.settimeout(1)
        try:
            connection.bind((f"127.0.1.{1 + place // 20}", 0))
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(KINDS[self.kind])
        except OSError:
            connection.close()
            return None
        connection.setblocking(False)
        return connection

    def _go_on(self, connection: socket.socket) -> bool:
        """One byte more; False if the server has ended the connection."""
        with suppress(BlockingIOError):
            try:
                if self.kind == "slow reader":
                    alive = connection.recv(1) != b""
                else:
                    connection.send(b"a" if "header" in self.kind else b" ")
                    alive = connection.recv(4096) != b""
            except OSError as error:
                if isinstance(error, BlockingIOError):
                    raise
                alive = False
            if not alive:
                connection.close()
            return alive
        return True


@contextmanager
def slow_clients(port: int, kind: str, number: int) -> Iterator[SlowClients]:
    """So many slow clients of a kind, all connected before the block begins."""
    clients = SlowClients(port, kind, number)
    thread = Thread(target=clients.run)
    thread.start()
    try:
        assert clients.complete.wait(60)
        yield clients
    finally:
        clients.ended.set()
        thread.join()
