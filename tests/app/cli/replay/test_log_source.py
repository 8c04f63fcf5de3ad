"""Lines of files and pages, plain or gzipped."""

import gzip
import io
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import click
import pytest

from app.cli.replay.reading.log_source import open_log

LINES = b'{"a": 1}\n\n{"a": 2}'
NUMBERED = [(1, b'{"a": 1}\n'), (3, b'{"a": 2}')]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_lines_of_a_file(tmp_path, compress):
    path = tmp_path / "log"
    path.write_bytes(compress(LINES))
    with open_log(str(path)) as log:
        assert log.share == 0
        assert list(log.lines()) == NUMBERED
        assert log.share == 1


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_lines_of_standard_input(monkeypatch, compress):
    stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(compress(LINES))))
    monkeypatch.setattr("sys.stdin", stdin)
    with open_log("-") as log:
        assert (list(log.lines()), log.share) == (NUMBERED, None)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_lines_of_a_page(compress):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/log"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", len(content) if found else 0)
            self.end_headers()
            self.wfile.write(content if found else b"")

        log_message = partial(lambda *_: None)

    content = compress(LINES)
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with open_log(f"{address}/log") as log:
            assert (list(log.lines()), log.share) == (NUMBERED, 1)
        with pytest.raises(click.ClickException, match="404"), open_log(f"{address}/other"):
            pass
        server.shutdown()


def test_file_that_is_not_there_or_cut_off_is_an_error(tmp_path):
    with pytest.raises(click.ClickException, match="No such file"), open_log(str(tmp_path / "none")):
        pass
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LINES)[:-4])
    with open_log(str(path)) as log, pytest.raises(click.ClickException, match="cannot be read"):
        list(log.lines())
