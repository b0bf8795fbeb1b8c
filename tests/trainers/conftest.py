"""Small labelled data sets and run settings; tests of the engine share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from trainers.config import TrainConfig

# a busy machine must not fail a property
settings.register_profile("trainers", deadline=None)
settings.load_profile("trainers")

MakeTiles = Callable[..., Path]
MakeConfig = Callable[..., TrainConfig]


def draw_tile(rng: np.random.Generator, size_px: int, *, num_classes: int, is_blank: bool) -> Any:
    """Return image and class ids of bright bars on dark noise."""
    ids = np.zeros((size_px, size_px), np.uint8)
    for number in range(0 if is_blank else 3):
        start = int(rng.integers(size_px - 8))
        window = np.s_[start : start + 6] if rng.integers(2) else np.s_[:, start : start + 6]
        ids[window] = 1 + number % num_classes
    image = 60 + 70 * ids + rng.normal(0, 8, ids.shape)
    return np.clip(image, 0, 255).astype(np.uint8), ids


@pytest.fixture
def make_tiles(tmp_path: Path) -> MakeTiles:
    """Return a function that writes images/ and masks/ and returns their folder."""

    def make(
        count: int = 10,
        *,
        size_px: int = 64,
        blank: tuple[int, ...] = (0,),
        num_classes: int = 1,
        folder: str = "tiles",
    ) -> Path:
        rng = np.random.default_rng(5)
        root = tmp_path / folder
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True)
        for number in range(count):
            image, ids = draw_tile(rng, size_px, num_classes=num_classes, is_blank=number in blank)
            Image.fromarray(image).save(root / "images" / f"t{number:02d}.png")
            Image.fromarray(ids).save(root / "masks" / f"t{number:02d}.png")
        return root

    return make


@pytest.fixture
def make_config(tmp_path: Path) -> MakeConfig:
    """Return a function that gives the settings of a tiny, quick U-Net run."""

    def make(data: Path, out: str = "run", **changes: Any) -> TrainConfig:
        fields: dict[str, Any] = {
            "model": "unet",
            "data": data,
            "out": tmp_path / out,
            "epochs": 2,
            "batch_size": 2,
            "image_size": 64,
            "lr": 2e-3,
            "device": "cpu",
            "num_threads": 1,
            "model_options": {"widths": (4, 8), "min_crops": 0},
        }
        return TrainConfig(**{**fields, **changes})

    return make


@pytest.fixture(autouse=True)
def _same_threads() -> Iterator[None]:
    """Undo what a run's `num_threads` sets for the whole process."""
    import sys

    before = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None
    yield
    if before is not None:
        sys.modules["torch"].set_num_threads(before)
