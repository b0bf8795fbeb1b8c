"""Reading the proposals of a finished round into the project, for review; for a thread."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.rounds_intake import Intake
from napari_icseg.controllers.rounds_record import (
    READ,
    READING,
    RoundInfo,
    info_of,
    known_rounds,
    scores_of,
)
from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.folder import UNLABELLED_FOLDER
from trainers.errors import DataError
from trainers.io.manifest import MANIFEST_NAME
from trainers.proposals import read_proposals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.project import Project

PROPOSALS_FOLDER = "proposals"
RECORD_FILE = "round.json"


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
    intake = Intake(
        project, run.run_dir, found, class_ids, round_id=round_id, newer=_newer(project, info)
    )
    project.add_reviews(round_id, intake.reviews(_ids(run.run_dir, info), progress, is_stopped))
    info = replace(info, state=READ, num_proposed=intake.num_proposed, left_out=intake.words())
    project.set_round_info(round_id, info.to_json())
    return info


def _noted(project: Project, run: RunSnapshot, info: RoundInfo) -> int:
    """Return the id of the round's row, which is added if it is missing."""
    name = run_dir_in(project, run.run_dir)
    for record in project.rounds():
        if record.run_dir == name:
            return record.id
    return project.add_round(run.status.model, name, info.to_json()).id


def _newer(project: Project, info: RoundInfo) -> frozenset[int]:
    """Return the ids of later rounds: this one was resumed, or read again, after them."""
    return frozenset(r.id for r, other in known_rounds(project) if other.number > info.number)


def _with_results(run: RunSnapshot, info: RoundInfo) -> RoundInfo:
    file = run.run_dir / RECORD_FILE
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return replace(
            info,
            teacher=scores_of(found["teacher"]),
            student=scores_of(found["student"]),
            kept_foreground=found.get("kept_foreground"),
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
