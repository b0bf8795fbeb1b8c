"""Losses of sets of masks, against formulas written out pixel by pixel."""

import math

import numpy as np
import pytest
import torch

from trainers.losses.instance import (
    object_cross_entropy,
    point_cross_entropy,
    point_dice,
    random_points,
    sampled_at,
    uncertain_points,
)


@pytest.fixture
def masks():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(3, 7, generator=generator) * 3
    target = (torch.rand(3, 7, generator=generator) > 0.5).float()
    weight = (torch.rand(3, 7, generator=generator) > 0.3).float()
    return logits, target, weight


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def kept(masks, row):
    logits, target, weight = (each[row].tolist() for each in masks)
    pairs = zip(logits, target, weight, strict=True)
    return [(sigmoid(x), t) for x, t, w in pairs if w]


def test_cross_entropy_is_the_mean_over_points_that_count_and_over_masks(masks):
    expected = [
        np.mean([-math.log(p if t else 1 - p) for p, t in kept(masks, row)]) for row in range(3)
    ]
    assert float(point_cross_entropy(*masks)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_dice_is_of_each_mask_by_itself_over_points_that_count(masks):
    expected = []
    for row in range(3):
        points = kept(masks, row)
        overlap = sum(p * t for p, t in points)
        total = sum(p + t for p, t in points)
        expected.append(1 - (2 * overlap + 1) / (total + 1))
    assert float(point_dice(*masks)) == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("loss", [point_cross_entropy, point_dice])
def test_no_mask_and_masks_without_a_point_that_counts_have_loss_0(loss, masks):
    logits, target, weight = masks
    assert loss(logits[:0], target[:0], weight[:0]) == 0
    assert loss(logits, target, torch.zeros_like(weight)) == pytest.approx(0, abs=1e-6)


def test_a_query_without_an_object_counts_less():
    logits = torch.tensor([[[0.2, 1.0, -1.0], [0.5, 0.1, 2.0], [1.0, 0.0, 0.0]]])
    wanted = torch.tensor([[1, 2, 0]])
    nll = [
        -math.log(math.exp(r[c]) / sum(map(math.exp, r)))
        for r, c in zip(logits[0].tolist(), [1, 2, 0], strict=True)
    ]
    expected = (nll[0] + nll[1] + 0.1 * nll[2]) / 2.1
    found = object_cross_entropy(logits, wanted, none_weight=0.1)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_point_in_the_middle_of_a_pixel_has_its_value():
    maps = torch.arange(12.0).reshape(1, 3, 4)
    rows, cols = torch.meshgrid(torch.arange(3), torch.arange(4), indexing="ij")
    points = torch.stack([(cols + 0.5) / 4, (rows + 0.5) / 3], dim=-1).reshape(1, -1, 2)
    torch.testing.assert_close(sampled_at(maps, points), maps.reshape(1, -1))


def test_most_points_fall_where_a_mask_is_undecided():
    torch.manual_seed(0)
    distance = torch.arange(64.0).expand(2, 64, 64) - 31.5
    points = uncertain_points(distance, 400)
    assert points.shape == (2, 400, 2)
    near = (points[..., 0] - 0.5).abs() < 0.2
    assert near[:, :300].all()
    assert 0.2 < float(near[:, 300:].float().mean()) < 0.6


def test_points_are_shares_of_the_tile_where_the_map_covers_more():
    torch.manual_seed(0)
    distance = torch.arange(64.0).expand(1, 64, 64) - 15.5
    points = uncertain_points(distance, 400, share_xy=torch.tensor([0.5, 1.0]))
    assert ((points[0, :300, 0] - 0.5).abs() < 0.2).all()


def test_points_depend_on_the_global_random_state_alone():
    torch.manual_seed(5)
    first = random_points(2, 9, torch.device("cpu"))
    torch.manual_seed(5)
    assert torch.equal(first, random_points(2, 9, torch.device("cpu")))
    assert not torch.equal(first, random_points(2, 9, torch.device("cpu")))
