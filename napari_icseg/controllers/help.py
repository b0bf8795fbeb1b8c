"""The help over the canvas, with the keys as they are now and in the colours of the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt

from napari_icseg.controllers.napari_window import canvas_of, main_window_of
from napari_icseg.controllers.theme import colors_of
from napari_icseg.widgets.help_overlay import HelpColors, HelpGroup, HelpOverlay
from napari_icseg.widgets.key_events import key_event_of
from napari_icseg.widgets.keymap import ACTIVE_KEYS
from napari_icseg.widgets.shortcut_groups import grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk

_KEYS = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)


class HelpPart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._viewer = desk.viewer
        self._overlay: HelpOverlay | None = None
        self._escape = _EscapeFilter(self)
        self._watched = (canvas_of(desk.viewer), main_window_of(desk.viewer))
        desk.viewer.events.theme.connect(self._fill)
        ACTIVE_KEYS.changed.connect(self._fill)

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Shows or hides the help."""
        return {"help": self.toggle}

    @property
    def is_open(self) -> bool:
        """Whether the help is shown."""
        return self._overlay is not None and bool(self._overlay.isVisible())

    def toggle(self) -> None:
        """Shows the help, or hides it."""
        if self.is_open:
            self.hide()
            return
        if self._overlay is None:
            self._overlay = HelpOverlay(canvas_of(self._viewer))
            # after the filter of the keys, so that it is asked before it
            for watched in self._watched:
                watched.installEventFilter(self._escape)
        self._fill()
        self._overlay.open()

    def hide(self) -> None:
        """Hides the help."""
        if self._overlay is not None:
            self._overlay.hide()

    def close(self) -> None:
        """Takes the help off the canvas."""
        self._viewer.events.theme.disconnect(self._fill)
        ACTIVE_KEYS.changed.disconnect(self._fill, missing_ok=True)
        overlay, self._overlay = self._overlay, None
        if overlay is None:
            return
        for watched in self._watched:
            if isalive(watched):
                watched.removeEventFilter(self._escape)
        if isalive(overlay):
            overlay.hide()
            overlay.deleteLater()

    def _fill(self, _event: object = None) -> None:
        if self._overlay is None:
            return
        colors = colors_of(self._viewer)
        shown = [entry for entry in ACTIVE_KEYS.keymap.shortcuts() if entry.label]
        groups = grouped(shown).items()
        self._overlay.set_groups(
            [HelpGroup(title, tuple(entries)) for title, entries in groups],
            HelpColors(colors.text, colors.tones["active"], colors.background),
        )


class _EscapeFilter(QObject):
    """Takes Esc for itself while the help is shown: the clicks stay."""

    def __init__(self, part: HelpPart) -> None:
        super().__init__()
        self._part = part

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; True keeps the event from everybody else."""
        if event is None or event.type() not in _KEYS or not self._part.is_open:
            return False
        pressed = key_event_of(event)
        if pressed is None or pressed.key() != Qt.Key.Key_Escape:
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self._part.hide()
        return True
