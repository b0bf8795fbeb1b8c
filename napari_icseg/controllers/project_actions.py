"""Opening, importing and exporting from the dock; the slow parts run in a thread."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.label_exchange import export_view
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.project_opener import OpenedProject, open_any
from napari_icseg.controllers.sample_folder import sample_folder
from napari_icseg.controllers.wording import counted
from napari_icseg.project.exporting import STARTED, ExportReport
from napari_icseg.project.importing import ImportReport, import_coco
from napari_icseg.project.records import ImageStatus
from napari_icseg.widgets import dialogs
from napari_icseg.widgets.export_dialog import ExportChoice, ask_export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.labelling_dock import LabellingDock

SCOPES = {"started": STARTED, "done": (ImageStatus.LABELLED, ImageStatus.BLANK)}


class ProjectActions:
    """Asks for files, works in a thread, and hands an opened project to the session."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session = session
        self._dock = dock
        self._background = Background(session.gui, "project")
        self._closing = threading.Event()

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of the start page and of the Project menu."""
        return {
            "open_folder": self._ask_folder,
            "open_project": self._ask_project,
            "open_sample": self.open_sample,
            "close_project": self._session.close_project,
            "import_labels": self._ask_import,
            "export": self._ask_export,
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
        project = self._session.project
        if project is not None:
            self._background.run(
                partial(_export, project, choice, self._closing.is_set),
                partial(self._on_exported, choice),
                self._fail,
            )

    def import_labels(self, path: Path) -> None:
        """Imports a COCO file whose images lie beside it or in the project's folder."""
        project = self._session.project
        if project is not None:
            self._background.run(
                lambda: import_coco(project, path, _images_dir(project, path)),
                _say_imported,
                self._fail,
            )

    def close(self) -> None:
        """Stops what is running."""
        self._closing.set()
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

    def _on_exported(self, choice: ExportChoice, report: ExportReport) -> None:
        objects = counted(report.num_objects, "object")
        images = counted(report.num_images, "image")
        losses = _first_of(report.losses)
        show_info(f"Exported {objects} of {images} to {choice.out_dir}.{losses}")

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

    def _ask_import(self) -> None:
        path = dialogs.ask_labels(self._dock)
        if path is not None:
            self.import_labels(path)

    def _ask_export(self) -> None:
        if self._session.path is None:
            return
        choice = ask_export(self._dock, self._session.path.parent / "export")
        if choice is not None:
            self.export(choice)


def _export(project: Project, choice: ExportChoice, cancelled: Callable[[], bool]) -> ExportReport:
    with project.snapshot() as view:
        return export_view(
            view,
            choice.out_dir,
            choice.format,
            statuses=SCOPES[choice.scope],
            cancelled=cancelled,
        )


def _say_imported(report: ImportReport) -> None:
    objects = counted(report.num_objects, "object")
    images = counted(report.num_images, "image")
    show_info(f"Imported {objects} on {images}.{_first_of(report.notes)}")


def _first_of(notes: tuple[str, ...]) -> str:
    """The first note, and how many more there are."""
    if not notes:
        return ""
    more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
    return f" Note: {notes[0]}{more}"


def _images_dir(project: Project, coco_path: Path) -> Path:
    """The project's images, unless the COCO file has images of its own beside it."""
    beside = coco_path.parent
    return beside if (beside / "images").is_dir() else project.root
