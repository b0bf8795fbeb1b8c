from __future__ import annotations

import enum
from dataclasses import dataclass

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMenu, QWidget

from napari_icseg.widgets.image_list import ImageList

pytestmark = pytest.mark.gui


class Status(enum.Enum):
    UNLABELLED = 1
    IN_PROGRESS = 2
    LABELLED = 3
    BLANK = 4


@dataclass(frozen=True)
class Row:
    id: int
    path: str
    status: Status = Status.UNLABELLED
    num_objects: int = 0
    notes: str = ""
    height: int = 64
    width: int = 64


@pytest.fixture
def images(qtbot):
    widget = ImageList()
    qtbot.addWidget(widget)
    widget.resize(300, 400)
    widget.show()
    rows = [Row(10, "a.png"), Row(11, "b.png", Status.BLANK), Row(12, "sub/c.png")]
    widget.model.set_rows([*rows, Row(13, "d.png", Status.LABELLED, 7)])
    return widget


def press(images, image_id, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    position = images.view.visualRect(images.model.index_of(image_id)).center()
    QTest.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, modifier, position)


def texts(images) -> list[str]:
    model = images.model
    return [model.data(model.index(row)) for row in range(model.rowCount())]


def test_100_000_images_cost_no_widget_each_and_only_visible_rows_are_asked_for(qtbot, monkeypatch):
    widget = ImageList()
    qtbot.addWidget(widget)
    widget.show()
    widget.set_thumbnails_on(is_on=True)
    num_widgets = len(widget.findChildren(QWidget))
    asked, wanted, row_at = set(), set(), widget.model.row_at
    monkeypatch.setattr(
        widget.model, "row_at", lambda index: asked.add(index.row()) or row_at(index)
    )
    widget.thumbnail_wanted.connect(wanted.add)
    widget.model.set_rows([Row(n, f"tile_{n:06d}.png") for n in range(100_000)])
    widget.select(99_999)
    QApplication.processEvents()
    assert widget.selected_id() == 99_999
    assert 99_999 in wanted
    assert 1 <= len(wanted) <= len(asked) < 200
    assert len(widget.findChildren(QWidget)) - num_widgets < 10
    widget.search.setText("_0999")
    assert widget.model.rowCount() == 100


def test_a_click_emits_the_image_and_selecting_does_not(images, qtbot):
    emitted = []
    images.image_chosen.connect(emitted.append)
    images.select(11)
    assert emitted == []
    press(images, 12)
    assert emitted == [12]


def test_filters_hide_rows_and_keep_the_selection(images):
    images.select(12)
    images.filter.setCurrentText("Not labelled")
    assert texts(images) == ["a.png", "sub/c.png"]
    assert images.selected_id() == 12
    images.search.setText("SUB")
    assert texts(images) == ["sub/c.png"]
    images.filter.setCurrentText("Blank")
    assert texts(images) == []


@pytest.mark.parametrize(
    ("start", "step", "end"),
    [(10, 1, 11), (13, 1, None), (10, -1, None), (13, -1, 12), (None, 1, 10), (11, 2, 13)],
)
def test_neighbours_follow_the_order_of_the_list(images, start, step, end):
    assert images.model.neighbour(start, step) == end


@pytest.mark.parametrize(("step", "end"), [(1, 12), (-1, 10)])
def test_neighbours_of_an_image_that_is_filtered_out_are_those_beside_it(images, step, end):
    images.filter.setCurrentText("Not labelled")
    assert images.model.neighbour(11, step) == end


def test_an_unreadable_image_is_marked_until_it_can_be_read(images):
    images.model.set_error(10, "cut off")
    index = images.model.index_of(10)
    assert "cut off" in images.model.data(index, Qt.ItemDataRole.ToolTipRole)
    images.filter.setCurrentText("Cannot be read")
    assert texts(images) == ["a.png"]
    images.model.set_error(10, None)
    assert "cut off" not in images.model.data(images.model.index(0), Qt.ItemDataRole.ToolTipRole)


def test_a_row_that_changes_is_repainted_alone(images, qtbot):
    with qtbot.waitSignal(images.model.dataChanged) as blocker:
        images.model.update_row(Row(11, "b.png", Status.IN_PROGRESS, 2))
    assert blocker.args[0].row() == blocker.args[1].row() == 1
    assert texts(images)[1] == "b.png   (2)"
    assert images.model.count("blank") == 0
    images.model.update_row(Row(99, "unknown.png"))
    assert len(texts(images)) == 4


def test_shift_and_ctrl_gather_images_while_the_one_shown_stays(images):
    emitted = []
    images.image_chosen.connect(emitted.append)
    images.select(10)
    press(images, 12, Qt.KeyboardModifier.ShiftModifier)
    press(images, 11, Qt.KeyboardModifier.ControlModifier)
    assert images.selected_ids() == (10, 12)
    assert (images.selected_id(), emitted) == (10, [])
    press(images, 13)
    assert (images.selected_ids(), emitted) == ((13,), [13])


