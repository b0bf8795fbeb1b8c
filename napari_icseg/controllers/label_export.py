"""Exporting from the dock: asked once, written in a thread, told what was lost."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.wording import counted
from napari_icseg.project.exporting import STARTED, ExportReport, export_labels
from napari_icseg.project.formats import EXPORT_FORMATS, Feature
from napari_icseg.project.losses import REPORT_NAME
from napari_icseg.project.records import ImageStatus
from napari_icseg.widgets.export_dialog import ExportChoice, FormatChoice, ask_export
from napari_icseg.widgets.keeps_table import KeepsRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.formats import ExportFormat
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.labelling_dock import LabellingDock

SCOPES = {"started": STARTED, "done": (ImageStatus.LABELLED, ImageStatus.BLANK)}


class LabelExport:
    """Asks what to export and writes it; clicking goes on meanwhile."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session, self._dock = session, dock
        self._background = Background(session.gui, "export")
        self._cancel = threading.Event()
        self._last: ExportChoice | None = None

    def ask(self) -> None:
        """Shows the dialog, as it was left the last time, and exports what was chosen."""
        path = self._session.path
        if path is None:
            return
        last = self._last or ExportChoice("coco", "started", path.parent / "export")
        choice = ask_export(self._dock, format_choices(), last)
        if choice is not None:
            self._last = choice
            self.run(choice)

    def run(self, choice: ExportChoice) -> None:
        """Writes the labels; napari's activity dock shows how far it is, and can stop it."""
        project = self._session.project
        if project is None:
            return
        title = f"Exporting: {EXPORT_FORMATS[choice.format].title}"
        self._cancel = cancel = threading.Event()
        task = self._session.activity.start(title, cancel=cancel.set)
        self._background.run(
            partial(_export, project, choice, task, cancel.is_set),
            lambda report: show_info(summary(choice, report)),
            lambda error: show_error(str(error)),
        )

    def close(self) -> None:
        """Stops what is running."""
        self._cancel.set()
        self._background.close()


def format_choices() -> list[FormatChoice]:
    """Every format with its table."""
    return [
        FormatChoice(each.key, each.title, each.explanation, _keeps(each))
        for each in EXPORT_FORMATS.values()
    ]


def summary(choice: ExportChoice, report: ExportReport) -> str:
    """What an export did, for the user: how much, where, and what it lost."""
    if report.cancelled:
        return "The export was stopped; nothing was written."
    objects = counted(report.num_objects, "object")
    images = counted(report.num_images, "image")
    done = f"Exported {objects} of {images}"
    if not report.losses:
        return f"{done} to {choice.out_dir}. Nothing was lost."
    told = f"{counted(len(report.losses), 'kind')} of loss"
    return f"{done}, {told}: see {choice.out_dir / REPORT_NAME}. {report.losses[0]}"


def _keeps(format_: ExportFormat) -> tuple[KeepsRow, ...]:
    fates = [(feature, format_.fate(feature)) for feature in Feature]
    return tuple(
        KeepsRow(feature.value, fate.kept.value, fate.short, _sentence(fate.text))
        for feature, fate in fates
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _export(
    project: Project, choice: ExportChoice, task: Task, cancelled: Callable[[], bool]
) -> ExportReport:
    with task, project.snapshot() as view:
        return export_labels(
            view,
            choice.out_dir,
            choice.format,
            statuses=SCOPES[choice.scope],
            progress=task.update,
            cancelled=cancelled,
        )
