"""The last answer that the worker gave, and what has grown of it since."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_icseg.prompting.growing import grow, with_grown
from napari_icseg.prompting.requests import PredictResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        Embedding,
        PromptPredictor,
    )
    from napari_icseg.prompting.requests import PredictRequest
    from napari_icseg.prompting.windowed import WindowedAnswer
    from napari_icseg.prompting.windows import Window


@dataclass
class Answered:
    """An answer that may still grow; it belongs to the worker's thread.

    Attributes:
        request: what was asked.
        answer: what the clicked windows saw.
        model: name of the model that answered.
        grown: by kind, the candidates that were followed into further windows.

    """

    request: PredictRequest
    answer: WindowedAnswer
    model: str
    grown: dict[CandidateKind, Candidate] = field(default_factory=dict)

    def steps(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        kind: CandidateKind,
    ) -> Iterator[Candidate]:
        """Follow a candidate and keep what comes of it; one that is whole already is left."""
        if kind in self.grown and not self.grown[kind].is_cut:
            return
        for candidate in grow(predictor, embedding_of, self.answer, kind):
            self.grown[kind] = candidate
            yield candidate

    def result(self, started_s: float, *, is_growing: bool) -> PredictResult:
        """Return what the GUI is told; `started_s` is the performance counter at the start."""
        candidates = with_grown(self.answer, *self.grown.values())
        seconds = time.perf_counter() - started_s
        return PredictResult(self.request, candidates, seconds, self.model, is_growing)
