"""The Training dock with its controller, over real projects and real processes."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtCore import Qt, QTimer

from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.controllers.session import ProjectSession, forget_session, session_of
from napari_icseg.controllers.training import TrainingController
from napari_icseg.jobs import runs
from napari_icseg.jobs.watcher import list_runs
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from napari_icseg.widgets.training_dock import TrainingDock
from tests.napari_icseg.controllers.training_fixtures import SETTINGS, make_project
from trainers.io.manifest import read_manifest
from trainers.io.masks import read_mask
from trainers.io.rle import RleMask
from trainers.progress import EventWriter, RunState, read_process, read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gui
FAKE = Path(__file__).parents[1] / "jobs" / "fake_trainer.py"


class Gui:
    """What one start of the program has: a session, a viewer's model, the dock."""

    def __init__(self, qtbot) -> None:
        self.qtbot = qtbot
        self.session = ProjectSession()
        self.dock = TrainingDock()
        qtbot.addWidget(self.dock)
        self.controller = TrainingController(self.session, ViewerModel(), self.dock)
        self.controller.settings = dict(SETTINGS)
        self.dock.show()

    def open(self, file: Path) -> None:
        self.session.open_project(file)
        self.wait(lambda: "labelled" in self.dock.setup.summary.text())

    def wait(self, condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
        self.qtbot.waitUntil(condition, timeout=round(1000 * timeout_s))

    def wait_for_sentence(self, start: str) -> None:
        self.wait(lambda: self.dock.run.sentence.text().startswith(start))

    def click(self, button) -> None:
        assert button.isEnabled(), button.text()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def close(self) -> None:
        self.controller.close()
        prefill_of(self.session).close()
        self.session.shut_down()


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


@pytest.fixture
def gui(start_gui, tmp_path: Path) -> Gui:
    gui = start_gui()
    make_project(tmp_path).close()
    gui.open(tmp_path / "chip.icseg")
    return gui


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let trainings be light processes that behave as told, see fake_trainer.py."""

    def as_told(behaviour: str) -> None:
        monkeypatch.setattr(
            runs, "command", lambda run_dir: [sys.executable, str(FAKE), str(run_dir), behaviour]
        )

    return as_told


def test_one_click_trains_and_the_model_prefills_the_next_image(gui: Gui) -> None:
    gui.dock.setup.epochs.setValue(8)
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished. Validation: IoU")

    row = gui.dock.models.table.row_at(gui.dock.models.table.index(0, 0))
    assert (row.state, row.epochs) == ("finished", "8/8")
    assert None not in (row.dice, row.pixel_accuracy)
    assert row.iou > 0.8, "bright bars on dark ground are easy"
    x, _ = gui.dock.curves.iou_plot.listDataItems()[0].getData()
    assert list(x) == list(range(1, 9))
    # nothing was chosen before, so the new model is; it proposes for the next image
    assert row.is_chosen
    image = next(i for i in gui.session.project.images() if i.status is ImageStatus.UNLABELLED)
    gui.session.set_current_image(image.id)
    gui.click(gui.dock.prefill.prefill)
    gui.wait(lambda: gui.dock.prefill.status.text() not in ("", "Predicting…"))
    assert "proposal" in gui.dock.prefill.status.text(), gui.dock.prefill.status.text()
    num = len(gui.session.project.proposals(image.id))
    assert num >= 1
    gui.click(gui.dock.prefill.accept)
    assert len(gui.session.project.objects(image.id)) == num
    assert gui.session.project.proposals(image.id) == ()


def test_the_snapshot_holds_what_is_labelled_now(gui: Gui, behave, tmp_path: Path) -> None:
    behave("quick")
    gui.session.project.set_status(gui.session.project.images()[6].id, ImageStatus.BLANK)
    gui.wait(lambda: gui.dock.setup.summary.text().startswith("5 labelled, 1 blank"))
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished")

    (run,) = list_runs(tmp_path / "chip.runs")
    masks = sorted((run.run_dir / "labels" / "masks").iterdir())
    assert len(masks) == 6
    assert run.request is not None
    assert run.request.num_train + run.request.num_val == 6


def test_one_class_is_trained_against_the_rest(gui: Gui, behave, tmp_path: Path) -> None:
    behave("quick")
    via = next(known for known in gui.session.project.classes() if known.name == "via")
    image = gui.session.project.images()[0]
    square = RleMask.from_mask(np.eye(64, dtype=bool))
    gui.session.project.add_objects(image.id, [NewObject(via.id, square, ObjectSource.MANUAL)])
    gui.dock.setup.settings.header.click()
    gui.wait(gui.dock.setup.classes.isVisible)

    gui.dock.setup.classes.choose(via.id)
    gui.wait(lambda: gui.dock.setup.summary.text().startswith("1 with via, 4 without"))
    assert gui.dock.setup.train.text() == "Retrain on via only"
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished")

    (run,) = list_runs(tmp_path / "chip.runs")
    assert gui.dock.run.title.text().startswith("U-Net, via only")
    index = read_manifest(run.run_dir / "labels" / "manifest.json")
    assert index.class_names == ("via",)
    assert sum(read_mask(item.mask).any() for item in index.items) == 1


def test_the_numbers_under_advanced_reach_the_training(gui: Gui, behave, tmp_path: Path) -> None:
    behave("quick")
    gui.dock.setup.batch_size.setValue(3)
    gui.qtbot.keyClicks(gui.dock.setup.lr, "5e-5")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished")

    (run,) = list_runs(tmp_path / "chip.runs")
    assert run.request.options["lr"] == 5e-5
    assert run.request.options["batch_size"] == 3


def test_too_few_labels_say_how_many_are_needed(start_gui, tmp_path: Path) -> None:
    gui = start_gui()
    make_project(tmp_path, num_labelled=1).close()
    gui.open(tmp_path / "chip.icseg")

    assert not gui.dock.setup.train.isEnabled()
    assert "1 more is needed" in gui.dock.setup.problem.text()
    project = gui.session.project
    project.set_status(project.images()[5].id, ImageStatus.BLANK)
    gui.wait(gui.dock.setup.train.isEnabled)
    assert not gui.dock.setup.problem.isVisible()


def test_without_a_project_the_dock_says_what_to_do(start_gui) -> None:
    gui = start_gui()

    assert "Open a folder or a project" in gui.dock.setup.problem.text()
    assert not gui.dock.setup.train.isEnabled()
    assert gui.dock.run.sentence.text().startswith("No training yet.")


def test_cancel_and_resume_in_the_dock(gui: Gui, behave) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    gui.wait(lambda: gui.dock.run.bar.value() > 0)

    gui.click(gui.dock.run.cancel)
    assert gui.dock.run.sentence.text() == "Stopping…"
    gui.wait_for_sentence("Training was cancelled")
    gui.click(gui.dock.run.resume)
    gui.wait_for_sentence("Training…")


def test_pause_and_continue_in_the_dock(gui: Gui, behave, tmp_path: Path) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    gui.wait(lambda: gui.dock.run.bar.value() > 0)

    gui.click(gui.dock.run.pause)
    assert gui.dock.run.sentence.text().startswith("Pausing")
    gui.wait_for_sentence("Training is paused")
    assert gui.dock.run.bar.isVisible()
    gui.click(gui.dock.run.pause)
    gui.wait_for_sentence("Training…")
    (run,) = list_runs(tmp_path / "chip.runs")
    assert run.status.state is RunState.RUNNING


def test_a_paused_training_is_still_paused_after_a_restart(gui: Gui, start_gui, behave, tmp_path):
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    gui.wait(lambda: gui.dock.run.bar.value() > 0)
    gui.click(gui.dock.run.pause)
    gui.wait_for_sentence("Training is paused")
    gui.close()

    again = start_gui()
    again.open(tmp_path / "chip.icseg")
    again.wait_for_sentence("Training is paused")
    again.click(again.dock.run.pause)
    again.wait_for_sentence("Training…")


def test_trainings_queue_up_and_one_is_removed_from_the_queue(gui: Gui, behave, tmp_path) -> None:
    behave("polite")
    for sentence in ("Training…", "Waiting: starts when U-Net of", "Waiting: number 2"):
        gui.wait(gui.dock.setup.train.isEnabled)
        gui.click(gui.dock.setup.train)
        gui.wait_for_sentence(sentence)

    gui.click(gui.dock.run.cancel)
    gui.wait_for_sentence("Training was cancelled")

    states = [run.status.state for run in list_runs(tmp_path / "chip.runs")]
    assert states == [RunState.RUNNING, RunState.QUEUED, RunState.CANCELLED]
    assert gui.dock.run.queue.text().startswith("1 training waits")


def test_the_newest_predictions_are_shown_with_the_names_of_the_classes(
    gui: Gui, behave, tmp_path: Path
) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    assert not gui.dock.preview.isVisible()
    (run,) = list_runs(tmp_path / "chip.runs")
    (run.run_dir / "config.json").write_text('{"class_names": ["metal", "via"]}')
    (run.run_dir / "previews").mkdir()
    for epoch, grey in ((1, 40), (2, 200)):
        name = f"previews/epoch_{epoch:04d}.png"
        Image.fromarray(np.full((40, 120), grey, np.uint8)).save(run.run_dir / name)
        EventWriter(run.run_dir / "events.jsonl").write("preview", epoch=epoch, file=name)
        gui.wait(lambda grey=grey: shown_grey(gui.dock.preview.picture) == grey)

    assert gui.dock.preview.isVisible()
    assert "metal" in gui.dock.preview.caption.text()


def shown_grey(picture) -> int | None:
    image = picture.grab().toImage()
    return image.pixelColor(image.rect().center()).red() if picture.isVisible() else None


def test_a_killed_training_is_said_to_be_interrupted_and_can_be_resumed(
    gui: Gui, behave, tmp_path: Path
) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    (run,) = list_runs(tmp_path / "chip.runs")
    fields = read_process(run.run_dir)
    assert fields is not None
    os.kill(fields[0], signal.SIGKILL)

    gui.wait_for_sentence("Training was interrupted (its process ended)")
    gui.click(gui.dock.run.resume)
    gui.wait_for_sentence("Training…")


def test_a_failed_training_shows_its_reason(gui: Gui, behave) -> None:
    behave("failing")
    gui.click(gui.dock.setup.train)

    gui.wait_for_sentence("Training failed: The loss became nan")


def test_closing_the_program_leaves_the_training_running_and_reopening_shows_it(
    gui: Gui, start_gui, behave, tmp_path: Path
) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    gui.close()
    (run,) = list_runs(tmp_path / "chip.runs")
    step = read_status(run.run_dir).step
    time.sleep(0.5)
    assert read_status(run.run_dir).state is RunState.RUNNING
    assert read_status(run.run_dir).step > step, "it went on without the program"

    again = start_gui()
    again.open(tmp_path / "chip.icseg")
    again.wait_for_sentence("Training…")
    again.click(again.dock.run.cancel)
    again.wait_for_sentence("Training was cancelled")


def test_a_second_training_waits_and_starts_when_the_first_has_ended(gui: Gui, behave) -> None:
    behave("polite")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Training…")
    gui.wait(gui.dock.setup.train.isEnabled)
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Waiting")

    first = next(run for run in gui.controller.runs.snapshots)
    gui.controller.runs.actions.cancel(first.name)

    gui.wait_for_sentence("Training…")
    assert gui.dock.models.table.rowCount() == 2


def test_labels_that_cannot_be_written_are_explained_and_leave_no_run(
    gui: Gui, tmp_path: Path
) -> None:
    (tmp_path / "tile2.png").unlink()
    gui.click(gui.dock.setup.train)

    gui.wait(lambda: "tile2.png is missing" in gui.dock.setup.problem.text())
    assert gui.dock.setup.train.isEnabled(), "once the file is back, it can be tried again"
    assert list_runs(tmp_path / "chip.runs") == ()


def test_another_project_shows_its_own_runs(gui: Gui, behave, tmp_path: Path) -> None:
    behave("quick")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished")

    make_project(tmp_path / "other").close()
    gui.session.open_project(tmp_path / "other" / "chip.icseg")

    gui.wait_for_sentence("No training yet")
    assert gui.dock.models.table.rowCount() == 0


def test_the_log_is_shown_when_it_is_opened(gui: Gui, behave, tmp_path: Path) -> None:
    behave("quick")
    gui.click(gui.dock.setup.train)
    gui.wait_for_sentence("Finished")
    (run,) = list_runs(tmp_path / "chip.runs")
    (run.run_dir / "log.txt").write_text("epoch 1: fine\n")

    gui.dock.log.header.click()

    assert gui.dock.log.text.toPlainText().strip() == "epoch 1: fine"


def test_the_gui_thread_stays_free_while_labels_are_written(
    start_gui, behave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("quick")
    gui = start_gui()
    make_project(tmp_path).close()
    gui.open(tmp_path / "chip.icseg")

    def slow(*_args: object, progress, **_options: object) -> None:
        for done in range(10):
            progress(done, 10)
            time.sleep(0.15)

    monkeypatch.setattr("napari_icseg.controllers.training.training_manifest", slow)
    beats: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(10)
    gui.click(gui.dock.setup.train)
    assert not gui.dock.setup.train.isEnabled(), "a second click must not start a second one"
    gui.wait(lambda: "of 10 images" in gui.dock.setup.busy_text.text())
    gui.wait_for_sentence("Finished")
    timer.stop()

    longest = max(b - a for a, b in itertools.pairwise(beats))
    assert longest < 1.0, "writing took 1.5 s; the bound leaves room for a busy machine"


def test_a_file_of_the_project_stays_usable_by_the_next_program(gui: Gui, tmp_path: Path) -> None:
    gui.close()

    Project.open(tmp_path / "chip.icseg").close()


def test_the_dock_opens_through_the_manifest_and_leaves_nothing_behind(
    make_napari_viewer, tmp_path: Path
) -> None:
    make_project(tmp_path).close()
    viewer = make_napari_viewer()
    session = session_of(viewer)
    session.open_project(tmp_path / "chip.icseg")
    dock_widget, widget = viewer.window.add_plugin_dock_widget("napari-icseg", "Training")
    dock = widget if isinstance(widget, TrainingDock) else widget.findChild(TrainingDock)
    assert dock.setup.model.count() >= 1
    assert any(thread.name == "icseg-runs" for thread in threading.enumerate())

    forget_session(viewer)

    assert not any(thread.name == "icseg-runs" for thread in threading.enumerate())
    viewer.window.remove_dock_widget(dock_widget)
