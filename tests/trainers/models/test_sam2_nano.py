"""sam2-nano: shapes, prompts and the meaning of its three masks."""

import numpy as np
import pytest
import torch

from trainers.checkpoint import load_checkpoint, load_weights, save_checkpoint
from trainers.embedded import embed
from trainers.errors import CheckpointError
from trainers.metrics.clicks import Click
from trainers.models.sam2.components import connected_net
from trainers.models.sam2.nano import STD_FLOOR, build_sam2_nano, standardize
from trainers.models.sam2.prompts import click_disks, guides
from trainers.models.sam2.targets import METAL, VIA, TileTruth, click_targets


@pytest.fixture(scope="module")
def model():
    return build_sam2_nano(seed=3).eval()


def test_it_fits_in_twenty_megabytes_at_half_precision(model):
    assert sum(p.numel() for p in model.state_dict().values()) * 2 <= 20e6


@pytest.mark.parametrize("size_hw", [(256, 256), (64, 96), (512, 320)])
@torch.no_grad()
def test_any_size_of_whole_strides_gives_masks_of_that_size(model, size_hw):
    features = model.encode(torch.rand(1, 1, *size_hw))
    decoded = model.decode(features, torch.tensor([[[5.0, 7.0]]]), torch.ones(1, 1))
    assert decoded.logits.shape == (1, 3, *size_hw)
    assert decoded.iou.shape == (1, 3)
    assert ((decoded.iou >= 0) & (decoded.iou <= 1)).all()


