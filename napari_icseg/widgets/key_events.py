"""Key events as they are.

Qt makes its events on the stack. Where somebody keeps the Python object of an older event (vispy
keeps the last of the mouse), PyQt hands that one out again for a new event at the same place, of
another type.
"""

from __future__ import annotations

from qtpy import API_NAME
from qtpy.QtCore import QEvent
from qtpy.QtGui import QKeyEvent

_TYPES = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride)


def key_event_of(event: QEvent | None) -> QKeyEvent | None:
    """The event as a key event; None if it is none."""
    if event is None or event.type() not in _TYPES:
        return None
    if isinstance(event, QKeyEvent):
        return event
    if not API_NAME.startswith("PyQt"):
        return None
    from qtpy import sip

    # only a cast up and one down are allowed
    found: QKeyEvent = sip.cast(sip.cast(event, QEvent), QKeyEvent)
    return found
