"""The click loop against stand-ins for the view, the layers and the worker."""

from __future__ import annotations

from unittest.mock import MagicMock

import numpy as np
import pytest
from psygnal import Signal

from napari_icseg.controllers.class_chooser import ClassChooser
from napari_icseg.controllers.click_loop import ClickLoop
from napari_icseg.controllers.clicks import Click
from napari_icseg.controllers.layers import ViewerLayers
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.project.errors import ProjectWriteError
from napari_icseg.project.project import Project
from napari_icseg.prompting.protocol import Candidate
from napari_icseg.prompting.requests import PredictResult
from napari_icseg.widgets.class_bar import ClassBar
from napari_icseg.widgets.labelling_status import LabellingStatus
from trainers.io.rle import RleMask

CLICK = Click(3, 4, is_positive=True)
NET = Candidate(RleMask.from_mask(np.ones((2, 3), dtype=bool)), 0.9, "net")


class Worker:
    predicted = Signal(object)
    status = Signal(str)
    failed = Signal(object, str)

    def __init__(self) -> None:
        self.requests = []
        self.num_cancelled = 0

    def show(self, image_id, pixels):
        self.shown = image_id

    def predict(self, prompts):
        request = MagicMock(number=len(self.requests), prompts=prompts)
        self.requests.append(request)
        return request

    def cancel(self):
        self.num_cancelled += 1

    def answer(self, request, *candidates):
        self.predicted.emit(PredictResult(request, candidates, 0.01, "fake"))


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def session(qtbot, tmp_path, tiles):
    session = ProjectSession()
    project = Project.create(tiles / "p.icseg")
    project.add_images([tiles / "tile_0.png"])
    session.take(project)
    yield session
    session.shut_down()


@pytest.fixture
def status():
    return MagicMock(spec=LabellingStatus)


@pytest.fixture
def layers():
    return MagicMock(spec=ViewerLayers)


@pytest.fixture
def loop(session, worker, layers, status):
    classes = ClassChooser(session, MagicMock(spec=ClassBar, class_chosen=MagicMock()))
    classes.read()
    loop = ClickLoop(session, worker, layers, status, classes)
    loop.show(1, np.zeros((96, 96), dtype=np.uint8))
    yield loop
    loop.close()


def last_hint(status) -> str:
    return status.set_hint.call_args.args[0]


def test_a_stale_answer_is_dropped(loop, worker, layers):
    loop.click(CLICK)
    loop.click(Click(5, 5, is_positive=True))
    layers.show_candidate.reset_mock()
    worker.answer(worker.requests[0], NET)
    assert loop.state.is_pending
    layers.show_candidate.assert_not_called()
    worker.answer(worker.requests[1], NET)
    assert loop.state.candidate is NET
    layers.show_candidate.assert_called_once_with(NET.mask)


def test_an_answer_after_leaving_the_image_is_dropped(loop, worker):
    loop.click(CLICK)
    loop.leave()
    worker.answer(worker.requests[0], NET)
    assert loop.state.candidate is None
    assert worker.num_cancelled == 1


def test_the_object_is_in_the_project_before_the_dock_says_so(loop, worker, session, status):
    loop.click(CLICK)
    worker.answer(worker.requests[0], NET)

    def check(text, _kind):
        if text.startswith("Saved"):
            check.num_objects = len(session.project.objects(1))

    status.set_hint.side_effect = check
    loop.accept()
    assert check.num_objects == 1


def test_an_object_that_cannot_be_saved_stays_as_a_candidate(loop, worker, session, monkeypatch):
    loop.click(CLICK)
    worker.answer(worker.requests[0], NET)
    monkeypatch.setattr(
        session.project, "add_object", MagicMock(side_effect=ProjectWriteError("the disk is full"))
    )
    with pytest.raises(ProjectWriteError):
        loop.accept()
    assert loop.state.candidate is NET
    assert loop.state.clicks == (CLICK,)


def test_nothing_to_accept_says_what_to_do(loop, status):
    loop.accept()
    assert "left-click an object" in last_hint(status)


def test_a_failed_model_says_why_and_keeps_the_clicks(loop, worker, status):
    loop.click(CLICK)
    worker.failed.emit(worker.requests[0], "out of memory")
    assert last_hint(status) == "out of memory"
    assert loop.state.clicks == (CLICK,)
    assert not loop.state.is_pending


def test_clicks_while_an_image_is_opened_are_not_lost_on_the_wrong_one(loop, worker):
    loop.leave()
    loop.click(CLICK)
    assert loop.state.clicks == ()
    assert worker.requests == []


def test_a_correction_tells_the_model_which_kind_is_corrected(loop, worker):
    layer = Candidate(NET.mask, 0.8, "layer")
    loop.click(CLICK)
    worker.answer(worker.requests[0], NET, layer)
    loop.cycle(+1)
    loop.click(Click(9, 9, is_positive=False))
    assert worker.requests[-1].prompts.kind == "layer"
