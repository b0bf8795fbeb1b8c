"""Prompts to candidates through any SAM-2 image model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from napari_icseg.prompting.candidates import (
    KINDS,
    NET_ADVANTAGE,
    is_frayed,
    name_masks,
    rank,
    refine_net,
)
from napari_icseg.prompting.input_frame import InputFrame
from napari_icseg.prompting.interrupt import make_interruptible, stop_if_asked, stopping
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import POSITIVE, Embedding, Prompts
from napari_icseg.prompting.remembered import RememberedLogits
from napari_icseg.prompting.windows import WINDOW_PX, Window, WindowGrid, localize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_icseg.prompting.candidates import ScoredMask
    from napari_icseg.prompting.protocol import Candidate, CandidateKind
    from trainers.metrics.calibration import ScoreCurve
    from trainers.models.sam2.interface import DecodedMasks, ImageFeatures, Sam2ImageModel


class Sam2PromptPredictor:
    """Answers prompts with a `Sam2ImageModel`; one instance belongs to one thread.

    The model itself may be shared by threads; it must be in eval mode on `device`.

    A sequence of clicks is answered click by click: the logits after each click are the
    mask prompt of the next, as in SAM-2's own training. They are remembered, so that a
    further click costs one pass of the decoder, and the answer depends on nothing but the
    image and the prompts.

    Args:
        model: the image model.
        name: what the user calls it.
        checkpoint_id: differs whenever the weights do.
        device: where the model is.
        curves: for each kind, from the model's score to the IoU to be expected; a kind
            without one keeps the model's score.

    """

    def __init__(
        self,
        model: Sam2ImageModel,
        *,
        name: str,
        checkpoint_id: str,
        device: str = "cpu",
        curves: Mapping[CandidateKind, ScoreCurve] | None = None,
    ) -> None:
        self.name = name
        self.curves = curves or {}
        self.checkpoint_id = checkpoint_id
        self.input_size_px = WINDOW_PX
        self.device = torch.device(device)
        self._model = model
        self._remembered = RememberedLogits()
        self._clicked: WeakKeyDictionary[Embedding, ImageFeatures] = WeakKeyDictionary()
        if isinstance(model, torch.nn.Module):
            make_interruptible(model)

    def to_cpu(self) -> bool:
        """Go on on the CPU and free the device's memory; return False if it is there already."""
        if self.device.type == "cpu":
            return False
        self.device = torch.device("cpu")
        if isinstance(self._model, torch.nn.Module):
            self._model.to(self.device)
        self._remembered.clear()
        self._clicked.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True

    def embed(
        self,
        image: PromptImage | NDArray[Any],
        window: Window | None = None,
        *,
        should_stop: Callable[[], bool] | None = None,
    ) -> Embedding:
        """Embed one window of an image; see `PromptPredictor.embed`."""
        image = image if isinstance(image, PromptImage) else PromptImage(image)
        window = window or WindowGrid(image.size_hw, self.input_size_px).windows[0]
        pixels = self._frame(window).fit(image.unit(window)).to(self.device)
        with torch.inference_mode(), stopping(should_stop):
            features = self._model.encode(pixels)
        if self._model.native_resolution:
            # many windows of large maps: half the memory for the same answers
            features = features.map(lambda level: level.half())
        return Embedding(features, window, image.size_hw, self.checkpoint_id)

    def predict(self, embedding: Embedding, prompts: Prompts) -> tuple[Candidate, ...]:
        """Return up to three candidates; see `PromptPredictor.predict`.

        Prompts inside the image but outside the embedding's window are left out.
        """
        prompts.check(embedding.image_hw)
        window, kinds = embedding.window, self._model.token_kinds
        local = localize(prompts, window)
        local.check((window.height, window.width))
        with torch.inference_mode():
            decoded = self._answer(embedding, local)
            logits = self._frame(window).unfit(decoded.logits)[0].cpu().numpy()
        stop_if_asked()
        named = name_masks(logits, decoded.iou[0].float().cpu().numpy(), kinds)
        named = refine_net(named, local) if kinds else named
        stop_if_asked()
        found = rank(
            map(self._calibrated, named),
            (window.top, window.left),
            first=prompts.kind,
            net_advantage=NET_ADVANTAGE if kinds else 0.0,
        )
        image_hw = embedding.image_hw
        return tuple(
            replace(
                c,
                is_cut=window.cuts(c.mask, image_hw),
                is_frayed=c.kind == "net" and is_frayed(c.mask),
            )
            for c in found
        )

    def see_points(self, embedding: Embedding, points_xy: NDArray[Any]) -> list[list[ScoredMask]]:
        """Decode clicks, each meaning another object, in one pass of the decoder.

        Args:
            embedding: of a window that holds all of them.
            points_xy: (N, 2), in image coordinates.

        Returns:
            For each click its three masks, some perhaps empty, in window coordinates.

        """
        window = embedding.window
        frame, origin_xy = self._frame(window), np.array([window.left, window.top])
        local = Prompts(points_xy - origin_xy, np.full(len(points_xy), POSITIVE))
        points, labels = frame.points(local, local.num_points)
        features = self._on_device(embedding)
        with torch.inference_mode():
            decoded = self._model.decode(
                features, points[0][:, None].to(self.device), labels[0][:, None].to(self.device)
            )
            logits = frame.unfit(decoded.logits).cpu().numpy()
        scores, kinds = decoded.iou.float().cpu().numpy(), self._model.token_kinds
        named = [name_masks(*one, kinds) for one in zip(logits, scores, strict=True)]
        return [[self._calibrated(scored) for scored in masks] for masks in named]

    def _on_device(self, embedding: Embedding) -> ImageFeatures:
        """Return the features where the model is; those of the last window are kept."""
        known = self._clicked.get(embedding)
        if known is None:
            # first, for those of a window of 1024 px take 34 MB
            self._clicked.clear()
            known = embedding.features.map(lambda level: level.to(self.device, torch.float32))
            self._clicked[embedding] = known
        return known

    def _calibrated(self, scored: ScoredMask) -> ScoredMask:
        curve = self.curves.get(scored.kind)
        return scored if curve is None else replace(scored, score=curve(scored.score))

    def _frame(self, window: Window) -> InputFrame:
        side = None if self._model.native_resolution else self._model.input_size_px
        return InputFrame((window.height, window.width), side)

    def _answer(self, embedding: Embedding, local: Prompts) -> DecodedMasks:
        """Decode click by click, starting after the longest sequence that is remembered."""
        memory = self._remembered
        frame = self._frame(embedding.window)
        features = self._on_device(embedding)
        first, last = _first_step(local), local.num_points
        known = [n for n in range(first, last) if memory.has(embedding, _key(local, n))]
        start = known[-1] + 1 if known else first
        previous = (
            memory.get(embedding, _key(local, known[-1]))
            if known
            else frame.mask_logits(local.mask)
        )
        for num_clicks in range(start, last + 1):
            points_xy, labels = frame.points(local, num_clicks)
            previous = None if previous is None else previous.to(self.device)
            decoded = self._model.decode(
                features, points_xy.to(self.device), labels.to(self.device), previous
            )
            previous = self._shown(decoded, local.kind)
            memory.put(embedding, _key(local, num_clicks), previous)
        return decoded

    def _shown(self, decoded: DecodedMasks, kind: CandidateKind | None) -> Tensor:
        """Return the logits (1, 1, h, w) of the mask that the next click corrects."""
        kinds = self._model.token_kinds
        if kinds:
            index = kinds.index(kind or KINDS[0])
        elif kind is None:
            index = int(decoded.iou[0].argmax())
        else:
            named = name_masks(decoded.logits[0].float().cpu().numpy(), np.zeros(3, np.float32), ())
            index = [scored.kind for scored in named].index(kind)
        # a copy: a view would keep all three
        return decoded.logits[:, index : index + 1].float().clone()


def _first_step(prompts: Prompts) -> int:
    """Return the number of clicks in the first prediction that the user saw."""
    if prompts.box_xyxy is not None or prompts.mask is not None:
        return 0
    return int(np.flatnonzero(prompts.labels == POSITIVE)[0]) + 1


def _key(prompts: Prompts, num_clicks: int) -> bytes:
    """Return what the answer to the first clicks depends on."""
    box, mask = prompts.box_xyxy, prompts.mask
    parts = (
        (prompts.kind or "").encode(),
        b"" if box is None else box.tobytes(),
        b"" if mask is None else repr(mask).encode(),
        prompts.points_xy[:num_clicks].tobytes(),
        prompts.labels[:num_clicks].tobytes(),
    )
    return b"|".join(parts)
