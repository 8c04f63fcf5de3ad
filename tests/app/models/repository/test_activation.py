import json
import multiprocessing
import os
import random
import threading

import pytest

from app.exceptions import NothingToRollBack, StoreUnreadable, VersionNotFound
from app.models.repository import atomic_files
from app.models.repository.activation import ACTIVE, HISTORY, Activation
from app.models.repository.store import ModelStore

VERSIONS = [f"v{number}" for number in range(4)]


@pytest.fixture
def activation(tmp_path):
    return Activation(tmp_path)


def exists(version):
    return True


def test_nothing_is_active_at_first(activation):
    assert activation.current() is None
    assert activation.previous() == []
    with pytest.raises(NothingToRollBack):
        activation.roll_back(exists)


def test_going_back_goes_back_in_the_order_of_activation(activation):
    for version in ("a", "b", "c"):
        activation.set(version)
    assert [activation.roll_back(exists), activation.roll_back(exists)] == ["b", "a"]
    assert activation.current() == "a"
    with pytest.raises(NothingToRollBack):
        activation.roll_back(exists)
    assert activation.current() == "a"


def test_activating_the_active_version_changes_nothing_about_what_was_before(activation):
    for version in ("a", "b", "b"):
        activation.set(version)
    assert activation.roll_back(exists) == "a"


def test_a_version_stands_once_in_the_history(activation):
    for version in ("a", "b", "a", "b", "a"):
        activation.set(version)
    assert (activation.current(), activation.previous()) == ("a", ["b"])


def test_what_was_rolled_back_from_is_not_gone_back_to(activation):
    for version in ("a", "b"):
        activation.set(version)
    activation.roll_back(exists)
    assert activation.previous() == []


def test_removed_versions_are_passed_over(activation):
    for version in ("a", "gone", "c"):
        activation.set(version)
    assert activation.roll_back(lambda version: version != "gone") == "a"


def test_the_history_is_short(activation):
    for number in range(HISTORY + 5):
        activation.set(f"v{number}")
    assert len(activation.previous()) == HISTORY


def test_refused_target_leaves_everything_as_it_is(activation, tmp_path):
    for version in ("a", "b"):
        activation.set(version)
    before = (tmp_path / ACTIVE).read_bytes()

    def refuse(version):
        raise VersionNotFound(version)

    with pytest.raises(VersionNotFound):
        activation.roll_back(exists, accept=refuse)
    assert (tmp_path / ACTIVE).read_bytes() == before


DAMAGED = {
    "empty": b"",
    "cut off": b'{"version": "a", "prev',
    "a list": b"[]",
    "null": b"null",
    "no text": b"\xff",
    "no version": b"{}",
    "a number": b'{"version": 1}',
    "a path": b'{"version": "../x"}',
    "no list of versions": b'{"version": "a", "previous": 1}',
    "paths before": b'{"version": "a", "previous": ["../x", 1, null]}',
    "nested": b"[" * 200_000,
    "nested objects": b'{"version": ' * 200_000,
    "too long": b'{"version": "a"}' + b" " * atomic_files.LONGEST_DOCUMENT,
    "huge number": b'{"version": "a", "n": ' + b"9" * 100_000 + b"}",
}


def place_link(path):
    path.symlink_to("somewhere")


def place_data_link(path):
    """As volumes of Kubernetes have it."""
    (path.parent / "..2026").mkdir()
    (path.parent / "..2026" / path.name).write_text('{"version": "a"}')
    (path.parent / "..data").symlink_to("..2026")
    path.symlink_to(f"..data/{path.name}")


IN_PLACE = {
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a broken link": place_link,
    "a link": place_data_link,
}


def unreadable(activation):
    """What a file that is there and cannot be read is to every call."""
    for call in (
        activation.current,
        activation.previous,
        lambda: activation.set("a"),
        lambda: activation.roll_back(exists),
    ):
        with pytest.raises(StoreUnreadable, match=r"active\.json in the model store cannot be read: "):
            call()


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_not_taken_for_none(activation, tmp_path, content):
    (tmp_path / ACTIVE).write_bytes(content)
    unreadable(activation)
    assert (tmp_path / ACTIVE).read_bytes() == content


@pytest.mark.parametrize("place", IN_PLACE.values(), ids=IN_PLACE)
def test_what_is_no_file_is_not_taken_for_none(activation, tmp_path, place):
    place(tmp_path / ACTIVE)
    unreadable(activation)


def test_link_is_named(activation, tmp_path):
    place_data_link(tmp_path / ACTIVE)
    with pytest.raises(StoreUnreadable, match="it is a symbolic link"):
        activation.current()


def activate_often(root, seed, names):
    chance = random.Random(seed)
    activation = Activation(root)
    for _ in range(200):
        activation.set(chance.choice(names))


def test_processes_that_activate_at_once_lose_nothing_and_tear_nothing(activation, tmp_path):
    """A reader looks all the while; afterwards each version stands in the file exactly once."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=activate_often, args=(tmp_path, seed, VERSIONS)) for seed in range(2)]
    for version in VERSIONS:
        activation.set(version)
    for writer in writers:
        writer.start()
    looks = 0
    while any(writer.is_alive() for writer in writers):
        document = json.loads((tmp_path / ACTIVE).read_bytes())
        assert sorted([document["version"], *document["previous"]]) == VERSIONS
        looks += 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    print(f"\n400 activations by two processes, {looks} looks: none torn, none lost")
    assert looks > 100
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(f".{ACTIVE}")] == []


def test_two_that_roll_back_at_once_go_back_twice(activation):
    for version in ("a", "b", "c"):
        activation.set(version)
    threads = [threading.Thread(target=activation.roll_back, args=(exists,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert activation.current() == "a"


def test_store_passes_over_versions_that_are_gone(tmp_path):
    store = ModelStore(tmp_path)
    for version in ("a", "b", "c"):
        store.save({"model.pkl": b"x"}, {}, version=version)
        store.activate(version)
    store.remove("b")
    assert store.roll_back() == "a"
