"""Prompts anywhere in an image of any size: the windows that are needed, joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from napari_icseg.prompting.candidates import drop_duplicates, unite
from napari_icseg.prompting.windows import WindowGrid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_icseg.prompting.protocol import Candidate, Embedding, PromptPredictor, Prompts
    from napari_icseg.prompting.windows import Window


@dataclass(frozen=True, eq=False)
class WindowedAnswer:
    """What each window that holds a positive click answered.

    Attributes:
        prompts: in image coordinates.
        image_hw: height and width of the image in pixels.
        found: of each window its candidates, in image coordinates, in the order of the clicks.

    """

    prompts: Prompts
    image_hw: tuple[int, int]
    found: Mapping[Window, tuple[Candidate, ...]]

    @cached_property
    def united(self) -> tuple[Candidate, ...]:
        """The candidates of all windows, united kind by kind; some may be equal."""
        return unite(tuple(self.found.values()))

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The distinct ones of `united`."""
        # only now: a net that is the whole layer in one window may be a part of it in another
        return drop_duplicates(self.united)


def answer_in_windows(
    predictor: PromptPredictor,
    embedding_of: Callable[[Window], Embedding],
    image_hw: tuple[int, int],
    prompts: Prompts,
) -> WindowedAnswer:
    """Return what the windows with positive clicks see of an image that may exceed a window.

    A mask that ends at a window's edge is marked as cut, and so is the layer where windows are
    left that were not asked: single vias touch no edge. `growing` follows both.

    Args:
        predictor: the model.
        embedding_of: returns the embedding of a window, made or remembered.
        image_hw: height and width of the image in pixels.
        prompts: in image coordinates.

    Raises:
        PromptError: prompts outside the image or from which nothing follows.

    """
    prompts.check(image_hw)
    grid = WindowGrid(image_hw, predictor.input_size_px)
    windows = grid.covering(prompts)
    found = {window: predictor.predict(embedding_of(window), prompts) for window in windows}
    if len(windows) < len(grid.windows):
        found = {window: _with_cut_layer(candidates) for window, candidates in found.items()}
    return WindowedAnswer(prompts, image_hw, found)


def _with_cut_layer(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(c, is_cut=True) if c.kind == "layer" else c for c in candidates)
