"""Which connections are closed where there are too many."""

import socket
from collections import deque
from types import SimpleNamespace

import pytest

from gunicorn_worker.closing import CLOSE_AT_ONCE, LingeringWorker


@pytest.fixture
def worker():
    """One with connections that wait for more: their places, and the ends of their clients."""
    pairs = [socket.socketpair() for _ in range(CLOSE_AT_ONCE * 2)]
    waiting = [SimpleNamespace(sock=own, arrived=0, place=place) for place, (own, _) in enumerate(pairs)]
    worker = object.__new__(LingeringWorker)
    worker.closing, worker.pending_conns, worker.keepalived_conns = deque(), deque(waiting), deque()
    worker.clients = [client for _, client in pairs]
    yield worker
    for pair in pairs:
        for end in pair:
            end.close()


def closed(worker):
    return [conn.place for _, conn in worker.silent(worker.idle_connections())]


def test_longest_silent_go_together(worker):
    assert closed(worker) == list(range(CLOSE_AT_ONCE))


def test_those_that_grow_go_behind_the_others(worker):
    for place in (0, 2):
        worker.clients[place].sendall(b"x")
    assert closed(worker) == [1, *range(3, CLOSE_AT_ONCE + 2)]
    assert [conn.place for conn in worker.pending_conns][-2:] == [0, 2]


def test_only_one_goes_where_all_grow(worker):
    for client in worker.clients:
        client.sendall(b"x")
    assert closed(worker) == [0]
    assert closed(worker) == list(range(CLOSE_AT_ONCE))  # none has grown since


def test_only_those_that_are_closing_go_while_there_are_any(worker):
    worker.closing.append(worker.pending_conns.pop())
    assert closed(worker) == [CLOSE_AT_ONCE * 2 - 1]
