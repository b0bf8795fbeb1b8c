"""The card of the image under the mouse on the map: what is known of it, and its thumbnail."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.suggest_words import short
from napari_icseg.controllers.thumbnail_files import ThumbnailFiles
from napari_icseg.controllers.thumbnails import to_pixmap
from napari_icseg.widgets.map_view import KIND_TEXT, KINDS, Card

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from qtpy.QtGui import QPixmap

    from napari_icseg.controllers.map_places import MapPlaces
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.suggesting import SuggestedImage
    from napari_icseg.widgets.map_canvas import MapCanvas

_MAX_PICTURES = 256


class MapHover:
    """Shows the card at once and the thumbnail when it is read; the newest wish wins."""

    def __init__(self, session: ProjectSession, canvas: MapCanvas) -> None:
        self._session, self._canvas = session, canvas
        self._files = ThumbnailFiles()
        self._background = Background(session.gui, "map-hover")
        self._pictures: OrderedDict[Path, QPixmap] = OrderedDict()
        self._wanted: Path | None = None
        self._is_reading = False

    def show(
        self,
        places: MapPlaces,
        image_id: int,
        kind: int | None,
        suggested: Mapping[int, SuggestedImage],
    ) -> None:
        """Shows the card of an image on the map."""
        project = self._session.project
        if project is None:
            return
        path = project.root / places.paths[int((places.ids == image_id).argmax())]
        self._wanted = path
        self._canvas.card.set_picture(self._pictures.get(path))
        card = card_of(places, image_id, kind, suggested.get(image_id))
        self._canvas.show_card(image_id, card, places.alike(image_id).tolist())
        self._read_wanted()

    def leave(self) -> None:
        """No image is under the mouse."""
        self._wanted = None

    def close(self) -> None:
        """Stops reading."""
        self._wanted = None
        self._background.close()

    def _read_wanted(self) -> None:
        path = self._wanted
        if path is None or self._is_reading or path in self._pictures:
            return
        self._is_reading = True
        self._background.run(
            lambda: self._files.get(path),
            lambda thumbnail: self._on_read(path, thumbnail),
            lambda _error: self._on_read(path, None),
        )

    def _on_read(self, path: Path, thumbnail: npt.NDArray[np.uint8] | None) -> None:
        self._is_reading = False
        if thumbnail is not None:
            self._pictures[path] = to_pixmap(thumbnail)
            while len(self._pictures) > _MAX_PICTURES:
                self._pictures.popitem(last=False)
        if path == self._wanted:
            self._wanted = None if thumbnail is None else path
            self._canvas.card.set_picture(self._pictures.get(path))
        self._read_wanted()


def card_of(
    places: MapPlaces, image_id: int, kind: int | None, suggested: SuggestedImage | None
) -> Card:
    """Return what is said of an image on the map."""
    path = places.paths[int((places.ids == image_id).argmax())]
    lines = [] if kind is None else [KIND_TEXT[KINDS[kind]]]
    if suggested is not None:
        lines.append(f"suggested: {suggested.reason}")
    alike = set(places.alike(image_id).tolist())
    names = [
        path.rsplit("/", 1)[-1]
        for number, path in zip(places.ids.tolist(), places.paths, strict=True)
        if number in alike
    ]
    if names:
        lines.append(f"nearly the same: {short(names, 2)}")
    return Card(path.rsplit("/", 1)[-1], tuple(lines))
