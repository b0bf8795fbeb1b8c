"""What there is to train on, and which of it will validate; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.project.records import ImageStatus
from trainers.config import TrainConfig
from trainers.data.splits import Candidate, Split, assign_splits
from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord

MIN_IMAGES = 2
"""One to train on and one to validate with."""


@dataclass(frozen=True)
class DataSummary:
    """Finished images of a project and their parts in a training."""

    num_labelled: int = 0
    num_blank: int = 0
    num_test: int = 0
    """Kept for testing by their split, hence left out."""
    num_train: int = 0
    num_val: int = 0
    problem: str = ""

    @property
    def text(self) -> str:
        """One line for the dock."""
        found = f"{self.num_labelled} labelled, {self.num_blank} blank"
        if self.num_test:
            found += f" ({self.num_test} kept for testing)"
        if self.problem:
            return found
        return f"{found} → {self.num_train} train / {self.num_val} validation"


def read_summary(reader: ProjectReader) -> DataSummary:
    """Return the summary of a project."""
    return summarise([*reader.images(ImageStatus.LABELLED), *reader.images(ImageStatus.BLANK)])


def summarise(finished: Iterable[ImageRecord]) -> DataSummary:
    """Return the summary of the images that are labelled or blank.

    The training itself draws the split by the same function, so that the numbers agree.
    """
    finished = list(finished)
    num_blank = sum(image.status is ImageStatus.BLANK for image in finished)
    used = [image for image in finished if image.split != "test"]
    counts = (len(finished) - num_blank, num_blank, len(finished) - len(used))
    if len(used) < MIN_IMAGES:
        return DataSummary(*counts, problem=_too_few(len(used)))
    default = TrainConfig.model_fields["val_fraction"].default
    try:
        splits = assign_splits([_candidate(i) for i in used], val_fraction=default, seed=0)
    except TrainingError as error:
        return DataSummary(*counts, problem=str(error))
    num_val = splits.count("val")
    return DataSummary(*counts, len(used) - num_val, num_val)


def _candidate(image: ImageRecord) -> Candidate:
    given: dict[str | None, Split] = {"train": "train", "val": "val"}
    return Candidate(image.name, is_blank=image.num_objects == 0, split=given.get(image.split))


def _too_few(num_used: int) -> str:
    missing = MIN_IMAGES - num_used
    return (
        f"Training needs at least {MIN_IMAGES} finished images, one to learn from and one to "
        f"check with; {missing} more {'is' if missing == 1 else 'are'} needed. Label an image "
        "and mark it as done (D), or mark one without objects as blank (B)."
    )
