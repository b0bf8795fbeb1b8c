"""Tiny tiles with a test split, and settings with which a row takes a part of a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.trainers.conftest import draw_tile
from trainers.experiments.data import read_data
from trainers.experiments.matrix import Row, rows_of
from trainers.experiments.recipe import Changes
from trainers.experiments.row_work import Workshop

if TYPE_CHECKING:
    from pathlib import Path

SIZE_PX = 32
FIELDS: dict[str, Any] = {
    "image_size": SIZE_PX,
    "epochs": 1,
    "device": "cpu",
    "num_threads": 1,
    "tensorboard": False,
    "model_options": {"widths": [4, 8], "min_crops": 0},
}
MakeShop = Callable[..., Workshop]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight tiles for training and four for testing; the first of each are blank."""
    folder = tmp_path / "tiles"
    rng = np.random.default_rng(7)
    for split, count in (("train", 8), ("test", 4)):
        for part in ("images", "masks"):
            (folder / split / part).mkdir(parents=True)
        for number in range(count):
            is_blank = number < (2 if split == "test" else 1)
            image, ids = draw_tile(rng, SIZE_PX, num_classes=1, is_blank=is_blank)
            Image.fromarray(image).save(folder / split / "images" / f"t{number}.png")
            Image.fromarray(ids).save(folder / split / "masks" / f"t{number}.png")
    return folder


@pytest.fixture
def make_shop(root: Path, tmp_path: Path) -> MakeShop:
    """Return a function that gives a workshop on the tiny tiles."""

    def make(**fields: Any) -> Workshop:
        return Workshop(tmp_path / "out", read_data(root), Changes(fields={**FIELDS, **fields}))

    return make


def unet_rows(scale: float = 0.006) -> tuple[Row, ...]:
    """Return the five learning rates of the U-Net, on six tiles."""
    return rows_of("table2", models=["unet"], scale=scale)
