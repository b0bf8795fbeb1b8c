"""Objects copied to the next image of the list, where the same circuit often goes on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers import hints
from napari_icseg.controllers import object_operations as operations
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk


class CopyPart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._background = Background(desk.session.gui, "copy")

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Its key and button."""
        return {"copy_to_next": self.copy_to_next}

    def close(self) -> None:
        """Drops what has not started."""
        self._background.close()

    def copy_to_next(self) -> None:
        """Copies the selected objects, or all, to the next image, and goes there."""
        desk, project = self._desk, self._desk.session.project
        objects = desk.editor.selection.records or desk.editor.selection.candidates
        next_id = desk.images.neighbour(+1)
        if project is None or next_id is None or not objects:
            desk.loop.say(hints.last_image(+1) if objects else hints.NOTHING_TO_COPY)
            return

        def copy() -> int:
            image = project.image(next_id)
            copies = operations.copies_for(objects, project.objects(next_id), image.shape)
            summary = f"copy {counted(len(copies), 'object')} to {image.name}"
            if copies:
                project.edit_objects(next_id, add=copies, summary=summary)
            return len(copies)

        show = partial(self._on_copied, project.file, next_id)
        self._background.run(copy, show, lambda error: show_error(str(error)))

    def _on_copied(self, file: object, image_id: int, num_copied: int) -> None:
        if self._desk.session.path == file:
            self._desk.images.go(image_id)
            self._desk.loop.say(hints.copied(num_copied))
