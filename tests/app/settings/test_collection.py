"""Objects of libraries are exempt from the full collections of garbage, which stop all requests."""

import gc
import sys
import types

import pytest

from app.settings import process

LIBRARY = "a_library_for_this_test"


@pytest.fixture
def exempted(monkeypatch):
    """How often the objects were exempted, and whether garbage was collected meanwhile."""
    noted = []
    monkeypatch.setattr(process, "exempt_from_collection", lambda: noted.append(gc.isenabled()))
    return noted


def test_while_a_library_is_imported_nothing_is_collected(exempted):
    with process.first_use(LIBRARY):
        assert not gc.isenabled()
    assert exempted == [False]
    assert gc.isenabled()


def test_what_is_imported_already_is_not_exempted_again(exempted, monkeypatch):
    monkeypatch.setitem(sys.modules, LIBRARY, types.ModuleType(LIBRARY))
    with process.first_use(LIBRARY):
        assert gc.isenabled()
    assert exempted == []


def test_a_library_that_is_not_there_leaves_collection_as_it_was(exempted):
    with pytest.raises(ImportError), process.first_use(LIBRARY):
        __import__(LIBRARY)
    assert exempted == []
    assert gc.isenabled()
