"""Which proposals of a round become reviews, one image at a time, and why others do not."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.prefill_objects import propose
from napari_icseg.controllers.wording import counted
from napari_icseg.project.records import NewReview, ReviewState
from napari_icseg.project.review_reader import is_open
from trainers.errors import DataError
from trainers.io.images import read_image
from trainers.io.manifest import file_sha256
from trainers.io.masks import check_fits, read_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ImageRecord
    from trainers.proposals import ImageProposal, ProposalSet

LABELLED, OUTDATED, CHANGED, DAMAGED, UNREADABLE, GONE = (
    *("labelled", "outdated", "changed", "damaged", "unreadable", "gone"),
)
_WORDS = {
    LABELLED: "labelled or reviewed meanwhile: nothing of that was touched",
    OUTDATED: "that a newer round has proposals for",
    CHANGED: "whose image file was changed or is missing: put it back and run the next round",
    DAMAGED: "whose proposal is damaged or missing: run the next round",
    UNREADABLE: "that could not be read by the model",
    GONE: "removed from the project meanwhile",
}
_REPLACED = (ReviewState.WAITING, ReviewState.REJECTED)
_log = logging.getLogger(__name__)


class Stopped(Exception):
    """Unwinds reading that nobody waits for; the next call goes on."""


class Intake:
    """Turns proposals into reviews, one at a time, and counts what is left out.

    Args:
        project: to read from; nothing is changed here.
        run_dir: the round's folder.
        found: what it proposes.
        class_ids: the project's class of each class id in the masks.
        round_id: of the round's row.
        newer: ids of later rounds, whose proposals are better.

    """

    def __init__(
        self,
        project: Project,
        run_dir: Path,
        found: ProposalSet,
        class_ids: Mapping[int, int],
        *,
        round_id: int,
        newer: Collection[int],
    ) -> None:
        self._project, self._run_dir, self._found = project, run_dir, found
        self._class_ids, self._round_id, self._newer = class_ids, round_id, newer
        self.left_out = Counter({UNREADABLE: len(found.left_out)})
        self.num_proposed = 0

    def reviews(
        self,
        ids: Mapping[str, int],
        progress: Callable[[int, int], None],
        is_stopped: Callable[[], bool],
    ) -> Iterator[NewReview]:
        """Yield what is not in the project yet; `ids` are those of the images by path."""
        records = {image.id: image for image in self._project.images()}
        total = len(self._found.images)
        for number, proposal in enumerate(self._found.images, start=1):
            if is_stopped():
                raise Stopped
            image = records.get(ids.get(str(proposal.image), -1))
            why, new = (GONE, None) if image is None else self._review(proposal, image)
            self.num_proposed += not why
            self.left_out[why] += bool(why)
            if new is not None:
                yield new
            progress(number, total)

    def words(self) -> tuple[str, ...]:
        """Say which proposals were not taken."""
        return tuple(
            f"Left out: {counted(self.left_out[why], 'image')} {words}."
            for why, words in _WORDS.items()
            if self.left_out[why]
        )

    def _review(self, proposal: ImageProposal, image: ImageRecord) -> tuple[str, NewReview | None]:
        """Return why an image is left out, or its review; neither where it is in already."""
        known = self._project.review(image.id)
        if known is not None and known.round_id == self._round_id:
            return "", None
        now = self._project.image(image.id)
        is_decided = known is not None and known.state not in _REPLACED
        if is_decided or not is_open(now.status, now.num_objects):
            return LABELLED, None
        if known is not None and known.round_id in self._newer:
            return OUTDATED, None
        path = self._project.absolute_path(image.id)
        if not path.is_file() or file_sha256(path) != proposal.sha256:
            return CHANGED, None
        try:
            return "", self._new(proposal, image)
        except DataError as error:
            _log.warning("%s", error)
            return DAMAGED, None

    def _new(self, proposal: ImageProposal, image: ImageRecord) -> NewReview:
        labels = read_mask(proposal.mask, image.shape)
        doubts = read_image(proposal.doubt)
        check_fits(proposal.doubt, doubts.shape, image.shape)
        sure = 1.0 - doubts.astype(np.float32) / 255.0
        probs = np.broadcast_to(sure, (len(self._found.class_names), *image.shape))
        objects = propose(labels, probs, self._class_ids, ()).proposals
        doubt = proposal.doubt.relative_to(self._run_dir).as_posix()
        return NewReview(image.id, objects, proposal.confidence, proposal.predicted_iou, doubt)
