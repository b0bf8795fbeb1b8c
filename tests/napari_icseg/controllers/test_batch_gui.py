"""The image list's menu changes the labels of all highlighted images; undo takes it back."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from napari_icseg.widgets.batch_dialogs import ClassChange, ObjectDeletion
from tests.napari_icseg.conftest import CTRL
from tests.napari_icseg.project.conftest import square

pytestmark = pytest.mark.gui


def statuses(gui) -> list[ImageStatus]:
    return [image.status for image in gui.project.images()]


def answer(kind, choose) -> None:
    """Answers the dialog of a kind as soon as it is open."""

    def click() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, kind)
        choose(dialog)
        dialog.accept()

    QTimer.singleShot(50, click)


def test_highlighted_images_are_marked_and_their_objects_changed_and_deleted(gui):
    project = gui.project
    for image_id in (1, 2):
        project.add_objects(image_id, [NewObject(1, square(5, 5), ObjectSource.MANUAL)] * 3)
    gui.dock.images.select_all()
    gui.controller.do("batch_mark_blank")
    gui.wait(lambda: statuses(gui)[2:] == [ImageStatus.BLANK] * 2)
    assert statuses(gui)[:2] == [ImageStatus.IN_PROGRESS] * 2
    gui.controller.do("batch_mark_labelled")
    gui.wait(lambda: statuses(gui) == [ImageStatus.LABELLED] * 4)
    seen = []

    def choose_via(dialog: ClassChange) -> None:
        seen.append(dialog.source.currentText())
        dialog.target.setCurrentText("via")

    answer(ClassChange, choose_via)
    gui.controller.do("batch_change_class")
    gui.wait(lambda: [record.class_id for record in gui.objects(2)] == [2, 2, 2])
    assert seen == ["metal  (6)"]
    answer(ObjectDeletion, lambda dialog: dialog.source.setCurrentIndex(0))
    gui.controller.do("batch_delete_objects")
    gui.wait(lambda: not gui.objects(1) and not gui.objects(2))
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait(lambda: len(gui.objects(1)) == 3)
    assert [record.class_id for record in gui.objects(2)] == [2, 2, 2]


def test_a_dialog_that_is_cancelled_and_a_locked_class_change_nothing(gui):
    gui.project.add_objects(1, [NewObject(1, square(5, 5), ObjectSource.MANUAL)])
    gui.dock.images.select_all()
    before = gui.objects(1)
    QTimer.singleShot(50, lambda: QApplication.activeModalWidget().reject())
    gui.controller.do("batch_delete_objects")
    gui.project.lock_class(1, locked=True)
    gui.wait(lambda: gui.controller.classes.classes[0].is_locked)
    gui.controller.do("batch_delete_objects")
    assert gui.objects(1) == before
