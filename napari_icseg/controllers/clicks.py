"""The state of one object being clicked: frozen, with pure transitions.

clicks ──add/remove──▶ pending ──answer──▶ candidates ──cycle──▶ candidates ◀──grow── growing
│                                                                    │
accept asked for: accepted when the answer comes                     accepted when it is whole
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.prompting.protocol import NEGATIVE, POSITIVE, Prompts

if TYPE_CHECKING:
    from napari_icseg.prompting.protocol import Candidate, CandidateKind


@dataclass(frozen=True, slots=True)
class Click:
    """One click on a pixel. `row`, `col` are image pixels; integers are pixel centres."""

    row: int
    col: int
    is_positive: bool


@dataclass(frozen=True, slots=True)
class ClickState:
    """Clicks, the candidates that answer them, and which candidate is shown."""

    clicks: tuple[Click, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    index: int = 0
    is_pending: bool = False
    accept_when_ready: bool = False
    chosen_kind: CandidateKind | None = None
    growing_kind: CandidateKind | None = None
    """The candidate that is being followed beyond the window of the clicks."""

    @property
    def is_growing(self) -> bool:
        """Whether the candidate shown is still being followed."""
        return self.candidate is not None and self.candidate.kind == self.growing_kind

    @property
    def candidate(self) -> Candidate | None:
        """The candidate shown."""
        return self.candidates[self.index] if self.candidates else None

    @property
    def has_positive(self) -> bool:
        """Whether a click says what belongs to the object; without one nothing follows."""
        return any(click.is_positive for click in self.clicks)

    def add(self, click: Click) -> ClickState:
        """One more click; the old candidates stay in sight until the answer comes."""
        return self._changed((*self.clicks, click))

    def remove_last(self) -> ClickState:
        """One click less."""
        return self._changed(self.clicks[:-1])

    def answer(
        self, candidates: tuple[Candidate, ...], growing_kind: CandidateKind | None = None
    ) -> ClickState:
        """The model's candidates, best first; the kind that the user had cycled to stays."""
        index = _index_of(self.chosen_kind, candidates)
        return replace(
            self,
            candidates=candidates,
            index=index,
            is_pending=False,
            growing_kind=growing_kind,
        )

    def grow(self, candidates: tuple[Candidate, ...], *, is_last: bool) -> ClickState:
        """The same candidates, the growing one larger; the one shown stays."""
        shown = self.candidate.kind if self.candidate is not None else None
        index = _index_of(shown, candidates)
        growing_kind = None if is_last else self.growing_kind
        return replace(self, candidates=candidates, index=index, growing_kind=growing_kind)

    def follow(self) -> ClickState:
        """The candidate shown is being followed beyond its window from now on."""
        return replace(self, growing_kind=self.candidate.kind if self.candidate else None)

    def cycle(self, step: int) -> ClickState:
        """The next (+1) or previous (-1) candidate, round and round."""
        if not self.candidates:
            return self
        index = (self.index + step) % len(self.candidates)
        kind = self.candidates[index].kind
        return replace(self, index=index, chosen_kind=kind, accept_when_ready=False)

    def ask_accept(self) -> ClickState:
        """Accept as soon as the pending answer is there."""
        return replace(self, accept_when_ready=True)

    def prompts(self) -> Prompts:
        """What the model gets: (x, y) points, int8 labels, and the kind being corrected."""
        points_xy = np.array([(c.col, c.row) for c in self.clicks], dtype=np.float32)
        labels = [POSITIVE if click.is_positive else NEGATIVE for click in self.clicks]
        return Prompts(
            points_xy.reshape(-1, 2), np.array(labels, dtype=np.int8), kind=self.chosen_kind
        )

    def _changed(self, clicks: tuple[Click, ...]) -> ClickState:
        if not any(click.is_positive for click in clicks):
            return ClickState(clicks=clicks)
        return replace(
            self, clicks=clicks, is_pending=True, accept_when_ready=False, growing_kind=None
        )


def _index_of(kind: CandidateKind | None, candidates: tuple[Candidate, ...]) -> int:
    kinds = [candidate.kind for candidate in candidates]
    return kinds.index(kind) if kind in kinds else 0


def describe(state: ClickState) -> str:
    """The candidate line: "net 1/3 · score 0.93 · Tab for next"; empty without a candidate."""
    candidate = state.candidate
    if candidate is None:
        return ""
    num = len(state.candidates)
    tab = " · Tab for next" if num > 1 else ""
    beyond = ""
    if state.is_growing:
        beyond = " · being followed…"
    elif candidate.is_cut:
        beyond = " · goes on beyond"
    return f"{candidate.kind} {state.index + 1}/{num} · score {candidate.score:.2f}{beyond}{tab}"
