"""What the GUI asks of the prompt worker and what it gets back; all frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.prompting.automatic import FoundObject
    from napari_icseg.prompting.prompt_image import Pixels, PromptImage
    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        PromptPredictor,
        Prompts,
    )
    from napari_icseg.prompting.windows import Window


@dataclass(frozen=True, eq=False)
class LoadRequest:
    """Use another model."""

    load: Callable[[], PromptPredictor] = field(repr=False)


@dataclass(frozen=True, eq=False)
class EmbedRequest:
    """Make the image on the screen ready for clicks."""

    number: int
    image_id: int
    image: PromptImage = field(repr=False)


@dataclass(frozen=True, eq=False)
class PredictRequest:
    """Answer prompts in an image. A larger number is a newer request."""

    number: int
    image_id: int
    image: PromptImage = field(repr=False)
    prompts: Prompts


@dataclass(frozen=True, eq=False)
class HoverRequest:
    """Say what a click would give, if that costs nothing but the decoder."""

    image_id: int
    image: PromptImage = field(repr=False)
    prompts: Prompts


@dataclass(frozen=True, eq=False)
class GrowRequest:
    """Follow one candidate of the last answer into further windows.

    Attributes:
        answered: the request whose answer it is.
        kind: of the candidate.

    """

    answered: PredictRequest
    kind: CandidateKind


@dataclass(frozen=True, eq=False)
class AheadRequest:
    """Embed what is likely to be needed next.

    Attributes:
        image_id: of the image.
        read: returns it; runs in the worker.
        window: the part to embed; None is the one at the centre.
        near_xy: embed those parts nearest to a point instead, if the image has several.

    """

    image_id: int
    read: Callable[[], Pixels | PromptImage] = field(repr=False)
    window: Window | None = None
    near_xy: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class PredictResult:
    """The answer to the newest request.

    Attributes:
        request: what was asked.
        candidates: best first; empty where the model sees nothing.
        seconds: from taking up the request to the answer, embedding included.
        model: name of the model that answered.
        is_growing: a candidate is being followed into further windows: `grown` brings more.

    """

    request: PredictRequest
    candidates: tuple[Candidate, ...]
    seconds: float
    model: str
    is_growing: bool = False


@dataclass(frozen=True, eq=False)
class HoverResult:
    """What a click would give: the first candidate, or None where the model sees nothing."""

    request: HoverRequest
    candidate: Candidate | None


@dataclass(frozen=True, eq=False)
class FindRequest:
    """Find all objects of the image shown, without a prompt."""

    image_id: int
    image: PromptImage = field(repr=False)


@dataclass(frozen=True, eq=False)
class FindResult:
    """How far the search for all objects is.

    Attributes:
        request: what was asked.
        num_done: windows that are searched.
        num_windows: of the image.
        objects: all of them, surest first; None while the search goes on, or if it failed.
        error: why it failed, for the user.

    """

    request: FindRequest
    num_done: int = 0
    num_windows: int = 0
    objects: tuple[FoundObject, ...] | None = None
    error: str = ""
