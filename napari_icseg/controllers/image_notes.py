"""The note on the image shown: saved when the user leaves it, and after a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers.napari_window import canvas_of
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.widgets.image_notes import ImageNotes
from napari_icseg.widgets.labelling_dock import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.desk import Desk

PAUSE_MS = 3000
"""Each pause saved is one step of undo: not too short."""


class NotesPart:
    """Shows and keeps the note. What was typed belongs to the image it was typed for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._session = desk.session
        self.widget = ImageNotes()
        self._image_id: int | None = None
        self._saved = ""
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.save)
        self.widget.edited.connect(self._timer.start)
        self.widget.left.connect(self._on_widget_left)
        desk.dock.put(Slot.UNDER_IMAGES, self.widget)
        for signal, handler in self._signals():
            signal.connect(handler)
        self._show(self._session.current_image_id)

    def actions(self) -> dict[str, Callable[[], object]]:
        """The entry of the image list's menu."""
        return {"edit_note": self._edit}

    def close(self) -> None:
        """Saves and stops listening."""
        self.save()
        self._timer.stop()
        for signal, handler in self._signals():
            signal.disconnect(handler)

    def save(self) -> None:
        """Writes the note into the project, if it was changed."""
        self._timer.stop()
        project, text = self._session.project, self.widget.text
        if project is None or self._image_id is None or text == self._saved:
            return
        with errors_shown():
            project.set_notes(self._image_id, text)
            self._saved = text

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session, images = self._session, self._desk.images
        return (
            (images.leaving, self._on_images_leaving),
            (session.image_shown, self._show),
            (session.labels_changed, self._on_session_labels_changed),
            (session.images_changed, self._on_session_images_changed),
            (session.closing, self._on_images_leaving),
        )

    def _show(self, image_id: int | None) -> None:
        project = self._session.project
        self._image_id = image_id if project is not None else None
        notes = "" if project is None or image_id is None else project.image(image_id).notes
        self.widget.show_text(notes, can_edit=self._image_id is not None)
        # compared with what the field makes of it, so that only the user's changes count
        self._saved = self.widget.text

    def _edit(self) -> None:
        """Goes to the image highlighted and lets the user write."""
        ids = self._desk.dock.images.selected_ids()
        if ids and ids[0] != self._desk.images.wanted_id:
            self._desk.images.go(ids[0])
        # after the dock has given the keyboard to the canvas, as it does after each action
        QTimer.singleShot(0, self.widget.begin)

    def _on_widget_left(self) -> None:
        has_enter = self.widget.field.hasFocus()
        self.save()
        if has_enter:
            canvas_of(self._desk.viewer).setFocus()

    def _on_images_leaving(self) -> None:
        self.save()
        self._image_id, self._saved = None, ""
        self.widget.show_text("", can_edit=False)

    def _on_session_labels_changed(self, image_id: int) -> None:
        is_being_typed = self.widget.text != self._saved
        if image_id == self._image_id and not is_being_typed:
            self._show(image_id)

    def _on_session_images_changed(self) -> None:
        if self._image_id is not None and self.widget.text == self._saved:
            project = self._session.project
            row = self._desk.dock.images.model.row_of(self._image_id)
            self._show(self._image_id if project is not None and row is not None else None)
