"""Pre-filling images: newest wins, accepted work is safe, undo stays the user's."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_icseg.controllers.prefill import PrefillController, prefill_of
from napari_icseg.controllers.prefill_objects import Proposed
from napari_icseg.controllers.session import PrefillRun, ProjectSession
from napari_icseg.project.records import ImageStatus, NewObject, NewProposal, ObjectSource
from tests.napari_icseg.controllers.training_fixtures import bar, make_project
from trainers.errors import CheckpointError
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.gui
RUNS = (PrefillRun("old", Path("/runs/old")), PrefillRun("new", Path("/runs/new")))


class SlowModel:
    """Stands for the network: proposes the image's bar once it is let go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked: list[tuple[int, Path]] = []
        self.error: Exception | None = None

    def propose(self, project, image_id: int, run_dir: Path) -> Proposed:
        self.asked.append((image_id, run_dir))
        assert self.go_on.wait(10.0)
        if self.error is not None:
            raise self.error
        number = int(Path(project.image(image_id).path).stem.removeprefix("tile"))
        metal = project.classes()[0].id
        return Proposed((NewProposal(metal, RleMask.from_mask(bar(number)), 0.9),))


class Setup:
    def __init__(self, folder: Path, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.qtbot = qtbot
        self.model = SlowModel()
        monkeypatch.setattr("napari_icseg.controllers.prefill.PrefillPredictor", lambda: self.model)
        self.session = ProjectSession()
        self.session.take(make_project(folder))
        self.prefill = PrefillController(self.session)
        self.session.set_prefill_runs(RUNS)
        self.prefill.choose("new")
        self.todo = [
            image.id
            for image in self.session.project.images()
            if image.status is ImageStatus.UNLABELLED
        ]

    @property
    def project(self):
        return self.session.project

    def show(self, image_id: int) -> None:
        self.session.set_current_image(image_id)

    def wait_idle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.prefill.is_busy, timeout=10_000)


