"""A small deterministic stand-in for a promptable model: it floods bright areas.

It answers as quickly as a test needs, says exactly what can be checked, and has nothing of a
neural network. The product never uses it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage

from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import Candidate, Embedding
from napari_icseg.prompting.windows import Window, localize
from trainers.io.rle import RleMask
from trainers.models.sam2.interface import ImageFeatures

BRIGHT = 100


class FloodPredictor:
    """net: the bright region under the clicks; layer: all that is bright; part: near the click.

    With a box the net is every bright region that reaches into it.

    `hold` makes predictions wait until it is released; `embedded` lists the images embedded.
    """

    name = "flood"
    checkpoint_id = "flood-1"
    input_size_px = 4096

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.embedded: list[str] = []
        self.thread_names: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def embed(self, image, window=None, *, should_stop=None):
        image = image if isinstance(image, PromptImage) else PromptImage(image)
        self.thread_names.add(threading.current_thread().name)
        self.embedded.append(image.content_hash)
        window = window or Window(0, 0, *image.size_hw)
        pixels = torch.from_numpy(np.array(image.pixels[window.slices]))
        features = ImageFeatures(pixels[None, None], (), (window.height, window.width))
        return Embedding(features, window, image.size_hw, self.checkpoint_id)

    def predict(self, embedding, prompts):
        self.thread_names.add(threading.current_thread().name)
        self.gate.wait(10)
        time.sleep(self.seconds)
        bright = embedding.features.embedding[0, 0].numpy() > BRIGHT
        labels, _ = ndimage.label(bright, np.ones((3, 3)))
        window, local = embedding.window, localize(prompts, embedding.window)
        points = [(int(y), int(x)) for x, y in local.points_xy]
        wanted = {labels[p] for p, label in zip(points, local.labels, strict=True) if label}
        unwanted = {labels[p] for p, label in zip(points, local.labels, strict=True) if not label}
        if local.box_xyxy is not None:
            left, top, right, bottom = local.box_xyxy.astype(int).tolist()
            wanted |= set(np.unique(labels[top : bottom + 1, left : right + 1]).tolist())
            points = [((top + bottom) // 2, (left + right) // 2), *points]
        net = np.isin(labels, list((wanted - unwanted) - {0}))
        if not net.any():
            return ()
        row, col = points[0]
        rows, cols = np.ogrid[: net.shape[0], : net.shape[1]]
        part = net & ((rows - row) ** 2 + (cols - col) ** 2 <= 8**2)
        masks = {"net": (net, 0.93), "layer": (bright, 0.81), "part": (part, 0.6)}
        found = [
            Candidate(RleMask.from_mask(mask, (window.top, window.left)), score, kind)
            for kind, (mask, score) in masks.items()
            if mask.any()
        ]
        return tuple(replace(c, is_cut=window.cuts(c.mask, embedding.image_hw)) for c in found)
