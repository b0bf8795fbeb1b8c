"""The click loop against stand-ins for the view, the layers and the worker."""

from __future__ import annotations

from dataclasses import replace
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

CLICK = Click(1, 1, is_positive=True)
NET = Candidate(RleMask.from_mask(np.ones((2, 3), dtype=bool)), 0.9, "net")


class Worker:
    predicted = Signal(object)
    grown = Signal(object)
    status = Signal(str)
    failed = Signal(object, str)

    def __init__(self) -> None:
        self.requests = []
        self.num_cancelled = 0
        self.followed = []

    def grow(self, request, kind):
        self.followed.append((request, kind))

    def show(self, image_id, pixels):
        self.shown = image_id

    def predict(self, prompts):
        request = MagicMock(number=len(self.requests), prompts=prompts)
        self.requests.append(request)
        return request

    def cancel(self):
        self.num_cancelled += 1

    def answer(self, request, *candidates, is_growing=False):
        self.predicted.emit(PredictResult(request, candidates, 0.01, "fake", is_growing))

    def grows(self, request, *candidates, is_growing=False):
        self.grown.emit(PredictResult(request, candidates, 0.01, "fake", is_growing))


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


CUT = replace(NET, is_cut=True)
LARGER = replace(CUT, mask=RleMask.from_mask(np.ones((2, 5), dtype=bool)))
WHOLE = replace(NET, mask=RleMask.from_mask(np.ones((2, 9), dtype=bool)))
CUT_LAYER = Candidate(NET.mask, 0.8, "layer", is_cut=True)


def saved(session):
    return [record.mask for record in session.project.objects(1)]


def test_a_net_that_goes_on_is_shown_growing_until_it_is_whole(loop, worker, layers, status):
    loop.click(CLICK)
    worker.answer(worker.requests[0], CUT, is_growing=True)
    assert "Following the net" in last_hint(status)
    worker.grows(worker.requests[0], LARGER, is_growing=True)
    layers.show_candidate.assert_called_with(LARGER.mask)
    assert loop.state.is_growing
    worker.grows(worker.requests[0], WHOLE)
    layers.show_candidate.assert_called_with(WHOLE.mask)
    assert not loop.state.is_growing
    assert "{accept} accepts it" in last_hint(status)


def test_enter_saves_a_growing_net_when_it_is_whole(loop, worker, session, status):
    loop.click(CLICK)
    worker.answer(worker.requests[0], CUT, is_growing=True)
    loop.accept()
    assert "as soon as it is whole" in last_hint(status)
    worker.grows(worker.requests[0], LARGER, is_growing=True)
    assert saved(session) == []
    worker.grows(worker.requests[0], WHOLE)
    assert saved(session) == [WHOLE.mask]


def test_enter_twice_saves_a_growing_net_as_it_is(loop, worker, session):
    loop.click(CLICK)
    worker.answer(worker.requests[0], CUT, is_growing=True)
    loop.accept()
    loop.accept()
    assert saved(session) == [CUT.mask]
    worker.grows(worker.requests[0], WHOLE)
    assert saved(session) == [CUT.mask]
    assert loop.state.candidate is None


def test_enter_before_the_answer_waits_for_the_whole_net(loop, worker, session):
    loop.click(CLICK)
    loop.accept()
    worker.answer(worker.requests[0], CUT, is_growing=True)
    assert saved(session) == []
    worker.grows(worker.requests[0], WHOLE)
    assert saved(session) == [WHOLE.mask]


def test_a_growing_net_stops_at_the_next_click(loop, worker, layers):
    loop.click(CLICK)
    worker.answer(worker.requests[0], CUT, is_growing=True)
    loop.click(Click(9, 9, is_positive=False))
    layers.show_candidate.reset_mock()
    worker.grows(worker.requests[0], WHOLE)
    layers.show_candidate.assert_not_called()
    assert loop.state.is_pending


def test_tab_to_a_layer_that_goes_on_follows_it(loop, worker, session):
    loop.click(CLICK)
    worker.answer(worker.requests[0], NET, CUT_LAYER)
    assert worker.followed == []
    loop.cycle(+1)
    assert worker.followed == [(worker.requests[0], "layer")]
    assert loop.state.is_growing
    worker.grows(worker.requests[0], NET, replace(CUT_LAYER, is_cut=False))
    assert loop.state.candidate.kind == "layer"
    loop.accept()
    assert len(saved(session)) == 1


def test_while_a_net_grows_another_candidate_can_be_looked_at(loop, worker):
    part = Candidate(NET.mask, 0.5, "part")
    loop.click(CLICK)
    worker.answer(worker.requests[0], CUT, part, is_growing=True)
    loop.cycle(+1)
    worker.grows(worker.requests[0], WHOLE, part)
    assert loop.state.candidate is part
