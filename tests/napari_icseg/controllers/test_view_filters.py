from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_icseg.controllers import view_state
from napari_icseg.controllers.view_filters import MAX_NLM_PIXELS, auto_limits, denoise, noise_sigma
from napari_icseg.project.view_edits import ViewSettings


def noisy(dtype, sigma: float, shape_hw=(96, 128), seed=0) -> np.ndarray:
    """A bright bar on dark ground with Gaussian noise."""
    top = np.iinfo(dtype).max
    clean = np.full(shape_hw, 0.25 * top)
    clean[:, 40:60] = 0.6 * top
    noise = np.random.default_rng(seed).normal(0, sigma * top, shape_hw)
    return np.clip(clean + noise, 0, top).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [1, 2, 3])
def test_denoising_lowers_the_noise_keeps_edges_and_never_touches_the_image(dtype, strength):
    image = noisy(dtype, 0.05)
    before, top = image.copy(), np.iinfo(dtype).max
    smooth = denoise(image, strength)
    assert np.array_equal(image, before)
    assert (smooth.shape, smooth.dtype) == (image.shape, image.dtype)
    assert smooth[8:-8, 8:32].std() < 0.55 * image[8:-8, 8:32].std()
    assert smooth[8:-8, 44:56].mean() == pytest.approx(0.6 * top, rel=0.03)
    assert smooth[8:-8, 8:32].mean() == pytest.approx(0.25 * top, rel=0.03)
    if strength == 1:
        assert np.array_equal(smooth[2:-2, 2:-2], ndimage.median_filter(image, 3)[2:-2, 2:-2])


def test_strength_zero_is_the_image_itself_and_a_larger_image_does_not_take_long():
    image = noisy(np.uint8, 0.05)
    assert denoise(image, 0) is image
    large = np.tile(image, (10, 10))
    assert large.size > MAX_NLM_PIXELS
    assert denoise(large, 3)[100:120, 10:30].std() < 0.4 * large[100:120, 10:30].std()


@pytest.mark.parametrize("sigma", [0.01, 0.02, 0.05])
def test_the_noise_is_measured_whatever_is_in_the_image(sigma):
    """The noise put in is the truth; the bar's two edges add a little."""
    measured = noise_sigma(noisy(np.uint16, sigma, shape_hw=(256, 256))) / 65535
    assert measured == pytest.approx(sigma, rel=0.1)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(1, 300),
    st.integers(1, 60_000),
)
def test_automatic_limits_are_percentiles(seed, dtype, size, spread):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(seed).integers(0, min(spread, top) + 1, (size, 3)).astype(dtype)
    low, high = auto_limits(image)
    assert 0 <= low < high <= top
    assert np.mean(image < low) <= 0.005
    assert np.mean(image > high) <= 0.005


@given(
    st.sampled_from([np.uint8, np.uint16]),
    st.floats(-10, 70_000),
    st.floats(-10, 70_000),
    st.floats(0.01, 50),
)
def test_what_the_user_chooses_is_within_its_bounds_and_comes_back(dtype, a, b, gamma):
    low, high = min(a, b), max(a, b)
    top = view_state.type_maximum(dtype)
    view = view_state.with_gamma(
        view_state.with_limits(ViewSettings(is_auto=True), (low, high), dtype), gamma
    )
    shown = view_state.shown(view, dtype, (0.0, top), None)
    assert not view.is_auto
    assert 0 <= shown.limits[0] < shown.limits[1] <= top * (1 + 1e-9)
    assert 0.2 <= shown.gamma <= 5
    if 0 <= low < high - 1 and high <= top:
        assert shown.limits == pytest.approx((low, high))


def test_limits_of_another_image_type_keep_their_share_of_the_range():
    view = view_state.with_limits(ViewSettings(), (51.0, 204.0), np.uint8)
    shown = view_state.shown(view, np.uint16, (1000.0, 3000.0), None)
    assert shown.limits == pytest.approx((0.2 * 65535, 0.8 * 65535))
    assert shown.range[1] >= shown.limits[1]


def test_automatic_limits_are_those_of_the_image_as_soon_as_they_are_known():
    view = view_state.with_auto(ViewSettings(low=0.1, high=0.5), is_auto=True)
    assert view_state.shown(view, np.uint8, (0.0, 255.0), None).limits == (0.0, 255.0)
    assert view_state.shown(view, np.uint8, (0.0, 255.0), (9.0, 99.0)).limits == (9.0, 99.0)
    off = view_state.with_auto(view, is_auto=False)
    assert view_state.shown(off, np.uint8, (0.0, 255.0), (9.0, 99.0)).limits == (0.0, 255.0)
