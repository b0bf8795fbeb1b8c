"""Following a mask that ends at a window's edge into the windows beyond.

A net is followed from edge to edge: where it leaves a window, the window that sees that place
best is asked with one click on the piece that both see, and what it answers there is united
with the net. That goes on until no edge is open. A layer is everywhere, so it is carried from
window to window over the whole image.

The piece is given as a click and not as a mask prompt: a mask says of all pixels beyond it
that they are outside, which is what is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.prompting.candidates import drop_duplicates
from napari_icseg.prompting.fitting import fitted, may_grow
from napari_icseg.prompting.layer_growth import LayerGrowth
from napari_icseg.prompting.net_growth import NetGrowth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        Embedding,
        PromptPredictor,
    )
    from napari_icseg.prompting.windowed import WindowedAnswer
    from napari_icseg.prompting.windows import Window


def can_grow(answer: WindowedAnswer, kind: CandidateKind) -> bool:
    """Return whether a candidate of this kind is cut and can be followed."""
    if not may_grow(answer.prompts, answer.found):
        return False
    return kind != "part" and any(c.is_cut for c in answer.united if c.kind == kind)


def grow(
    predictor: PromptPredictor,
    embedding_of: Callable[[Window], Embedding],
    answer: WindowedAnswer,
    kind: CandidateKind,
) -> Iterator[Candidate]:
    """Yield the candidate of a kind, larger after every window asked.

    The last one is whole (`is_cut` is False) unless the model lost it. The caller stops by
    not asking for more; an embedding that is interrupted ends it with its error.

    Args:
        predictor: the model that gave the answer.
        embedding_of: returns the embedding of a window, made or remembered: the same one is
            asked for whenever its window is.
        answer: what the clicked windows saw.
        kind: "net" or "layer"; nothing follows from a "part" or from a mask that is whole.

    """
    if can_grow(answer, kind):
        growth = (NetGrowth if kind == "net" else LayerGrowth)(predictor, embedding_of, answer)
        while growth.ask_next():
            yield growth.candidate()


def with_grown(answer: WindowedAnswer, *grown: Candidate) -> tuple[Candidate, ...]:
    """Return the answer's distinct candidates, those that grew in place of the cut ones.

    They are fitted to what the user drew.
    """
    by_kind = {candidate.kind: candidate for candidate in grown}
    united = [by_kind.get(c.kind, c) for c in answer.united]
    return drop_duplicates(fitted(united, answer.prompts, answer.found))
