"""The export dialog shows what each format keeps, and nothing jumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_icseg.controllers.label_export import format_choices, summary
from napari_icseg.project.exporting import ExportReport
from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.widgets.export_dialog import ExportChoice, ExportDialog

pytestmark = pytest.mark.gui
SUGGESTED = ExportChoice("voc", "done", Path("/tmp/out"))


@pytest.fixture
def dialog(qtbot):
    dialog = ExportDialog(format_choices(), SUGGESTED)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_it_opens_as_it_was_left_and_returns_what_was_chosen(dialog):
    assert dialog.choice() == SUGGESTED
    dialog.format.setCurrentIndex(dialog.format.findData("yolo"))
    dialog.folder.setText("/tmp/other")
    assert dialog.choice() == ExportChoice("yolo", "done", Path("/tmp/other"))


def test_the_table_says_what_the_chosen_format_keeps(dialog):
    def shown():
        return {name.text(): mark.text() for name, mark, _text in dialog.keeps.lines}

    assert shown()["Overlapping objects"] == "✗"
    dialog.format.setCurrentIndex(dialog.format.findData("coco"))
    assert set(shown().values()) == {"✓"}
    dialog.format.setCurrentIndex(dialog.format.findData("yolo"))
    assert shown()["Holes in objects"] == "~"


def test_no_format_makes_the_dialog_jump(dialog):
    sizes = set()
    for index in range(dialog.format.count()):
        dialog.format.setCurrentIndex(index)
        sizes.add(
            (dialog.sizeHint().height(), max(dialog.sizeHint().width(), dialog.minimumWidth()))
        )
    assert dialog.format.count() == len(EXPORT_FORMATS)
    assert len(sizes) == 1


def test_the_summary_names_the_first_loss_and_where_the_others_are():
    def told(*losses):
        return summary(SUGGESTED, ExportReport((), 2, 1, losses))

    assert told() == "Exported 1 object of 2 images to /tmp/out. Nothing was lost."
    where = "Exported 1 object of 2 images, {}: see /tmp/out/export_report.txt. {}"
    assert told("A.") == where.format("1 kind of loss", "A.")
    assert told("A.", "B.", "C.") == where.format("3 kinds of loss", "A.")
    stopped = summary(SUGGESTED, ExportReport((), 0, 0, cancelled=True))
    assert stopped == "The export was stopped; nothing was written."
