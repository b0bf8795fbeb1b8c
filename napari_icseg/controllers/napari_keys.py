"""napari's own keys, of which the user is warned, and its preferences."""

from __future__ import annotations

import contextlib
from typing import Any

from napari_icseg.widgets.keymap import canonical

_NAMES = {
    "LeftArrow": "Left",
    "RightArrow": "Right",
    "UpArrow": "Up",
    "DownArrow": "Down",
    "PageUp": "PgUp",
    "PageDown": "PgDown",
    "Enter": "Return",
    "Escape": "Esc",
    "Delete": "Del",
}
_PREFERENCES = "napari.window.file.show_preferences_dialog"


def keys_of_napari() -> dict[str, str]:
    """What napari does with a key, by the key's canonical text, as its settings are now."""
    found: dict[str, str] = {}
    for action, keys in _shortcuts().items():
        text = action.removeprefix("napari:").replace("_", " ")
        for key in keys:
            name = canonical("+".join(_NAMES.get(p, p) for p in str(key).split("+")))
            if name:
                found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def open_preferences() -> None:
    """Opens napari's dialog of preferences."""
    from napari._app_model import get_app_model

    # napari names its commands anew from time to time; the menu has it in any case
    with contextlib.suppress(KeyError):
        get_app_model().commands.execute_command(_PREFERENCES)


def _shortcuts() -> dict[str, Any]:
    from napari.settings import get_settings

    return dict(get_settings().shortcuts.shortcuts)
