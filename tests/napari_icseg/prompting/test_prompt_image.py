from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.prompting.errors import PromptError
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.windows import Window
from trainers.io.images import to_unit


def random_image(dtype, shape=(40, 50), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_window_is_scaled_as_the_whole_image_is(dtype):
    pixels = random_image(dtype)
    window = Window(10, 5, 20, 30)
    expected = to_unit(pixels)[window.slices]
    unit = PromptImage(pixels).unit(window)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, expected, atol=1e-6)


def test_a_constant_16_bit_image_is_black_and_not_undefined():
    image = PromptImage(np.full((8, 8), 700, dtype=np.uint16))
    assert not image.unit(Window(0, 0, 8, 8)).any()


def test_the_scale_of_a_large_image_comes_from_a_sample_of_it():
    pixels = random_image(np.uint16, (3000, 3000))
    low, high = PromptImage(pixels).limits
    assert (low, high) == pytest.approx(np.percentile(pixels, [0.1, 99.9]), abs=150)


def test_the_hash_follows_the_content_only():
    pixels = random_image(np.uint8)
    assert PromptImage(pixels).content_hash == PromptImage(pixels.copy()).content_hash
    view = np.asfortranarray(pixels)
    assert PromptImage(view).content_hash == PromptImage(pixels).content_hash
    for other in (pixels.T, pixels.astype(np.uint16), pixels.reshape(50, 40), pixels ^ 1):
        assert PromptImage(other).content_hash != PromptImage(pixels).content_hash


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)],
)
def test_other_images_are_refused(pixels):
    with pytest.raises(PromptError, match="Expected a grey image"):
        PromptImage(pixels)
