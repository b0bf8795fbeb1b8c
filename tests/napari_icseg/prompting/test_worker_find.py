"""All objects are found in the worker's thread, behind everything that the user waits for."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_icseg.prompting.errors import PromptError
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.worker import PromptWorker
from tests.napari_icseg.flood_predictor import FloodPredictor
from trainers.io.rle import RleMask

WAIT_S = 20.0


class Bars(FloodPredictor):
    """Tells when it predicts; the first answer waits for the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def predict(self, embedding, prompts):
        self.asked.set()
        return super().predict(embedding, prompts)


def bars() -> np.ndarray:
    pixels = np.full((96, 96), 40, dtype=np.uint8)
    for top in (8, 40, 72):
        pixels[top : top + 12, 10:86] = 200
    return pixels


class Setup:
    def __init__(self) -> None:
        self.model = Bars()
        self.worker = PromptWorker(lambda: self.model)
        self.events: list[tuple[str, object]] = []
        self.is_over = threading.Event()
        self.worker.predicted.connect(lambda result: self.events.append(("predicted", result)))
        self.worker.found.connect(self._on_found)
        self.worker.failed.connect(lambda _job, text: self.events.append(("failed", text)))

    def _on_found(self, result) -> None:
        self.events.append(("found", result))
        if result.objects is not None or result.error:
            self.is_over.set()

    @property
    def last(self):
        return [result for name, result in self.events if name == "found"][-1]


@pytest.fixture
def setup():
    setup = Setup()
    yield setup
    setup.model.gate.set()
    setup.worker.close()


def test_all_objects_of_the_shown_image_are_found(setup: Setup) -> None:
    setup.worker.show(3, bars())
    request = setup.worker.find()
    assert setup.is_over.wait(WAIT_S)

    assert setup.last.request is request
    assert (setup.last.num_done, setup.last.num_windows) == (1, 1)
    found = sorted(one.mask.row for one in setup.last.objects)
    assert found == [8, 40, 72]
    assert setup.model.thread_names == {"icseg-prompts"}


def test_a_click_is_answered_before_the_search_goes_on(setup: Setup) -> None:
    setup.model.gate.clear()
    setup.worker.show(1, bars())
    setup.worker.find()
    assert setup.model.asked.wait(WAIT_S)
    setup.worker.predict(Prompts([[20.0, 12.0]], [1]))
    setup.model.gate.set()
    assert setup.is_over.wait(WAIT_S)

    names = [
        name for name, event in setup.events if name == "predicted" or event.objects is not None
    ]
    assert names == ["predicted", "found"]
    assert len(setup.last.objects) == 3


@pytest.mark.parametrize("leave", ["cancel", "other_image"])
def test_a_search_that_nobody_waits_for_ends(setup: Setup, leave: str) -> None:
    setup.model.gate.clear()
    setup.worker.show(1, bars())
    setup.worker.find()
    assert setup.model.asked.wait(WAIT_S)
    if leave == "cancel":
        setup.worker.cancel_find()
    else:
        setup.worker.show(2, bars().T.copy())
    setup.model.gate.set()

    again = setup.worker.find()
    assert setup.is_over.wait(WAIT_S)
    assert [r.request for n, r in setup.events if n == "found" and r.objects is not None] == [again]


def test_another_model_begins_anew(setup: Setup) -> None:
    setup.model.gate.clear()
    setup.worker.show(1, bars())
    setup.worker.find()
    assert setup.model.asked.wait(WAIT_S)
    other = Bars()
    setup.worker.use(lambda: other)
    setup.model.gate.set()
    assert setup.is_over.wait(WAIT_S)

    assert other.asked.is_set()
    assert {one.mask for one in setup.last.objects} == {
        RleMask.from_mask(bars()[top : top + 12] > 100, (top, 0)) for top in (8, 40, 72)
    }


def test_a_model_that_fails_says_so_and_no_click_is_blamed(setup: Setup) -> None:
    def fail(*_args):
        raise PromptError("The model is broken. Choose another one.")

    setup.model.predict = fail
    setup.worker.show(1, bars())
    setup.worker.find()
    assert setup.is_over.wait(WAIT_S)

    assert setup.last.error == "The model is broken. Choose another one."
    assert "failed" not in [name for name, _ in setup.events]


def test_without_an_image_there_is_nothing_to_search(setup: Setup) -> None:
    with pytest.raises(PromptError, match="open one first"):
        setup.worker.find()
