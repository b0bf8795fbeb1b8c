"""The list of classes and the view of objects, by mouse and keys."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_icseg.widgets import class_dialogs
from tests.napari_icseg.conftest import CTRL

pytestmark = pytest.mark.gui
COUNT, EYE, LOCK = 1, 2, 3


@pytest.fixture
def errors(monkeypatch):
    """What was shown to the user as an error."""
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    return shown


def rows(gui):
    return gui.dock.classes.rows.items()


def switch(gui, number: int, column: int) -> None:
    gui.dock.classes.rows.itemClicked.emit(rows(gui)[number], column)


def test_a_locked_class_takes_no_object_and_loses_none(gui, errors):
    gui.label(14, 50)
    assert rows(gui)[0].text(COUNT) == "1"
    switch(gui, 0, LOCK)
    gui.click(14, 50, modifier=CTRL)
    assert "metal is locked" in gui.hint
    assert gui.controller.editor.selected_id is None
    gui.key(Qt.Key.Key_Delete)
    gui.click(46, 50)
    gui.wait_candidate()
    gui.key(Qt.Key.Key_Return)
    assert "metal is locked" in errors[-1]
    assert len(errors) == 1
    assert len(gui.objects()) == 1
    switch(gui, 0, LOCK)
    gui.key(Qt.Key.Key_Return)
    assert len(gui.objects()) == 2


def test_a_hidden_class_is_not_drawn_nor_selected(gui):
    gui.label(14, 50)
    switch(gui, 0, EYE)
    assert not gui.viewer.layers["objects"].data.any()
    gui.click(14, 50, modifier=CTRL)
    assert gui.controller.editor.selected_id is None
    switch(gui, 0, EYE)
    assert gui.viewer.layers["objects"].data.any()


def test_keys_change_how_objects_are_drawn(gui):
    gui.label(14, 50)
    gui.label(46, 50)
    layer = gui.viewer.layers["objects"]
    values = [int(layer.data[row, 50]) for row in (14, 46)]
    same = [tuple(layer.colormap.map(value).ravel()) for value in values]
    assert same[0] == same[1]
    gui.key(Qt.Key.Key_V)
    own = [tuple(layer.colormap.map(value).ravel()) for value in values]
    assert own[0] != own[1]
    gui.key(Qt.Key.Key_U)
    assert layer.contour > 0
    gui.key(Qt.Key.Key_O)
    assert not layer.visible
    gui.key(Qt.Key.Key_O)
    assert layer.visible


def test_a_class_is_renamed_moved_and_deleted_with_what_happens_to_its_objects_said(
    gui, monkeypatch
):
    gui.label(14, 50)
    monkeypatch.setattr(class_dialogs, "ask_name", lambda _parent, _name: "track")
    gui.dock.classes.change_asked.emit("rename", 1)
    assert rows(gui)[0].text(0) == "1  track"
    gui.dock.classes.change_asked.emit("move_down", 1)
    assert [row.text(0) for row in rows(gui)] == ["1  via", "2  track"]
    asked = []

    def move_to_via(_parent, name, members, others):
        asked.append((name, members, others))
        return others[0]

    monkeypatch.setattr(class_dialogs, "ask_delete", move_to_via)
    gui.dock.classes.change_asked.emit("delete", 1)
    assert asked == [("track", "1 object on 1 image", ["via"])]
    assert [record.class_id for record in gui.objects()] == [2]
    gui.key(Qt.Key.Key_Z, CTRL)
    assert [record.class_id for record in gui.objects()] == [1]


def test_counts_and_place_stay_when_a_class_is_hidden(gui):
    gui.label(14, 50)
    for number in range(20):
        gui.project.add_class(f"class {number}")
    bar = gui.dock.classes.rows.verticalScrollBar()
    bar.setValue(bar.maximum())
    switch(gui, 20, EYE)
    assert bar.value() == bar.maximum() > 0
    assert rows(gui)[0].text(COUNT) == "1"


def test_a_stroke_over_a_locked_class_is_taken_back(gui, errors):
    gui.label(14, 50)
    before = gui.viewer.layers["objects"].data.copy()
    switch(gui, 0, LOCK)
    gui.key(Qt.Key.Key_E)
    gui.drag((14, 30), (14, 60))
    assert "metal is locked" in errors[-1]
    assert (gui.viewer.layers["objects"].data == before).all()
