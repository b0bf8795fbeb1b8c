"""What there is to train on, and which of it will validate; pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_icseg.project.records import ImageStatus
from napari_icseg.project.training_set import EVERYTHING, Selection
from trainers.config import TrainConfig
from trainers.data.splits import Candidate, assign_splits
from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord
    from trainers.data.splits import Split

MIN_IMAGES = 2
"""One to train on and one to validate with."""


@dataclass(frozen=True)
class DataSummary:
    """Finished images of a project, as far as they are selected, and their parts in a training."""

    num_labelled: int = 0
    num_blank: int = 0
    num_test: int = 0
    """Kept for testing by their split, hence left out."""
    num_train: int = 0
    num_val: int = 0
    problem: str = ""
    class_name: str = ""
    """The only class, which labelled images then have and blank ones have not; or empty."""
    classes: tuple[tuple[int, str], ...] = ()
    """Ids and names of the project's classes, in their order."""
    splits: tuple[tuple[str, int], ...] = ()
    """Splits of the finished images, and how many are in each."""

    @property
    def text(self) -> str:
        """One line for the dock."""
        found = f"{self.num_labelled} labelled, {self.num_blank} blank"
        if self.class_name:
            found = f"{self.num_labelled} with {self.class_name}, {self.num_blank} without"
        if self.num_test:
            found += f" ({self.num_test} kept for testing)"
        if self.problem:
            return found
        return f"{found} → {self.num_train} train / {self.num_val} validation"


def read_summary(reader: ProjectReader, selection: Selection = EVERYTHING) -> DataSummary:
    """Return the summary of a project; a class that is gone counts as all classes."""
    finished = [*reader.images(ImageStatus.LABELLED), *reader.images(ImageStatus.BLANK)]
    classes = tuple((known.id, known.name) for known in reader.classes())
    name = dict(classes).get(selection.class_id or 0, "")
    having = reader.images_with_class(selection.class_id) if name and selection.class_id else None
    counts = (
        (split, sum(image.split == split for image in finished))
        for split in ("train", "val", "test")
    )
    return replace(
        summarise(finished, selection, having_class=having),
        class_name=name,
        classes=classes,
        splits=tuple((split, number) for split, number in counts if number),
    )


def summarise(
    finished: Iterable[ImageRecord],
    selection: Selection = EVERYTHING,
    *,
    having_class: Collection[int] | None = None,
) -> DataSummary:
    """Return the summary of the images that are labelled or blank.

    `having_class` are the ids of those with the only class, if there is an only one. The
    training itself draws the split by the same function, so that the numbers agree.
    """
    finished = [image for image in finished if selection.includes(image)]
    blank = {image.id for image in finished if _is_blank(image, having_class)}
    used = [image for image in finished if selection.split_of(image) != "test"]
    counts = (len(finished) - len(blank), len(blank), len(finished) - len(used))
    if len(used) < MIN_IMAGES:
        return DataSummary(*counts, problem=_too_few(len(used), selection))
    if having_class is not None and len(blank) == len(finished):
        return DataSummary(*counts, problem="No finished image has an object of this class.")
    default = TrainConfig.model_fields["val_fraction"].default
    candidates = [
        Candidate(
            image.name, is_blank=_has_none(image, having_class), split=_split(image, selection)
        )
        for image in used
    ]
    try:
        splits = assign_splits(candidates, val_fraction=default, seed=0)
    except TrainingError as error:
        return DataSummary(*counts, problem=str(error))
    num_val = splits.count("val")
    return DataSummary(*counts, len(used) - num_val, num_val)


def _is_blank(image: ImageRecord, having_class: Collection[int] | None) -> bool:
    """Say whether people call it blank: a labelled image is not, even without objects."""
    if having_class is None:
        return image.status is ImageStatus.BLANK
    return image.id not in having_class


def _has_none(image: ImageRecord, having_class: Collection[int] | None) -> bool:
    return image.num_objects == 0 if having_class is None else image.id not in having_class


def _split(image: ImageRecord, selection: Selection) -> Split | None:
    given: dict[str | None, Split] = {"train": "train", "val": "val"}
    return given.get(selection.split_of(image))


def _too_few(num_used: int, selection: Selection) -> str:
    missing = MIN_IMAGES - num_used
    where = "" if selection.split is None else f" of the split {selection.split}"
    return (
        f"Training needs at least {MIN_IMAGES} finished images{where}, one to learn from and one "
        f"to check with; {missing} more {'is' if missing == 1 else 'are'} needed. Label an image "
        "and mark it as done (D), or mark one without objects as blank (B)."
    )
