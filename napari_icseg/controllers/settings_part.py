"""The settings at work: the dialog, what they change at once, and how full the disk is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.napari_keys import keys_of_napari, open_preferences
from napari_icseg.controllers.napari_preferences import show_in_preferences
from napari_icseg.controllers.napari_window import main_window_of
from napari_icseg.controllers.notify import show_error, show_info, show_warning
from napari_icseg.controllers.settings import (
    GROUPS,
    Settings,
    bounds_of,
    group_of,
    unit_of,
)
from napari_icseg.controllers.settings_store import user_settings
from napari_icseg.widgets.keymap import ACTIVE_KEYS, Keymap, read_keymap
from napari_icseg.widgets.settings_dialog import SettingRow, SettingsDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk

GIB, MIB = 2**30, 2**20
_told: set[str] = set()
"""Problems of settings files are told once, not by every window."""


class SettingsPart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._gui = desk.session.gui
        self._store = user_settings()
        self._background = Background(self._gui, "cache")
        self._dialog: SettingsDialog | None = None
        self._store.changed.connect(self._on_store_changed)
        self._store.failed.connect(self._on_store_failed)
        self._apply(self._store.value)
        show_in_preferences(self._store)
        self._tell_once(self._store.problem)

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Opens the dialog."""
        return {"settings": self.open}

    @property
    def dialog(self) -> SettingsDialog | None:
        """The dialog, once it was opened."""
        return self._dialog

    def open(self) -> None:
        """Shows the dialog, or brings it to the front."""
        if self._dialog is None:
            self._dialog = self._build_dialog()
        self._show()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        self._count()

    def clear_cache(self) -> None:
        """Removes all embeddings from the disk, in a thread."""
        disk = self._desk.worker.cache.disk
        if disk is None:
            return
        self._show_cache(None)
        activity = self._desk.session.activity

        def work() -> None:
            with activity.start("Clearing the embeddings"):
                disk.clear()

        def done(_: None) -> None:
            show_info("The embeddings on disk were removed.")
            self._count()

        self._background.run(work, done, self._on_cache_failed)

    def close(self) -> None:
        """Closes the dialog and stops listening."""
        self._store.changed.disconnect(self._on_store_changed, missing_ok=True)
        self._store.failed.disconnect(self._on_store_failed, missing_ok=True)
        self._background.close()
        dialog, self._dialog = self._dialog, None
        if dialog is not None and isalive(dialog):
            dialog.close()
            dialog.deleteLater()

    # what the settings change -------------------------------------------------------------

    def _on_store_changed(self, settings: Settings) -> None:
        self._apply(settings)
        if self._dialog is not None:
            self._show()
            self._count()

    def _apply(self, settings: Settings) -> None:
        cache = self._desk.worker.cache
        cache.set_max_bytes(settings.memory_cache_mib * MIB)
        disk = cache.disk
        if disk is not None:
            max_bytes = int(settings.disk_cache_gib * GIB)
            self._background.run(
                partial(disk.set_max_bytes, max_bytes), lambda _: None, self._on_cache_failed
            )
        keymap, problems = read_keymap(settings.changed_keys)
        ACTIVE_KEYS.use(keymap)
        if problems:
            self._tell_once(f"Of the changed keys in the settings, {problems[0]}.")

    def _on_store_failed(self, message: str) -> None:
        self._gui.call(lambda: show_error(message))

    def _on_cache_failed(self, error: Exception) -> None:
        show_error(f"The embeddings on disk could not be changed: {error}")
        self._count()

    @staticmethod
    def _tell_once(problem: str) -> None:
        if problem and problem not in _told:
            _told.add(problem)
            show_warning(problem)

    # the dialog ---------------------------------------------------------------------------

    def _build_dialog(self) -> SettingsDialog:
        dialog = SettingsDialog(_rows(), main_window_of(self._desk.viewer))
        dialog.changed.connect(self._on_dialog_changed)
        dialog.keys_changed.connect(self._on_dialog_keys_changed)
        dialog.restore_requested.connect(self._store.restore)
        dialog.clear_requested.connect(self.clear_cache)
        dialog.napari_requested.connect(open_preferences)
        return dialog

    def _on_dialog_changed(self, name: str, value: object) -> None:
        self._store.set(**{name: value})

    def _on_dialog_keys_changed(self, keymap: Keymap) -> None:
        self._store.set(changed_keys=keymap.dump())

    def _show(self) -> None:
        assert self._dialog is not None
        self._dialog.show_values(self._store.value.model_dump())
        self._dialog.show_keymap(ACTIVE_KEYS.keymap, keys_of_napari())

    def _count(self) -> None:
        disk = self._desk.worker.cache.disk
        if disk is None or self._dialog is None or not self._dialog.isVisible():
            return
        self._show_cache(None)
        self._background.run(lambda: disk.num_bytes, self._show_cache, self._on_cache_failed)

    def _show_cache(self, num_bytes: int | None) -> None:
        disk = self._desk.worker.cache.disk
        if self._dialog is not None and disk is not None:
            max_bytes = int(self._store.value.disk_cache_gib * GIB)
            self._dialog.cache.set_size(num_bytes, max_bytes, str(disk.folder))


def _rows() -> list[SettingRow]:
    rows = []
    for name, field in Settings.model_fields.items():
        default: Any = field.default
        if not isinstance(default, str):
            rows.append(
                SettingRow(
                    name,
                    GROUPS[group_of(name)],
                    str(field.title),
                    str(field.description),
                    default,
                    bounds_of(name) or (0, 0),
                    unit_of(name),
                )
            )
    return rows
