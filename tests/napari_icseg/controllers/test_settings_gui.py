from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers import napari_preferences
from napari_icseg.controllers.help import HelpPart
from napari_icseg.controllers.settings_part import MIB, SettingsPart
from napari_icseg.controllers.settings_store import settings_file, user_settings
from napari_icseg.widgets.keymap import ACTIVE_KEYS, Keymap
from tests.napari_icseg.conftest import CTRL
from tests.napari_icseg.widgets.test_tooltips import without_tooltip

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def _keys_and_page():
    yield
    ACTIVE_KEYS.use(Keymap())
    if napari_preferences._page is not None:
        napari_preferences._page.close()
        napari_preferences._page = None


def part_of(gui, kind):
    return next(part for part in gui.controller.parts if isinstance(part, kind))


def test_settings_hold_at_once_and_changed_keys_work_everywhere(gui):
    cache, store = gui.controller.worker.cache, user_settings()
    cache.disk.folder.mkdir(parents=True, exist_ok=True)
    (cache.disk.folder / "a.safetensors").write_bytes(bytes(3 * MIB))
    gui.key(Qt.Key.Key_Comma, CTRL)
    dialog = part_of(gui, SettingsPart).dialog
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert without_tooltip(gui.dock) == [], "with all features of the desk in it"
    dialog.fields["memory_cache_mib"].setValue(96)
    assert cache.max_bytes == 96 * MIB
    dialog.fields["disk_cache_gib"].setValue(0.0)
    gui.wait(lambda: cache.disk.num_bytes == 0)
    dialog.keys.choose("mark_blank")
    QTest.keyClick(dialog.keys.field, Qt.Key.Key_F7)
    dialog.keys.use_button.click()
    dialog.close()
    assert gui.dock.image_buttons.button("mark_blank").text() == "Mark as blank (F7)"
    gui.canvas.setFocus()
    gui.key(Qt.Key.Key_B)
    assert not gui.project.image(1).status.is_done
    gui.key(Qt.Key.Key_F7)
    assert gui.project.image(1).status.is_done
    store.flush()
    assert "mark_blank: F7" in settings_file().read_text()


def test_the_cache_on_disk_is_counted_and_cleared_in_a_thread(gui):
    cache, part = gui.controller.worker.cache, part_of(gui, SettingsPart)
    cache.disk.folder.mkdir(parents=True, exist_ok=True)
    (cache.disk.folder / "a.safetensors").write_bytes(bytes(3 * MIB))
    part.open()
    gui.wait(lambda: part.dialog.cache.bar.text() == "3 MiB of 2.0 GiB on disk")
    assert str(cache.disk.folder) == part.dialog.cache.folder.text()
    part.dialog.cache.clear_button.click()
    gui.wait(lambda: part.dialog.cache.bar.text().startswith("0 MiB"))
    assert not list(cache.disk.folder.glob("*.safetensors"))


def test_the_help_lists_changed_keys_and_goes_with_esc_or_a_click(gui):
    part = part_of(gui, HelpPart)
    gui.click(14, 40)
    gui.wait_candidate()
    gui.key(Qt.Key.Key_F1)
    assert part.is_open
    gui.key(Qt.Key.Key_Escape)
    assert not part.is_open
    assert gui.state.clicks, "Esc closes the help only"
    gui.key(Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    assert part.is_open
    ACTIVE_KEYS.use(Keymap().with_keys("undo", ("F9",)))
    shown = part._overlay.findChildren(type(gui.dock.status.hint))
    assert any("F9" in label.text() for label in shown)
    QTest.mouseClick(part._overlay, Qt.MouseButton.LeftButton)
    assert not part.is_open
    gui.viewer.theme = "light"
    gui.key(Qt.Key.Key_F1)
    assert part.is_open


def test_the_next_images_of_the_list_are_embedded_then_the_one_before(gui):
    images = gui.controller.images
    images.go(2)
    gui.wait(lambda: gui.controller.loop.image_id == 2)
    assert [image_id for image_id, _ in images.ahead()] == [3, 4, 1]
    user_settings().set(num_ahead=1)
    assert [image_id for image_id, _ in images.ahead()] == [3, 1]
    user_settings().set(num_ahead=0)
    assert images.ahead() == []


def test_a_settings_file_of_nonsense_is_told_and_nothing_crashes(make_gui, tiles):
    from napari.utils.notifications import notification_manager

    file = settings_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(np.random.default_rng(0).bytes(500))
    gui = make_gui()
    gui.open(tiles)
    told = [str(record.message) for record in notification_manager.records]
    assert any(str(file) in text and ".bad" in text for text in told)
    assert user_settings().value == type(user_settings().value)()
