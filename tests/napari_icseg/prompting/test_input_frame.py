from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.prompting.input_frame import MASK_LOGIT, InputFrame
from napari_icseg.prompting.protocol import Prompts
from trainers.io.rle import RleMask

SIDES = st.integers(8, 150)


@settings(deadline=None)
@given(height=SIDES, width=SIDES)
def test_native_pixels_come_back_where_they_were(height, width):
    frame = InputFrame((height, width), None)
    pixels = np.random.default_rng(0).random((height, width), dtype=np.float32)
    fitted = frame.fit(pixels)
    assert fitted.shape[-2] % 32 == fitted.shape[-1] % 32 == 0
    assert np.array_equal(fitted[0, 0, :height, :width].numpy(), pixels)
    assert frame.unfit(fitted[..., ::4, ::4]).shape == (1, 1, height, width)


def test_a_squashed_window_fills_the_square():
    frame = InputFrame((50, 100), 64)
    assert frame.fit(np.ones((50, 100), np.float32)).shape == (1, 1, 64, 64)
    points, _ = frame.points(Prompts([[100, 25]], [1]), 1)
    assert points.tolist() == [[[64.0, 32.0]]]


@pytest.mark.parametrize("side_px", [None, 64])
def test_a_mask_prompt_comes_back_as_itself(side_px):
    mask = np.zeros((48, 80), dtype=bool)
    mask[8:24, 16:72] = True
    frame = InputFrame((48, 80), side_px)
    logits = frame.mask_logits(RleMask.from_mask(mask))
    assert logits.abs().max() <= MASK_LOGIT + 1e-4
    agreed = (frame.unfit(logits)[0, 0].numpy() > 0) == mask
    assert agreed.mean() > 0.97


def test_the_box_precedes_the_clicks_and_later_clicks_are_left_out():
    prompts = Prompts([[1, 2], [3, 4]], [1, 0], box_xyxy=[5, 6, 7, 8])
    points, labels = InputFrame((64, 64), None).points(prompts, 1)
    assert points.tolist() == [[[5, 6], [7, 8], [1, 2]]]
    assert labels.tolist() == [[2, 3, 1]]


def test_without_points_there_is_padding():
    mask = RleMask.from_mask(np.ones((2, 2), dtype=bool))
    points, labels = InputFrame((64, 64), None).points(Prompts([], [], mask=mask), 0)
    assert points.shape == (1, 1, 2)
    assert labels.tolist() == [[-1]]
    assert labels.dtype == torch.int64
