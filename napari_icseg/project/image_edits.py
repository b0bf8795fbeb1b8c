"""Images of a project: adding and removing them, and their status, split and notes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import AddedImages, ImageStatus, OperationKind
from napari_icseg.project.watching import Watch, WorkCancelled
from trainers.errors import DataError
from trainers.io.images import image_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_icseg.project.history import Operation

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def stored_path(path: Path, root: Path) -> str:
    """Return a path as the project stores it: POSIX, relative to the root where that is possible.

    Images on another Windows drive than the root can only be stored absolutely.
    """
    path = Path(os.path.abspath(path))
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:
        return path.as_posix()


class ImageEdits(ProjectCore):
    """The edits of images."""

    def add_images(
        self,
        paths: Iterable[Path | str],
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> AddedImages:
        """Add image files in the given order; only their headers are read.

        Files that are no usable images are left out and named in the result; those already
        in the project are not added twice. Opening a folder is not an edit: undo passes it by.
        `progress` gets the number of new files looked at and their total; a cancelled call
        adds nothing.

        Raises:
            ProjectError: if not one of several files, or the only one, can be used.

        """
        root, known = self.root, {image.path: image for image in self.images()}
        files = {stored_path(Path(path), root): Path(path) for path in paths}
        try:
            looked_at = Watch(progress, cancelled).over(
                [name for name in files if name not in known]
            )
            sizes, skipped = _sizes(files, looked_at)
        except WorkCancelled:
            return AddedImages((), (), ())
        existing = tuple(known[name] for name in files if name in known)
        if skipped and not sizes and not existing:
            raise ProjectError(f"none of {len(skipped)} files can be used: {skipped[0][1]}")
        summary = f"add {len(sizes)} images"
        with self.operation(OperationKind.ADD_IMAGES, summary, undoable=False) as operation:
            ids = [insert_image(operation, path, size) for path, size in sizes.items()]
        by_id = {image.id: image for image in self.images()} if ids else {}
        added = tuple(by_id[image_id] for image_id in ids)
        return AddedImages(added, existing, tuple(skipped))

    def remove_images(self, image_ids: Iterable[int]) -> None:
        """Take images with all that belongs to them out of the project; the files stay."""
        ids = tuple(dict.fromkeys(image_ids))
        summary = f"remove {len(ids)} images"
        with self.operation(OperationKind.REMOVE_IMAGES, summary) as operation:
            for image_id in ids:
                self.image(image_id)
                for record in self.objects(image_id):
                    operation.delete("objects", record.id)
                for proposal in self.proposals(image_id):
                    operation.delete("proposals", proposal.id)
                question = "SELECT id FROM reviews WHERE image_id = ?"
                for (review_id,) in self._rows(question, int(image_id)):
                    operation.delete("reviews", review_id)
                operation.delete("images", image_id)

    def set_status(self, image_id: int, status: ImageStatus) -> None:
        """Set an image's status.

        Raises:
            ProjectError: for BLANK if the image has objects.

        """
        image = self.image(image_id)
        if status is ImageStatus.BLANK and image.num_objects:
            raise ProjectError(
                f"{image.name} has {image.num_objects} objects and so is not blank. Delete them "
                "first (undo brings them back), or mark it as labelled."
            )
        summary = f"mark {image.name} as {status.value.replace('_', ' ')}"
        with self.operation(OperationKind.SET_STATUS, summary, image_id=image_id) as operation:
            operation.update("images", image_id, {"status": status})

    def set_split(self, image_ids: Iterable[int], split: Split | None) -> None:
        """Put images into a split, or out of every one with None."""
        if split is not None and split not in SPLITS:
            raise ProjectError(f"a split is one of {', '.join(SPLITS)} or none, not {split!r}")
        ids = tuple(image_ids)
        summary = f"put {len(ids)} images into split {split}"
        with self.operation(OperationKind.SET_SPLIT, summary) as operation:
            for image_id in ids:
                self.image(image_id)
                operation.update("images", image_id, {"split": split})

    def set_notes(self, image_id: int, notes: str) -> None:
        """Replace an image's notes."""
        summary = f"edit the notes of {self.image(image_id).name}"
        with self.operation(OperationKind.SET_NOTES, summary, image_id=image_id) as operation:
            operation.update("images", image_id, {"notes": notes})

    def missing_images(self) -> tuple[str, ...]:
        """Return the stored paths of images whose files are not where they should be."""
        root = self.root
        return tuple(image.path for image in self.images() if not (root / image.path).exists())

    def move_images(self, paths: Mapping[int, Path]) -> None:
        """Say where image files lie now; one operation, which undo takes back.

        Raises:
            ProjectError: two images would be the same file.

        """
        root, known = self.root, {image.path: image.id for image in self.images()}
        summary = f"locate {len(paths)} images"
        with self.operation(OperationKind.MOVE_IMAGES, summary) as operation:
            for image_id, path in paths.items():
                stored = stored_path(path, root)
                if known.get(stored, image_id) != image_id:
                    raise ProjectError(f"{path} is in the project already, as another image.")
                operation.update("images", image_id, {"path": stored})
        self.images_changed.emit()

    def locate(self, root: Path | str) -> None:
        """Look for the images below another folder from now on; not part of undo.

        Raises:
            ProjectError: if none of the images is there; the root is unchanged.

        """
        folder = Path(os.path.abspath(root))
        images = self.images()
        if images and not any((folder / image.path).exists() for image in images):
            raise ProjectError(
                f"none of the {len(images)} images is below {folder}. Choose the folder that "
                f"contains {images[0].path}."
            )
        stored = stored_path(folder, self.file.parent)
        with self._lock, self._transaction():
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'root'", (stored,))
        self.images_changed.emit()


def _sizes(
    files: Mapping[str, Path], names: Iterable[str]
) -> tuple[dict[str, tuple[int, int]], list[tuple[Path, str]]]:
    """Return (height, width) by stored path, and the files that are no usable images."""
    sizes: dict[str, tuple[int, int]] = {}
    skipped: list[tuple[Path, str]] = []
    for name in names:
        try:
            sizes[name] = image_size(files[name])
        except DataError as error:
            skipped.append((files[name], str(error)))
    return sizes, skipped


def insert_image(operation: Operation, path: str, size: tuple[int, int]) -> int:
    """Add the row of an image of `size` (height, width)."""
    values = {"path": path, "height": size[0], "width": size[1]}
    return operation.insert("images", {**values, "status": ImageStatus.UNLABELLED})
