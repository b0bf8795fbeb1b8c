"""Prompts for training: a simulated annotator clicks on every tile of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.nn import functional

from trainers.metrics.clicks import Click, next_click
from trainers.models.sam2.prompts import CLICK_LOGIT, MASK_STRIDE_PX
from trainers.models.sam2.targets import METAL, VIA, TileTruth, click_targets

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from trainers.models.base import Batch

BOX_RATE, MASK_RATE, BARE_RATE = 0.12, 0.08, 0.6
"""Shares of prompts that begin with a box or with a mask to correct, and of those the share
that comes without a click."""
VIA_RATE = 0.6
"""Share of prompts that mean vias where a tile has them."""
WANTED_RATES = (0.5, 0.4, 0.1)
"""Shares of annotators who want the net, the layer and the part."""


@dataclass
class Session:
    """One prompt in the making: an annotator who wants one of the three masks of a tile.

    Attributes:
        truth: of the tile.
        anchor: a click that says what is meant; shown to the model only if in `clicks`.
        wanted: index into net, layer, part.
        rng: the annotator's dice.
        clicks: made so far, in order.
        box_xyxy: drawn around the net, or None.
        mask: bool (H, W), a faulty mask of what is wanted, to be corrected, or None.
    """

    truth: TileTruth
    anchor: Click
    wanted: int
    rng: np.random.Generator
    clicks: list[Click] = field(default_factory=list)
    box_xyxy: tuple[int, int, int, int] | None = None
    mask: NDArray[np.bool_] | None = None

    @property
    def has_part(self) -> bool:
        """Whether the prompts can say which part is meant."""
        return bool(self.clicks)

    def targets(self) -> NDArray[np.bool_]:
        """Return net, layer and part (3, H, W) of the clicks so far."""
        return click_targets(self.truth, [self.anchor, *self.clicks])

    def correct(self, preds: NDArray[np.bool_]) -> None:
        """Click on the largest error of `preds` (H, W), somewhere in its inner part."""
        click = next_click(preds, self.targets()[self.wanted], self.rng, jitter=0.7)
        if click is not None:
            self.clicks.append(click)


def tile_truths(batch: Batch) -> list[TileTruth]:
    """Return the ground truth of each tile of a batch as NumPy arrays."""
    maps = {name: batch[name].cpu().numpy() for name in ("semantic", "nets", "vias", "parts")}
    return [
        TileTruth(**{name: values[i] for name, values in maps.items()})
        for i in range(len(batch["seed"]))
    ]


def start_sessions(batch: Batch, *, prompts_per_tile: int) -> tuple[list[Session], list[int]]:
    """Return sessions with their first click and the tile of each; blank tiles have none."""
    sessions, tiles = [], []
    for tile, (truth, seed) in enumerate(zip(tile_truths(batch), batch["seed"], strict=True)):
        rng = np.random.default_rng(int(seed))
        objects = truth.objects()
        for _ in range(prompts_per_tile if objects else 0):
            sessions.append(_start(truth, objects, rng))
            tiles.append(tile)
    return sessions, tiles


def _start(truth: TileTruth, objects: list[tuple[int, int]], rng: np.random.Generator) -> Session:
    kinds = sorted({kind for kind, _ in objects})
    kind = VIA if kinds == [VIA] or (VIA in kinds and rng.random() < VIA_RATE) else METAL
    instances = [instance for object_kind, instance in objects if object_kind == kind]
    pixels = truth.clickable(kind, int(rng.choice(instances)))
    jitter = float(rng.choice([0.5, 0.8, 1.0]))
    click = next_click(np.zeros_like(pixels), pixels, rng, jitter=jitter)
    assert click is not None, "an object in the list has visible pixels"
    session = Session(truth, click, int(rng.choice(3, p=WANTED_RATES)), rng)
    start = rng.random()
    if start < BOX_RATE:
        session.wanted = 0
        session.box_xyxy = _noisy_box(session.targets()[0], rng)
    elif start < BOX_RATE + MASK_RATE:
        session.mask = spoil(session.targets()[session.wanted], rng)
    if start >= BOX_RATE + MASK_RATE or rng.random() >= BARE_RATE:
        session.clicks.append(click)
    return session


def spoil(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask (H, W) as an annotator might want to correct it: too fat, thin or cut."""
    radius = int(rng.integers(1, 4))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    change = cv2.erode if rng.random() < 0.5 else cv2.dilate
    spoilt = change(mask.astype(np.uint8), kernel) > 0
    rows, cols = np.nonzero(mask)
    if rng.random() < 0.5:
        pick = int(rng.integers(len(rows)))
        along_rows = rng.random() < 0.5
        coordinate = np.indices(mask.shape)[0 if along_rows else 1]
        spoilt &= coordinate < (rows if along_rows else cols)[pick]
    return np.asarray(spoilt if spoilt.any() else mask)


def _noisy_box(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int, int, int]:
    rows, cols = np.nonzero(mask)
    noise = rng.integers(-3, 4, size=4)
    left, top = int(cols.min()) + int(noise[0]), int(rows.min()) + int(noise[1])
    return left, top, int(cols.max()) + int(noise[2]), int(rows.max()) + int(noise[3])


def prompt_tensors(sessions: list[Session], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return points float32 (B, N, 2) as (x, y) and labels (B, N), padded with label -1."""
    rows = [_points(session) for session in sessions]
    longest = max(1, *(len(row) for row in rows))
    padded = [row + [(0.0, 0.0, -1.0)] * (longest - len(row)) for row in rows]
    values = torch.tensor(padded, dtype=torch.float32, device=device)
    return values[..., :2], values[..., 2]


def mask_prompts(sessions: list[Session], device: torch.device) -> Tensor | None:
    """Return the masks to correct as logits float32 (B, 1, H/4, W/4), 0 where there is none."""
    if all(session.mask is None for session in sessions):
        return None
    shape = sessions[0].truth.semantic.shape
    logits = np.zeros((len(sessions), 1, *shape), dtype=np.float32)
    for row, session in zip(logits, sessions, strict=True):
        if session.mask is not None:
            row[0] = np.where(session.mask, CLICK_LOGIT, -CLICK_LOGIT)
    return functional.avg_pool2d(torch.from_numpy(logits).to(device), MASK_STRIDE_PX)


def _points(session: Session) -> list[tuple[float, float, float]]:
    points = [(float(c.x), float(c.y), float(c.positive)) for c in session.clicks]
    if session.box_xyxy is not None:
        left, top, right, bottom = map(float, session.box_xyxy)
        points += [(left, top, 2.0), (right, bottom, 3.0)]
    return points
