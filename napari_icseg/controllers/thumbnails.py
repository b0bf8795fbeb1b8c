"""Thumbnails of the rows that can be seen, read one by one in a thread, the newest wish first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtGui import QImage, QPixmap

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.thumbnail_files import NoThumbnailError, ThumbnailFiles
from napari_icseg.widgets.status_icons import status_icon

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_icseg.controllers.desk import Desk

DELAY_MS = 40
"""Rows that are only scrolled past are not read."""
MAX_WAITING = 128


class Thumbnails:
    """Fills in the pictures that the image list asks for.

    One is read at a time. Rows that went out of sight meanwhile are dropped: they ask again
    when they come back.
    """

    def __init__(self, desk: Desk, files: ThumbnailFiles | None = None) -> None:
        self._session = desk.session
        self._images = desk.dock.images
        self._files = files or ThumbnailFiles()
        self._background = Background(desk.session.gui, "thumbnails")
        self._waiting: dict[int, None] = {}
        """Image ids; the newest wish is the last."""
        self._reading_id: int | None = None
        self._is_closed = False
        self._generation = 0
        self._root: Path | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._read_next)
        self._images.thumbnail_wanted.connect(self._on_list_thumbnail_wanted)
        desk.session.opened.connect(self._on_session_changed)
        desk.session.closed.connect(self._on_session_changed)
        desk.session.images_changed.connect(self._on_session_changed)
        self._on_session_changed()

    def actions(self) -> dict[str, Callable[[], object]]:
        """There are none."""
        return {}

    def close(self) -> None:
        """Stops reading."""
        self._timer.stop()
        self._is_closed = True
        self._generation += 1
        self._waiting.clear()
        self._images.thumbnail_wanted.disconnect(self._on_list_thumbnail_wanted)
        for signal in (self._session.opened, self._session.closed, self._session.images_changed):
            signal.disconnect(self._on_session_changed)
        self._background.close()

    def _on_session_changed(self, _project: object = None) -> None:
        """Where images lie elsewhere, ids and paths mean other files now."""
        project = self._session.project
        root = None if project is None else project.root
        if root is None or root != self._root:
            self._root = root
            self._generation += 1
            self._waiting.clear()
            self._images.forget_thumbnails()

    def _on_list_thumbnail_wanted(self, image_id: int) -> None:
        if image_id == self._reading_id:
            return
        self._waiting.pop(image_id, None)
        self._waiting[image_id] = None
        if len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        if not self._timer.isActive():
            self._timer.start()

    def _read_next(self) -> None:
        project = self._session.project
        if self._reading_id is not None or project is None:
            return
        image_id = self._take_visible()
        if image_id is None:
            return
        self._reading_id = image_id
        path, generation = project.absolute_path(image_id), self._generation
        self._background.run(
            lambda: self._files.get(path),
            lambda thumbnail: self._show(generation, image_id, to_pixmap(thumbnail)),
            lambda error: self._show(generation, image_id, _instead_of(error)),
        )

    def _take_visible(self) -> int | None:
        while self._waiting:
            image_id, _ = self._waiting.popitem()
            if image_id >= 0 and self._images.is_in_view(image_id):
                return image_id
        return None

    def _show(self, generation: int, image_id: int, pixmap: QPixmap) -> None:
        self._reading_id = None
        if generation == self._generation:
            self._images.set_thumbnail(image_id, pixmap)
        if not self._is_closed:
            self._read_next()


def to_pixmap(thumbnail: NDArray[np.uint8]) -> QPixmap:
    """A grey picture, uint8 (h, w), for the screen."""
    height, width = thumbnail.shape
    image = QImage(thumbnail.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
    # the pixmap has a copy, so that the bytes may go
    return QPixmap.fromImage(image)


def _instead_of(error: Exception) -> QPixmap:
    """A cross for an image that cannot be read; nothing for one that only has no thumbnail."""
    has_none = isinstance(error, NoThumbnailError)
    return QPixmap() if has_none else status_icon("unreadable").pixmap(28, 28)
