"""What the menu of the image list does to the labels of all highlighted images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import errors_shown, show_error, show_info
from napari_icseg.controllers.wording import counted
from napari_icseg.project.records import ImageStatus
from napari_icseg.widgets import batch_dialogs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.batch_edits import BatchResult
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord

_WORDS = {
    ImageStatus.LABELLED: "as done",
    ImageStatus.BLANK: "as blank",
    ImageStatus.UNLABELLED: "as not labelled",
}


class BatchPart:
    """One for a desk; see `desk.Part`. Each entry is one operation, done in a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._session = desk, desk.session
        self._images = desk.dock.images
        self._background = Background(desk.session.gui, "batch")

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """The entries of `widgets.image_menu.MENU` that change labels."""
        return {
            "batch_mark_labelled": partial(self.mark, ImageStatus.LABELLED),
            "batch_mark_blank": partial(self.mark, ImageStatus.BLANK),
            "batch_mark_unlabelled": partial(self.mark, ImageStatus.UNLABELLED),
            "batch_change_class": self.change_class,
            "batch_delete_objects": self.delete_objects,
        }

    def close(self) -> None:
        """Drops what has not started; what is running is done as a whole."""
        self._background.close()

    def mark(self, status: ImageStatus) -> None:
        """Gives the highlighted images a status."""
        ids = self._images.selected_ids()
        self._run(
            f"Marking {counted(len(ids), 'image')}",
            lambda project: project.set_status_of(ids, status),
            partial(_marked, status),
        )

    def change_class(self) -> None:
        """Asks for two classes, and gives all objects of the one the other."""
        ids, project = self._images.selected_ids(), self._session.project
        if project is None or not ids:
            return
        counts = self._counts(project, ids)
        if not counts:
            _say_nothing(len(ids))
            return
        targets = [known.name for known in self._open_classes()]
        images = counted(len(ids), "image")
        choice = batch_dialogs.ask_change(self._images, counts, targets, images)
        if choice is None:
            return
        old, new = (self._id_of(name) for name in choice)
        self._run(
            f"Changing the class on {images}",
            lambda project: project.change_class_on(ids, old, new),
            lambda result: f"{_objects(result)} became {choice[1]}.",
        )

    def delete_objects(self) -> None:
        """Asks of which class, and deletes all objects of it, or of all classes."""
        ids, project = self._images.selected_ids(), self._session.project
        if project is None or not ids:
            return
        counts = self._counts(project, ids)
        if not counts:
            _say_nothing(len(ids))
            return
        images = counted(len(ids), "image")
        choice = batch_dialogs.ask_deletion(self._images, counts, images)
        if choice is None:
            return
        class_id = self._id_of(choice) if choice else None
        self._run(
            f"Deleting objects of {images}",
            lambda project: project.delete_objects_on(ids, class_id),
            lambda result: f"Deleted {_objects(result)}.",
        )

    def _run(
        self,
        title: str,
        work: Callable[[Project], BatchResult],
        words: Callable[[BatchResult], str],
    ) -> None:
        project = self._session.project
        if project is None:
            return
        task = self._session.activity.start(title)

        def change() -> BatchResult:
            with task:
                return work(project)

        def tell(result: BatchResult) -> None:
            is_changed = result.num_images > 0
            show_info(words(result) + (" Undo takes it back." if is_changed else ""))

        with errors_shown():
            self._background.run(change, tell, lambda error: show_error(str(error)))

    def _counts(self, project: Project, ids: tuple[int, ...]) -> list[tuple[str, int]]:
        """Name and number of objects of each class that is not locked, on these images."""
        found = project.num_objects_on(ids)
        return [(c.name, found[c.id]) for c in self._open_classes() if found.get(c.id)]

    def _open_classes(self) -> list[ClassRecord]:
        return [known for known in self._desk.classes.classes if not known.is_locked]

    def _id_of(self, name: str) -> int:
        return next(known.id for known in self._desk.classes.classes if known.name == name)


def _objects(result: BatchResult) -> str:
    objects = counted(result.num_objects, "object")
    return f"{objects} on {counted(result.num_images, 'image')}"


def _marked(status: ImageStatus, result: BatchResult) -> str:
    text = f"Marked {counted(result.num_images, 'image')} {_WORDS[status]}."
    if result.num_left:
        has = "has" if result.num_left == 1 else "have"
        text += f" {counted(result.num_left, 'image')} {has} objects and so stayed as before."
    return text


def _say_nothing(num_images: int) -> None:
    show_info(
        f"{counted(num_images, 'image')}: no objects that can be changed. Objects of locked "
        "classes are left alone."
    )
