"""Runs small enough for tests, with real data and real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_icseg.jobs import runs
from napari_icseg.jobs.request import RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIDE_PX = 64
TINY = {
    "image_size": SIDE_PX,
    "batch_size": 2,
    "num_threads": 1,
    "option.widths": [4, 8],
    "device": "cpu",
}


def write_labels(folder: Path, num_images: int = 6) -> None:
    """Write bright bars on noise, with their masks."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(num_images):
        mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        mask[:, 8 + 4 * number : 20 + 4 * number] = 1
        image = np.where(mask == 1, 190, 60) + rng.integers(0, 30, mask.shape)
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


def tiny_request(epochs: int = 2, **options: object) -> RunRequest:
    return RunRequest("unet", epochs=epochs, options={**TINY, **options})


@pytest.fixture
def runs_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for runs; none of its processes outlives the test."""
    folder = tmp_path / "project.runs"
    folder.mkdir()
    yield folder
    for run_dir in runs.run_dirs(folder):
        runs.cancel(run_dir, grace_s=0.0)
