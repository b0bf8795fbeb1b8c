"""The Results dock: real mouse and keys, real models."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers.napari_window import camera_of
from napari_icseg.controllers.results_folders import FOLDERS_FILE
from napari_icseg.controllers.results_layers import RESULT
from napari_icseg.project.records import ImageStatus
from tests.napari_icseg.conftest import CTRL, LEFT, NO
from tests.napari_icseg.controllers.test_results_rows import result_of, row_of
from tests.trainers.run_samples import make_run
from trainers.experiments.results import RUNS, Results

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING, NOTHING = "everything", "nothing"


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Two models: one finds the class everywhere, one nowhere; and a row that failed."""
    out = tmp_path / "experiment"
    for name, says in ((EVERYTHING, True), (NOTHING, False)):
        make_run(out / RUNS / name, class_name="metal", says=says)
    for seed, name in enumerate((EVERYTHING, NOTHING)):
        Results(out).put(result_of(row_of(seed=seed), run=name))
    Results(out).put(replace(result_of(row_of(seed=2)), state="failed", scores=None, cost=None))
    return out


class Browser:
    """The dock, operated as a user would."""

    def __init__(self, gui) -> None:
        self.frame, widget = gui.viewer.window.add_plugin_dock_widget("napari-icseg", "Results")
        self.gui, self.dock = gui, widget.dock
        self.controller, self.table = widget.dock.controller, widget.dock.table

    @property
    def look(self):
        return self.controller.shown.look

    def open(self, folder: Path) -> None:
        self.controller.open_folder(folder)
        self.gui.wait(lambda: len(self.table.model.rows) == 3)

    def click(self, run: str, modifier=NO) -> None:
        """Click the row of a run with the mouse."""
        at = next(n for n, row in enumerate(self.table.model.rows) if row.seed == seed_of(run))
        index = self.table.sorted.mapFromSource(self.table.model.index(at, 0))
        view = self.table.view
        view.scrollTo(index)
        QTest.mouseClick(view.viewport(), LEFT, modifier, view.visualRect(index).center())

    def wait_for(self, num_models: int) -> None:
        self.gui.wait(lambda: self.look is not None and len(self.look.models) == num_models, 30_000)


def seed_of(run: str) -> int:
    return (EVERYTHING, NOTHING, "failed").index(run)


@pytest.fixture
def results(gui, experiment):
    """The Results dock beside the Labelling dock; its experiment is open, the image labelled."""
    for row in (10, 42, 74):
        gui.label(row, 40)
    gui.project.set_status(gui.session.current_image_id, ImageStatus.LABELLED)
    results = Browser(gui)
    results.open(experiment)
    yield results
    results.controller.close()
    vars(results).clear()


def test_a_clicked_model_is_shown_with_its_errors_and_taken_off_again(results) -> None:
    gui, layers = results.gui, results.gui.viewer.layers
    results.click(EVERYTHING)
    results.wait_for(1)
    assert results.look.models[0].errors.shorts == 2
    assert not layers["objects"].visible
    assert layers[RESULT].data.shape == (96, 96, 4)
    assert sum(place.count for place in results.look.models[0].places) == 2
    assert results.controller.shown.layers.marks.places == results.look.models[0].places
    assert "2 shorts" in results.dock.lines.text()

    QTest.mouseClick(results.dock.next, LEFT)
    assert "short" in results.dock.status.text()
    assert camera_of(gui.viewer).zoom >= min(gui.canvas.height(), gui.canvas.width()) / 129

    QTest.mouseClick(results.dock.hide_button, LEFT)
    assert not layers[RESULT].visible
    assert results.controller.shown.layers.marks.places == ()
    assert layers["objects"].visible
    assert results.table.chosen == ()


def test_two_models_stand_side_by_side_and_follow_the_image(results) -> None:
    gui = results.gui
    first = gui.session.current_image_id
    results.click(EVERYTHING)
    results.click(NOTHING, CTRL)
    results.wait_for(2)
    assert [model.errors.missing_tracks for model in results.look.models] == [0, 3]
    QTest.mouseClick(results.dock.compare, LEFT)
    assert results.dock.window_.isVisible()
    assert len(results.dock.window_.panes) == 3

    gui.key(Qt.Key.Key_PageDown)
    gui.wait(lambda: gui.session.current_image_id != first)
    gui.wait(lambda: results.look is not None and results.look.image_id != first)
    # the next image is not labelled: the second model is compared with the first
    assert results.look.compared_with == results.look.models[0].title
    assert len(results.dock.window_.panes) == 3
    assert gui.viewer.layers[RESULT].visible


