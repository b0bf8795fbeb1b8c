"""The image list, the progress line and the Undo buttons, kept equal to the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.pace_meter import PaceMeter
from napari_icseg.project.records import ImageStatus, OperationState

if TYPE_CHECKING:
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ImageRecord
    from napari_icseg.widgets.labelling_dock import LabellingDock

MAX_HISTORY = 200


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A file left out of the project, listed so that the user sees why."""

    id: int
    path: str
    status: ImageStatus = ImageStatus.UNLABELLED
    num_objects: int = 0
    notes: str = ""
    height: int = 0
    width: int = 0


class ProgressView:
    """Reads the project whenever it says that something changed."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session = session
        self._dock = dock
        self._first_to_do: int | None = None
        self._pace = PaceMeter(session, dock)
        session.labels_changed.connect(self._on_labels_changed)
        session.images_changed.connect(self.read_all)
        session.history_changed.connect(self._read_history)

    def read_all(self) -> None:
        """Reads all rows anew."""
        project = self._session.project
        if project is None:
            return
        self._dock.header.set_project(project.name, str(project.file))
        skipped = self._session.skipped
        rows = [SkippedRow(-1 - n, file.name) for n, file in enumerate(skipped)]
        images = project.images()
        self._first_to_do = _first_to_do(images)
        self._dock.set_rows((*images, *rows))
        for row, file in zip(rows, skipped, strict=True):
            self._dock.images.model.set_error(row.id, file.reason)
        self._dock.images.select(self._session.current_image_id)
        self._show_counts()
        self._read_history()
        self._pace.begin()

    @property
    def first_to_do(self) -> int | None:
        """The first image that was not done when all were read, else the first."""
        return self._first_to_do

    def close(self) -> None:
        """Stops listening."""
        self._pace.close()
        self._session.labels_changed.disconnect(self._on_labels_changed)
        self._session.images_changed.disconnect(self.read_all)
        self._session.history_changed.disconnect(self._read_history)

    def _on_labels_changed(self, image_id: int) -> None:
        project = self._session.project
        if project is not None:
            self._dock.images.model.update_row(project.image(image_id))
            self._show_counts()

    def _show_counts(self) -> None:
        # counted by the list itself: asking a project of 100,000 images takes 20 ms a click
        model = self._dock.images.model
        num_blank = model.count(ImageStatus.BLANK.value)
        num_skipped = len(self._session.skipped)
        self._dock.header.set_progress(
            num_done=model.count(ImageStatus.LABELLED.value) + num_blank,
            num_blank=num_blank,
            num_in_progress=model.count(ImageStatus.IN_PROGRESS.value),
            num_images=sum(model.count(status.value) for status in ImageStatus) - num_skipped,
        )
        self._pace.show()

    def _read_history(self) -> None:
        project = self._session.project
        if project is None:
            return
        self._pace.follow()
        entries = [e for e in project.history(MAX_HISTORY) if e.can_be_undone]
        undo = next((e.summary for e in entries if e.state is OperationState.DONE), None)
        redo = next((e.summary for e in entries[::-1] if e.state is OperationState.UNDONE), None)
        self._dock.set_history(
            undo=undo or ("an earlier change" if project.can_undo else None),
            redo=redo or ("a later change" if project.can_redo else None),
        )


def _first_to_do(images: tuple[ImageRecord, ...]) -> int | None:
    to_do = (image.id for image in images if not image.status.is_done)
    return next(to_do, images[0].id if images else None)
