import pytest

from tests.gunicorn_worker.serving import running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("application")) as server:
        assert server.ask() == (200, b"good")
        yield server
