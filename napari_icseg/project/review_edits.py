"""Reviews: a round's proposals for whole images, and a person's decisions on them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.history import NOTHING_TOUCHED, Operation
from napari_icseg.project.object_edits import insert_object
from napari_icseg.project.proposal_edits import insert_proposal
from napari_icseg.project.records import (
    ImageStatus,
    NewObject,
    ObjectSource,
    OperationKind,
    ReviewState,
)
from napari_icseg.project.review_reader import is_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from napari_icseg.project.history import Touched
    from napari_icseg.project.records import ImageRecord, NewReview, ProposalRecord, ReviewRecord

_BATCH = 16
"""Images in one transaction: while it lasts, nobody else gets at the project."""
_REPLACED = (ReviewState.WAITING, ReviewState.REJECTED)
_DECIDED = {
    ReviewState.ACCEPTED: "was accepted already. Undo brings its proposal back.",
    ReviewState.EDITED: "is being edited already. Mark it as labelled when it is right.",
    ReviewState.REJECTED: "was rejected already. Undo brings its proposal back.",
    ReviewState.BLANK: "was marked as blank already. Undo brings its proposal back.",
}


class ReviewEdits(ProjectCore):
    """The edits of reviews. A decision is one operation; accepted labels are never touched."""

    def add_reviews(self, round_id: int, reviews: Iterable[NewReview]) -> int:
        """Take a round's proposals in for review; return for how many images.

        Undo passes it by. Images are taken in batches, each a transaction: whatever stops this,
        those taken so far stay, and the same call again takes the rest. `reviews` may be lazy;
        it is read while others may use the project. Left out are images that are gone, that
        have objects or are done, that somebody edits from an earlier proposal, and that
        have a review of this round already. Earlier proposals of the others are replaced.

        Raises:
            ProjectError: if the round or a class is unknown, a mask leaves its image, or a
                number is not in 0..1; the batch in hand is not taken.

        """
        round_id = int(round_id)
        if not any(known.id == round_id for known in self.rounds()):
            raise ProjectError(f"this project has no round {round_id}. Add the round first.")
        taken, touched, rest = 0, NOTHING_TOUCHED, iter(reviews)
        try:
            while batch := tuple(itertools.islice(rest, _BATCH)):
                num, changed = self._take_batch(round_id, batch)
                taken, touched = taken + num, touched.united(changed)
        finally:
            if touched.images:
                self._tell(touched)
        return taken

    def accept_review(self, image_id: int) -> None:
        """Make the image's proposals its objects and mark it as labelled; see `accept_reviews`."""
        self.accept_reviews([image_id])

    def accept_reviews(self, image_ids: Iterable[int]) -> None:
        """Make proposals objects, scores kept, and mark their images as labelled: one operation.

        An image for which nothing is proposed becomes BLANK. The state is ACCEPTED, or EDITED
        if somebody took proposals away or added some before.

        Raises:
            ProjectError: if one of the images does not wait for review or was labelled
                meanwhile, or a class is locked; nothing is accepted.

        """
        ids = tuple(dict.fromkeys(int(image_id) for image_id in image_ids))
        with self._decision(OperationKind.ACCEPT_REVIEW, "accept", ids) as operation:
            for image_id in ids:
                image, review = self._undecided(image_id)
                proposals = self.proposals(image_id)
                _require_shown(image, review, proposals)
                self._to_objects(operation, image, proposals)
                status = ImageStatus.LABELLED if proposals else ImageStatus.BLANK
                operation.update("images", image_id, {"status": status})
                is_same = len(proposals) == review.num_proposals and all(
                    each.round_id == review.round_id for each in proposals
                )
                state = ReviewState.ACCEPTED if is_same else ReviewState.EDITED
                self._decide(operation, image_id, state)

    def edit_review(self, image_id: int) -> None:
        """Make the image's proposals objects that a person goes on to correct.

        The image is IN_PROGRESS until it is marked as labelled; its review stays EDITED.
        """
        with self._decision(OperationKind.EDIT_REVIEW, "edit", (image_id,)) as operation:
            image, _ = self._undecided(image_id)
            self._to_objects(operation, image, self.proposals(image_id))
            operation.update("images", image_id, {"status": ImageStatus.IN_PROGRESS})
            self._decide(operation, image_id, ReviewState.EDITED)

    def reject_review(self, image_id: int) -> None:
        """Drop the image's proposals; it stays unlabelled and may get new ones in a later round."""
        with self._decision(OperationKind.REJECT_REVIEW, "reject", (image_id,)) as operation:
            self._undecided(image_id, may_have_objects=True)
            self._drop_proposals(operation, image_id)
            self._decide(operation, image_id, ReviewState.REJECTED)

    def blank_review(self, image_id: int) -> None:
        """Drop the image's proposals and mark it as blank."""
        with self._decision(OperationKind.BLANK_REVIEW, "blank", (image_id,)) as operation:
            self._undecided(image_id)
            self._drop_proposals(operation, image_id)
            operation.update("images", image_id, {"status": ImageStatus.BLANK})
            self._decide(operation, image_id, ReviewState.BLANK)

    def _take_batch(self, round_id: int, batch: Sequence[NewReview]) -> tuple[int, Touched]:
        with self._lock, self._transaction():
            operation, taken = Operation(self._connection), 0
            for new in batch:
                taken += self._take(operation, round_id, new)
            if taken:
                what = f"propose labels for {_images(taken)}"
                operation.log(OperationKind.ADD_REVIEWS, what, image_id=None, undoable=False)
        return taken, operation.touched()

    def _take(self, operation: Operation, round_id: int, new: NewReview) -> bool:
        known = self._rows("SELECT 1 FROM images WHERE id = ?", int(new.image_id))
        old = self.review(new.image_id)
        is_kept = old is not None and (old.round_id == round_id or old.state not in _REPLACED)
        if not known or is_kept:
            return False
        image = self.image(new.image_id)
        if not is_open(image.status, image.num_objects):
            return False
        self.require_classes(each.class_id for each in new.proposals)
        self._drop_proposals(operation, image.id)
        for each in new.proposals:
            insert_proposal(operation, image, each, round_id)
        values = _row(round_id, new)
        if old is None:
            operation.insert("reviews", {"image_id": image.id, **values})
        else:
            operation.update("reviews", self._review_id(image.id), values)
        return True

    def _decision(
        self, kind: OperationKind, verb: str, ids: Sequence[int]
    ) -> AbstractContextManager[Operation]:
        if len(ids) == 1:
            if verb == "blank":
                summary = f"mark {self.image(ids[0]).name} as blank in the review"
            else:
                summary = f"{verb} the proposal for {self.image(ids[0]).name}"
            return self.operation(kind, summary, image_id=ids[0])
        return self.operation(kind, f"{verb} the proposals for {_images(len(ids))}")

    def _undecided(
        self, image_id: int, *, may_have_objects: bool = False
    ) -> tuple[ImageRecord, ReviewRecord]:
        """Return an image and its review; `ProjectError` unless it waits for a decision."""
        image, review = self.image(image_id), self.review(image_id)
        if review is None:
            raise ProjectError(
                f"nothing is proposed for {image.name}. Run the next round, or label it by clicks."
            )
        if review.state is not ReviewState.WAITING:
            raise ProjectError(f"{image.name} {_DECIDED[review.state]}")
        is_labelled = image.status.is_done or (image.num_objects > 0 and not may_have_objects)
        if is_labelled:
            what = image.status.value.replace("_", " ")
            raise ProjectError(
                f"{image.name} was labelled meanwhile ({what}, {image.num_objects} objects), so "
                "nothing was changed: a proposal never overwrites labels. Go on to the next "
                "image, or undo its labels to review the proposal."
            )
        return image, review

    def _to_objects(
        self, operation: Operation, image: ImageRecord, proposals: Iterable[ProposalRecord]
    ) -> None:
        proposals = sorted(proposals, key=lambda each: each.id)
        self.require_unlocked(each.class_id for each in proposals)
        for each in proposals:
            operation.delete("proposals", each.id)
            new = NewObject(each.class_id, each.mask, ObjectSource.MODEL, each.score)
            insert_object(operation, image, new)

    def _drop_proposals(self, operation: Operation, image_id: int) -> None:
        for (row_id,) in self._rows("SELECT id FROM proposals WHERE image_id = ?", int(image_id)):
            operation.delete("proposals", row_id)

    def _decide(self, operation: Operation, image_id: int, state: ReviewState) -> None:
        operation.update("reviews", self._review_id(image_id), {"state": state})

    def _review_id(self, image_id: int) -> int:
        return int(self._rows("SELECT id FROM reviews WHERE image_id = ?", int(image_id))[0][0])


def _require_shown(
    image: ImageRecord, review: ReviewRecord, proposals: Sequence[ProposalRecord]
) -> None:
    """Refuse to take for blank what lost all its proposals one by one."""
    if review.num_proposals and not proposals:
        raise ProjectError(
            f"all {review.num_proposals} proposals for {image.name} were taken away, so there is "
            "nothing to accept. Mark the image as blank, or reject it."
        )


def _row(round_id: int, new: NewReview) -> dict[str, object]:
    return {
        "round_id": round_id,
        "state": ReviewState.WAITING,
        "num_proposals": len(new.proposals),
        "confidence": _share("confidence", new.confidence),
        "predicted_iou": _share("predicted IoU", new.predicted_iou),
        "doubt_path": new.doubt_path,
    }


def _share(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ProjectError(f"expected a {name} of 0 to 1, got {value}. Run the proposals anew.")
    return float(value)


def _images(num: int) -> str:
    return f"{num:,} image{'' if num == 1 else 's'}"