def test_labels_that_change_are_compared_with_at_once(results) -> None:
    gui = results.gui
    results.click(NOTHING)
    results.wait_for(1)
    assert results.look.models[0].errors.missing_tracks == 3
    gui.project.delete_objects([gui.objects()[0].id])
    gui.wait(lambda: results.look.models[0].errors.missing_tracks == 2)


def test_a_failed_row_is_read_and_says_why_it_cannot_be_shown(results) -> None:
    results.click("failed")
    results.gui.wait(lambda: "weights" in results.dock.status.text())
    assert RESULT not in results.gui.viewer.layers


def test_experiments_are_remembered_and_others_refused(results, experiment, tmp_path) -> None:
    gui = results.gui
    remembered = gui.session.runs_dir / FOLDERS_FILE
    gui.wait(lambda: remembered.is_file() and str(experiment) in remembered.read_text())
    empty = tmp_path / "empty"
    empty.mkdir()
    results.controller.open_folder(empty)
    QTest.qWait(300)
    assert str(empty) not in remembered.read_text()
    QTest.mouseClick(results.dock.forget, LEFT)
    gui.wait(lambda: str(experiment) not in remembered.read_text())
    gui.wait(lambda: not results.table.model.rows)


def test_results_that_come_while_one_looks_appear_by_themselves(results, experiment) -> None:
    Results(experiment).put(result_of(row_of(seed=7), run=EVERYTHING))
    results.gui.wait(lambda: len(results.table.model.rows) == 4)


def test_a_model_that_is_gone_is_said_to_be(results, experiment) -> None:
    shutil.rmtree(experiment / RUNS / NOTHING)
    results.click(NOTHING)
    results.gui.wait(lambda: "not there any more" in results.dock.status.text())


def test_a_model_of_other_classes_is_shown_without_a_comparison(results, experiment) -> None:
    make_run(experiment / RUNS / "other", class_name="poly", says=True)
    Results(experiment).put(result_of(row_of(seed=1), run="other"))
    gui = results.gui
    gui.wait(lambda: len(results.table.model.rows) == 3)
    gui.wait(lambda: any(run.run_dir.name == "other" for run in results.controller.runs))
    results.click(NOTHING)
    results.wait_for(1)
    assert results.look.compared_with == ""
    assert "classes" in results.dock.status.text()
    assert (gui.viewer.layers[RESULT].data[..., 3] > 0).all()


def test_closing_the_dock_leaves_nothing_on_the_canvas(results) -> None:
    layers = results.gui.viewer.layers
    results.click(EVERYTHING)
    results.wait_for(1)
    assert not layers["objects"].visible
    results.frame.destroyOnClose()
    assert RESULT not in layers
    assert layers["objects"].visible
    assert results.controller.shown.layers.marks.places == ()


def test_marks_stay_on_their_pixels_when_the_window_is_resized(results) -> None:
    gui = results.gui
    results.click(EVERYTHING)
    results.wait_for(1)
    pane = results.controller.shown.layers.marks.widget
    gui.viewer.window.resize(1000, 700)
    gui.wait(lambda: gui.canvas.width() == pane.width() and gui.canvas.height() == pane.height())
    place = results.look.models[0].places[0]
    at, wanted = pane.on_screen(place), gui.position(place.row, place.col)
    assert abs(at.x() - wanted.x()) <= 1
    assert abs(at.y() - wanted.y()) <= 1


def test_of_three_chosen_rows_the_last_two_are_compared(results) -> None:
    results.click("failed")
    results.click(EVERYTHING, CTRL)
    results.click(NOTHING, CTRL)
    results.wait_for(2)
    selected = results.table.view.selectionModel().selectedRows()
    assert len(selected) == 2
    assert [model.key.split("-s")[1][0] for model in results.look.models] == ["0", "1"]


def test_another_project_lists_its_own_models_and_experiments(results, tmp_path, tiles) -> None:
    gui = results.gui
    folder = tmp_path / "other"
    shutil.copytree(tiles, folder, ignore=shutil.ignore_patterns("*.icseg*", "*.runs"))
    make_run(folder / "other.runs" / "run-1")
    results.dock.source.choose("all")
    gui.open(folder)
    gui.wait(lambda: [row.model for row in results.table.model.rows] == ["U-Net"])
    assert results.controller.folders == ()
    assert not (folder / "other.runs" / FOLDERS_FILE).exists()


def test_labels_that_are_shown_again_by_hand_stay_so(results) -> None:
    gui, objects = results.gui, results.gui.viewer.layers["objects"]
    results.click(NOTHING)
    results.wait_for(1)
    objects.visible = True
    gui.project.delete_objects([gui.objects()[0].id])
    gui.wait(lambda: results.look.models[0].errors.missing_tracks == 2)
    assert objects.visible
