"""Warped tiles: image and target move together, and nothing is invented at the border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage

from trainers.data.labels import IGNORE
from trainers.data.warp import Warps, random_warp

BOTH = Warps(rotation_rate=1.0, rotation_deg=15.0, elastic_rate=1.0, elastic_px=6.0)
ROTATION = Warps(rotation_rate=1.0, rotation_deg=20.0, elastic_rate=0.0)


def blobs(size_px: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth image and ids = image > half."""
    noise = np.random.default_rng(3).standard_normal((size_px, size_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    image = np.clip(0.5 + smooth / np.abs(smooth).max() / 2, 0, 1).astype(np.float32)
    return image, (image > 0.5).astype(np.uint8)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(5))
def test_image_and_target_move_together(seed: int) -> None:
    image, target = blobs()
    moved, ids = random_warp(image, target, rng(seed), BOTH)
    assert (moved.dtype, ids.dtype, moved.shape) == (np.float32, np.uint8, ids.shape)
    valid = ids != IGNORE
    assert ((moved > 0.5) == (ids == 1))[valid].mean() > 0.97
    assert (target != ids)[valid].mean() > 0.02, "it must have moved"


def test_what_lies_beyond_the_tile_is_ignored_and_grey() -> None:
    image, target = np.full((64, 64), 0.2, np.float32), np.ones((64, 64), np.uint8)
    image[:, :32] = 0.4
    moved, ids = random_warp(image, target, rng(1), ROTATION)
    assert set(np.unique(ids)) == {1, IGNORE}
    assert 0.001 < (ids == IGNORE).mean() < 0.2
    outside = ndimage.binary_erosion(ids == IGNORE, iterations=2, border_value=1)
    np.testing.assert_allclose(moved[outside], 0.3, atol=0.02)


def test_a_rotation_is_that_of_scipy() -> None:
    image, target = blobs()
    seed = rng(7)
    angles = rng(7)
    angles.random(2)
    angle_deg = angles.uniform(-1, 1) * ROTATION.rotation_deg
    moved, ids = random_warp(image, target, seed, ROTATION)
    expected = ndimage.rotate(image, angle_deg, reshape=False, order=1)
    inner = np.s_[24:72, 24:72]
    np.testing.assert_allclose(moved[inner], expected[inner], atol=0.02)
    assert (ids[inner] == (expected[inner] > 0.5)).mean() > 0.97


def test_the_shifts_have_the_size_asked_for() -> None:
    """Vertical stripes of a ramp tell where each pixel came from."""
    ramp = np.tile(np.linspace(0, 1, 129, dtype=np.float32), (129, 1))
    ids = np.zeros((129, 129), np.uint8)
    warps = Warps(rotation_rate=0.0, elastic_rate=1.0, elastic_px=4.0)
    middle = [
        (random_warp(ramp, ids, rng(seed), warps)[0][64, 64] - ramp[64, 64]) * 128
        for seed in range(200)
    ]
    assert np.std(middle) == pytest.approx(4.0, rel=0.15)
    assert np.mean(middle) == pytest.approx(0.0, abs=1.0)


def test_it_depends_on_the_generator_given_alone() -> None:
    image, target = blobs()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = random_warp(image, target, rng(2), BOTH)
    assert torch.equal(before, torch.get_rng_state()), "torch's own state must not move"
    torch.manual_seed(6)
    second = random_warp(image, target, rng(2), BOTH)
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rates_are_shares_of_the_tiles() -> None:
    image, target = blobs(32)
    warps = Warps(rotation_rate=0.3, elastic_rate=0.0)
    draws = rng(0)
    warped = [random_warp(image, target, draws, warps)[0] is not image for _ in range(400)]
    assert np.mean(warped) == pytest.approx(0.3, abs=0.07)
