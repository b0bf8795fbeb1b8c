"""A predictor whose every step a test controls, and a listener that can be waited for."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from napari_icseg.prompting.errors import EmbeddingInterruptedError
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import Candidate, Embedding
from napari_icseg.prompting.windows import WindowGrid
from trainers.io.rle import RleMask
from trainers.models.sam2.interface import ImageFeatures

WAIT_S = 20.0


def image(value: int = 0, shape=(64, 64)) -> np.ndarray:
    """An image that a fake predictor knows by its grey level."""
    return np.full(shape, value, dtype=np.uint8)


@dataclass(eq=False)
class FakePredictor:
    """Embeds and predicts at once, or only when its gates are opened."""

    name: str = "fake"
    checkpoint_id: str = "fake"
    input_size_px: int = 1024
    embed_gate: threading.Event = field(default_factory=threading.Event)
    predict_gate: threading.Event = field(default_factory=threading.Event)
    embedded: list = field(default_factory=list)
    interrupted: list = field(default_factory=list)
    predicted: list = field(default_factory=list)
    threads: set = field(default_factory=set)
    is_embedding: threading.Event = field(default_factory=threading.Event)
    is_predicting: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.embed_gate.set()
        self.predict_gate.set()

    def embed(self, image, window=None, *, should_stop=None) -> Embedding:
        image = image if isinstance(image, PromptImage) else PromptImage(image)
        window = window or WindowGrid(image.size_hw, self.input_size_px).windows[0]
        value = int(image.pixels.flat[0])
        self.threads.add(threading.get_ident())
        self.is_embedding.set()
        while not self.embed_gate.is_set():
            if should_stop is not None and should_stop():
                self.interrupted.append(value)
                raise EmbeddingInterruptedError
            time.sleep(0.001)
        self.embedded.append((value, window))
        maps = [torch.zeros(1, 1, 2, 2)] * 3
        features = ImageFeatures(maps[0], (maps[1], maps[2]), (64, 64))
        return Embedding(features, window, image.size_hw, self.checkpoint_id)

    def predict(self, embedding, prompts) -> tuple[Candidate, ...]:
        self.is_predicting.set()
        assert self.predict_gate.wait(WAIT_S)
        self.predicted.append(prompts)
        x, y = prompts.points_xy[-1].astype(int).tolist()
        return (Candidate(RleMask.from_mask(np.ones((1, 1), dtype=bool), (y, x)), 0.9, "net"),)


class Listener:
    """Collects what a worker says; `wait` until it has said enough."""

    def __init__(self, worker) -> None:
        self._changed = threading.Condition()
        self.embedded: list = []
        self.predicted: list = []
        self.grown: list = []
        self.hovered: list = []
        self.failed: list = []
        self.status: list = []
        for name in ("embedded", "predicted", "grown", "hovered", "failed", "status"):
            getattr(worker, name).connect(self._collector(name))

    def _collector(self, name: str):
        def collect(first, second=None) -> None:
            with self._changed:
                found = getattr(self, name)
                found.append((first, second) if name == "failed" else first)
                self._changed.notify_all()

        if name == "failed":
            return collect
        return lambda first: collect(first)

    def wait(self, condition) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S), "the worker did not say so in time"

    def wait_idle(self) -> None:
        self.wait(lambda: self.status and self.status[-1] == "")
