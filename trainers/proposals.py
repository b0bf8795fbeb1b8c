"""Proposals: what a model says of images that nobody has labelled, for a person to review.

A folder of proposals holds `proposals.json`, written last of all, `masks/` (class ids) and
`doubt/` (how unsure each pixel is), one PNG an image. The folder can be moved; the images are
named by absolute path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic

PROPOSALS_NAME = "proposals.json"
VERSION = 1


@dataclass(frozen=True)
class ImageProposal:
    """What is proposed for one image.

    Attributes:
        image: its file, absolute.
        sha256: hex digest of the image file.
        mask: PNG of class ids, uint8 (H, W), 0 background.
        doubt: PNG, uint8 (H, W), 255 * (1 - calibrated probability of the pixel's class).
        confidence: mean probability of the pixels' classes, 0..1.
        predicted_iou: the foreground IoU that is to be expected with the truth, 0..1.

    """

    image: Path
    sha256: str
    mask: Path
    doubt: Path
    confidence: float
    predicted_iou: float


@dataclass(frozen=True)
class LeftOut:
    """An image for which nothing is proposed, and why."""

    image: Path
    reason: str


@dataclass(frozen=True)
class ProposalSet:
    """All proposals of one model.

    Attributes:
        images: one an image, in the order of the images.
        class_names: foreground classes; class id 1 is the first.
        model: run that made them, absolute.
        calibration: `temperature`, `ece`, `num_looks` and `predicted_iou`, what was measured on
            validation tiles.
        left_out: images that could not be read.

    """

    images: tuple[ImageProposal, ...]
    class_names: tuple[str, ...]
    model: Path
    calibration: dict[str, Any] = field(hash=False)
    left_out: tuple[LeftOut, ...] = ()


def write_proposals(folder: Path, proposals: ProposalSet) -> None:
    """Write `proposals.json`, atomically; masks and doubts lie in `folder` already.

    Raises:
        DataError: the file cannot be written.

    """
    content = {
        "version": VERSION,
        "class_names": list(proposals.class_names),
        "model": str(proposals.model),
        "calibration": proposals.calibration,
        "images": [entry_of(each, folder) for each in proposals.images],
        "left_out": [
            {"image": str(each.image), "reason": each.reason} for each in proposals.left_out
        ],
    }
    write_text_atomic(folder / PROPOSALS_NAME, json.dumps(content, indent=1) + "\n")


def read_proposals(folder: Path) -> ProposalSet:
    """Return the proposals of a folder; the files that they name are not opened.

    Raises:
        DataError: there are none, they are damaged, or of a newer version.

    """
    folder = Path(folder).absolute()
    file = folder / PROPOSALS_NAME
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} holds no finished proposals: there is no {PROPOSALS_NAME}. Start the same "
            "command again to go on with them."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}. Make the proposals again.") from error
    try:
        return _parsed(content, folder)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{file} is damaged or of a newer version ({type(error).__name__}: {error}). "
            "Make the proposals again."
        ) from error


def entry_of(proposal: ImageProposal, folder: Path) -> dict[str, Any]:
    """Return a proposal as JSON holds it; its files are named relative to `folder`."""
    return {
        "image": str(proposal.image),
        "sha256": proposal.sha256,
        "mask": proposal.mask.relative_to(folder).as_posix(),
        "doubt": proposal.doubt.relative_to(folder).as_posix(),
        "confidence": proposal.confidence,
        "predicted_iou": proposal.predicted_iou,
    }


def proposal_of(entry: dict[str, Any], folder: Path) -> ImageProposal:
    """Return the proposal of a JSON entry.

    Raises KeyError, TypeError or ValueError if it is none.
    """
    return ImageProposal(
        Path(entry["image"]),
        str(entry["sha256"]),
        folder / str(entry["mask"]),
        folder / str(entry["doubt"]),
        _share(entry["confidence"]),
        _share(entry["predicted_iou"]),
    )


def _parsed(content: dict[str, Any], folder: Path) -> ProposalSet:
    if content["version"] != VERSION:
        raise ValueError(f"expected version {VERSION}, got {content['version']!r}")
    return ProposalSet(
        tuple(proposal_of(entry, folder) for entry in content["images"]),
        tuple(str(name) for name in content["class_names"]),
        Path(content["model"]),
        dict(content["calibration"]),
        tuple(LeftOut(Path(e["image"]), str(e["reason"])) for e in content["left_out"]),
    )


def _share(value: Any) -> float:
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"expected a number within 0..1, got {value!r}")
    return number
