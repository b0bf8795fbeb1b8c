from __future__ import annotations

from dataclasses import dataclass

import pytest
from qtpy.QtWidgets import QComboBox, QLineEdit, QPushButton, QToolButton

from napari_icseg.widgets.labelling_dock import LabellingDock
from napari_icseg.widgets.labelling_models import CHOOSE_FILE, ModelChoice

pytestmark = pytest.mark.gui


@dataclass(frozen=True)
class Class:
    id: int
    name: str
    color: str = "#e69f00"
    is_visible: bool = True
    is_locked: bool = False


@pytest.fixture
def dock(qtbot):
    dock = LabellingDock()
    qtbot.addWidget(dock)
    dock.show()
    return dock


@pytest.fixture
def actions(dock):
    emitted = []
    dock.action.connect(emitted.append)
    return emitted


def test_it_begins_with_the_start_page(dock, actions):
    assert not dock.is_working()
    for button in (dock.start.open_folder, dock.start.open_project, dock.start.open_sample):
        button.click()
    assert actions == ["open_folder", "open_project", "open_sample"]
    dock.show_work()
    assert dock.is_working()


def test_buttons_emit_the_actions_that_the_keys_emit(dock, actions):
    dock.show_work()
    names = ["previous_image", "next_image", "mark_labelled", "mark_blank"]
    for name in names:
        dock.image_buttons.button(name).click()
    for name in ("accept", "undo", "redo"):
        dock.click_buttons.button(name).click()
    assert actions == [*names, "accept", "undo", "redo"]


def test_every_control_has_a_tooltip(dock):
    for kind in (QPushButton, QToolButton, QComboBox, QLineEdit):
        for control in dock.findChildren(kind):
            is_inside_another = isinstance(control.parent(), QLineEdit)
            assert control.toolTip() or is_inside_another, control.objectName() or control.text()


def test_no_button_takes_the_keyboard_from_the_canvas(dock):
    dock.show_work()
    buttons = [
        *dock.image_buttons.findChildren(QPushButton),
        *dock.click_buttons.findChildren(QPushButton),
        *dock.classes.findChildren(QPushButton),
        *dock.models.findChildren(QPushButton),
        *dock.header.findChildren(QPushButton),
    ]
    assert buttons
    assert all(button.focusPolicy() == button.focusPolicy().NoFocus for button in buttons)


def test_classes_show_name_and_digit_and_emit_their_id(dock, qtbot):
    dock.set_classes([Class(7, "metal"), Class(9, "via")], 9)
    rows = dock.classes.rows.items()
    assert [row.text(0) for row in rows] == ["1  metal", "2  via"]
    assert dock.classes.current_id() == 9
    with qtbot.waitSignal(dock.class_chosen) as blocker:
        dock.classes.rows.itemClicked.emit(rows[0], 0)
    assert blocker.args == [7]
    dock.set_classes([], None)
    assert dock.classes.current_id() is None


def test_eye_and_lock_of_a_class_ask_to_be_switched_and_choose_nothing(dock, qtbot):
    bar = dock.classes
    dock.set_classes([Class(7, "metal"), Class(9, "via", is_visible=False)], 9)
    chosen = []
    bar.class_chosen.connect(chosen.append)
    for column, signal in ((2, bar.visibility_asked), (3, bar.lock_asked)):
        with qtbot.waitSignal(signal) as blocker:
            bar.rows.itemClicked.emit(bar.rows.items()[0], column)
        assert blocker.args == [7]
    assert not chosen
    assert "Show" in bar.rows.items()[1].toolTip(2)


def test_forty_classes_do_not_push_the_dock_about(dock):
    dock.set_classes([Class(n, f"class {n}") for n in range(40)], 0)
    assert dock.classes.rows.height() <= 5 * 24 + 4
    assert len(dock.classes.rows.ids()) == 40
    dock.classes.set_counts({3: 1200})
    assert dock.classes.rows.items()[3].text(1) == "1,200"


def test_undo_and_redo_say_what_they_would_do(dock):
    dock.set_history(undo="add a metal", redo=None)
    assert dock.click_buttons.button("undo").isEnabled()
    assert dock.click_buttons.button("undo").toolTip() == "Undo: add a metal (key Ctrl+Z)"
    assert not dock.click_buttons.button("redo").isEnabled()


def test_models_are_listed_and_a_file_can_be_chosen(dock, qtbot):
    choices = [ModelChoice("nano", "SAM-2 nano"), ModelChoice(CHOOSE_FILE, "Local file…")]
    chosen = []
    dock.models.model_chosen.connect(chosen.append)
    dock.models.set_models(choices, "nano")
    assert chosen == []
    dock.models.model.setCurrentIndex(1)
    dock.models.model.activated.emit(1)
    assert chosen == [CHOOSE_FILE]


def test_a_download_is_shown_while_it_runs(dock):
    dock.show_work()
    dock.models.set_download("sam2.1-tiny: 12 of 149 MiB", 8)
    assert dock.models.progress.isVisible()
    assert dock.models.progress.value() == 8
    dock.models.set_download("", None)
    assert not dock.models.cancel_button.isVisible()
