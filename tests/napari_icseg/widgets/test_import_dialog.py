"""The import dialog: what it says, offers and asks to be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt

from napari_icseg.widgets.import_dialog import ImportDialog
from napari_icseg.widgets.import_view import ImportView, MapRow

if TYPE_CHECKING:
    from pathlib import Path

VIEW = ImportView(
    "9 objects",
    "good",
    (MapRow("wire", 6, "#e69f00"), MapRow("Via", 3, "#56b4e9", existing="via")),
    (("metal", "#e69f00"), ("via", "#56b4e9")),
    can_import=True,
)


@pytest.fixture
def dialog(qtbot):
    opened = ImportDialog([("coco", "COCO"), ("yolo", "YOLO")])
    opened.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(opened)
    opened.show()
    return opened


def test_nothing_can_be_imported_before_something_was_found(dialog):
    assert not dialog.import_button.isEnabled()
    assert not dialog.table.isVisible()


def test_a_class_of_the_same_name_is_chosen_and_others_are_new(dialog):
    dialog.set_view(VIEW)
    assert dialog.table.mapping() == {"wire": "wire", "Via": "via"}
    box = dialog.table.target_box(0)
    assert [box.itemText(place) for place in range(box.count())] == [
        "metal",
        "via",
        "wire (new class)",
        "Leave out",
    ]
    box.setCurrentIndex(3)
    assert dialog.table.mapping()["wire"] is None


def test_a_path_is_read_once_when_left_and_again_on_return(dialog, qtbot, tmp_path: Path):
    asked: list[Path | None] = []
    dialog.source_changed.connect(lambda: asked.append(dialog.source))
    dialog.path.setText(str(tmp_path))
    dialog.path.editingFinished.emit()
    dialog.path.editingFinished.emit()
    assert asked == [tmp_path]
    dialog.path.returnPressed.emit()
    dialog.set_source(tmp_path)  # chosen again: the file may have been mended
    assert asked == [tmp_path] * 3


def test_every_control_has_a_tooltip(dialog):
    controls = (
        *(dialog.path, dialog.file_button, dialog.folder_button, dialog.images),
        *(dialog.images_button, dialog.format, dialog.merge, dialog.table, dialog.import_button),
    )
    assert all(control.toolTip() for control in controls)
