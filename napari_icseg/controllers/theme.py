"""The colours of napari's theme, now and when it is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.desk import KeylessPart
from napari_icseg.widgets import tones
from napari_icseg.widgets.key_texts import refresh_key_texts
from napari_icseg.widgets.keymap import ACTIVE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.widgets.training_view import Tone


@dataclass(frozen=True, slots=True)
class ThemeColors:
    """Colours "#rrggbb" of a theme, and ours that can be read on its background."""

    text: str
    background: str
    tones: Mapping[Tone, str]


def colors_of(viewer: Any) -> ThemeColors:
    """The colours of a viewer's theme."""
    from napari.utils.theme import get_theme

    theme = get_theme(viewer.theme)
    background = theme.background.as_hex(format="long")
    return ThemeColors(theme.text.as_hex(format="long"), background, tones.palette_for(background))


class LookPart(KeylessPart):
    """Colours and key names of the Labelling dock follow napari's theme and the settings."""

    def __init__(self, desk: Desk) -> None:
        self._viewer, self._dock = desk.viewer, desk.dock
        desk.viewer.events.theme.connect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.connect(self._on_active_keys_changed)
        self._on_viewer_theme()
        self._on_active_keys_changed()

    def close(self) -> None:
        """Stops following."""
        self._viewer.events.theme.disconnect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.disconnect(self._on_active_keys_changed, missing_ok=True)

    def _on_viewer_theme(self, _event: object = None) -> None:
        self._dock.setStyleSheet(tones.style_sheet(colors_of(self._viewer).tones))

    def _on_active_keys_changed(self) -> None:
        refresh_key_texts(self._dock)
        self._dock.shortcuts.set_shortcuts(ACTIVE_KEYS.keymap.shortcuts())
