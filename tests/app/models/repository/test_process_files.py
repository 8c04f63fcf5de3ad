"""A file is held as long as its process lives, however that ends."""

import multiprocessing
import os
import signal

import psutil

from app.models.repository import process_files
from tests.services import wait_until

fork = multiprocessing.get_context("fork")


def stay(parent, pipe):
    process_files.end_with(parent)
    pipe.send(True)
    signal.pause()


def start_and_die(pipe):
    child = fork.Process(target=stay, args=(os.getpid(), pipe))
    child.start()
    pipe.send(child.pid)
    signal.pause()


def test_a_process_ends_with_the_one_that_started_it_even_if_that_is_killed():
    reader, writer = fork.Pipe()
    parent = fork.Process(target=start_and_die, args=(writer,))
    parent.start()
    said = []
    for _ in range(2):
        assert reader.poll(30)
        said.append(reader.recv())
    (child,) = (each for each in said if each is not True)
    os.kill(child, signal.SIGSTOP)
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    wait_until(lambda: not running(child))


def test_a_process_ends_at_once_if_the_one_that_started_it_has_ended():
    _, writer = fork.Pipe()
    process = fork.Process(target=stay, args=(1 if os.getppid() != 1 else 2, writer), daemon=True)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


def running(process):
    """Whether there is such a process that has not ended."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hold(path, pipe):
    pipe.send(process_files.claim(path) is not None)
    signal.pause()


def test_the_file_of_a_killed_process_is_free_again(tmp_path):
    path = tmp_path / "slot"
    reader, writer = fork.Pipe()
    process = fork.Process(target=hold, args=(path, writer), daemon=True)
    process.start()
    assert reader.poll(30)
    assert reader.recv()
    assert process_files.is_held(path)
    assert process_files.claim(path) is None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not process_files.is_held(path)


def test_looking_does_not_take_the_file(tmp_path):
    descriptor = process_files.claim(tmp_path / "slot")
    assert process_files.is_held(tmp_path / "slot")
    os.close(descriptor)
    assert not process_files.is_held(tmp_path / "slot")
    again = process_files.claim(tmp_path / "slot")
    assert again is not None
    os.close(again)


def test_a_file_is_private_unless_told_otherwise(tmp_path):
    old = os.umask(0)
    try:
        for name, options, mode in (("own", {}, 0o600), ("shared", {"mode": 0o666}, 0o666)):
            os.close(process_files.claim(tmp_path / name, **options))
            assert (tmp_path / name).stat().st_mode & 0o777 == mode
    finally:
        os.umask(old)
