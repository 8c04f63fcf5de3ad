import json
from collections import Counter

import pytest

from app.exceptions import InvalidInput, StoreUnreadable, VersionInUse
from app.models.repository.store import ModelStore
from app.models.repository.traffic_split import TrafficSplit, TrafficSplitFile, parse

CALLERS = [f"client:{number}" for number in range(10_000)]


@pytest.fixture
def file(tmp_path):
    return TrafficSplitFile(tmp_path)


def shares(routing):
    return Counter(routing.version_for(caller) for caller in CALLERS)


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_a_canary_gets_its_share_of_ten_thousand_callers(percent):
    assert shares(TrafficSplit("canary", {"v2": percent}))["v2"] == pytest.approx(percent * 100, abs=150)


@pytest.mark.parametrize(("percent", "callers"), [(0, 0), (100, 10_000)])
def test_nobody_and_everybody_are_exact(percent, callers):
    assert shares(TrafficSplit("canary", {"v2": percent}))["v2"] == callers


def test_shares_of_a_and_b_are_as_asked_and_the_rest_gets_the_champion():
    found = shares(TrafficSplit("ab", {"a": 20, "b": 30}))
    assert found["a"] == pytest.approx(2_000, abs=150)
    assert found["b"] == pytest.approx(3_000, abs=150)
    assert found[None] == pytest.approx(5_000, abs=150)


def test_a_caller_gets_the_same_version_each_time_in_each_process():
    first, second = (TrafficSplit("canary", {"v2": 30.0}) for _ in range(2))
    assert [first.version_for(caller) for caller in CALLERS] == [
        second.version_for(caller) for caller in CALLERS
    ]


def test_a_greater_share_keeps_the_callers_that_it_had():
    few, many = (TrafficSplit("canary", {"v2": percent}) for percent in (10, 40))
    assert all(many.version_for(caller) for caller in CALLERS if few.version_for(caller))


def test_another_challenger_gets_other_callers():
    first, second = (
        {c for c in CALLERS if TrafficSplit("canary", {v: 10}).version_for(c)} for v in ("v2", "v3")
    )
    assert len(first & second) < 200


@pytest.mark.parametrize(
    "document",
    [
        {"mode": "canary", "challenger": "v2", "percent": 10},
        {"mode": "shadow", "challenger": "v2"},
        {"mode": "ab", "shares": {"v1": 50, "v2": 50}},
    ],
)
def test_a_routing_is_kept_as_it_was_asked_for(file, document):
    file.set(parse(document))
    assert document.items() <= file.document().items()
    assert file.current().to_dict().items() <= file.document().items()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"mode": "blue"}, "mode"),
        ({"mode": ["canary"]}, "mode"),
        ({"mode": "canary", "percent": 10}, "challenger"),
        ({"mode": "canary", "challenger": "../v2", "percent": 10}, "challenger"),
        ({"mode": "canary", "challenger": "v2"}, "percent"),
        ({"mode": "canary", "challenger": "v2", "percent": 101}, "percent"),
        ({"mode": "canary", "challenger": "v2", "percent": True}, "percent"),
        ({"mode": "canary", "challenger": "v2", "percent": float("nan")}, "percent"),
        ({"mode": "ab"}, "shares"),
        ({"mode": "ab", "shares": {}}, "shares"),
        ({"mode": "ab", "shares": {"v1": 60, "v2": 60}}, "shares"),
        ({"mode": "ab", "shares": {"v1": "half"}}, "shares"),
    ],
)
def test_what_is_wrong_with_a_routing_is_named(document, field):
    with pytest.raises(InvalidInput) as raised:
        parse(document)
    assert [error["field"] for error in raised.value.details["errors"]] == [field]


def test_without_a_file_there_is_no_routing(file):
    assert (file.current(), file.document()) == (None, {"mode": "off"})


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"mode": "canary"}',
        b'{"mode": "canary", "challenger": "b", "percent": 1' + b"0" * 400 + b"}",
        b'{"mode": "\\ud800"}',
        b"\xff",
        b"[" * 200_000,
    ],
)
def test_a_damaged_file_is_not_taken_for_none(file, tmp_path, content):
    (tmp_path / "routing.json").write_bytes(content)
    with pytest.raises(StoreUnreadable, match=r"routing\.json in the model store cannot be read: "):
        file.current()
    with pytest.raises(StoreUnreadable):
        file.uses("v2")
    file.set(None)
    assert file.current() is None


def test_an_end_says_why_and_comes_once(file):
    routing = TrafficSplit("canary", {"v2": 10})
    file.set(routing)
    assert file.end(routing, "too slow")
    assert not file.end(routing, "too slow")
    document = file.document()
    assert (document["mode"], document["ended"]["reason"]) == ("off", "too slow")
    assert document["ended"]["challenger"] == "v2"


def test_an_end_leaves_a_routing_that_was_changed_meanwhile(file):
    old, new = (TrafficSplit("canary", {"v2": percent}) for percent in (10, 20))
    file.set(old)
    file.set(new)
    assert not file.end(old, "too slow")
    assert file.current() == new


def test_a_routed_version_cannot_be_removed(tmp_path):
    store = ModelStore(tmp_path)
    store.save({}, {}, version="v2")
    store.traffic_split.set(TrafficSplit("shadow", {"v2": 0}))
    with pytest.raises(VersionInUse):
        store.remove("v2")
    store.traffic_split.set(None)
    store.remove("v2")
    assert json.loads((tmp_path / "routing.json").read_bytes())["mode"] == "off"
