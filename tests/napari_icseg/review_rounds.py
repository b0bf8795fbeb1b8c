"""Rounds without any training: proposals made from known masks, written as a round writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_icseg.controllers.prefill_objects import propose
from napari_icseg.controllers.rounds_record import RoundInfo
from napari_icseg.project.records import NewReview
from trainers.io.manifest import file_sha256
from trainers.proposals import ImageProposal, ProposalSet, write_proposals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_icseg.project.project import Project


def add_round(
    project: Project,
    number: int,
    masks: Mapping[int, np.ndarray],
    predicted_iou: Mapping[int, float],
    *,
    doubts: Mapping[int, np.ndarray] | None = None,
) -> int:
    """Write a round's folder beside the project and take its proposals in; return its id.

    Args:
        project: open, in its folder.
        number: of the round.
        masks: class ids, uint8 (H, W), by image id.
        predicted_iou: 0..1, by image id; the confidence is the mean of it and 1.
        doubts: uint8 (H, W), by image id; rims of the masks where left out.

    """
    run_dir = project.file.parent / f"{project.file.stem}.runs" / f"round-{number}"
    for name in ("masks", "doubt"):
        (run_dir / "proposals" / name).mkdir(parents=True)
    classes = project.classes()
    found = tuple(
        _written(
            project, run_dir, image_id, mask, predicted_iou[image_id], (doubts or {}).get(image_id)
        )
        for image_id, mask in masks.items()
    )
    names = tuple(each.name for each in classes)
    write_proposals(run_dir / "proposals", ProposalSet(found, names, run_dir, {}))
    info = RoundInfo(number=number, unlabelled=tuple(masks), state="read").to_json()
    place = run_dir.relative_to(project.file.parent).as_posix()
    round_id = project.add_round("sam_seg", place, info).id
    class_ids = {label: each.id for label, each in enumerate(classes, start=1)}
    reviews = [
        _review(run_dir, image_id, proposal, masks[image_id], class_ids)
        for image_id, proposal in zip(masks, found, strict=True)
    ]
    assert project.add_reviews(round_id, reviews) == len(reviews)
    return round_id


def rim_of(mask: np.ndarray, width_px: int = 2) -> np.ndarray:
    """Return bool (H, W): the pixels near an edge of a mask of class ids."""
    rim = np.zeros(mask.shape, dtype=np.bool_)
    for shift in range(1, width_px + 1):
        for axis in (0, 1):
            differs = mask != np.roll(mask, shift, axis)
            rim |= differs | np.roll(differs, -shift, axis)
    return rim


def _written(
    project: Project,
    run_dir: Path,
    image_id: int,
    mask: np.ndarray,
    predicted_iou: float,
    doubt: np.ndarray | None,
) -> ImageProposal:
    image, folder = project.absolute_path(image_id), run_dir / "proposals"
    if doubt is None:
        doubt = np.where(rim_of(mask), 90, 4).astype(np.uint8)
    files = {"masks": mask.astype(np.uint8), "doubt": doubt}
    for name, pixels in files.items():
        Image.fromarray(pixels).save(folder / name / f"{image.stem}.png")
    return ImageProposal(
        image,
        file_sha256(image),
        folder / "masks" / f"{image.stem}.png",
        folder / "doubt" / f"{image.stem}.png",
        (1 + predicted_iou) / 2,
        predicted_iou,
    )


def _review(
    run_dir: Path,
    image_id: int,
    proposal: ImageProposal,
    mask: np.ndarray,
    class_ids: Mapping[int, int],
) -> NewReview:
    probs = np.full((len(class_ids), *mask.shape), 0.9, dtype=np.float32)
    objects = propose(mask.astype(np.uint8), probs, class_ids, ()).proposals
    doubt = proposal.doubt.relative_to(run_dir).as_posix()
    return NewReview(image_id, objects, proposal.confidence, proposal.predicted_iou, doubt)
