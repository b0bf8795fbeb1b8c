"""Which images a round learns from, measures with and labels; pure functions of a project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_icseg.controllers.prefill_predictor import MAX_PIXELS
from napari_icseg.controllers.rounds_record import known_rounds
from napari_icseg.controllers.training_data import DataSummary, summarise
from napari_icseg.controllers.wording import counted
from napari_icseg.project.records import ImageStatus, ReviewState
from napari_icseg.project.review_reader import is_open
from trainers.config import TrainConfig
from trainers.data.splits import Candidate, assign_splits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord
    from napari_icseg.project.training_set import Selection
    from trainers.data.splits import Split

MIN_WITH_OBJECTS = 2
"""One to learn from and one to measure with."""
_MIN_SHARE = 0.5
"""A validation split this much smaller than a new one would be says too little by now."""


@dataclass(frozen=True)
class RoundPlan:
    """The images of a round, by id; see `RoundInfo`. It cannot start if there is a `problem`."""

    labelled: tuple[int, ...] = ()
    blank: tuple[int, ...] = ()
    validation: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()
    num_too_large: int = 0
    """Unlabelled images that no model takes as a whole."""
    is_new_validation: bool = False
    problem: str = ""

    @property
    def splits(self) -> dict[int, Split]:
        """The split of each image with labels."""
        val = set(self.validation)
        return {each: "val" if each in val else "train" for each in (*self.labelled, *self.blank)}


@dataclass(frozen=True)
class RoundSummary(DataSummary):
    """What a round would use, for the dock."""

    plan: RoundPlan = RoundPlan()
    num_waiting: int = 0
    """Proposals of the last round that nobody has reviewed."""

    @property
    def text(self) -> str:
        """What there is, and what is to be known before a round is started; for the dock."""
        plan = self.plan
        found = (
            f"{len(plan.labelled):,} labelled, {len(plan.blank):,} blank, "
            f"{len(plan.unlabelled):,} unlabelled"
        )
        num = len(plan.validation)
        words = [f"{found}; {num:,} kept to measure with (validation)." if num else f"{found}."]
        if plan.is_new_validation:
            words.append(
                "The validation images are drawn anew, because the former ones are too few by now: "
                "scores of earlier rounds do not compare."
            )
        if self.num_test:
            words.append(
                f"{counted(self.num_test, 'image')} {_is(self.num_test)} kept for testing."
            )
        if plan.num_too_large:
            num = plan.num_too_large
            words.append(f"{counted(num, 'image')} {_is(num)} too large for a model as a whole.")
        if self.num_waiting:
            verb = "waits" if self.num_waiting == 1 else "wait"
            words.append(
                f"{counted(self.num_waiting, 'image')} still {verb} for review; the next round "
                "proposes anew for them."
            )
        return " ".join(words)


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def read_round_summary(reader: ProjectReader, _selection: Selection) -> RoundSummary:
    """Return what the next round of a project would use; all labels and classes count."""
    known = known_rounds(reader)
    former = known[-1][1].validation if known else ()
    images = reader.images()
    plan = plan_round(images, former)
    finished = [image for image in images if image.status.is_done]
    counts = summarise(finished)
    num_val = len(plan.validation)
    return RoundSummary(
        counts.num_labelled,
        counts.num_blank,
        counts.num_test,
        len(plan.labelled) + len(plan.blank) - num_val,
        num_val,
        problem=plan.problem,
        plan=plan,
        num_waiting=reader.num_reviews()[ReviewState.WAITING],
    )


def plan_round(images: Iterable[ImageRecord], former_validation: Sequence[int] = ()) -> RoundPlan:
    """Return which images the next round uses.

    The validation split is the user's, else that of the round before, as long as it is not much
    too small, else drawn as a training draws it. Images kept for testing are left alone.
    """
    images = [image for image in images if image.split != "test"]
    finished = [image for image in images if image.status.is_done]
    open_images = [
        image
        for image in images
        if is_open(image.status, image.num_objects) and image.split != "val"
    ]
    unlabelled = [image for image in open_images if image.height * image.width <= MAX_PIXELS]
    plan = RoundPlan(
        labelled=tuple(i.id for i in finished if i.status is not ImageStatus.BLANK),
        blank=tuple(i.id for i in finished if i.status is ImageStatus.BLANK),
        unlabelled=tuple(image.id for image in unlabelled),
        num_too_large=len(open_images) - len(unlabelled),
    )
    problem = _problem(finished, plan)
    if problem:
        return replace(plan, problem=problem)
    validation = _validation(finished, former_validation)
    if len(validation) == len(finished):
        return replace(
            plan,
            problem="Every finished image is in the split val: none is left to learn from. Put "
            "some of them into the split train.",
        )
    is_new = bool(former_validation) and not set(validation) <= set(former_validation)
    return replace(plan, validation=validation, is_new_validation=is_new)


def _problem(finished: Sequence[ImageRecord], plan: RoundPlan) -> str:
    num_with = sum(image.num_objects > 0 for image in finished)
    if not finished:
        return (
            "Nothing is labelled yet. Label some images and mark them as done (D); a model learns "
            "from them, and proposes labels for the others."
        )
    if not num_with:
        what = f"All {len(finished):,} finished images are"
        if len(finished) == 1:
            what = "The one finished image is"
        return (
            f"{what} blank: a model could only learn to find nothing. Label some images with "
            "objects and mark them as done (D)."
        )
    if num_with < MIN_WITH_OBJECTS:
        return (
            "One image with objects is too few: one is needed to learn from, and one for "
            "validation. Label one more and mark it as done (D)."
        )
    if not plan.unlabelled:
        return (
            "No image is unlabelled: there is nothing to propose. Add images in the Labelling "
            "dock, or retrain on what is labelled in the Training dock."
        )
    return ""


def _validation(finished: Sequence[ImageRecord], former: Sequence[int]) -> tuple[int, ...]:
    if any(image.split == "val" for image in finished):
        return tuple(image.id for image in finished if image.split == "val")
    drawn = _drawn(finished)
    wanted = set(former)
    kept = [image for image in finished if image.id in wanted]
    has_objects = any(image.num_objects for image in kept)
    is_enough = len(kept) >= _MIN_SHARE * len(drawn) and len(kept) < len(finished)
    return tuple(image.id for image in kept) if has_objects and is_enough else drawn


def _drawn(finished: Sequence[ImageRecord]) -> tuple[int, ...]:
    """Draw as a training does, so that the first round measures with the same images."""
    candidates = [Candidate(i.name, is_blank=i.num_objects == 0, split=None) for i in finished]
    fraction = TrainConfig.model_fields["val_fraction"].default
    splits = assign_splits(candidates, val_fraction=fraction, seed=0)
    return tuple(i.id for i, split in zip(finished, splits, strict=True) if split == "val")
