"""Reading the proposals of a finished round into the project, for review; for a thread."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.prefill_objects import propose
from napari_icseg.controllers.rounds_record import (
    READ,
    READING,
    RoundInfo,
    info_of,
    known_rounds,
    scores_of,
)
from napari_icseg.controllers.wording import counted
from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.folder import UNLABELLED_FOLDER
from napari_icseg.project.records import NewReview, ReviewState
from napari_icseg.project.review_reader import is_open
from trainers.errors import DataError
from trainers.io.manifest import MANIFEST_NAME, file_sha256
from trainers.io.masks import read_mask
from trainers.proposals import read_proposals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ImageRecord
    from trainers.proposals import ImageProposal, ProposalSet

PROPOSALS_FOLDER = "proposals"
RECORD_FILE = "round.json"
LABELLED, CHANGED, UNREADABLE, GONE = "labelled", "changed", "unreadable", "gone"
_REPLACED = (ReviewState.WAITING, ReviewState.REJECTED)
_WORDS = {
    LABELLED: "labelled or reviewed meanwhile: nothing of that was touched",
    CHANGED: "whose image file was changed or is missing: put it back and run the next round",
    UNREADABLE: "that could not be read by the model",
    GONE: "removed from the project meanwhile",
}


class Stopped(Exception):
    """Unwinds reading that nobody waits for; the next call goes on."""


def run_dir_in(project: Project, run_dir: Path) -> str:
    """Return how a project's table names a round's folder: so that both can be moved together."""
    folder = project.file.parent
    is_inside = run_dir.is_relative_to(folder)
    return run_dir.relative_to(folder).as_posix() if is_inside else str(run_dir)


def is_read(project: Project, run_dir: Path) -> bool:
    """Say whether all proposals of a round are in the project."""
    name = run_dir_in(project, run_dir)
    return any(
        record.run_dir == name and info.state == READ for record, info in known_rounds(project)
    )


def read_in(
    project: Project,
    run: RunSnapshot,
    *,
    progress: Callable[[int, int], None],
    is_stopped: Callable[[], bool],
) -> RoundInfo:
    """Note the round in the project, and take its proposals in; return what is noted.

    Stopped or killed at any point, the next call goes on. Images that somebody labelled
    meanwhile stay as they are, and `RoundInfo.left_out` says so.

    Raises:
        JobError: the folder does not say what the round was.
        DataError: its results cannot be read.
        ProjectError: the project has not its classes any more, or was closed.
        Stopped: `is_stopped` said so.

    """
    asked = info_of(run.request.facts) if run.request is not None else None
    if asked is None:
        raise JobError(f"{run.run_dir} does not say which images it was for. Run the next round.")
    info, seconds = _with_results(run, asked), _seconds(run, asked)
    info = replace(info, state=READING, seconds=seconds)
    found = read_proposals(run.run_dir / PROPOSALS_FOLDER)
    class_ids = dict(enumerate(project.class_ids_of(found.class_names), start=1))
    round_id = _noted(project, run, info)
    intake = _Intake(project, run.run_dir, found, class_ids, round_id)
    project.add_reviews(round_id, intake.reviews(_ids(run.run_dir, info), progress, is_stopped))
    intake.left_out[UNREADABLE] += len(found.left_out)
    info = replace(
        info, state=READ, num_proposed=intake.num_proposed, left_out=words_for(intake.left_out)
    )
    project.set_round_info(round_id, info.to_json())
    return info


def words_for(left_out: Mapping[str, int]) -> tuple[str, ...]:
    """Return in words which proposals were not taken."""
    return tuple(
        f"Left out: {counted(left_out[why], 'image')} {words}."
        for why, words in _WORDS.items()
        if left_out.get(why)
    )


class _Intake:
    """Turns proposals into reviews, one at a time, and counts what is left out."""

    def __init__(
        self,
        project: Project,
        run_dir: Path,
        found: ProposalSet,
        class_ids: dict[int, int],
        round_id: int,
    ) -> None:
        self._project, self._run_dir, self._found = project, run_dir, found
        self._class_ids, self._round_id = class_ids, round_id
        self.left_out: Counter[str] = Counter()
        self.num_proposed = 0

    def reviews(
        self,
        ids: Mapping[str, int],
        progress: Callable[[int, int], None],
        is_stopped: Callable[[], bool],
    ) -> Iterator[NewReview]:
        """Yield what is not in the project yet."""
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

    def _review(self, proposal: ImageProposal, image: ImageRecord) -> tuple[str, NewReview | None]:
        """Return why an image is left out, or its review; neither where it is in already."""
        project = self._project
        known = project.review(image.id)
        if known is not None and known.round_id == self._round_id:
            return "", None
        now = project.image(image.id)
        is_decided = known is not None and known.state not in _REPLACED
        if is_decided or not is_open(now.status, now.num_objects):
            return LABELLED, None
        path = project.absolute_path(image.id)
        if not path.is_file() or file_sha256(path) != proposal.sha256:
            return CHANGED, None
        labels = read_mask(proposal.mask, image.shape)
        sure = 1.0 - read_mask(proposal.doubt, image.shape).astype(np.float32) / 255.0
        probs = np.broadcast_to(sure, (len(self._found.class_names), *image.shape))
        objects = propose(labels, probs, self._class_ids, ()).proposals
        doubt = proposal.doubt.relative_to(self._run_dir).as_posix()
        return "", NewReview(image.id, objects, proposal.confidence, proposal.predicted_iou, doubt)


def _noted(project: Project, run: RunSnapshot, info: RoundInfo) -> int:
    """Return the id of the round's row, which is added if it is missing."""
    name = run_dir_in(project, run.run_dir)
    for record in project.rounds():
        if record.run_dir == name:
            return record.id
    return project.add_round(run.status.model, name, info.to_json()).id


def _with_results(run: RunSnapshot, info: RoundInfo) -> RoundInfo:
    file = run.run_dir / RECORD_FILE
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return replace(
            info, teacher=scores_of(found["teacher"]), student=scores_of(found["student"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file} cannot be read ({error}). Was the folder removed or changed? Run the next "
            "round; nothing of your labels is lost."
        ) from error


def _seconds(run: RunSnapshot, info: RoundInfo) -> float:
    """Return how long the round took, from its start to its last word."""
    try:
        ended_unix_s = (run.run_dir / RECORD_FILE).stat().st_mtime
    except OSError:
        return 0.0
    return max(0.0, round(ended_unix_s - info.started_unix_s, 1))


def _ids(run_dir: Path, info: RoundInfo) -> dict[str, int]:
    """Return the ids of the unlabelled images by path, as they were when it was started."""
    file = run_dir / UNLABELLED_FOLDER / MANIFEST_NAME
    try:
        items = json.loads(file.read_text(encoding="utf-8"))["items"]
        paths = [str(item["image"]) for item in items]
        return dict(zip(paths, info.unlabelled, strict=True))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is missing or damaged ({error}). Run the next round.") from error