@torch.no_grad()
def test_several_prompts_of_one_image_give_what_each_gives_alone(model):
    features = model.encode(torch.rand(1, 1, 128, 128))
    points = torch.tensor([[[20.0, 30.0]], [[100.0, 64.0]]])
    labels = torch.tensor([[1.0], [0.0]])
    both = model.decode(features, points, labels).logits
    alone = [model.decode(features, points[i : i + 1], labels[i : i + 1]).logits for i in (0, 1)]
    torch.testing.assert_close(both, torch.cat(alone), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_brightness_and_contrast_of_the_whole_image_do_not_matter():
    image = torch.rand(1, 1, 64, 64)
    darker = image / 4 + 0.1
    expected = standardize(image) * (image.std() / 4) / (image.std() / 4 + STD_FLOOR)
    found = standardize(darker) * (image.std()) / (image.std() + STD_FLOOR)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_blank_image_stays_blank():
    assert (standardize(torch.full((1, 1, 32, 32), 0.4)).abs() < 1e-5).all()


@torch.no_grad()
def test_positions_depend_on_the_way_from_the_first_click_alone(model):
    prompts = model.prompt_encoder
    here = prompts.dense_positions((128, 128), torch.tensor([[[40.0, 56.0]]]))
    there = prompts.dense_positions((128, 128), torch.tensor([[[40.0 + 16, 56.0 + 32]]]))
    torch.testing.assert_close(there[:, :, 2:, 1:], here[:, :, :-2, :-1], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_what_lies_beyond_a_tile_is_simply_far(model):
    positions = model.prompt_encoder.dense_positions((1024, 32), torch.tensor([[[8.0, 8.0]]]))
    torch.testing.assert_close(positions[:, :, 40], positions[:, :, 60])
    assert not torch.allclose(positions[:, :, 2], positions[:, :, 60], atol=0.1)


def test_positions_are_counted_from_click_box_or_centre(model):
    points = torch.tensor([[[5.0, 6.0], [50.0, 20.0]]] * 3)
    labels = torch.tensor([[0.0, 1.0], [2.0, 3.0], [-1.0, -1.0]])
    origin = model.prompt_encoder.origin(points, labels, (64, 96))
    assert origin[:, 0].tolist() == [[50.0, 20.0], [27.5, 13.0], [48.0, 32.0]]


@pytest.mark.parametrize("stride", [1, 2, 4])
@torch.no_grad()
def test_a_mask_prompt_may_come_at_any_stride_down_to_four(model, stride):
    point, label = torch.tensor([[[20.0, 30.0]]]), torch.ones(1, 1)
    coarse = torch.randn(1, 1, 16, 16)
    fine = coarse.repeat_interleave(4 // stride, dim=2).repeat_interleave(4 // stride, dim=3)
    expected = model.prompt_encoder.dense(point, label, coarse, (64, 64))
    found = model.prompt_encoder.dense(point, label, fine, (64, 64))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    shown = guides(point, label, fine, (64, 64))[:, 1]
    if stride == 2:
        torch.testing.assert_close(shown, fine[:, 0] / 10)
    assert shown.shape == (1, 32, 32)


def test_the_guides_say_on_which_side_of_an_edge_a_click_lies():
    points, labels = torch.tensor([[[20.0, 30.0], [24.0, 30.0]]]), torch.tensor([[1.0, 0.0]])
    clicks = guides(points, labels, None, (64, 64))[0, 0]
    assert clicks[15, 10] > 0.5
    assert clicks[15, 12] < -0.5
    assert clicks[25, 25].abs() < 0.01


@torch.no_grad()
def test_a_token_hears_what_the_mask_to_correct_said_under_its_click(model):
    features = model.encode(torch.rand(1, 1, 64, 64))
    point, label, origin = torch.tensor([[[20.0, 30.0]]]), torch.ones(1, 1), torch.zeros(1, 1, 2)
    told = build_sam2_nano(seed=3).prompt_encoder
    torch.nn.init.ones_(told.shown_at_click[-1].weight)
    here, elsewhere = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    here[..., 28:33, 18:23] = 4.0
    elsewhere[..., 50:55, 50:55] = 4.0
    none = told.sparse(point, label, features, origin)
    assert not torch.allclose(told.sparse(point, label, features, origin, here)[:, 0], none[:, 0])
    off = told.sparse(point, label, features, origin, elsewhere)
    torch.testing.assert_close(off, told.sparse(point, label, features, origin, here * 0))


@torch.no_grad()
def test_a_padded_prompt_draws_nothing(model):
    points = torch.tensor([[[40.0, 40.0], [0.0, 0.0]]])
    padded = click_disks(points, torch.tensor([[1.0, -1.0]]), (64, 64))
    alone = click_disks(points[:, :1], torch.tensor([[1.0]]), (64, 64))
    torch.testing.assert_close(padded, alone)


def test_the_same_seed_builds_the_same_weights_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second = build_sam2_nano(seed=11), build_sam2_nano(seed=11)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_click_disks_rise_inside_and_fall_outside():
    points = torch.tensor([[[32.0, 16.0], [80.0, 16.0]]])
    disks = click_disks(points, torch.tensor([[1.0, 0.0]]), (128, 128))[0, 0]
    assert disks.shape == (32, 32)
    assert disks[4, 8] > 9
    assert disks[4, 20] < -9
    assert disks[24, 24].abs() < 0.01


def test_the_outside_of_a_box_is_ruled_out():
    points = torch.tensor([[[32.0, 32.0], [63.0, 63.0]]])
    disks = click_disks(points, torch.tensor([[2.0, 3.0]]), (128, 128))[0, 0]
    assert (disks[8:16, 8:16] == 0).all()
    assert (disks[:7] == -10).all()
    assert (disks[:, 17:] == -10).all()


@pytest.fixture
def truth():
    """Two metal tracks; the first carries a via and has two segments."""
    nets = np.zeros((32, 48), np.int32)
    nets[4:10, 2:40] = 1
    nets[20:26, 2:40] = 2
    parts = np.where(nets == 1, 1, 0) + np.where(nets == 2, 2, 0)
    parts[4:10, 30:40] = 3
    vias = np.zeros_like(nets)
    vias[5:9, 10:14] = 1
    parts[vias > 0] = 4
    semantic = np.where(vias > 0, VIA, np.where(nets > 0, METAL, 0)).astype(np.uint8)
    return TileTruth(semantic, nets, vias, parts.astype(np.int32))


def test_a_click_on_metal_means_its_net_with_the_pixels_under_vias(truth):
    net, layer, part = click_targets(truth, [Click(35, 6, True)])
    assert (net == (truth.nets == 1)).all()
    assert (layer == (truth.nets > 0)).all()
    assert (part == (truth.parts == 3)).all()


def test_a_click_on_a_via_means_the_via_and_all_vias(truth):
    net, layer, part = click_targets(truth, [Click(11, 6, True)])
    assert (net == (truth.vias == 1)).all()
    assert (layer == (truth.vias > 0)).all()
    assert (part == net).all()


def test_clicks_on_two_nets_mean_both(truth):
    clicks = [Click(35, 6, True), Click(20, 22, True), Click(20, 15, False)]
    net, _, _ = click_targets(truth, clicks)
    assert (net == (truth.nets > 0)).all()


def test_the_component_under_a_click_is_the_net_and_a_negative_click_drops_one(truth):
    layer = truth.nets > 0
    both = [Click(5, 6, True), Click(5, 22, True)]
    assert (connected_net(layer, both[:1]) == (truth.nets == 1)).all()
    assert (connected_net(layer, [*both, Click(30, 23, False)]) == (truth.nets == 1)).all()


def test_a_click_just_beside_a_thin_line_still_means_it(truth):
    layer = truth.nets > 0
    assert (connected_net(layer, [Click(20, 12, True)]) == (truth.nets == 1)).all()
    assert not connected_net(layer, [Click(47, 31, True)]).any()


def test_embedding_halves_the_weights_and_forgets_the_machine(tmp_path, model):
    run, shipped = tmp_path / "best.safetensors", tmp_path / "nano.safetensors"
    meta = {"model": "sam2-nano", "config": {"out": "/home/ann/run", "data": None, "lr": 1e-3}}
    save_checkpoint(run, model.state_dict(), meta)
    embed(load_checkpoint(run), shipped)
    loaded = load_checkpoint(shipped)
    assert shipped.stat().st_size < 0.55 * run.stat().st_size
    assert loaded.meta["config"] == {"lr": 1e-3}
    again = build_sam2_nano(seed=4)
    load_weights(again, loaded)
    assert all(p.dtype == torch.float32 for p in again.parameters())


def test_only_a_sam2_nano_is_embedded(tmp_path):
    path = tmp_path / "unet.safetensors"
    save_checkpoint(path, {"w": torch.zeros(1)}, {"model": "unet"})
    with pytest.raises(CheckpointError, match="sam2-nano was expected"):
        embed(load_checkpoint(path), tmp_path / "nano.safetensors")
