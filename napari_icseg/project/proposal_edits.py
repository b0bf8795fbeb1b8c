"""Pseudo-label proposals, which wait for a person, and the rounds of models they come from."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.object_edits import insert_object, mark_in_progress, mask_values
from napari_icseg.project.records import (
    NewObject,
    NewProposal,
    ObjectRecord,
    ObjectSource,
    OperationKind,
    ProposalRecord,
    ReviewState,
    RoundRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_icseg.project.history import Operation
    from napari_icseg.project.records import ImageRecord
    from trainers.io.rle import RleMask


class ProposalEdits(ProjectCore):
    """The edits of proposals and rounds."""

    def add_proposals(
        self,
        image_id: int,
        proposals: Sequence[NewProposal],
        *,
        round_id: int | None = None,
        replace: bool = True,
        undoable: bool = True,
    ) -> tuple[ProposalRecord, ...]:
        """Put proposals beside an image's objects, instead of earlier ones by default.

        Objects and status do not change: nothing a model says touches accepted work. What a
        program proposes unasked is not `undoable`: undo and redo pass it by, and it does not
        replace what waits for review.
        """
        review = self.review(image_id)
        is_waiting = review is not None and review.state is ReviewState.WAITING
        if is_waiting and replace and not undoable and (waiting := self.proposals(image_id)):
            return waiting
        summary = f"propose {len(proposals)} objects"
        kind = OperationKind.ADD_PROPOSALS
        with self.operation(kind, summary, image_id=image_id, undoable=undoable) as operation:
            image = self.image(image_id)
            self.require_classes(new.class_id for new in proposals)
            for old in self.proposals(image_id) if replace else ():
                operation.delete("proposals", old.id)
            for new in proposals:
                insert_proposal(operation, image, new, round_id)
        return self.proposals(image_id)

    def accept_proposal(self, proposal_id: int) -> ObjectRecord:
        """Turn one proposal into an object; see `accept_proposals`."""
        return self.accept_proposals([proposal_id])[0]

    def accept_proposals(
        self,
        proposal_ids: Iterable[int],
        *,
        masks: Mapping[int, RleMask] | None = None,
        drop: Iterable[int] = (),
        source: ObjectSource = ObjectSource.MODEL,
    ) -> tuple[ObjectRecord, ...]:
        """Turn proposals into objects, their score kept, in one operation.

        Args:
            proposal_ids: of any images.
            masks: by proposal, what becomes of it where that is not its own mask.
            drop: proposals that go without becoming objects, because objects have their pixels.
            source: of the objects; PROMPT where a person corrected them.

        """
        ids, gone = tuple(dict.fromkeys(proposal_ids)), tuple(dict.fromkeys(drop))
        proposals = [self.proposal(number) for number in ids]
        images = {proposal.image_id for proposal in proposals}
        image_id = next(iter(images)) if len(images) == 1 else None
        summary = f"accept {_num(ids)}" if ids else f"drop {_num(gone)}"
        kind = OperationKind.ACCEPT_PROPOSALS
        with self.operation(kind, summary, image_id=image_id) as operation:
            object_ids = []
            self.require_unlocked(proposal.class_id for proposal in proposals)
            records = {image: self.image(image) for image in images}
            for proposal in proposals:
                mask = (masks or {}).get(proposal.id, proposal.mask)
                new = NewObject(proposal.class_id, mask, source, proposal.score)
                operation.delete("proposals", proposal.id)
                object_ids.append(insert_object(operation, records[proposal.image_id], new))
            for number in gone:
                operation.delete("proposals", self.proposal(number).id)
            for record in records.values():
                mark_in_progress(operation, record)
            self._note_taken_over(operation, proposals)
        return self.objects_by_ids(object_ids)

    def _note_taken_over(self, operation: Operation, proposals: Iterable[ProposalRecord]) -> None:
        """Note that a person goes on from a review's proposals, of which these are some."""
        rounds = {each.image_id: each.round_id for each in proposals}
        question = (
            "SELECT id, image_id, round_id FROM reviews "
            "WHERE state = 'waiting' AND image_id IN ({})"
        )
        for row_id, image_id, round_id in self._rows_of(question, rounds):
            if rounds[image_id] == round_id:
                operation.update("reviews", row_id, {"state": ReviewState.EDITED})

    def set_proposal_class(self, proposal_ids: Iterable[int], class_id: int) -> None:
        """Give proposals another class, in one operation."""
        ids = tuple(dict.fromkeys(proposal_ids))
        summary = f"make {_num(ids)} {self.class_by_id(class_id).name}"
        with self.operation(OperationKind.SET_CLASS, summary) as operation:
            for proposal in map(self.proposal, ids):
                operation.update("proposals", proposal.id, {"class_id": int(class_id)})

    def reject_proposal(self, proposal_id: int) -> None:
        """Drop one proposal."""
        self.reject_proposals([proposal_id])

    def reject_proposals(self, proposal_ids: Iterable[int]) -> None:
        """Drop proposals in one operation."""
        ids = tuple(dict.fromkeys(proposal_ids))
        with self.operation(OperationKind.REJECT_PROPOSALS, f"reject {_num(ids)}") as operation:
            for proposal in map(self.proposal, ids):
                operation.delete("proposals", proposal.id)

    def add_round(self, model: str, run_dir: str, info: Mapping[str, Any]) -> RoundRecord:
        """Note that a model run was used; a record of what happened, which undo passes by.

        Raises:
            ProjectError: if `info` is not plain JSON.

        """
        with self._lock, self._transaction():
            values = (time.time(), model, run_dir, _json(info))
            columns = "created_unix_s, model, run_dir, info"
            statement = f"INSERT INTO rounds ({columns}) VALUES (?, ?, ?, ?)"
            round_id = self._connection.execute(statement, values).lastrowid
        return next(known for known in self.rounds() if known.id == round_id)

    def set_round_info(self, round_id: int, info: Mapping[str, Any]) -> None:
        """Replace what is noted of a round; undo passes it by.

        Raises:
            ProjectError: if there is no such round, or `info` is not plain JSON.

        """
        with self._lock, self._transaction():
            statement = "UPDATE rounds SET info = ? WHERE id = ?"
            if not self._connection.execute(statement, (_json(info), int(round_id))).rowcount:
                raise ProjectError(f"this project has no round {round_id}. Add the round first.")


def _json(info: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(info), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ProjectError(f"a round's information must be plain JSON: {error}") from error


def insert_proposal(
    operation: Operation, image: ImageRecord, new: NewProposal, round_id: int | None
) -> None:
    """Add a proposal's row after checking that it lies inside its image."""
    score = None if new.score is None else float(new.score)
    values = {"image_id": image.id, "class_id": int(new.class_id), "score": score}
    mask = mask_values(image, new.mask)
    operation.insert("proposals", {**values, **mask, "round_id": round_id})


def _num(ids: Sequence[int]) -> str:
    return "a proposal" if len(ids) == 1 else f"{len(ids)} proposals"
