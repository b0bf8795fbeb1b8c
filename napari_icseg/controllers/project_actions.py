"""Opening, importing and exporting from the dock; the slow parts run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.import_review import ImportReview
from napari_icseg.controllers.label_export import LabelExport
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.project_opener import OpenedProject, open_any
from napari_icseg.controllers.sample_folder import sample_folder
from napari_icseg.widgets import dialogs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.widgets.export_dialog import ExportChoice
    from napari_icseg.widgets.labelling_dock import LabellingDock


class ProjectActions:
    """Asks for files, works in a thread, and hands an opened project to the session."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session = session
        self._dock = dock
        self._background = Background(session.gui, "project")
        self._exporting = LabelExport(session, dock)
        self.imports = ImportReview(session, dock)

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of the start page and of the Project menu."""
        return {
            "open_folder": self._ask_folder,
            "open_project": self._ask_project,
            "open_sample": self.open_sample,
            "close_project": self._session.close_project,
            "import_labels": self.imports.open,
            "export": self._exporting.ask,
        }

    def open(self, path: Path) -> None:
        """Opens a folder or a project file; what is open stays open if that fails."""
        if self._session.path is not None and self._session.path == path.absolute():
            return
        self._open(lambda: open_any(path, progress=self._say_from_thread), f"Opening {path.name}…")

    def open_sample(self) -> None:
        """Opens the sample tiles, copied to a folder of the user's."""
        self._open(lambda: open_any(sample_folder()), "Preparing the sample tiles…")

    def export(self, choice: ExportChoice) -> None:
        """Writes the labels; clicking goes on meanwhile."""
        self._exporting.run(choice)

    def import_labels(self, path: Path) -> None:
        """Opens the import dialog on a file or folder with labels."""
        self.imports.open(path)

    def close(self) -> None:
        """Stops what is running."""
        self._exporting.close()
        self.imports.close()
        self._background.close()

    def _open(self, work: Callable[[], OpenedProject], text: str) -> None:
        self._dock.start.set_busy(text)
        activity = self._session.activity

        def shown() -> OpenedProject:
            with activity.start(text.removesuffix("…")):
                return work()

        self._background.run(shown, self._on_opened, self._fail)

    def _on_opened(self, opened: OpenedProject) -> None:
        self._dock.start.set_busy("")
        self._session.take(opened.project, opened.skipped)
        show_info(opened.message)

    def _fail(self, error: Exception) -> None:
        self._dock.start.set_busy("")
        show_error(str(error))

    def _say_from_thread(self, text: str) -> None:
        self._session.gui.call(lambda: self._dock.start.set_busy(text))

    def _ask_folder(self) -> None:
        folder = dialogs.ask_folder(self._dock, "Open a folder of images")
        if folder is not None:
            self.open(folder)

    def _ask_project(self) -> None:
        path = dialogs.ask_project(self._dock)
        if path is not None:
            self.open(path)
