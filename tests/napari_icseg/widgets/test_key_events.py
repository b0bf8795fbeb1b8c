from __future__ import annotations

import pytest
from qtpy import API_NAME
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent

from napari_icseg.widgets.key_events import key_event_of

pytestmark = pytest.mark.gui
NO = Qt.KeyboardModifier.NoModifier


@pytest.mark.skipif(not API_NAME.startswith("PyQt"), reason="only PyQt mixes them up")
def test_a_key_event_under_the_object_of_an_older_mouse_event_is_found_out(qapp):
    from qtpy import sip

    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, NO)
    mistaken = sip.cast(sip.cast(event, QEvent), QMouseEvent)
    assert not hasattr(mistaken, "key")
    assert key_event_of(mistaken).key() == Qt.Key.Key_Escape


def test_other_events_are_none(qapp):
    point = QPointF(1, 1)
    button = Qt.MouseButton.LeftButton
    mouse = QMouseEvent(QEvent.Type.MouseButtonPress, point, point, button, button, NO)
    assert key_event_of(mouse) is None
    assert key_event_of(None) is None
