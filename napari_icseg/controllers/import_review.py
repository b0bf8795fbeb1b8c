"""The import dialog: labels are read in a thread, shown, and imported when the user says so."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.wording import counted
from napari_icseg.project.import_mapping import mapped, preview
from napari_icseg.project.import_plan import ImportReport, apply_plan
from napari_icseg.project.import_sources import TITLES, ImportFormat, ImportSource, plan_source
from napari_icseg.project.watching import Watch, WorkCancelled
from napari_icseg.widgets.import_dialog import ImportDialog
from napari_icseg.widgets.import_view import ImportView, MapRow

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.import_mapping import ImportPreview
    from napari_icseg.project.import_plan import Merge
    from napari_icseg.project.import_sources import PlannedImport
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.labelling_dock import LabellingDock

_Found = tuple["PlannedImport", "ImportPreview", tuple[tuple[str, str], ...]]


class ImportReview:
    """Opens the dialog and answers it; one dialog at a time."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session, self._dock = session, dock
        self._background = Background(session.gui, "import")
        self._stop = threading.Event()
        self._planned: PlannedImport | None = None
        self._project: Project | None = None
        self.dialog: ImportDialog | None = None

    def open(self, path: Path | None = None) -> None:
        """Shows the dialog, with a file or folder if one is named."""
        if self._session.project is None:
            return
        if self.dialog is None:
            self._project = self._session.project
            formats = [(key.value, title) for key, title in TITLES.items()]
            self.dialog = dialog = ImportDialog(formats, self._dock)
            dialog.source_changed.connect(self._read)
            dialog.import_wanted.connect(self._import)
            dialog.finished.connect(lambda _result: self._forget())
            dialog.show()
        self.dialog.raise_()
        if path is not None:
            self.dialog.set_source(path)

    def close(self) -> None:
        """Stops reading and closes the dialog."""
        self._stop.set()
        if self.dialog is not None:
            self.dialog.close()
        self._background.close()

    def _forget(self) -> None:
        self._stop.set()
        self.dialog = self._planned = self._project = None

    def _read(self) -> None:
        dialog, project = self.dialog, self._project
        if dialog is None or project is None or dialog.source is None:
            return
        self._stop.set()
        self._stop = stop = threading.Event()
        self._planned = None
        chosen = dialog.format.currentData()
        source = ImportSource(
            dialog.source, dialog.images_dir, ImportFormat(chosen) if chosen else None
        )
        dialog.set_view(ImportView("Reading the labels…", is_busy=True))
        watch = Watch(partial(self._tell, stop), stop.is_set)
        self._background.run(
            partial(_plan, project, source, watch),
            partial(self._on_read, stop),
            partial(self._on_unreadable, stop),
        )

    def _tell(self, stop: threading.Event, done: int, total: int) -> None:
        def show() -> None:
            if self.dialog is not None and not stop.is_set():
                self.dialog.set_progress(done, total)

        if done == total or done % max(total // 100, 1) == 0:
            self._session.gui.call(show)

    def _on_read(self, stop: threading.Event, found: _Found | None) -> None:
        if self.dialog is None or stop.is_set() or found is None:
            return
        self._planned = found[0]
        self.dialog.set_view(_view(*found))

    def _on_unreadable(self, stop: threading.Event, error: Exception) -> None:
        if self.dialog is not None and not stop.is_set():
            self.dialog.set_view(ImportView(str(error), "bad"))

    def _import(self) -> None:
        dialog, planned, project = self.dialog, self._planned, self._project
        if dialog is None or planned is None or project is None:
            return
        if self._session.project is not project:
            show_error("Another project was opened meanwhile. Open the import again.")
            dialog.close()
            return
        plan = mapped(planned.plan, dialog.table.mapping())
        merge: Merge = dialog.merge.currentData()
        self._background.run(
            lambda: apply_plan(project, plan, merge=merge),
            _say_imported,
            lambda error: show_error(str(error)),
        )
        dialog.close()


def _plan(project: Project, source: ImportSource, watch: Watch) -> _Found | None:
    """Read in the thread; None if it was cancelled."""
    try:
        with project.snapshot() as reader:
            planned = plan_source(reader, source, watch)
            classes = tuple((known.name, known.color) for known in reader.classes())
            return planned, preview(planned.plan, reader), classes
    except WorkCancelled:
        return None


def _view(
    planned: PlannedImport, found: ImportPreview, targets: tuple[tuple[str, str], ...]
) -> ImportView:
    rows = tuple(
        MapRow(each.name, each.num_objects, each.color, each.existing or "")
        for each in found.classes
    )
    missing = found.unmatched
    details = [f"No image found for {name}" for name in missing[:_MAX_DETAILS]]
    if len(missing) > _MAX_DETAILS:
        details.append(f"… and {len(missing) - _MAX_DETAILS} more")
    return ImportView(
        _summary(TITLES[planned.format], found),
        "warning" if missing else "good",
        rows,
        targets,
        (*details, *found.notes),
        can_import=found.num_images > 0,
        num_worked_on=found.num_worked_on,
    )


_MAX_DETAILS = 20


def _summary(title: str, found: ImportPreview) -> str:
    text = (
        f"{title}: {counted(found.num_objects, 'object')} on {counted(found.num_images, 'image')}"
    )
    if found.num_new_images:
        text += f", {found.num_new_images:,} of them new in the project"
    if found.num_worked_on:
        text += f", {found.num_worked_on:,} of them labelled already"
    if found.unmatched:
        text += f". {counted(len(found.unmatched), 'name')} in it fit no image"
    return f"{text}."


def _say_imported(report: ImportReport) -> None:
    objects, images = counted(report.num_objects, "object"), counted(report.num_images, "image")
    note = ""
    if report.notes:
        more = f" (and {len(report.notes) - 1} more)" if len(report.notes) > 1 else ""
        note = f" Note: {report.notes[0]}{more}"
    # an import that brings nothing is no operation, and undo would take back something else
    undo = " Undo takes all of it back." if report.num_objects or report.num_new_images else ""
    show_info(f"Imported {objects} on {images}.{note}{undo}")