@pytest.fixture
def setup(tmp_path: Path, qtbot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    setup = Setup(tmp_path, qtbot, monkeypatch)
    yield setup
    setup.model.go_on.set()
    setup.prefill.close()
    setup.session.shut_down()


def test_the_image_shown_is_prefilled_on_demand(setup: Setup) -> None:
    setup.show(setup.todo[0])
    setup.prefill.prefill()
    setup.wait_idle()

    assert setup.prefill.num_proposals == 1
    assert setup.prefill.status.text == "1 proposal."
    assert setup.project.objects(setup.todo[0]) == ()
    assert setup.project.image(setup.todo[0]).status is ImageStatus.UNLABELLED
    assert setup.model.asked == [(setup.todo[0], Path("/runs/new"))]


def test_only_the_newest_request_is_answered(setup: Setup) -> None:
    setup.model.go_on.clear()
    setup.show(setup.todo[0])
    setup.prefill.prefill()
    setup.qtbot.waitUntil(lambda: len(setup.model.asked) == 1)
    for image_id in setup.todo[1:]:
        setup.show(image_id)
        setup.prefill.prefill()
    setup.model.go_on.set()
    setup.wait_idle()

    assert [image_id for image_id, _ in setup.model.asked] == [setup.todo[0], setup.todo[-1]]
    assert [len(setup.project.proposals(i)) for i in setup.todo] == [0, 0, 1]


def test_the_gui_thread_is_free_while_the_model_computes(setup: Setup) -> None:
    setup.model.go_on.clear()
    setup.show(setup.todo[0])
    started = time.perf_counter()
    setup.prefill.prefill()

    assert time.perf_counter() - started < 0.5
    assert setup.prefill.is_busy
    assert setup.prefill.status.text == "Predicting…"


def test_accept_all_makes_objects_that_undo_takes_back(setup: Setup) -> None:
    image_id = setup.todo[0]
    setup.show(image_id)
    setup.prefill.prefill()
    setup.wait_idle()

    assert setup.prefill.accept_all() == 1
    (accepted,) = setup.project.objects(image_id)
    assert (accepted.source, accepted.score) == (ObjectSource.MODEL, 0.9)
    setup.project.undo()
    assert setup.project.objects(image_id) == ()
    assert setup.prefill.num_proposals == 1


def test_what_was_clicked_meanwhile_is_not_accepted_twice(setup: Setup) -> None:
    image_id = setup.todo[0]
    setup.show(image_id)
    setup.prefill.prefill()
    setup.wait_idle()
    (proposal,) = setup.project.proposals(image_id)
    clicked = NewObject(proposal.class_id, proposal.mask, ObjectSource.PROMPT)
    setup.project.add_objects(image_id, [clicked])

    assert setup.prefill.accept_all() == 0

    assert len(setup.project.objects(image_id)) == 1
    assert setup.prefill.num_proposals == 0


def test_nothing_to_accept_or_discard_changes_nothing(setup: Setup) -> None:
    num_before = len(setup.project.history())
    assert setup.prefill.accept_all() == 0  # no image is shown
    setup.show(setup.todo[0])
    assert setup.prefill.accept_all() == 0
    assert setup.prefill.discard_all() == 0
    assert len(setup.project.history()) == num_before


def test_automatic_prefilling_proposes_for_untouched_images_only(setup: Setup) -> None:
    setup.prefill.set_automatic(automatic=True)
    labelled = setup.project.images()[0].id
    setup.show(labelled)
    assert not setup.prefill.is_busy

    setup.show(setup.todo[0])
    setup.wait_idle()
    assert setup.prefill.num_proposals == 1
    setup.prefill.discard_all()
    setup.show(setup.todo[1])
    setup.show(setup.todo[0])
    setup.wait_idle()
    assert setup.prefill.num_proposals == 0, "what the user discarded does not come again"


def test_automatic_proposals_neither_hide_nor_destroy_what_undo_and_redo_would_do(
    setup: Setup,
) -> None:
    first = setup.todo[0]
    metal = setup.project.classes()[0].id
    mine = NewObject(metal, RleMask.from_mask(bar(1)), ObjectSource.PROMPT)
    setup.project.add_objects(first, [mine])
    setup.project.undo()
    setup.prefill.set_automatic(automatic=True)
    setup.show(setup.todo[1])
    setup.wait_idle()
    assert setup.prefill.num_proposals == 1

    setup.project.redo()
    assert len(setup.project.objects(first)) == 1
    setup.project.undo()
    assert setup.project.objects(first) == ()
    assert setup.prefill.num_proposals == 1


def test_a_run_that_cannot_be_loaded_says_why(setup: Setup) -> None:
    setup.model.error = CheckpointError("best.safetensors is damaged. Copy it again.")
    setup.show(setup.todo[0])
    setup.prefill.prefill()
    setup.wait_idle()

    assert "damaged" in setup.prefill.status.text
    assert setup.prefill.status.tone == "bad"


def test_without_a_model_or_an_image_it_says_what_to_choose(setup: Setup) -> None:
    setup.prefill.prefill()
    assert "Show an image" in setup.prefill.status.text
    setup.show(setup.todo[0])
    setup.prefill.choose(None)
    setup.prefill.prefill()
    assert "Choose a trained model" in setup.prefill.status.text
    assert setup.model.asked == []


def test_a_finished_training_is_used_unless_the_user_chose_another(setup: Setup) -> None:
    setup.prefill.choose("old")
    setup.prefill.follow_newest("new")
    assert setup.prefill.chosen == "old"

    setup.prefill.choose(None)
    setup.prefill.follow_newest("old")
    setup.prefill.follow_newest("new")
    assert setup.prefill.chosen == "new"


def test_the_choice_survives_a_restart(setup: Setup) -> None:
    setup.prefill.choose("old")
    setup.prefill.set_automatic(automatic=True)

    again = PrefillController(setup.session)

    assert (again.chosen, again.is_automatic) == ("old", True)
    again.close()


def test_a_removed_run_is_no_longer_chosen(setup: Setup) -> None:
    setup.session.set_prefill_runs(RUNS[:1])

    assert setup.prefill.chosen is None


def test_an_answer_for_a_closed_project_is_dropped(setup: Setup, tmp_path: Path) -> None:
    setup.model.go_on.clear()
    setup.show(setup.todo[0])
    setup.prefill.prefill()
    setup.qtbot.waitUntil(lambda: len(setup.model.asked) == 1)

    setup.session.take(make_project(tmp_path / "other"))
    setup.model.go_on.set()
    setup.show(setup.todo[1])
    setup.prefill.choose("new")
    setup.prefill.prefill()
    setup.wait_idle()

    assert setup.prefill.num_proposals == 1
    assert setup.project.proposals(setup.todo[0]) == ()


def test_all_docks_of_a_session_share_one_prefilling(setup: Setup) -> None:
    assert prefill_of(setup.session) is prefill_of(setup.session)
    prefill_of(setup.session).close()
