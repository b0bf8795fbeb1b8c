"""From a model's three masks to the candidates that the user cycles through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from napari_icseg.prompting.protocol import POSITIVE, Candidate
from trainers.io.rle import RleMask, iou
from trainers.io.rle import unite as unite_masks
from trainers.metrics.clicks import Click
from trainers.models.sam2.components import connected_net
from trainers.models.sam2.shifting import follow_clicks
from trainers.models.sam2.splitting import split_at_clicks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import CandidateKind, Prompts

DUPLICATE_IOU = 0.95
FRAYED_RATIO = 1.2
"""Nets of the sample images stay below it, most masks of background do not."""
_SMOOTHING_PX = 5
KINDS: tuple[CandidateKind, ...] = ("net", "layer", "part")
"""In this order where scores are equal."""
NET_ADVANTAGE = 0.1
"""A layer is nearly always a surer guess than one of its nets, but a net is meant more often."""
_KINDS_BY_SIZE: tuple[CandidateKind, ...] = ("layer", "net", "part")


@dataclass(frozen=True, eq=False)
class ScoredMask:
    """A mask in window coordinates that may be empty.

    Attributes:
        mask: bool (H, W).
        logits: float32 (H, W), how sure the model is.
        score: the IoU expected of it, 0..1.
        kind: what it means.

    """

    mask: NDArray[np.bool_]
    logits: NDArray[np.float32]
    score: float
    kind: CandidateKind


def name_masks(
    logits: NDArray[np.float32], scores: NDArray[np.float32], token_kinds: Sequence[str]
) -> list[ScoredMask]:
    """Say what each of a model's masks means.

    Args:
        logits: float32 (3, H, W); above 0 is inside.
        scores: float32 (3,), the IoU expected of each.
        token_kinds: meaning of the masks, in order; empty for a model whose masks have no
            fixed meaning (the official SAM 2.1): then the largest is called the layer, the
            next the net, the smallest the part.

    """
    masks = logits > 0
    kinds: dict[int, Any] = dict(enumerate(token_kinds))
    if not kinds:
        by_size = np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable")
        kinds = dict(zip(by_size.tolist(), _KINDS_BY_SIZE, strict=True))
    return [
        ScoredMask(masks[i], logits[i], float(np.clip(scores[i], 0, 1)), kinds[i])
        for i in range(len(masks))
    ]


def refine_net(named: Sequence[ScoredMask], prompts: Prompts) -> list[ScoredMask]:
    """Move the layer's edges to where the clicks want them, and take the net from it.

    From the second click on, a click just beyond the layer's edge moves all its edges alike.
    The net becomes the layer's connected pieces under the positive clicks.

    A layer is predicted more surely than one of its nets, and its pieces under the clicks
    are the net: as good a guess as the layer itself, with the layer's score. Where the layer
    has no piece under the clicks, the pieces of the net's own mask are taken. A negative click
    in a piece cuts it; with a box the model is believed.

    Args:
        named: masks of a model with fixed meanings.
        prompts: in window coordinates.

    """
    masks = {scored.kind: scored for scored in named}
    if not len(prompts.positive_xy) or prompts.box_xyxy is not None:
        return list(named)
    clicks = _clicks(prompts, masks["net"].mask.shape)
    if len(clicks) > 1:
        masks["layer"] = _followed(masks["layer"], clicks)
    for source in (masks["layer"], masks["net"]):
        pieces = _pieces(source, clicks)
        if pieces.any():
            masks["net"] = replace(source, mask=pieces, kind="net")
            break
    return list(masks.values())


def _followed(scored: ScoredMask, clicks: Sequence[Click]) -> ScoredMask:
    logits = follow_clicks(scored.logits, clicks)
    return replace(scored, mask=logits > 0, logits=logits)


def _pieces(source: ScoredMask, clicks: Sequence[Click]) -> NDArray[np.bool_]:
    under_clicks = connected_net(source.mask, [click for click in clicks if click.positive])
    return split_at_clicks(under_clicks, source.logits, clicks)


def rank(
    named: Iterable[ScoredMask],
    origin_rc: tuple[int, int],
    *,
    first: CandidateKind | None = None,
    net_advantage: float = 0.0,
) -> tuple[Candidate, ...]:
    """Return candidates, best first, without empty ones.

    Args:
        named: masks whose pixel (0, 0) lies at `origin_rc` of the image.
        origin_rc: row and column in pixels.
        first: the kind that the user has chosen already; it stays on top.
        net_advantage: by how much another score must be better than the net's to come first.

    """

    def order(scored: ScoredMask) -> tuple[bool, float, int]:
        advantage = net_advantage if scored.kind == "net" else 0.0
        return scored.kind != first, -(scored.score + advantage), KINDS.index(scored.kind)

    ordered = sorted(named, key=order)
    return tuple(
        Candidate(RleMask.from_mask(scored.mask, origin_rc), scored.score, scored.kind)
        for scored in ordered
        if scored.mask.any()
    )


def drop_duplicates(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Keep the first of those that overlap with an IoU above `DUPLICATE_IOU`."""
    kept: list[tuple[Candidate, int]] = []
    for candidate in candidates:
        area = candidate.mask.area
        # the IoU is at most the ratio of the areas: few need to be laid over each other
        alike = (other for other, size in kept if min(area, size) > DUPLICATE_IOU * max(area, size))
        if all(iou(candidate.mask, other.mask) <= DUPLICATE_IOU for other in alike):
            kept.append((candidate, area))
    return tuple(candidate for candidate, _ in kept)


