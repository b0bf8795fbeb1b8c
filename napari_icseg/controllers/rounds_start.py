"""Starting a round: its labels and the list of unlabelled images, and the job."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.rounds_plan import plan_round
from napari_icseg.controllers.rounds_record import RoundInfo, known_rounds
from napari_icseg.controllers.training_setup import options_of
from napari_icseg.controllers.wording import counted
from napari_icseg.jobs.folder import UNLABELLED_FOLDER
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.runs import start_run
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.review_reader import MANUAL
from napari_icseg.project.training_set import training_manifest
from trainers.io.manifest import MANIFEST_NAME, DatasetIndex, DatasetItem, write_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_icseg.controllers.rounds_plan import RoundPlan
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.project.project import Project
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.snapshot import ProjectSnapshot
    from napari_icseg.widgets.training_view import TrainingChoice

_NAME = re.compile(r"round-(\d+)")


@dataclass(frozen=True)
class RoundChoice:
    """What the user asked for."""

    training: TrainingChoice
    method: str


def start_round(
    project: Project,
    choice: RoundChoice,
    runs_dir: Path,
    *,
    options: Mapping[str, Any],
    progress: Callable[[int, int], None],
) -> RunHandle:
    """Write what the round learns from as it is now, and launch or queue it; for a thread.

    Raises:
        ProjectError: there is nothing to learn from or to label, or an image file is missing.
        JobError: the disk does not take it; then there is no round.

    """
    with project.snapshot() as reader:
        known = known_rounds(reader)
        plan = plan_round(reader.images(), known[-1][1].validation if known else ())
        if plan.problem:
            raise ProjectError(plan.problem)
        info = _info(reader, choice, plan, runs_dir)
        request = RunRequest(
            choice.training.model,
            choice.training.preset,
            choice.training.epochs,
            options={**options, **options_of(choice.training)},
            num_train=info.num_labels - len(plan.validation),
            num_val=len(plan.validation),
            data_label=f"round {info.number}",
            method=choice.method,
            facts=info.to_json(),
        )

        def write(folder: Path) -> None:
            training_manifest(reader, folder, splits=plan.splits, progress=progress)
            _list_unlabelled(reader, plan.unlabelled, folder.parent / UNLABELLED_FOLDER)

        return start_run(request, runs_dir, write, name=f"round-{info.number}")


def next_number(numbers: Iterable[int], runs_dir: Path) -> int:
    """Return a number that no round of the project and no folder has."""
    names = [path.name for path in runs_dir.iterdir()] if runs_dir.is_dir() else []
    found = (_NAME.match(name) for name in names)
    return 1 + max((*numbers, *(int(each[1]) for each in found if each)), default=0)


def _info(
    reader: ProjectSnapshot, choice: RoundChoice, plan: RoundPlan, runs_dir: Path
) -> RoundInfo:
    known = [info for _, info in known_rounds(reader)]
    last = known[-1] if known else None
    is_same = last is not None and set(last.validation) == set(plan.validation)
    provenances = reader.provenances()
    sources = [
        "blank" if each in set(plan.blank) else provenances.get(each, MANUAL).review
        for each in (*plan.labelled, *plan.blank)
    ]
    return RoundInfo(
        number=next_number((info.number for info in known), runs_dir),
        method=choice.method,
        preset=choice.training.preset,
        epochs=choice.training.epochs,
        started_unix_s=time.time(),
        labelled=plan.labelled,
        blank=plan.blank,
        validation=plan.validation,
        unlabelled=plan.unlabelled,
        sources={name: sources.count(name) for name in dict.fromkeys(sources)},
        is_new_validation=plan.is_new_validation,
        before=last.student if last is not None and is_same else {},
        num_actions=reader.num_human_actions(last.started_unix_s if last is not None else 0.0),
    )


def _list_unlabelled(reader: ProjectReader, ids: Iterable[int], folder: Path) -> None:
    paths = [Path(os.path.abspath(reader.root / reader.image(each).path)) for each in ids]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        num = counted(len(missing), "unlabelled image")
        raise ProjectError(
            f"The file of {num} is missing: {missing[0]}. Project > Locate images… finds moved "
            "images; else put them back, or remove them from the project."
        )
    names = tuple(known.name for known in reader.classes())
    items = tuple(DatasetItem(path, None, None) for path in paths)
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(items, names))
