"""What the GUI may ask of the prompt worker; every call returns at once."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from napari_icseg.prompting.errors import PromptError
from napari_icseg.prompting.inbox import Inbox
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.requests import (
    AheadRequest,
    EmbedRequest,
    FindRequest,
    GrowRequest,
    HoverRequest,
    LoadRequest,
    PredictRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.prompting.prompt_image import Pixels
    from napari_icseg.prompting.protocol import CandidateKind, PromptPredictor, Prompts


class WorkerCalls:
    """Puts requests into an inbox. For one thread, the GUI's."""

    def __init__(self) -> None:
        self._inbox = Inbox()
        self._numbers = count(1)
        self._shown: EmbedRequest | None = None

    def use(self, load: Callable[[], PromptPredictor]) -> None:
        """Switch to another model; prompts still unanswered are answered by it."""
        self._inbox.put_load(LoadRequest(load))

    def show(self, image_id: int, image: Pixels) -> EmbedRequest:
        """Embed the image on the screen, uint8 or uint16 (H, W); later prompts are in it.

        The pixels must not change while it is shown. Raises `PromptError` for another type.
        """
        request = EmbedRequest(next(self._numbers), image_id, PromptImage(image))
        self._shown = request
        self._inbox.put_embed(request)
        return request

    def predict(self, prompts: Prompts) -> PredictRequest:
        """Ask for the candidates of prompts in the shown image; the newest request wins.

        Raises `PromptError` if no image is shown. What is wrong with the prompts is told
        by `failed`.
        """
        if self._shown is None:
            raise PromptError("No image is open: open one before clicking.")
        shown = self._shown
        request = PredictRequest(next(self._numbers), shown.image_id, shown.image, prompts)
        self._inbox.put_predict(request)
        return request

    def grow(self, request: PredictRequest, kind: CandidateKind) -> None:
        """Follow one candidate of an answer into all windows that it reaches.

        A net is followed without asking. If newer prompts were given, or `cancel` was called,
        nothing happens; they also stop it on the way. `grown` tells some steps and the last,
        also where there is nothing to follow.

        Args:
            request: the one that was answered.
            kind: of the candidate.

        """
        self._inbox.put_grow(GrowRequest(request, kind))

    def hover(self, prompts: Prompts | None) -> None:
        """Say by `hovered` what these prompts would give; None: nothing any more.

        Only if nothing else is to do and the embedding is in memory; anything asked
        afterwards ends it, in the middle of the model.
        """
        shown = self._shown
        if prompts is None or shown is None:
            self._inbox.put_hover(None)
        else:
            self._inbox.put_hover(HoverRequest(shown.image_id, shown.image, prompts))

    def find(self) -> FindRequest:
        """Find all objects of the shown image; clicks go first. `found` tells how far it is.

        Another image and `cancel_find` end it. Raises `PromptError` if no image is shown.
        """
        if self._shown is None:
            raise PromptError("No image is open: open one first.")
        request = FindRequest(self._shown.image_id, self._shown.image)
        self._inbox.put_find(request)
        return request

    def cancel_find(self) -> None:
        """Stop finding all objects; `found` tells nothing more of it."""
        self._inbox.put_find(None)

    def cancel(self) -> None:
        """Leave the last prompts unanswered: they were cleared or their object accepted."""
        self._inbox.cancel()

    def embed_ahead(self, images: Iterable[tuple[int, Callable[[], Pixels]]]) -> None:
        """Embed these images when there is nothing else to do, the first first.

        Args:
            images: id and a function that reads the image, called in the worker; replaces
                the images given before.

        """
        self._inbox.put_ahead(AheadRequest(image_id, read) for image_id, read in images)

    def look_at(self, point_xy: tuple[float, float]) -> None:
        """Embed what is around a point of the shown image next: clicks are likely there."""
        shown = self._shown
        if shown is not None:
            request = AheadRequest(shown.image_id, lambda: shown.image, near_xy=point_xy)
            self._inbox.put_rest(shown, [request])
