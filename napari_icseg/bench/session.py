"""One target labelled by clicks, as in the Labelling dock: click, look, Tab, correct.

The state that decides which candidate is shown is the dock's own (`ClickState`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.clicks import Click as ShownClick
from napari_icseg.controllers.clicks import ClickState
from napari_icseg.prompting.growing import grow, with_grown
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.windows import WindowGrid
from trainers.metrics.clicks import next_click
from trainers.metrics.interactive import MAX_CLICKS, NOC_IOUS, iou_by_clicks, mask_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_icseg.bench.targets import Target
    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        Embedding,
        PromptPredictor,
        Prompts,
    )
    from napari_icseg.prompting.windows import Window
    from trainers.metrics.clicks import Click

    Mask = NDArray[np.bool_]


class EmbeddedTile:
    """One image, all of whose windows are embedded, that answers prompts.

    `embed_s` is what that took, in seconds.
    """

    def __init__(self, predictor: PromptPredictor, image: NDArray[Any]) -> None:
        self._predictor = predictor
        prompt_image = PromptImage(image)
        self.size_hw = prompt_image.size_hw
        started_s = time.perf_counter()
        self._embeddings: dict[Window, Embedding] = {
            window: predictor.embed(prompt_image, window)
            for window in WindowGrid(self.size_hw, predictor.input_size_px).windows
        }
        self.embed_s = time.perf_counter() - started_s

    def predict(self, prompts: Prompts) -> tuple[Candidate, ...]:
        """Return the candidates that the dock would offer, followed to their end.

        Of a chosen kind only that candidate is followed, else the net and the layer.
        """
        embedding_of = self._embeddings.__getitem__
        answer = answer_in_windows(self._predictor, embedding_of, self.size_hw, prompts)
        kinds: tuple[CandidateKind, ...] = (prompts.kind,) if prompts.kind else ("net", "layer")
        grown = [list(grow(self._predictor, embedding_of, answer, kind))[-1:] for kind in kinds]
        return with_grown(answer, *(candidate for last in grown for candidate in last))


@dataclass(frozen=True)
class ScoredCandidate:
    """A candidate after the first click: the IoU expected of it and the true one, 0..1."""

    kind: CandidateKind
    score: float
    iou: float


@dataclass(frozen=True)
class Played:
    """What one target took.

    Attributes:
        target: its name, as `Target.name`.
        kind: layer, net or via.
        ious: after 1, 2, … 20 clicks; the last is repeated once the best of `NOC_IOUS` is
            reached.
        predict_s: seconds that the model took for each click made.
        num_tabs: how often the annotator pressed Tab.
        first_iou: of the candidate shown first, with the target.
        first_iou_any: of the same with the best of all targets that the click may mean.
        candidates: those of the first click whose truth is known.

    """

    target: str
    kind: str
    ious: tuple[float, ...]
    predict_s: tuple[float, ...]
    num_tabs: int
    first_iou: float
    first_iou_any: float
    candidates: tuple[ScoredCandidate, ...]


def play(
    tile: EmbeddedTile,
    target: Target,
    targets: Sequence[Target],
    rng: np.random.Generator,
    *,
    jitter: float,
) -> Played:
    """Click on a target until the IoU is that of the last NoC, at most 20 times.

    Args:
        tile: answers.
        target: what the annotator wants.
        targets: all targets of the tile.
        rng: places jittered clicks.
        jitter: 0 clicks the centre of the largest error; see `next_click`.

    """
    mask, first = target.mask, first_click(target, rng, jitter=jitter)
    annotator = Annotator(tile, mask)
    ious = iou_by_clicks(
        annotator.segment,
        mask,
        num_clicks=MAX_CLICKS,
        first=first,
        rng=rng,
        jitter=jitter,
        enough_iou=max(NOC_IOUS),
    )
    meant = [each for each in targets if each.means(first)]
    offered = annotator.answers[0]
    shown = offered[0].mask.to_mask(tile.size_hw) if offered else None
    return Played(
        target=target.name,
        kind=target.kind,
        ious=tuple(ious),
        predict_s=tuple(annotator.predict_s),
        num_tabs=annotator.num_tabs,
        first_iou=0.0 if shown is None else mask_iou(shown, mask),
        first_iou_any=0.0 if shown is None else max(mask_iou(shown, t.mask) for t in meant),
        candidates=_scored(offered, meant, tile.size_hw),
    )


def first_candidates(
    tile: EmbeddedTile,
    target: Target,
    targets: Sequence[Target],
    rng: np.random.Generator,
    *,
    jitter: float,
) -> tuple[ScoredCandidate, ...]:
    """Click once on a target and return the candidates whose truth is known; see `play`."""
    first = first_click(target, rng, jitter=jitter)
    shown = ShownClick(first.y, first.x, first.positive)
    candidates = tile.predict(ClickState().add(shown).prompts())
    return _scored(candidates, [each for each in targets if each.means(first)], tile.size_hw)


def first_click(target: Target, rng: np.random.Generator, *, jitter: float) -> Click:
    """Return where the annotator clicks first: on what is to be seen of the target."""
    visible = target.visible
    first = next_click(np.zeros_like(visible), visible, rng, jitter=jitter)
    assert first is not None, "targets have visible pixels"
    return first


@dataclass
class Annotator:
    """Cycles to the best candidate after the first click; its kind then stays chosen."""

    tile: EmbeddedTile
    target: Mask
    state: ClickState = field(default_factory=ClickState)
    wanted: CandidateKind | None = None
    answers: list[tuple[Candidate, ...]] = field(default_factory=list)
    num_tabs: int = 0
    predict_s: list[float] = field(default_factory=list)

    def segment(self, clicks: Sequence[Click]) -> Mask:
        """Return the mask shown, bool (H, W), after the last of the clicks."""
        last = clicks[-1]
        self.state = self.state.add(ShownClick(last.y, last.x, last.positive))
        started_s = time.perf_counter()
        candidates = self.tile.predict(self.state.prompts())
        self.predict_s.append(time.perf_counter() - started_s)
        self.state = self.state.answer(candidates)
        self.answers.append(candidates)
        self._choose()
        shown = self.state.candidate
        if shown is None:
            return np.zeros(self.tile.size_hw, dtype=np.bool_)
        return shown.mask.to_mask(self.tile.size_hw)

    def _choose(self) -> None:
        candidates = self.state.candidates
        if self.wanted is None and candidates:
            masks = [candidate.mask.to_mask(self.tile.size_hw) for candidate in candidates]
            best = int(np.argmax([mask_iou(mask, self.target) for mask in masks]))
            self.wanted = candidates[best].kind
        kinds = [candidate.kind for candidate in candidates]
        if self.wanted in kinds and kinds[self.state.index] != self.wanted:
            num_tabs = (kinds.index(self.wanted) - self.state.index) % len(kinds)
            self.num_tabs += num_tabs
            self.state = self.state.cycle(num_tabs)


def _scored(
    candidates: Sequence[Candidate], meant: Sequence[Target], size_hw: tuple[int, int]
) -> tuple[ScoredCandidate, ...]:
    """Return the candidates beside the truth of their kind; a part has none."""
    truths = {"layer" if each.kind == "layer" else "net": each.mask for each in meant}
    return tuple(
        ScoredCandidate(c.kind, c.score, mask_iou(c.mask.to_mask(size_hw), truths[c.kind]))
        for c in candidates
        if c.kind in truths
    )
