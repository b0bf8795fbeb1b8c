"""A finished round in a project's runs folder, made by hand: nothing is trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.rounds_plan import plan_round
from napari_icseg.controllers.rounds_record import RoundInfo
from napari_icseg.jobs.folder import UNLABELLED_FOLDER
from napari_icseg.jobs.request import RunRequest, write_request
from napari_icseg.jobs.watcher import RunSnapshot, list_runs
from tests.napari_icseg.controllers.training_fixtures import SIDE_PX, bar
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    DatasetItem,
    file_sha256,
    write_manifest,
)
from trainers.io.masks import write_grey, write_semantic
from trainers.progress import EVENTS_FILE, EventWriter
from trainers.proposals import ImageProposal, LeftOut, ProposalSet, write_proposals

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.project.project import Project

PHASES = ["teacher", "labelling", "student", "proposing"]


def finish_round(
    project: Project,
    number: int = 1,
    *,
    iou: float = 0.8,
    bar_number: int = 0,
    class_names: tuple[str, ...] = ("metal",),
    left_out: int = 0,
) -> RunSnapshot:
    """Write the folder of a finished round, which proposes one bar for each unlabelled image.

    The last `left_out` of these images could not be read.
    """
    folder = project.file.parent / "chip.runs" / f"round-{number}"
    plan = plan_round(project.images())
    info = RoundInfo(
        number, "paper", "best", 1, labelled=plan.labelled, blank=plan.blank,
        validation=plan.validation, unlabelled=plan.unlabelled,
        sources={"manual": len(plan.labelled)},
    )  # fmt: skip
    images = [project.absolute_path(each) for each in plan.unlabelled]
    (folder / UNLABELLED_FOLDER).mkdir(parents=True)
    listed = tuple(DatasetItem(image, None, None) for image in images)
    write_manifest(folder / UNLABELLED_FOLDER / MANIFEST_NAME, DatasetIndex(listed, class_names))
    write_request(folder, RunRequest("unet", method="paper", facts=info.to_json()))
    scores = {"iou": iou, "pixel_accuracy": 0.9, "dice": 0.85}
    record = {"teacher": {**scores, "iou": iou - 0.1}, "student": scores, "kept_foreground": 0.9}
    (folder / "round.json").write_text(json.dumps(record))
    num_read = len(images) - left_out
    proposed = tuple(_proposal(folder, image, bar_number) for image in images[:num_read])
    torn = tuple(LeftOut(image, "It is cut off.") for image in images[num_read:])
    write_proposals(
        folder / "proposals", ProposalSet(proposed, class_names, folder / "student", {}, torn)
    )
    events = EventWriter(folder / EVENTS_FILE)
    events.write("started", model="unet", phases=PHASES, epoch=0, step=0)
    events.write("finished", metrics=scores)
    return list_runs(folder.parent)[-1]


def _proposal(folder: Path, image: Path, bar_number: int) -> ImageProposal:
    name = f"{image.stem}.png"
    mask, doubt = (folder / "proposals" / part / name for part in ("masks", "doubt"))
    write_semantic(mask, bar(bar_number).astype(np.uint8))
    write_grey(doubt, np.full((SIDE_PX, SIDE_PX), 51, np.uint8))
    return ImageProposal(image, file_sha256(image), mask, doubt, 0.8, 0.7)
