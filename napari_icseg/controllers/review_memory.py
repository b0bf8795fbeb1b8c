"""Where a review was left: remembered beside the runs of its project."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from napari_icseg.controllers.review_layers import DEFAULT_THRESHOLD, ReviewLook
from napari_icseg.controllers.review_queue import Order
from trainers.errors import IcsegError
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from pathlib import Path

REVIEW_FILE = "review.json"


@dataclass(frozen=True)
class Remembered:
    """The choices of the dock, and the image that was under review."""

    image_id: int | None = None
    order: Order = Order.UNCERTAINTY
    look: ReviewLook = field(default_factory=ReviewLook)


def read_remembered(runs_dir: Path) -> Remembered:
    """Return what is remembered; the defaults where that is nothing sensible."""
    try:
        found = json.loads((runs_dir / REVIEW_FILE).read_text(encoding="utf-8"))
        look = found["look"]
        threshold = float(look["threshold"])
        return Remembered(
            _number(found["image_id"]),
            Order(found["order"]),
            ReviewLook(
                bool(look["shows_doubt"]),
                threshold if 0 < threshold < 1 else DEFAULT_THRESHOLD,
                bool(look["shows_previous"]),
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Remembered()


def write_remembered(runs_dir: Path, remembered: Remembered) -> None:
    """Remember; a disk that refuses it only costs the place."""
    with contextlib.suppress(IcsegError, OSError):
        write_text_atomic(runs_dir / REVIEW_FILE, json.dumps(asdict(remembered)) + "\n")


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None
