"""Bad input gets a clear message, changes nothing, and the click loop goes on."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_icseg.controllers.locate_part import LocatePart
from napari_icseg.controllers.session import session_of
from napari_icseg.project.project import Project

pytestmark = pytest.mark.gui


@pytest.fixture
def errors(monkeypatch):
    """What was shown to the user as an error."""
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    return shown


def test_a_truncated_image_is_named_in_the_list_and_the_next_one_opens(make_gui, tiles):
    second = tiles / "tile_1.png"
    second.write_bytes(second.read_bytes()[:120])
    gui = make_gui()
    gui.open(tiles)
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: "cannot be shown" in gui.hint)
    assert "tile_1.png" in gui.hint
    assert not gui.viewer.layers["image"].visible
    gui.click(14, 50)
    assert gui.state.clicks == ()
    index = gui.dock.images.model.index_of(2)
    assert "cannot be read" in gui.dock.images.model.data(index, Qt.ItemDataRole.ToolTipRole)
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 3)
    assert gui.viewer.layers["image"].visible
    gui.label(16, 50)


def test_files_that_are_no_images_are_listed_with_the_reason(make_gui, tiles):
    (tiles / "empty.png").write_bytes(b"")
    gui = make_gui()
    gui.open(tiles)
    model = gui.dock.images.model
    assert model.rowCount() == 5
    tooltip = model.data(model.index(4), Qt.ItemDataRole.ToolTipRole)
    assert "empty.png" in tooltip
    assert "cannot be read" in tooltip


def test_a_folder_without_images_is_refused_and_left_as_it_is(make_gui, tmp_path, errors):
    folder = tmp_path / "nothing"
    folder.mkdir()
    gui = make_gui()
    gui.controller.projects.open(folder)
    gui.wait(lambda: bool(errors))
    assert "images" in errors[0]
    assert list(folder.iterdir()) == []
    assert not gui.dock.is_working()


def test_a_locked_project_is_refused_and_the_open_one_stays(gui, tmp_path, errors):
    with Project.create(tmp_path / "other.icseg"):
        gui.controller.projects.open(tmp_path / "other.icseg")
        gui.wait(lambda: bool(errors))
    assert gui.session.path.name == "chip.icseg"
    gui.label(14, 50)


def test_a_damaged_project_is_refused_and_not_touched(make_gui, tmp_path, errors):
    file = tmp_path / "bad.icseg"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 500)
    content = file.read_bytes()
    gui = make_gui()
    gui.controller.projects.open(file)
    gui.wait(lambda: bool(errors))
    assert file.read_bytes() == content


def test_a_model_that_cannot_be_loaded_says_why(make_gui, tiles, monkeypatch):
    from trainers.errors import CheckpointError

    def fail(*_args, **_options):
        raise CheckpointError("The weights of SAM-2 nano are not on this machine.")

    monkeypatch.setattr("napari_icseg.prompting.checkpoints.load_predictor", fail)
    gui = make_gui()
    gui.open(tiles)
    gui.click(14, 50)
    gui.wait(lambda: "not on this machine" in gui.hint)


def test_closing_the_viewer_ends_threads_and_frees_the_project(gui, tiles):
    gui.label(14, 50)
    session = session_of(gui.viewer)
    gui.viewer.close()
    assert session.project is None
    assert not any(thread.name == "icseg-prompts" for thread in threading.enumerate())
    with Project.open(tiles / "chip.icseg") as project:
        assert len(project.objects(1)) == 1


def test_closing_the_dock_gives_keys_and_layers_back_and_it_can_be_opened_again(gui):
    viewer = gui.viewer
    gui.label(14, 50)
    viewer.window.remove_dock_widget(gui.dock)
    own = {"image", "objects", "candidate", "prompts"}
    assert not own & {layer.name for layer in viewer.layers}
    names = [c.__name__ for c in viewer.mouse_double_click_callbacks]
    assert "double_click_to_zoom" in names
    assert viewer.mouse_drag_callbacks == [] or all(
        c.__name__ != "_on_viewer_drag" for c in viewer.mouse_drag_callbacks
    )
    _dock, again = viewer.window.add_plugin_dock_widget("napari-icseg", "Labelling")
    gui.dock.deleteLater()
    gui.dock, gui.controller = again, again.controller
    gui.wait(lambda: gui.is_ready)
    assert len(gui.objects()) == 1


@pytest.fixture
def warnings(monkeypatch):
    """What the user was warned of."""
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", shown.append)
    return shown


def test_images_that_are_not_there_are_told_and_found_in_another_folder(
    make_gui, tiles, tmp_path, warnings
):
    with Project.create(tiles / "p.icseg") as project:
        project.add_images(sorted(tiles.glob("*.png")))
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in tiles.glob("*.png"):
        path.rename(moved / path.name)
    gui = make_gui()
    gui.controller.projects.open(tiles / "p.icseg")
    gui.wait(lambda: any("4 images of p cannot be found" in text for text in warnings))
    (part,) = [part for part in gui.controller.parts if isinstance(part, LocatePart)]
    part.locate(moved)
    gui.wait(lambda: gui.is_ready)
    assert gui.project.missing_images() == ()
    gui.label(14, 50)


def test_an_image_that_has_another_size_now_is_refused_and_its_labels_stay(make_gui, tiles):
    gui = make_gui()
    gui.open(tiles)
    gui.label(14, 50)
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 2)
    cv2.imwrite(str(tiles / "tile_0.png"), np.zeros((50, 60), np.uint8))
    gui.key(Qt.Key.Key_BracketLeft)
    gui.wait(lambda: "now 60 x 50 pixels" in gui.hint)
    assert not gui.viewer.layers["image"].visible
    assert len(gui.project.objects(1)) == 1


def test_a_project_whose_drive_is_gone_says_so_and_goes_on_when_it_is_back(gui, tiles, errors):
    gui.click(14, 50)
    gui.wait_candidate()
    away = tiles.with_name("away")
    tiles.rename(away)
    gui.key(Qt.Key.Key_Return)
    gui.wait(lambda: any("not there any more" in text for text in errors))
    assert gui.state.candidate is not None
    away.rename(tiles)
    gui.key(Qt.Key.Key_Return)
    assert len(gui.objects()) == 1