def test_what_is_highlighted_outlives_sorting_filtering_and_reading_anew(images):
    images.select(13)
    press(images, 11, Qt.KeyboardModifier.ControlModifier)
    images.model.set_order("status")
    assert images.selected_ids() == (13, 11)
    images.model.set_rows([images.model.row_of(n) for n in (10, 11, 12, 13)])
    assert images.selected_ids() == (13, 11)
    images.filter.setCurrentText("Blank")
    assert images.selected_ids() == (11,)
    assert images.selected_id() is None


def test_an_image_taken_out_by_hand_does_not_come_back_into_a_batch(images):
    images.select(10)
    press(images, 12, Qt.KeyboardModifier.ShiftModifier)
    press(images, 10, Qt.KeyboardModifier.ControlModifier)
    images.model.set_order("name")
    assert images.selected_ids() == (11, 12)
    assert images.selected_id() == 10


def test_left_out_files_cannot_be_gathered(images):
    images.model.set_rows([Row(-1, "broken.png"), Row(1, "a.png")])
    images.select_all()
    assert images.selected_ids() == (1,)


def test_each_order_is_the_one_its_name_says(images):
    rows = [Row(1, "t10.png", Status.LABELLED, 5), Row(2, "T2.png", Status.BLANK, width=999)]
    images.model.set_rows([*rows, Row(3, "t1.png", Status.UNLABELLED, 9)])
    wanted = {"added": (1, 2, 3), "name": (3, 2, 1), "status": (3, 1, 2), "objects": (3, 1, 2)}
    for order, ids in {**wanted, "size": (2, 1, 3)}.items():
        images.model.set_order(order)
        assert ids_of(images) == ids
    images.model.set_order("changed", {2: 50.0, 3: 70.0})
    assert ids_of(images) == (3, 2, 1)


def test_a_row_that_changed_is_sorted_by_what_it_is_now(images):
    images.model.update_row(Row(12, "sub/c.png", Status.LABELLED, 99))
    assert ids_of(images) == (10, 11, 12, 13)
    images.model.set_order("objects")
    assert ids_of(images) == (12, 13, 10, 11)
    images.model.set_order("added")
    assert images.model.row_of(12).num_objects == 99


def ids_of(images) -> tuple[int, ...]:
    model = images.model
    return tuple(model.row_at(model.index(row)).id for row in range(model.rowCount()))


@pytest.mark.parametrize(
    ("start", "step", "found"),
    [(10, 1, (12, False)), (12, 1, (10, True)), (10, -1, (12, True)), (13, -1, (12, False))],
)
def test_the_next_to_do_is_searched_both_ways_and_round_the_end(images, start, step, found):
    assert images.model.next_to_do(start, step) == found


def test_the_next_to_do_keeps_to_the_filter_the_order_and_readable_images(images):
    images.model.set_order("objects")
    images.model.set_filter(None, "c.png")
    assert images.model.next_to_do(10, +1) == (12, False)
    assert images.model.next_to_do(12, +1) is None
    images.model.set_filter(None, "")
    images.model.set_error(12, "cut off")
    assert images.model.next_to_do(10, +1) is None
    assert (images.model.end(-1), images.model.end(+1)) == (13, 12)


def test_the_search_finds_notes_and_marks_them(images):
    images.model.update_row(Row(11, "b.png", notes="Scratch\nat the edge"))
    images.search.setText("scratch")
    assert texts(images) == ["b.png   ✎"]
    tooltip = images.model.data(images.model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "at the edge" in tooltip


def test_esc_in_the_search_field_shows_all_again(images):
    images.search.setText("sub")
    QTest.keyClick(images.search, Qt.Key.Key_Escape)
    assert len(texts(images)) == 4


def test_revealing_takes_away_only_what_hides_the_image(images):
    images.filter.setCurrentText("Blank")
    images.search.setText("b")
    images.reveal(11)
    assert (images.search.text(), images.filter.currentText()) == ("b", "Blank")
    images.reveal(13)
    assert (images.search.text(), images.filter.currentText()) == ("", "All images")


def test_the_menu_acts_on_what_is_highlighted(images, qtbot):
    emitted = []
    images.action.connect(emitted.append)
    images.offer(["batch_mark_blank", "edit_note", "copy_paths"])
    images.select(10)
    press(images, 12, Qt.KeyboardModifier.ShiftModifier)
    position = images.view.visualRect(images.model.index_of(11)).center()
    images.view.customContextMenuRequested.emit(position)
    menu = next(menu for menu in images.findChildren(QMenu) if menu.isVisible())
    entries = {entry.text(): entry for entry in menu.actions()}
    assert set(entries) - {""} == {"Mark these 3 images as blank", "Edit note…", "Copy paths"}
    assert not entries["Edit note…"].isEnabled()
    entries["Mark these 3 images as blank"].trigger()
    menu.close()
    assert emitted == ["batch_mark_blank"]


def test_thumbnails_in_memory_are_bounded(images, monkeypatch):
    monkeypatch.setattr("napari_icseg.widgets.image_list.MAX_THUMBNAILS", 2)
    wanted = []
    for image_id in (10, 11, 12):
        images.set_thumbnail(image_id, QPixmap(4, 4))
    images.set_thumbnails_on(is_on=True)
    images.thumbnail_wanted.connect(wanted.append)
    images.view.viewport().grab()  # paints whether or not the screen shows the window yet
    assert set(wanted) == {10, 13}
