"""The state of one object being prompted: frozen, with pure transitions.

prompts ──add/remove──▶ pending ──answer──▶ candidates ──cycle──▶ candidates ◀──grow── growing
│                                                                    │
accept asked for: accepted when the answer comes                     accepted when it is whole
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.scribbles import Scribble
from napari_icseg.prompting.protocol import (
    NEGATIVE,
    POSITIVE,
    Candidate,
    PaintedStroke,
    Prompts,
)

if TYPE_CHECKING:
    from napari_icseg.controllers.boxes import Box
    from napari_icseg.prompting.protocol import CandidateKind
    from trainers.io.rle import RleMask


@dataclass(frozen=True, slots=True)
class Click:
    """One click on a pixel. `row`, `col` are image pixels; integers are pixel centres."""

    row: int
    col: int
    is_positive: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """An accepted object that is being corrected: id, mask, and the score of its mask.

    With `is_proposal` it is a proposal, which becomes an object when the correction is accepted.
    """

    object_id: int
    mask: RleMask
    score: float = 1.0
    is_proposal: bool = False


Mark = Click | Scribble


@dataclass(frozen=True, slots=True)
class ClickState:
    """Prompts, the candidates that answer them, and which candidate is shown."""

    marks: tuple[Mark, ...] = ()
    """Clicks and strokes, in the order in which they were made."""
    box: Box | None = None
    """The object lies in it."""
    subject: Subject | None = None
    """The accepted object that is being corrected."""
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
    def clicks(self) -> tuple[Click, ...]:
        """The points of all prompts, as they are shown and given to the model."""
        return tuple(click for mark in self.marks for click in _clicks_of(mark))

    @property
    def holds_its_clicks(self) -> bool:
        """Whether all positive clicks lie in the candidate; seven of ten on background do not."""
        candidate = self.candidate
        return candidate is None or all(
            candidate.mask.contains(click.row, click.col)
            for click in self.clicks
            if click.is_positive
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was prompted."""
        return not self.marks and self.box is None and self.subject is None

    @property
    def has_positive(self) -> bool:
        """Whether a prompt says what belongs to the object; without one nothing follows."""
        if self.box is not None or self.subject is not None:
            return True
        return any(click.is_positive for click in self.clicks)

    def add(self, mark: Mark) -> ClickState:
        """One more click or stroke; the old candidates stay in sight until the answer comes."""
        return self._changed(marks=(*self.marks, mark))

    def with_box(self, box: Box) -> ClickState:
        """The object lies in this box, in place of the one before."""
        return self._changed(box=box)

    def refine(self, subject: Subject) -> ClickState:
        """Begins to correct an accepted object: it is the candidate until something corrects it."""
        candidate = Candidate(subject.mask, subject.score, "net")
        return ClickState(subject=subject, candidates=(candidate,))

    def remove_last(self) -> ClickState:
        """One prompt less; a stroke counts as one, the box goes last."""
        if self.marks:
            return self._changed(marks=self.marks[:-1])
        return self._changed(box=None)

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
        return self.choose(index)

    def choose(self, index: int) -> ClickState:
        """Another candidate by its number, from 0."""
        kind = self.candidates[index].kind
        return replace(self, index=index, chosen_kind=kind, accept_when_ready=False)

    def ask_accept(self) -> ClickState:
        """Accept as soon as the pending answer is there."""
        return replace(self, accept_when_ready=True)

    def prompts(self) -> Prompts:
        """What the model gets: (x, y) points, int8 labels, and the kind being corrected."""
        points_xy = np.array([(c.col, c.row) for c in self.clicks], dtype=np.float32)
        labels = [POSITIVE if click.is_positive else NEGATIVE for click in self.clicks]
        box = self.box
        corners = None if box is None else (box.left, box.top, box.right - 1, box.bottom - 1)
        return Prompts(
            points_xy.reshape(-1, 2),
            np.array(labels, dtype=np.int8),
            box_xyxy=None if corners is None else np.array(corners, dtype=np.float32),
            mask=None if self.subject is None else self.subject.mask,
            kind=self.chosen_kind,
            strokes=tuple(
                PaintedStroke(mark.pixels, mark.is_positive)
                for mark in self.marks
                if isinstance(mark, Scribble)
            ),
        )

    def _changed(self, **changes: Any) -> ClickState:
        new = replace(self, **changes)
        if self.subject is not None and not new.marks and new.box is None:
            return self.refine(self.subject)
        if not new.has_positive:
            return ClickState(marks=new.marks)
        return replace(new, is_pending=True, accept_when_ready=False, growing_kind=None)


def _clicks_of(mark: Mark) -> tuple[Click, ...]:
    if isinstance(mark, Click):
        return (mark,)
    return tuple(Click(row, col, mark.is_positive) for row, col in mark.points_rc)


def _index_of(kind: CandidateKind | None, candidates: tuple[Candidate, ...]) -> int:
    kinds = [candidate.kind for candidate in candidates]
    return kinds.index(kind) if kind in kinds else 0


def describe(state: ClickState) -> str:
    """The candidate line: "net 1/3 · score 0.93"; empty without a candidate."""
    candidate = state.candidate
    if candidate is None:
        return ""
    num = len(state.candidates)
    beyond = ""
    if state.is_growing:
        beyond = " · being followed…"
    elif candidate.is_cut:
        beyond = " · goes on beyond"
    return f"{candidate.kind} {state.index + 1}/{num} · score {candidate.score:.2f}{beyond}"


def chip_of(candidate: Candidate) -> str:
    """What a candidate's chip says: "net .93"."""
    return f"{candidate.kind} {candidate.score:.2f}".replace(" 0.", " .")
