from __future__ import annotations

import enum
from dataclasses import dataclass

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

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


@pytest.fixture
def images(qtbot):
    widget = ImageList()
    qtbot.addWidget(widget)
    widget.resize(300, 400)
    widget.show()
    rows = [Row(10, "a.png"), Row(11, "b.png", Status.BLANK), Row(12, "sub/c.png")]
    widget.model.set_rows([*rows, Row(13, "d.png", Status.LABELLED, 7)])
    return widget


def texts(images) -> list[str]:
    model = images.model
    return [model.data(model.index(row)) for row in range(model.rowCount())]


def test_100_000_images_cost_no_widget_each_and_only_visible_rows_are_asked_for(qtbot, monkeypatch):
    widget = ImageList()
    qtbot.addWidget(widget)
    widget.show()
    num_widgets = len(widget.findChildren(QWidget))
    asked, data = set(), widget.model.data
    monkeypatch.setattr(
        widget.model, "data", lambda index, role=0: asked.add(index.row()) or data(index, role)
    )
    widget.model.set_rows([Row(n, f"tile_{n:06d}.png") for n in range(100_000)])
    widget.select(99_999)
    widget.view.viewport().repaint()
    assert widget.selected_id() == 99_999
    assert 1 <= len(asked) < 200
    assert len(widget.findChildren(QWidget)) - num_widgets < 10
    widget.search.setText("_0999")
    assert widget.model.rowCount() == 100


def test_a_click_emits_the_image_and_selecting_does_not(images, qtbot):
    emitted = []
    images.image_chosen.connect(emitted.append)
    images.select(11)
    assert emitted == []
    position = images.view.visualRect(images.model.index_of(12)).center()
    QTest.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, pos=position)
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
    images.model.update_row(Row(99, "unknown.png"))
    assert len(texts(images)) == 4
