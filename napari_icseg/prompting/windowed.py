"""Prompts anywhere in an image of any size: the windows that are needed, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.prompting.candidates import drop_duplicates, unite
from napari_icseg.prompting.windows import WindowGrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.prompting.protocol import Candidate, Embedding, PromptPredictor, Prompts
    from napari_icseg.prompting.windows import Window


def predict_in_windows(
    predictor: PromptPredictor,
    embedding_of: Callable[[Window], Embedding],
    image_hw: tuple[int, int],
    prompts: Prompts,
) -> tuple[Candidate, ...]:
    """Return the distinct candidates for prompts in an image that may exceed a window.

    Each window that holds a positive click is answered by itself and the masks are united
    kind by kind. A mask that ends at a window's edge is marked as cut; it is not followed
    into the next window.

    Args:
        predictor: the model.
        embedding_of: returns the embedding of a window, made or remembered.
        image_hw: height and width of the image in pixels.
        prompts: in image coordinates.

    Raises:
        PromptError: prompts outside the image or from which nothing follows.

    """
    prompts.check(image_hw)
    windows = WindowGrid(image_hw, predictor.input_size_px).covering(prompts)
    found = [predictor.predict(embedding_of(window), prompts) for window in windows]
    # only now: a net that is the whole layer in one window may be a part of it in another
    return drop_duplicates(unite(found))
