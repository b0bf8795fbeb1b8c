"""Images that other docks want on the canvas, such as the Map: the Labelling dock opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.desk import KeylessPart
from napari_icseg.controllers.session import session_of

if TYPE_CHECKING:
    from napari_icseg.controllers.desk import Desk


def ask_for_image(viewer: Any, image_id: int) -> None:
    """Shows an image on the canvas, and opens the Labelling dock if it is not there."""
    from napari_icseg.controllers.application import PLUGIN

    session = session_of(viewer)
    if len(session.image_asked) == 0:
        viewer.window.add_plugin_dock_widget(PLUGIN, "Labelling")
    session.image_asked.emit(image_id)


class AskedImages(KeylessPart):
    """Goes to the image that `session.image_asked` names, also where the list's filter hides it."""

    def __init__(self, desk: Desk) -> None:
        self._session, self._images = desk.session, desk.images
        self._list = desk.dock.images
        self._session.image_asked.connect(self._on_session_image_asked)
        self._session.images_expected.connect(self._images.expect)

    def close(self) -> None:
        """Stops listening."""
        self._session.image_asked.disconnect(self._on_session_image_asked)
        self._session.images_expected.disconnect(self._images.expect)

    def _on_session_image_asked(self, image_id: int) -> None:
        if self._images.wanted_id == image_id or self._list.model.row_of(image_id) is None:
            return  # it is there already, or was removed meanwhile
        self._list.reveal(image_id)
        self._images.go(image_id)
