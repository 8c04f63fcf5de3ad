import os

from app.middleware.logging import lines
from app.middleware.logging.lines import DescriptorSink, FileSink, TeeSink


def test_a_full_disk_and_a_closed_pipe_are_ignored():
    full = os.open("/dev/full", os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    TeeSink(DescriptorSink(full), DescriptorSink(writer)).write(b"line\n")
    os.close(full)
    os.close(writer)


def test_a_closed_descriptor_is_ignored():
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    DescriptorSink(writer).write(b"line\n")


def test_after_a_line_that_was_cut_off_the_next_begins_anew():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    sink = DescriptorSink(writer)
    sink.write(b"x" * 100_000)
    taken = os.read(reader, 1 << 20)
    assert len(taken) < 100_000
    sink.write(b"next\n")
    assert os.read(reader, 100) == b"\nnext\n"
    os.close(reader)
    os.close(writer)


def test_a_rotated_file_is_opened_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "RECHECK", 0.0)
    path = tmp_path / "logs" / "service.log"
    sink = FileSink(path)
    sink.write(b"one\n")
    path.rename(tmp_path / "service.log.1")
    sink.write(b"two\n")
    path.unlink()
    sink.write(b"three\n")
    assert (tmp_path / "service.log.1").read_bytes() == b"one\n"
    assert path.read_bytes() == b"three\n"


def test_without_stdout_nothing_is_written():
    lines.stream_sink(None).write(b"line\n")
