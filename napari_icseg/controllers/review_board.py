"""What the project knows of its reviews, read as a whole; for a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.review_queue import Entry
from napari_icseg.controllers.rounds_record import info_of
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ReviewState
from napari_icseg.project.review_reader import is_open

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ReviewRecord, RoundRecord

PROPOSALS_FOLDER = "proposals"


@dataclass(frozen=True, slots=True)
class ReviewRound:
    """A round with something to review.

    Attributes:
        id: of the project's table.
        name: such as "Round 2".
        num_waiting: images that nobody has decided on.

    """

    id: int
    name: str
    num_waiting: int


@dataclass(frozen=True, slots=True)
class Board:
    """The rounds that have reviews, newest first, and what one of them proposes.

    Attributes:
        round_id: the one whose entries these are; None without any.
        previous: name and folder of proposals of the round before, if there was one.

    """

    rounds: tuple[ReviewRound, ...] = ()
    round_id: int | None = None
    entries: tuple[Entry, ...] = ()
    previous: tuple[str, Path] | None = None


def read_board(project: ProjectReader, wanted_round_id: int | None = None) -> Board:
    """Return the wanted round; by default the newest where something waits, or the newest."""
    reviews = project.reviews()
    by_round = {review.round_id: 0 for review in reviews}
    for review in reviews:
        by_round[review.round_id] += review.state is ReviewState.WAITING
    records = sorted(project.rounds(), key=lambda record: record.id)
    rounds = tuple(
        ReviewRound(record.id, name_of(record), by_round[record.id])
        for record in reversed(records)
        if record.id in by_round
    )
    if not rounds:
        return Board()
    round_id = _chosen(rounds, wanted_round_id)
    names = {image.id: image.path for image in project.images()}
    entries = tuple(
        Entry(
            review.image_id,
            names[review.image_id],
            review.state,
            review.confidence,
            review.predicted_iou,
            review.num_proposals,
            round_id=review.round_id,
        )
        for review in reviews
        if review.round_id == round_id and review.image_id in names
    )
    return Board(rounds, round_id, entries, _previous(project, records, round_id))


def state_of(project: ProjectReader, image_id: int) -> tuple[ReviewRecord, bool] | None:
    """Return an image's review and whether nobody has labelled it; None if nothing is proposed."""
    try:
        review, image = project.review(image_id), project.image(image_id)
    except ProjectError:  # removed meanwhile
        return None
    return None if review is None else (review, is_open(image.status, image.num_objects))


def name_of(record: RoundRecord) -> str:
    """Return what a round is called."""
    info = info_of(record.info)
    return f"Round {record.id if info is None else info.number}"


def _chosen(rounds: tuple[ReviewRound, ...], wanted_round_id: int | None) -> int:
    if any(each.id == wanted_round_id for each in rounds):
        assert wanted_round_id is not None
        return wanted_round_id
    return next((each.id for each in rounds if each.num_waiting), rounds[0].id)


def _previous(
    project: ProjectReader, records: list[RoundRecord], round_id: int
) -> tuple[str, Path] | None:
    before = [record for record in records if record.id < round_id]
    if not before:
        return None
    folder = project.file.parent / before[-1].run_dir / PROPOSALS_FOLDER
    return (name_of(before[-1]), folder) if folder.is_dir() else None
