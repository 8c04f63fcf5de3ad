"""The environment of the clients on a machine that cannot have it."""

import pytest

from tests.clients import environments


@pytest.mark.server  # none, but what takes as long
def test_clients_that_pip_cannot_install_skip_by_name(tmp_path, monkeypatch):
    absent = str(tmp_path / "no_such_client-1.0-py3-none-any.whl")
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(environments, "PINS", (absent,))
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"pip cannot install .*no_such_client"):
        environments.python_of_clients()
