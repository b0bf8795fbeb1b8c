"""The image-only SAM 2.1 against the package's own predictor with the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hydra import compose
from hydra.utils import instantiate
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor
from torch.nn import functional

from trainers.errors import CheckpointError
from trainers.models.sam2.official import (
    OfficialSam2,
    build_official_sam2,
    official_size_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

    from trainers.models.sam2.interface import ImageFeatures

# the package scripts its transforms; ours do not
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is:FutureWarning")

CONFIGS = {
    "sam2.1-tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2.1-small": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "sam2.1-base-plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "sam2.1-large": "configs/sam2.1/sam2.1_hiera_l.yaml",
}
POINTS_XY = np.array([[30.0, 41.0], [100.0, 20.0]], dtype=np.float32)
LABELS = np.array([1, 0])
BOX_XYXY = np.array([10.0, 12.0, 90.0, 60.0], dtype=np.float32)


@pytest.fixture(
    scope="module",
    # the official size takes half a minute on a busy machine; the code is the same
    params=[256, pytest.param(1024, marks=pytest.mark.slow)],
)
def size_px(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def reference(size_px: int) -> SAM2Base:
    torch.manual_seed(0)
    return build_sam2(
        CONFIGS["sam2.1-tiny"],
        device="cpu",
        apply_postprocessing=False,
        hydra_overrides_extra=[f"++model.image_size={size_px}"],
    )


@pytest.fixture(scope="module")
def image() -> NDArray[np.uint8]:
    """Not square, so that a swapped axis shows."""
    return np.random.default_rng(1).integers(0, 256, (96, 128), dtype=np.uint8)


@pytest.fixture(scope="module")
def predictor(reference: SAM2Base, image: NDArray[np.uint8], size_px: int) -> SAM2ImagePredictor:
    predictor = SAM2ImagePredictor(reference)
    # the package hard-codes the sizes of an input of 1024
    predictor._bb_feat_sizes = [(size_px // stride,) * 2 for stride in (4, 8, 16)]
    predictor.set_image(np.repeat(image[..., None], 3, axis=2))
    return predictor


@pytest.fixture(scope="module")
def ours(reference: SAM2Base, size_px: int) -> OfficialSam2:
    return build_official_sam2("sam2.1-tiny", reference.state_dict(), input_size_px=size_px)


@pytest.fixture(scope="module")
def features(ours: OfficialSam2, image: NDArray[np.uint8], size_px: int) -> ImageFeatures:
    pixels = torch.from_numpy(image).float()[None, None] / 255
    with torch.inference_mode():
        return ours.encode(
            functional.interpolate(pixels, (size_px, size_px), mode="bilinear", antialias=True)
        )


def _scaled(points_xy: NDArray[np.float32], image: NDArray[np.uint8], size_px: int) -> Tensor:
    height, width = image.shape
    return torch.from_numpy(points_xy / np.float32([width, height])) * size_px


@pytest.mark.parametrize("with_box", [False, True])
def test_masks_equal_those_of_the_packages_predictor(
    ours: OfficialSam2,
    features: ImageFeatures,
    predictor: SAM2ImagePredictor,
    image: NDArray[np.uint8],
    size_px: int,
    with_box: bool,
) -> None:
    box = BOX_XYXY if with_box else None
    masks, iou, low = predictor.predict(POINTS_XY, LABELS, box=box, return_logits=True)
    points, labels = _scaled(POINTS_XY, image, size_px), torch.from_numpy(LABELS)
    if with_box:
        points = torch.cat([_scaled(BOX_XYXY.reshape(2, 2), image, size_px), points])
        labels = torch.cat([torch.tensor([2, 3]), labels])
    with torch.inference_mode():
        decoded = ours.decode(features, points[None], labels[None])
    np.testing.assert_allclose(decoded.logits[0].numpy(), low, atol=1e-5)
    np.testing.assert_allclose(decoded.iou[0].numpy(), iou, atol=1e-6)
    full = functional.interpolate(decoded.logits, image.shape, mode="bilinear")[0]
    assert np.array_equal(full.numpy() > 0, masks > 0)
    assert 0 < (masks > 0).mean() < 1


def test_a_mask_prompt_alone_gives_what_the_package_gives(
    ours: OfficialSam2, features: ImageFeatures, predictor: SAM2ImagePredictor, size_px: int
) -> None:
    side = size_px // 4
    prompt = np.random.default_rng(2).normal(0, 5, (1, side, side)).astype(np.float32)
    _, _, low = predictor.predict(mask_input=prompt)
    empty = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64)
    with torch.inference_mode():
        decoded = ours.decode(features, *empty, torch.from_numpy(prompt)[None])
    np.testing.assert_allclose(decoded.logits[0].numpy(), low, atol=1e-5)


def test_many_prompts_of_one_image_give_the_masks_of_each_alone(
    ours: OfficialSam2, features: ImageFeatures, image: NDArray[np.uint8], size_px: int
) -> None:
    points, labels = _scaled(POINTS_XY, image, size_px)[:, None], torch.tensor([[1], [1]])
    with torch.inference_mode():
        both = ours.decode(features, points, labels)
        second = ours.decode(features, points[1:], labels[1:])
    torch.testing.assert_close(both.logits[1:], second.logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "size",
    [
        "sam2.1-tiny",
        "sam2.1-small",
        "sam2.1-base-plus",
        # 224 million parameters drawn twice
        pytest.param("sam2.1-large", marks=pytest.mark.slow),
    ],
)
def test_every_size_has_the_packages_weights_and_is_told_by_them(size: str) -> None:
    weights = instantiate(compose(config_name=CONFIGS[size]).model).state_dict()
    model = build_official_sam2(size, weights)
    assert official_size_of(weights) == size
    kept = {key: value.shape for key, value in model.state_dict().items()}
    assert kept == {key: value.shape for key, value in weights.items() if key in kept}


def test_weights_of_another_size_are_refused(reference: SAM2Base) -> None:
    with pytest.raises(CheckpointError, match=r"not those of sam2\.1-small"):
        build_official_sam2("sam2.1-small", reference.state_dict())


@pytest.mark.parametrize("change", ["missing", "surplus"])
def test_loading_is_strict(reference: SAM2Base, change: str) -> None:
    weights = reference.state_dict()
    if change == "missing":
        del weights["sam_mask_decoder.iou_token.weight"]
    else:
        weights["head.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"not those of sam2\.1-tiny"):
        build_official_sam2("sam2.1-tiny", weights)


def test_an_image_of_another_size_is_refused_and_not_scrambled(ours: OfficialSam2) -> None:
    with pytest.raises(ValueError, match="expected images"):
        ours.encode(torch.zeros(1, 1, 512, 512))


def test_weights_of_something_else_have_no_size() -> None:
    assert official_size_of({"conv.weight": torch.zeros(3)}) is None
