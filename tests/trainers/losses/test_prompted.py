"""Losses of promptable segmentation against plain NumPy."""

import numpy as np
import pytest
import torch

from trainers.losses.prompted import edge_weights, hard_iou, iou_head_loss, mask_loss


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 9, generator=generator) * 3
    target = (torch.rand(2, 3, 8, 9, generator=generator) > 0.6).float()
    return logits, target


def numpy_loss(logits, target, weights):
    probs = 1 / (1 + np.exp(-logits))
    bce = -(target * np.log(probs) + (1 - target) * np.log(1 - probs))
    dice = 1 - (2 * (probs * target).sum() + 1) / (probs.sum() + target.sum() + 1)
    return (bce * weights).mean() + dice


@pytest.mark.parametrize("weighted", [False, True])
def test_mask_loss_is_weighted_bce_plus_dice_of_each_mask(pair, weighted):
    logits, target = pair
    weights = edge_weights(target) if weighted else torch.ones_like(target)
    found = mask_loss(logits, target, weights if weighted else None)
    for b in range(2):
        for k in range(3):
            arrays = (x[b, k].double().numpy() for x in (logits, target, weights))
            assert float(found[b, k]) == pytest.approx(numpy_loss(*arrays), rel=1e-4)


def test_pixels_within_two_of_an_edge_count_four_times():
    target = torch.zeros(1, 1, 9, 12)
    target[..., 6:] = 1
    row = edge_weights(target)[0, 0, 4]
    assert row.tolist() == [1, 1, 1, 1, 4, 4, 4, 4, 1, 1, 1, 1]


def test_iou_of_two_empty_masks_is_one():
    empty = torch.zeros(1, 1, 4, 4)
    assert hard_iou(empty - 1, empty).item() == 1


def test_the_iou_head_learns_the_squared_error(pair):
    logits, target = pair
    predicted = torch.full((2, 3), 0.5)
    truth = [
        [
            ((logits[b, k] > 0) & (target[b, k] > 0)).sum()
            / ((logits[b, k] > 0) | (target[b, k] > 0)).sum()
            for k in range(3)
        ]
        for b in range(2)
    ]
    expected = (predicted - torch.tensor(truth)) ** 2
    torch.testing.assert_close(iou_head_loss(predicted, logits, target), expected)
