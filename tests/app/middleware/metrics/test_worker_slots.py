import multiprocessing
import os
import signal

import pytest

from app.middleware.metrics import instruments, request_rate, worker_slots
from app.middleware.metrics.instruments import SharedInstruments
from app.middleware.metrics.queries import total

fork = multiprocessing.get_context("fork")


def work(directory, pipe):
    counted = SharedInstruments(directory)
    counted.requests.labels("/r", "GET", "200").inc()
    counted.in_flight.inc()
    counted.recent.count()
    pipe.send(counted.workers())
    signal.pause()


def start(directory):
    reader, writer = fork.Pipe()
    process = fork.Process(target=work, args=(directory, writer), daemon=True)
    process.start()
    assert reader.poll(10)
    reader.recv()
    return process


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.join()


@pytest.fixture
def counted(tmp_path):
    """The reader's view: files only, no slot of its own."""
    reader = SharedInstruments.__new__(SharedInstruments)
    reader.directory = tmp_path
    return reader


def test_after_50_restarts_counts_are_whole_and_files_few(tmp_path, counted):
    workers = [start(tmp_path) for _ in range(4)]
    for number in range(50):
        kill(workers.pop(0))
        workers.append(start(tmp_path))
        assert total(counted.collect(), "http_requests_total") == 5 + number
        gauges = {f.name: f.samples for f in counted.collect() if f.type == "gauge"}
        assert gauges["http_requests_in_flight"][0].value == 4
    assert counted.workers() == 4
    assert len(list(tmp_path.glob("slot_*"))) == 4
    assert len(list(tmp_path.iterdir())) <= 4 * 5 + 2
    assert (
        sum(n for ring in request_rate.read(tmp_path) for _, n in request_rate.ENTRY.iter_unpack(ring)) >= 54
    )
    for worker in workers:
        kill(worker)
    assert not [f for f in counted.collect() if f.type == "gauge"]


def test_a_directory_in_use_is_not_wiped(tmp_path, counted):
    worker = start(tmp_path)
    worker_slots.wipe(tmp_path)
    assert total(counted.collect(), "http_requests_total") == 1
    kill(worker)
    (tmp_path / "others.txt").touch()
    worker_slots.wipe(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"guard", "others.txt"}


def test_a_file_just_being_made_is_passed_over(tmp_path, counted):
    (tmp_path / "counter_0.db").touch()
    assert counted.collect() == []


def test_a_fresh_directory_is_made_for_each_start():
    first, second = worker_slots.make_directory(), worker_slots.make_directory()
    assert first != second
    for directory in (first, second):
        directory.rmdir()


def test_all_apps_of_a_process_count_in_one_slot(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    first = instruments.shared(tmp_path)
    assert instruments.shared(tmp_path) is first
    assert first.workers() == 1
    assert first.requests_per_second() == 0
    assert first.started <= instruments.private().started