def is_frayed(mask: RleMask) -> bool:
    """Return whether a mask's edge is much longer than that of the mask smoothed.

    A model that is asked about background answers with frayed patches, and not with a low
    score.
    """
    pixels = np.pad(mask.crop(), _SMOOTHING_PX).astype(np.uint8)
    smooth = cv2.medianBlur(pixels, _SMOOTHING_PX)
    # of something as small as the filter nothing is left
    return bool(smooth.any()) and _edge_px(pixels) > FRAYED_RATIO * _edge_px(smooth)


def _edge_px(pixels: NDArray[np.uint8]) -> int:
    """Return the length of a mask's edges, uint8 (H, W) of 0 and 1, in pixel sides."""
    down, right = pixels[1:] != pixels[:-1], pixels[:, 1:] != pixels[:, :-1]
    return int(np.count_nonzero(down)) + int(np.count_nonzero(right))


def unite(found: Sequence[tuple[Candidate, ...]]) -> tuple[Candidate, ...]:
    """Join the candidates of several windows kind by kind; the lowest score counts.

    The order is that of the first window that saw anything.
    """
    order = list(dict.fromkeys(c.kind for candidates in found for c in candidates))
    by_kind = [[c for candidates in found for c in candidates if c.kind == k] for k in order]
    return tuple(_join(same) for same in by_kind)


def _join(same: Sequence[Candidate]) -> Candidate:
    if len(same) == 1:
        return same[0]
    return replace(
        same[0],
        mask=unite_masks([candidate.mask for candidate in same]),
        score=min(c.score for c in same),
        is_cut=any(c.is_cut for c in same),
        is_frayed=any(c.is_frayed for c in same),
    )


def _clicks(prompts: Prompts, shape_hw: tuple[int, ...]) -> list[Click]:
    # the pixel that holds the point: integer coordinates are pixel centres
    pixels = np.floor(prompts.points_xy + 0.5).astype(int)
    pixels = np.clip(pixels, 0, [shape_hw[1] - 1, shape_hw[0] - 1])
    positive = (prompts.labels == POSITIVE).tolist()
    return [Click(int(x), int(y), is_in) for (x, y), is_in in zip(pixels, positive, strict=True)]
