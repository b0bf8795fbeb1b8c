"""Predictors whose clicks can be counted by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from napari_icseg.prompting.protocol import Candidate, Embedding
from trainers.io.rle import RleMask


class PaintedPredictor:
    """Sees in the image's grey levels what is there: a net has its own level, 0 is background.

    `offer(pixels, prompts)` returns (mask, score, kind) of each candidate, the first first.
    """

    name = "painted"
    checkpoint_id = "painted-1"
    input_size_px = 1024

    def __init__(self, offer) -> None:
        self._offer = offer
        self.prompts: list = []

    def embed(self, image, window, *, should_stop=None):
        features = SimpleNamespace(embedding=image.pixels[window.slices], high_res=())
        return Embedding(features, window, image.size_hw, self.checkpoint_id)

    def predict(self, embedding, prompts):
        self.prompts.append(prompts)
        found = self._offer(embedding.features.embedding, prompts)
        return tuple(
            Candidate(RleMask.from_mask(mask), score, kind)
            for mask, score, kind in found
            if mask.any()
        )


def clicked(pixels, prompts) -> int:
    """The grey level under the first click."""
    x, y = prompts.points_xy[0].astype(int)
    return int(pixels[y, x])


def perfect(pixels, prompts):
    """The net under the click, then the layer."""
    net = pixels == clicked(pixels, prompts)
    return [(net, 0.9, "net"), (pixels > 0, 0.8, "layer")]


def layer_first(pixels, prompts):
    """The same the other way round."""
    return perfect(pixels, prompts)[::-1]


def blind(pixels, prompts):
    """Nothing at all."""
    return []


def column_by_column(pixels, prompts):
    """One more twentieth of the net's columns with every click."""
    net = pixels == clicked(pixels, prompts)
    columns = np.flatnonzero(net.any(axis=0))
    shown = columns[: len(columns) * prompts.num_points // 20]
    part = np.zeros_like(net)
    part[:, shown] = net[:, shown]
    return [(part, 0.5, "net")]
