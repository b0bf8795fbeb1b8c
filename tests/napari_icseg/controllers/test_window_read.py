from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.window_read import read_frame
from trainers.io.lazy_image import LazyImage, overview_step
from trainers.io.region_reader import ArrayReader


@pytest.mark.parametrize("max_pixels", [32_000_000, 4000])
def test_a_coarse_look_leaves_the_fine_one_as_it_is(monkeypatch, max_pixels):
    """An image in memory makes no overview: none may stand in for its pixels either."""
    monkeypatch.setattr("trainers.io.lazy_image.OVERVIEW_PIXELS", max_pixels)
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128)).astype(np.uint8)
    source = LazyImage(ArrayReader(pixels), Path("a.png"))
    assert overview_step(source.shape) <= 2
    coarse = read_frame(source, Frame(Box(0, 0, 96, 128), step=8), 8, None, None, None)
    assert coarse.pixels.shape == (12, 16)
    fine = read_frame(source, Frame(Box(32, 32, 80, 96)), None, None, None, None)
    assert np.array_equal(fine.pixels, pixels[32:80, 32:96])
