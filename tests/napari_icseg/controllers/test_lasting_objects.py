"""A full collection of Python's would stop the window for a quarter of a second."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest
from psygnal import Signal

from napari_icseg.controllers.lasting_objects import LastingObjects


class Worker:
    embedded = Signal(object)


@pytest.fixture(autouse=True)
def _seen_again():
    yield
    gc.unfreeze()


def test_from_the_first_embedded_image_on_the_collector_leaves_out_what_was_there() -> None:
    worker, there = Worker(), [[]]
    part = LastingObjects(SimpleNamespace(worker=worker))
    worker.embedded.emit(None)
    assert not any(found is there for found in gc.get_objects())
    later = [[]]
    worker.embedded.emit(None)
    assert any(found is later for found in gc.get_objects())
    part.close()
    assert gc.get_freeze_count() == 0
    assert any(found is there for found in gc.get_objects())


def test_a_window_that_closes_before_its_first_image_changes_nothing() -> None:
    worker = Worker()
    part = LastingObjects(SimpleNamespace(worker=worker))
    part.close()
    worker.embedded.emit(None)
    assert gc.get_freeze_count() == 0
