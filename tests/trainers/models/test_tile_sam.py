"""A frozen SAM-2 in other models: its features, its cache, and tile pixels in and out."""

import pytest
import torch

from trainers.io.tensor_cache import TensorCache
from trainers.models.sam2.build import untrained_sam2
from trainers.models.sam2.interface import Pyramid
from trainers.models.sam2.tile_sam import TileSam

KINDS = ["sam2-nano", "sam2.1-tiny"]


@pytest.fixture(scope="module", params=KINDS)
def tile_sam(request):
    return TileSam(untrained_sam2(request.param, seed=1, input_size_px=128), train_decoder=True)


def tiles(count: int, side: int = 96) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(count))


def test_the_features_of_a_tile_do_not_depend_on_its_neighbours_or_on_the_cache(tile_sam, tmp_path):
    images = tiles(3)
    tile_sam.cache = None
    plain = tile_sam.pyramid(images)
    alone = tile_sam.pyramid(images[1:2])
    tile_sam.cache = TensorCache(tmp_path, max_bytes=10**9)
    filled, read = tile_sam.pyramid(images), tile_sam.pyramid(images)
    assert len(list(tmp_path.iterdir())) == 3
    for name, level in plain.tensors().items():
        assert torch.equal(level[1:2], alone.tensors()[name])
        assert torch.equal(level, filled.tensors()[name])
        assert torch.equal(level, read.tensors()[name])


def test_features_that_are_kept_are_not_computed_again(tile_sam, tmp_path, monkeypatch):
    tile_sam.cache = TensorCache(tmp_path, max_bytes=10**9)
    tile_sam.pyramid(tiles(2))
    monkeypatch.setattr(type(tile_sam.sam), "encode_pyramid", None)
    tile_sam.pyramid(tiles(2))
    with pytest.raises(TypeError):
        tile_sam.pyramid(tiles(1))


def test_other_weights_of_the_encoder_have_features_of_their_own(tmp_path):
    cache = TensorCache(tmp_path, max_bytes=10**9)
    for seed in (1, 2):
        other = TileSam(untrained_sam2("sam2-nano", seed=seed), train_decoder=False)
        other.cache = cache
        other.pyramid(tiles(1))
    other.load_state_dict(
        TileSam(untrained_sam2("sam2-nano", seed=3), train_decoder=False).state_dict()
    )
    other.pyramid(tiles(1))
    assert len(list(tmp_path.iterdir())) == 3


def test_only_the_decoder_learns_and_the_frozen_parts_stay_in_eval_mode(tile_sam):
    tile_sam.train()
    learning = {name.split(".")[1] for name, p in tile_sam.named_parameters() if p.requires_grad}
    assert learning in ({"mask_decoder"}, {"sam_mask_decoder"})
    assert any("conv_s0" in name for name, p in tile_sam.named_parameters() if p.requires_grad)
    frozen = [m for name, m in tile_sam.sam.named_modules() if name.startswith("image_encoder")]
    assert frozen
    assert not any(module.training for module in frozen)


def test_a_pyramid_survives_as_named_tensors(tile_sam):
    tile_sam.cache = None
    pyramid = tile_sam.pyramid(tiles(1))
    again = Pyramid.of_tensors(pyramid.tensors(), pyramid.size_hw)
    assert all(a is b for a, b in zip(pyramid.levels, again.levels, strict=True))
    assert len(again.finer) == len(pyramid.finer)


@pytest.mark.parametrize("size_hw", [(96, 96), (70, 100)])
def test_masks_come_back_in_tile_pixels_for_points_masks_and_learned_prompts(tile_sam, size_hw):
    tile_sam.cache = None
    features = tile_sam.features(tile_sam.pyramid(torch.rand(2, 1, *size_hw)))
    points, labels = torch.tensor([[[9.0, 20.0]], [[60.0, 5.0]]]), torch.ones(2, 1)
    prompts = (
        {"points_xy": points, "point_labels": labels},
        {"tokens": torch.randn(2, 3, tile_sam.width)},
        {"mask_logits": torch.randn(2, 1, *size_hw), "tokens": torch.randn(2, 3, tile_sam.width)},
    )
    for prompt in prompts:
        for meaning in ("object", "layer"):
            decoded = tile_sam.decode_one(features, size_hw, meaning=meaning, **prompt)
            assert decoded.iou.shape == (2, 1)
            assert tile_sam.to_tile(decoded.logits, size_hw).shape == (2, 1, *size_hw)


def test_learned_prompts_get_a_gradient_and_the_encoder_none(tile_sam):
    tile_sam.cache = None
    tokens = torch.randn(1, 2, tile_sam.width, requires_grad=True)
    features = tile_sam.features(tile_sam.pyramid(tiles(1)))
    tile_sam.decode_one(features, (96, 96), tokens=tokens).logits.mean().backward()
    assert tokens.grad is not None
    assert tokens.grad.abs().sum() > 0
    with_grad = {n.split(".")[1] for n, p in tile_sam.named_parameters() if p.grad is not None}
    assert with_grad in ({"mask_decoder"}, {"sam_mask_decoder"})
