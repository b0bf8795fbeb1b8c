"""The history fold: what can be undone, and going to any place of it by a click."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers.history_panel import HistoryPanel
from napari_icseg.project.records import NewObject, ObjectSource
from tests.napari_icseg.conftest import CTRL, SHIFT
from tests.napari_icseg.project.conftest import square

pytestmark = pytest.mark.gui


def panel_of(gui) -> HistoryPanel:
    return next(part for part in gui.controller.parts if isinstance(part, HistoryPanel))


def click_row(panel: HistoryPanel, row: int) -> None:
    index = panel.list.history.index(row)
    panel.list.scrollTo(index)
    center = panel.list.visualRect(index).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=center)


def test_a_click_in_the_history_goes_there_and_forth_again(gui):
    panel = panel_of(gui)
    for number in range(8):
        gui.project.add_object(
            1 + number % 2, 1, square(4 + number, 8 * number), ObjectSource.MANUAL
        )
    gui.key(Qt.Key.Key_H, CTRL)
    assert panel.fold.is_open
    assert panel.list.history.rowCount() == 9
    click_row(panel, 6)
    gui.wait(lambda: len(gui.objects(1)) + len(gui.objects(2)) == 2)
    gui.wait(lambda: panel.list.history.cursor_row == 6)
    click_row(panel, 8)
    gui.wait(lambda: panel.list.history.cursor_row == 8)
    assert not gui.objects(1)
    assert not gui.objects(2)
    click_row(panel, 0)
    gui.wait(lambda: panel.list.history.cursor_row == 0)
    assert len(gui.objects(1)) == 4
    gui.key(Qt.Key.Key_Z, CTRL)
    assert panel.list.history.cursor_row == 1
    gui.project.add_object(1, 1, square(50, 50), ObjectSource.MANUAL)
    assert panel.list.history.rowCount() == 9
    assert panel.list.history.cursor_row == 0


def test_a_large_operation_is_undone_and_redone_in_the_thread_in_order(gui):
    new = [NewObject(1, square(n % 80, (n * 7) % 80), ObjectSource.MANUAL) for n in range(1500)]
    gui.project.add_objects(1, new)
    gui.project.delete_objects([record.id for record in gui.objects(1)])
    assert gui.project.is_swap_long("undo")
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.key(Qt.Key.Key_Z, CTRL | SHIFT)
    gui.wait(lambda: len(gui.objects(1)) == 1500)
    gui.wait(lambda: "Redone" in gui.hint)
