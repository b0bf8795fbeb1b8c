"""Exporting, importing, choosing models and opening samples from the dock."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools.coco import COCO
from qtpy.QtCore import Qt

from napari_icseg.controllers import sample_folder
from napari_icseg.controllers.model_chooser import CHOOSE_FILE
from napari_icseg.prompting.errors import DownloadCancelledError
from napari_icseg.widgets.export_dialog import ExportChoice
from tests.napari_icseg.conftest import CTRL

pytestmark = pytest.mark.gui


@pytest.fixture
def messages(monkeypatch):
    """What was shown to the user, errors included."""
    shown: list[str] = []
    for name in ("show_info", "show_error"):
        monkeypatch.setattr(f"napari.utils.notifications.{name}", shown.append)
    return shown


def test_export_and_import_from_the_dock(gui, tmp_path, monkeypatch, messages):
    gui.label(14, 50)
    mask = gui.objects()[0].mask
    for format_name in ("coco", "png", "yolo"):
        choice = ExportChoice(format_name, "started", tmp_path / format_name)
        monkeypatch.setattr(
            "napari_icseg.controllers.label_export.ask_export",
            lambda *_args, choice=choice: choice,
        )
        messages.clear()
        gui.dock.header.export_button.click()
        gui.wait(lambda: bool(messages))
        assert "Exported 1 object of 1 image" in messages[0]
    coco_path = tmp_path / "coco" / "chip.json"
    assert len(COCO(str(coco_path)).getAnnIds()) == 1
    assert (tmp_path / "png" / "semantic" / "tile_0.png").is_file()
    assert (tmp_path / "yolo" / "images" / "tile_0.png").is_file()
    assert gui.session.activity.tasks == ()

    gui.key(Qt.Key.Key_Z, CTRL)
    assert gui.objects() == ()
    messages.clear()
    gui.controller.do("import_labels")
    dialog = gui.controller.projects.imports.dialog
    dialog.set_source(coco_path)
    gui.wait(dialog.import_button.isEnabled)
    assert "1 object on 1 image" in dialog.summary.text()
    assert gui.objects() == ()  # nothing is written before "Import"
    dialog.import_button.click()
    gui.wait(lambda: bool(messages))
    assert "Imported 1 object" in messages[0]
    gui.wait(lambda: len(gui.objects()) == 1)
    assert gui.objects()[0].mask == mask
    assert np.array_equal(gui.viewer.layers["objects"].data > 0, mask.to_mask((96, 96)))


def test_a_broken_file_is_not_imported_and_changes_nothing(gui, tmp_path, messages):
    gui.label(14, 50)
    path = tmp_path / "broken.json"
    path.write_text('{"images": [')
    gui.controller.projects.import_labels(path)
    dialog = gui.controller.projects.imports.dialog
    gui.wait(lambda: "broken.json" in dialog.summary.text())
    assert not dialog.import_button.isEnabled()
    dialog.import_wanted.emit()  # as Enter would, were the button not off
    dialog.close()
    assert len(gui.objects()) == 1


def test_classes_are_mapped_and_one_undo_takes_the_import_back(gui, tmp_path, messages):
    gui.label(14, 50)
    own = gui.project.classes()[0].name
    (tmp_path / "labels").mkdir()
    outline = "0.1 0.1 0.5 0.1 0.5 0.5"
    (tmp_path / "labels" / "tile_1.txt").write_text(f"0 {outline}\n1 {outline}\n2 {outline}\n")
    (tmp_path / "labels" / "nowhere.txt").write_text(f"0 {outline}\n")
    (tmp_path / "data.yaml").write_text("names: [wire, dirt, pad]\n")
    gui.controller.projects.import_labels(tmp_path)
    dialog = gui.controller.projects.imports.dialog
    gui.wait(dialog.import_button.isEnabled)
    assert "nowhere.txt" in dialog.details.toPlainText()
    wire, dirt = dialog.table.target_box(0), dialog.table.target_box(1)
    wire.setCurrentIndex(wire.findData(own))
    dirt.setCurrentIndex(dirt.findText("Leave out"))
    assert dialog.table.mapping() == {"wire": own, "dirt": None, "pad": "pad"}
    messages.clear()
    dialog.import_button.click()
    gui.wait(lambda: bool(messages))
    assert "Imported 2 objects on 1 image" in messages[0]
    image = next(each for each in gui.project.images() if each.name == "tile_1.png")
    names = {known.id: known.name for known in gui.project.classes()}
    assert [names[each.class_id] for each in gui.project.objects(image.id)] == [own, "pad"]
    gui.project.undo()
    assert gui.project.objects(image.id) == ()
    assert "pad" not in {known.name for known in gui.project.classes()}
    assert len(gui.objects()) == 1


def test_a_model_is_downloaded_on_request_and_then_answers(gui, monkeypatch, messages):
    import threading

    done = threading.Event()

    def download(name, *, progress, cancelled):
        progress(50 * 2**20, 100 * 2**20)
        assert done.wait(10)

    monkeypatch.setattr("napari_icseg.prompting.checkpoints.download", download)
    gui.dock.models.model_chosen.emit("sam2.1-tiny")
    gui.wait(lambda: gui.dock.models.progress.value() == 50)
    assert "50 of 100 MiB" in gui.dock.models.progress.format()
    gui.label(14, 50)  # the old model goes on answering meanwhile
    done.set()
    gui.wait(lambda: gui.controller.models.current == "sam2.1-tiny")
    assert not gui.dock.models.progress.isVisible()
    gui.label(46, 50)


def test_a_cancelled_download_keeps_the_model_in_use(gui, monkeypatch, messages):
    def download(name, *, progress, cancelled):
        while not cancelled():
            pass
        raise DownloadCancelledError("Stopped. Choose it again to go on.")

    monkeypatch.setattr("napari_icseg.prompting.checkpoints.download", download)
    gui.dock.models.model_chosen.emit("sam2.1-tiny")
    gui.dock.models.cancel_button.click()
    gui.wait(lambda: "Stopped. Choose it again to go on." in messages)
    assert gui.controller.models.current == "sam2-nano"
    assert gui.dock.models.model.currentData() == "sam2-nano"
    gui.label(14, 50)


def test_a_file_that_is_no_checkpoint_is_refused(gui, tmp_path, monkeypatch, messages):
    path = tmp_path / "x.pt"
    path.write_bytes(b"nothing")
    monkeypatch.setattr("napari_icseg.widgets.dialogs.ask_checkpoint", lambda _parent: path)
    gui.controller.models._ask_file = lambda: path
    messages.clear()
    gui.dock.models.model_chosen.emit(CHOOSE_FILE)
    gui.wait(lambda: any("x.pt" in message for message in messages))
    gui.label(14, 50)


def test_the_sample_button_copies_the_tiles_and_opens_them(make_gui, tmp_path, monkeypatch):
    monkeypatch.setattr(sample_folder, "user_folder", lambda: tmp_path)
    gui = make_gui()
    gui.dock.start.open_sample.click()
    gui.wait(lambda: gui.project is not None and gui.is_ready, 60_000)
    assert gui.session.path.parent == tmp_path / "sample-tiles"
    done = [image for image in gui.project.images() if image.status.is_done]
    assert len(done) == sample_folder.MASKS_KEPT
    assert not gui.project.image(gui.session.current_image_id).status.is_done


def test_an_added_class_gets_the_next_digit_and_is_chosen(gui, monkeypatch):
    monkeypatch.setattr("napari_icseg.widgets.dialogs.ask_class_name", lambda _parent: "poly")
    gui.label(14, 50)
    gui.dock.classes.add_button.click()
    assert gui.controller.classes.current.name == "poly"
    gui.label(46, 50)
    gui.key(Qt.Key.Key_1)
    gui.key(Qt.Key.Key_3)
    assert gui.controller.classes.current.name == "poly"
    colors = {tuple(gui.viewer.layers["objects"].get_color(v)) for v in gui_values(gui)}
    assert len(colors) == 2


def gui_values(gui) -> list[int]:
    return [value for value in np.unique(gui.viewer.layers["objects"].data) if value]
