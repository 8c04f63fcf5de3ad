import pytest

from tests.services import missing, require_command


def test_a_missing_service_skips_with_its_reason(monkeypatch):
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        require_command("no-such-program")


def test_a_missing_service_fails_where_services_are_required(monkeypatch):
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="Redis does not answer"):
        missing("Redis does not answer")


def test_a_program_that_is_there_is_found():
    assert require_command("sh").endswith("/sh")
