import json
import multiprocessing
import os
from datetime import datetime, timedelta

import pytest

from app.middleware.auth import key_file
from tests.app.middleware.auth.credentials import LONG_AGO, PEPPER, add_key, with_key
from tests.assertions import assert_error


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.jsonl"


@pytest.fixture
def app(build_app, path):
    return build_app("production", AUTH_DISABLED="false", API_KEYS_FILE=path, API_KEY_PEPPER=PEPPER)


@pytest.fixture
def run(app):
    """Run ``flask keys`` with arguments."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["keys", *arguments])


def succeed(result):
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(run, *arguments):
    return json.loads(succeed(run(*arguments, "--json")))


def test_a_created_key_opens_the_service_and_no_other_route(run, build_app, path):
    created = run_json(run, "create", "--name", "batch job", "--scope", "metrics,predict", "--expires", "90d")
    assert created["scopes"] == ["predict", "metrics"]
    lifetime = datetime.fromisoformat(created["expires_at"]) - datetime.fromisoformat(created["created_at"])
    assert lifetime == timedelta(days=90)
    client = build_app(API_KEYS_FILE=path, API_KEY_PEPPER=PEPPER).test_client()
    assert_error(client.get("/api/model/info", headers=with_key(created["key"])), 503, "model_error")


def test_the_key_is_shown_once(run, path):
    output = succeed(run("create", "--name", "x"))
    (key,) = [word for word in output.split() if word.startswith("msk_")]
    assert output.count(key) == 1
    secret = key.split("_", 2)[2]
    assert secret not in path.read_text()
    assert secret not in succeed(run("list")) + succeed(run("list", "--json"))


def test_a_key_may_predict_for_ever_unless_told_otherwise(run):
    created = run_json(run, "create", "--name", "x")
    assert (created["scopes"], created["expires_at"], created["rate_limit"]) == (["predict"], None, None)


def test_a_key_may_have_a_limit_of_its_own(run):
    run("create", "--name", "x", "--rate-limit", "100/minute")
    assert run_json(run, "list")[0]["rate_limit"] == "100/minute"


def test_list_shows_what_became_of_each_key(run, path):
    add_key(path)
    add_key(path, expires_at=LONG_AGO)
    add_key(path, revoked_at=LONG_AGO, expires_at=LONG_AGO)
    assert [key["state"] for key in run_json(run, "list")] == ["active", "expired", "revoked"]
    table = succeed(run("list"))
    assert all(word in table for word in ("active", "expired", "revoked", "never", "2020-01-01"))
    assert all("hash" not in key for key in run_json(run, "list"))


def test_an_empty_list_is_a_list(run):
    assert run_json(run, "list") == []


def test_a_revoked_key_stays_revoked_at_that_time(run):
    key = run_json(run, "create", "--name", "x")["id"]
    first = run_json(run, "revoke", key)
    assert first["state"] == "revoked"
    assert run_json(run, "revoke", key) == first
    assert "revoked" in succeed(run("revoke", key))


def test_a_running_service_takes_up_new_keys_and_drops_revoked_ones(run, app, path, monkeypatch):
    now = datetime.now().timestamp()
    client = app.test_client()
    (guard,) = [h.__self__ for h in app.before_request_funcs[None] if h.__name__ == "authenticate"]
    monkeypatch.setattr(guard._keys, "_clock", lambda: now)
    created = run_json(run, "create", "--name", "x")
    now += 1.1
    assert_error(client.get("/api/model/info", headers=with_key(created["key"])), 503, "model_error")
    run("revoke", created["id"])
    now += 1.1
    assert_error(client.get("/api/model/info", headers=with_key(created["key"])), 401, "authentication_error")


def test_an_unknown_key_cannot_be_revoked(run, path):
    add_key(path)
    before = path.read_bytes()
    result = run("revoke", "nothing")
    assert result.exit_code == 1
    assert "There is no key 'nothing'" in result.output
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--scope", "root", "'root' is not one of predict, admin, metrics"),
        ("--scope", "", "is not one of"),
        ("--scope", "predict;admin", "is not one of"),
        ("--expires", "0d", "such as 12h, 90d or 2w"),
        ("--expires", "-1d", "such as"),
        ("--expires", "tomorrow", "such as"),
        ("--expires", "90", "such as"),
        ("--rate-limit", "often", 'such as "100/minute"'),
        ("--name", "", "printable"),
        ("--name", "a\nb", "printable"),
        ("--name", "a" * 65, "printable"),
    ],
)
def test_a_wrong_option_is_named_and_makes_no_key(run, path, option, value, said):
    arguments = {"--name": "x", option: value}
    result = run("create", *(word for pair in arguments.items() for word in pair))
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not path.exists()


@pytest.mark.parametrize(("lifetime", "hours"), [("12h", 12), ("2w", 336), ("99999d", 2_399_976)])
def test_lifetimes_are_in_hours_days_or_weeks(run, lifetime, hours):
    created = run_json(run, "create", "--name", "x", "--expires", lifetime)
    span = datetime.fromisoformat(created["expires_at"]) - datetime.fromisoformat(created["created_at"])
    assert span == timedelta(hours=hours)


def test_a_name_is_text_and_not_markup(run):
    run("create", "--name", "[red]x[/red]")
    assert run_json(run, "list")[0]["name"] == "[red]x[/red]"
    assert "[red]" in succeed(run("list"))


@pytest.mark.parametrize("command", [("create", "--name", "x"), ("list",), ("revoke", "abcd")])
def test_without_a_file_the_command_says_what_to_set(build_app, command):
    result = build_app().test_cli_runner().invoke(args=["keys", *command])
    assert result.exit_code == 1
    assert "Set API_KEYS_FILE and API_KEY_PEPPER first" in result.output


@pytest.mark.parametrize("command", [("create", "--name", "x"), ("list",), ("revoke", "abcd")])
def test_a_damaged_file_is_named_and_kept(run, path, command):
    path.write_text("{damaged")
    result = run(*command)
    assert result.exit_code == 1
    assert "API_KEYS_FILE: line 1 is not a key" in result.output
    assert path.read_text() == "{damaged"


def test_the_file_is_private_and_nothing_is_left_beside_it(run, path):
    old = os.umask(0)
    try:
        run("create", "--name", "x")
        run("create", "--name", "y")
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(path.parent)) == ["keys.jsonl", "keys.jsonl.lock"]


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    add_key(path)
    before = path.read_bytes()

    def fail(_handle):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        add_key(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["keys.jsonl", "keys.jsonl.lock"]


def add_several(path, number):
    for _ in range(number):
        add_key(path)


def test_processes_that_write_at_once_lose_no_key(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add_several, args=(path, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(key_file.read(path)) == 40


def test_a_reader_never_sees_half_a_file(path):
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=add_several, args=(path, 50))
    writer.start()
    counts = [0]
    while writer.is_alive():
        counts.append(len(key_file.read(path)))
    assert writer.exitcode == 0
    assert counts == sorted(counts)
    assert len(key_file.read(path)) == 50
