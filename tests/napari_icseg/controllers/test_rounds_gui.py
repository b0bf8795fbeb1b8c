"""The Rounds dock with its controller, over a real project and real rounds of a tiny U-Net."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.controllers.rounds import RoundsController
from napari_icseg.controllers.rounds_record import READ, known_rounds
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.controllers.training import TrainingController
from napari_icseg.jobs import runs
from napari_icseg.jobs.watcher import list_runs
from napari_icseg.project.records import ImageStatus, ReviewState
from napari_icseg.widgets.rounds_dock import RoundsDock
from napari_icseg.widgets.training_dock import TrainingDock
from tests.napari_icseg.controllers.rounds_fixtures import finish_round
from tests.napari_icseg.controllers.training_fixtures import SETTINGS, make_project
from trainers.progress import read_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.gui


class Gui:
    """What one start of the program has: a session, the Rounds and the Training dock."""

    def __init__(self, qtbot) -> None:
        self.qtbot = qtbot
        self.session, viewer = ProjectSession(), ViewerModel()
        self.dock, self.training_dock = RoundsDock(), TrainingDock()
        self.num_reviews_opened = 0
        self.controller = RoundsController(self.session, viewer, self.dock, self._open_review)
        self.training = TrainingController(self.session, viewer, self.training_dock)
        self.controller.settings = dict(SETTINGS)
        for dock in (self.dock, self.training_dock):
            qtbot.addWidget(dock)
            dock.show()
        self.dock.setup.model.choose("unet")
        self.dock.setup.epochs.setValue(1)

    def open(self, file: Path) -> None:
        self.session.open_project(file)
        self.wait(lambda: "unlabelled" in self.dock.setup.summary.text())

    def wait(self, condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
        self.qtbot.waitUntil(condition, timeout=round(1000 * timeout_s))

    def click(self, button) -> None:
        assert button.isEnabled(), button.text()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def wait_for_result(self) -> str:
        self.wait(lambda: self.dock.result.review.isVisible())
        return self.dock.result.lines.text()

    def close(self) -> None:
        self.controller.close()
        self.training.close()
        prefill_of(self.session).close()
        self.session.shut_down()

    def _open_review(self) -> None:
        self.num_reviews_opened += 1


@pytest.fixture
def start_gui(qtbot, tmp_path: Path) -> Iterator[Callable[[], Gui]]:
    """Start the program, also several times one after another."""
    started: list[Gui] = []

    def start() -> Gui:
        started.append(Gui(qtbot))
        return started[-1]

    yield start
    for gui in started:
        gui.close()
    for run in list_runs(tmp_path / "chip.runs"):
        runs.cancel(run.run_dir, grace_s=0.0)


def test_a_round_survives_a_kill_and_a_restart_and_its_proposals_wait_for_review(
    start_gui, tmp_path: Path
) -> None:
    make_project(tmp_path).close()
    first = start_gui()
    first.open(tmp_path / "chip.icseg")
    assert first.dock.setup.summary.text().startswith("5 labelled, 0 blank, 3 unlabelled; 1 kept")
    first.click(first.dock.setup.train)
    run_dir = tmp_path / "chip.runs" / "round-1"
    first.wait(lambda: (run_dir / "teacher" / "events.jsonl").is_file())
    os.kill(read_process(run_dir)[0], signal.SIGKILL)
    first.wait(lambda: "interrupted" in first.dock.run.sentence.text())
    assert first.training_dock.models.table.rowCount() == 0, "a round is not listed as a training"
    first.close()

    gui = start_gui()
    gui.open(tmp_path / "chip.icseg")
    gui.wait(lambda: gui.dock.run.resume.isVisible())
    gui.click(gui.dock.run.resume)
    gui.wait(lambda: gui.dock.phases.isVisible())
    project = gui.session.project
    late = project.images()[-1]
    project.set_status(late.id, ImageStatus.BLANK)  # while the round runs
    lines = gui.wait_for_result()

    ((record, info),) = known_rounds(project)
    assert record.run_dir == "chip.runs/round-1"
    assert (info.state, info.number, info.num_proposed) == (READ, 1, 2)
    assert set(info.teacher) >= {"iou", "pixel_accuracy"} <= set(info.student)
    assert (len(info.labelled), len(info.validation)) == (5, 1)
    assert "Labels used: 5 (5 by hand)" in lines
    assert "1 image labelled or reviewed meanwhile" in gui.dock.result.warnings.text()
    assert {review.state for review in project.reviews(record.id)} == {ReviewState.WAITING}
    assert project.image(late.id).status is ImageStatus.BLANK
    doubts = [project.doubt_file(review) for review in project.reviews()]
    assert all(doubt is not None and doubt.is_file() for doubt in doubts)
    gui.click(gui.dock.result.review)
    assert gui.num_reviews_opened == 1
    # its model can be chosen for pre-filling, once
    gui.wait(lambda: len(gui.session.prefill_runs) == 1)
    assert "round 1" in gui.session.prefill_runs[0].label
    prefill_of(gui.session).choose("round-1")
    gui.session.set_current_image(project.images()[5].id)
    prefill_of(gui.session).prefill()
    gui.wait(lambda: not prefill_of(gui.session).is_busy)
    assert prefill_of(gui.session).status.tone != "bad", prefill_of(gui.session).status.text

    # without its folder the round is still known, and its proposals can be reviewed
    shutil.rmtree(run_dir)
    gui.controller.results.look()
    gui.wait(lambda: "removed" in gui.dock.result.warnings.text())
    # reading it in is over: nothing is read twice
    assert gui.dock.result.failure.text() == ""


def test_impatient_clicks_start_one_round_which_a_reopened_window_finds_again(
    start_gui, tmp_path: Path
) -> None:
    make_project(tmp_path).close()
    first = start_gui()
    first.open(tmp_path / "chip.icseg")
    for _ in range(3):
        first.qtbot.mouseClick(first.dock.setup.train, Qt.MouseButton.LeftButton)
    first.wait(first.dock.run.isVisible)
    first.controller.start(first.dock.setup.choice())
    first.close()
    assert [run.name for run in list_runs(tmp_path / "chip.runs")] == ["round-1"]

    gui = start_gui()
    gui.open(tmp_path / "chip.icseg")
    gui.wait(gui.dock.run.cancel.isVisible)
    assert not gui.dock.setup.train.isEnabled()
    assert "under way" in gui.dock.setup.train.toolTip()
    gui.click(gui.dock.run.cancel)
    gui.wait(lambda: "was cancelled" in gui.dock.run.sentence.text())
    gui.wait(gui.dock.setup.train.isEnabled)
    assert gui.dock.run.resume.isVisible()


def test_proposals_that_could_not_be_read_are_read_when_that_was_put_right(
    start_gui, tmp_path: Path
) -> None:
    with make_project(tmp_path) as project:
        finish_round(project, class_names=("metal", "poly"))
    gui = start_gui()
    gui.open(tmp_path / "chip.icseg")
    gui.wait(gui.dock.result.retry.isVisible)
    assert "poly is missing. Add a class of that name" in gui.dock.result.failure.text()
    assert not gui.dock.result.review.isVisible()
    gui.session.project.add_class("poly")
    gui.click(gui.dock.result.retry)
    assert "Proposals for 3 images." in gui.wait_for_result()
    assert gui.dock.result.title.property("tone") == "good"
    assert not gui.dock.result.retry.isVisible()
