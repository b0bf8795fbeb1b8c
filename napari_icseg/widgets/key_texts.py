"""Texts and tooltips that name keys, and follow them when the user changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtCore import QObject

from napari_icseg.widgets.keymap import ACTIVE_KEYS

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

Control = TypeVar("Control")
_TEXT, _TOOLTIP = "icsegKeyedText", "icsegKeyedTooltip"


def with_keys(control: Control, *, text: str = "", tooltip: str = "") -> Control:
    """Gives a button, label or menu entry texts with `{undo}` and other actions in them.

    They are replaced by the action's keys, now and by each `refresh_key_texts`. A text that
    is left out stays as it is.
    """
    target: Any = control
    if text:
        target.setProperty(_TEXT, text)
    if tooltip:
        target.setProperty(_TOOLTIP, tooltip)
    _fill(target)
    return control


def refresh_key_texts(parent: QWidget) -> None:
    """Fills all such texts below a widget anew, after the keys have changed."""
    for child in parent.findChildren(QObject):
        if child.property(_TEXT) or child.property(_TOOLTIP):
            _fill(child)


def _fill(target: Any) -> None:
    text, tooltip = target.property(_TEXT), target.property(_TOOLTIP)
    if text:
        target.setText(ACTIVE_KEYS.fill(text))
    if tooltip:
        target.setToolTip(ACTIVE_KEYS.fill(tooltip))
