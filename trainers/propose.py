"""Proposing: a trained model labels images for a person to review, and says how sure it is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.calibration import Calibration, SeenTile, calibrate
from trainers.confidence import NUM_LOOKS, confidence_of, predict_sure
from trainers.errors import DataError, TrainingError
from trainers.io.atomic import write_bytes_atomic
from trainers.io.images import read_image
from trainers.io.json_lines import append_line, read_lines
from trainers.io.manifest import DatasetItem, file_sha256
from trainers.io.masks import write_grey, write_semantic
from trainers.metrics.temperature import tempered
from trainers.predict import predict_image
from trainers.predicted_iou import (
    Evidence,
    IouFit,
    evidence_of,
    fit_iou,
    head_iou,
    true_iou,
)
from trainers.proposals import (
    ImageProposal,
    LeftOut,
    ProposalSet,
    entry_of,
    proposal_of,
    write_proposals,
)
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from trainers.confidence import SurePrediction
    from trainers.data.snapshot import SnapshotItem
    from trainers.predict import LoadedModel

PROGRESS_NAME = "progress.jsonl"


@dataclass(frozen=True)
class Judge:
    """A model whose confidence was set right, and the one that it is compared with.

    Attributes:
        model: the one that proposes.
        teacher: another model, whose disagreement is a sign of trouble; None without one.
        calibration: what was measured on validation tiles; None where there are none.
        fit: of the IoU to be expected.

    """

    model: LoadedModel
    teacher: LoadedModel | None
    calibration: Calibration | None
    fit: IouFit

    @property
    def temperature(self) -> float:
        """Of the probabilities; 1 where nothing was measured."""
        return 1.0 if self.calibration is None else self.calibration.temperature

    def told(self) -> dict[str, Any]:
        """Return what is known of the confidence, for a JSON file."""
        measured = {} if self.calibration is None else self.calibration.to_dict()
        return {
            "temperature": self.temperature,
            "ece": None,
            "num_looks": NUM_LOOKS,
            **measured,
            "predicted_iou": self.fit.to_dict(),
        }


def judge_of(
    model: LoadedModel, validation: Iterable[SnapshotItem], teacher: LoadedModel | None = None
) -> Judge:
    """Return a judge, its confidence and expected IoU fitted on tiles it was not trained on.

    Without validation tiles neither is fitted.

    Raises:
        TrainingError: the teacher knows other classes.
        DataError: a tile cannot be read.

    """
    if teacher is not None:
        refuse_other_classes(teacher, model.class_names)
    tiles, evidence, ious = list(validation), list[Evidence](), list[float]()

    def see(tile: SeenTile) -> None:
        evidence.append(_evidence(model, teacher, tile.image, tile.sure))
        ious.append(true_iou(tile.sure.labels, tile.target))

    calibration = calibrate(model, tiles, num_looks=NUM_LOOKS, see=see) if tiles else None
    names = Evidence(1, 1, None if teacher is None else 1).names
    return Judge(
        model, teacher, calibration, fit_iou(evidence, ious, names=() if evidence else names)
    )


def refuse_other_classes(model: LoadedModel, class_names: Sequence[str]) -> None:
    """Raise `TrainingError` unless a model knows exactly these classes, in this order."""
    if model.class_names != tuple(class_names):
        raise TrainingError(
            f"The model knows the classes {', '.join(model.class_names)}, the labels have "
            f"{', '.join(class_names)}. Choose a model of the same classes in the same order, or "
            "leave the teacher out, so that one is trained."
        )


def propose(
    judge: Judge,
    images: Sequence[DatasetItem],
    folder: Path,
    *,
    run: Path,
    left_out: Sequence[LeftOut] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ProposalSet:
    """Write a proposal for each image, and return them all.

    Killed on the way, it goes on after the last image that was recorded, if it is the same
    model; with another one it begins anew. Images that cannot be read are left out.

    Args:
        judge: makes the proposals.
        images: to label.
        folder: of the proposals.
        run: folder or checkpoint of the judge's model.
        left_out: images that were left out before.
        progress: gets the number of images done, and their total; may raise to stop.

    Raises:
        DataError: a file cannot be written.

    """
    done = _begun(folder, {"model_sha256": file_sha256(checkpoint_file(run)), **judge.told()})
    found, missing = list[ImageProposal](), list(left_out)
    progress(0, len(images))
    for number, item in enumerate(images):
        sha256 = item.sha256 or _digest(item.image)
        known = done.get((str(item.image), sha256 or ""))
        if known is None:
            try:
                image = read_image(item.image)
            except DataError as error:
                missing.append(LeftOut(item.image, str(error)))
            else:
                known = _proposed(judge, image, item.image, sha256 or "", folder)
                append_line(folder / PROGRESS_NAME, entry_of(known, folder))
        if known is not None:
            found.append(known)
        progress(number + 1, len(images))
    names = judge.model.class_names
    proposals = ProposalSet(tuple(found), names, run.absolute(), judge.told(), tuple(missing))
    write_proposals(folder, proposals)
    return proposals


def _proposed(
    judge: Judge, image: npt.NDArray[Any], path: Path, sha256: str, folder: Path
) -> ImageProposal:
    """Predict one image, and write its mask and its doubt."""
    sure = predict_sure(judge.model, image)
    evidence = _evidence(judge.model, judge.teacher, image, sure)
    confidence = confidence_of(tempered(sure.probs, judge.temperature))
    name = f"{sha256[:24]}.png"  # by content: whatever else is in the folder, it is the same
    mask, doubt = folder / "masks" / name, folder / "doubt" / name
    write_semantic(mask, sure.labels)
    write_grey(doubt, np.rint(255 * (1 - np.clip(confidence, 0, 1))).astype(np.uint8))
    mean = round(float(np.clip(confidence.mean(), 0, 1)), 6)
    return ImageProposal(path, sha256, mask, doubt, mean, round(judge.fit(evidence), 6))


def _evidence(
    model: LoadedModel,
    teacher: LoadedModel | None,
    image: npt.NDArray[Any],
    sure: SurePrediction,
) -> Evidence:
    other = None if teacher is None else predict_image(teacher, image).labels
    return evidence_of(sure, teacher=other, head=head_iou(model, image))


def _begun(folder: Path, header: dict[str, Any]) -> dict[tuple[str, str], ImageProposal]:
    """Return what was done by the same model, by image and digest; else begin anew."""
    path = folder / PROGRESS_NAME
    lines = read_lines(path)
    wanted = {"by": header}
    if not lines or lines[0] != wanted:
        write_bytes_atomic(path, b"")
        append_line(path, wanted)
        return {}
    found = {}
    for entry in lines[1:]:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # a torn line
            proposal = proposal_of(entry, folder)
            if proposal.mask.is_file() and proposal.doubt.is_file():
                found[str(proposal.image), proposal.sha256] = proposal
    return found


def _digest(path: Path) -> str | None:
    """Return the digest of an image; None where it cannot be read, which is told later."""
    try:
        return file_sha256(path)
    except DataError:
        return None
