"""What the image list offers beside choosing: order, thumbnails on or off, its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.settings_store import user_settings
from napari_icseg.widgets.image_order import CHANGED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.settings import Settings
    from napari_icseg.project.project import Project


class ImageTools:
    """Sorts the list and carries out the entries of its menu that change no labels."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._images = desk.dock.images
        self._background = Background(desk.session.gui, "order")
        self._settings = user_settings()
        self._images.set_thumbnails_on(is_on=self._settings.value.thumbnails)
        self._wanted_order = self._images.model.order
        self._images.order_asked.connect(self._on_list_order_asked)
        self._images.thumbnails_toggled.connect(self._on_list_thumbnails_toggled)
        self._settings.changed.connect(self._on_settings_changed)

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of the menu that belong here."""
        return {
            "select_all_images": self._images.select_all,
            "copy_paths": self._copy_paths,
            "show_in_folder": self._show_in_folder,
        }

    def close(self) -> None:
        """Stops listening."""
        self._wanted_order = ""
        self._images.order_asked.disconnect(self._on_list_order_asked)
        self._images.thumbnails_toggled.disconnect(self._on_list_thumbnails_toggled)
        self._settings.changed.disconnect(self._on_settings_changed)
        self._background.close()

    def _paths(self) -> list[Path]:
        project = self._desk.session.project
        if project is None:
            return []
        root, model = project.root, self._images.model
        rows = (model.row_of(image_id) for image_id in self._images.selected_ids())
        return [root / row.path for row in rows if row is not None]

    def _copy_paths(self) -> None:
        paths = self._paths()
        QApplication.clipboard().setText("\n".join(str(path) for path in paths))
        show_info("Copied the path." if len(paths) == 1 else f"Copied {len(paths):,} paths.")

    def _show_in_folder(self) -> None:
        for folder in dict.fromkeys(path.parent for path in self._paths()[:1]):
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                show_error(f"No file manager opened {folder}. Copy the path instead.")

    def _on_list_order_asked(self, order: str) -> None:
        project = self._desk.session.project
        self._wanted_order = order
        if order != CHANGED or project is None:
            self._images.model.set_order(order)
            return
        self._background.run(
            lambda: _changed_unix_s(project),
            lambda found: self._on_background_done(project, found),
            lambda error: show_error(str(error)),
        )

    def _on_background_done(self, project: Project, changed_unix_s: dict[int, float]) -> None:
        if project is self._desk.session.project and self._wanted_order == CHANGED:
            self._images.model.set_order(CHANGED, changed_unix_s)

    def _on_list_thumbnails_toggled(self, is_on: bool) -> None:
        self._settings.set(thumbnails=is_on)

    def _on_settings_changed(self, settings: Settings) -> None:
        self._images.set_thumbnails_on(is_on=settings.thumbnails)


def _changed_unix_s(project: Project) -> dict[int, float]:
    with project.snapshot() as snapshot:
        return snapshot.changed_unix_s()
