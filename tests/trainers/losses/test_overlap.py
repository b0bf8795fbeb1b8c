"""Losses that weigh missed against added pixels, against formulas written out in NumPy."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainers.losses.overlap import tversky_loss, weighted_bce

RNG = np.random.default_rng(4)
LOGITS = RNG.normal(0, 2, (3, 9, 7))
TARGET = (RNG.random((3, 9, 7)) < 0.3).astype(float)
VALID = RNG.random((3, 9, 7)) < 0.8


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(array)) for array in arrays]


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_cross_entropy_counts_foreground_as_often_as_asked_and_ignored_pixels_never(weight):
    found = weighted_bce(*tensors(LOGITS, TARGET, VALID), positive_weight=weight)
    probs = 1 / (1 + np.exp(-LOGITS))
    each = -(weight * TARGET * np.log(probs) + (1 - TARGET) * np.log(1 - probs))
    expected = (each * VALID).sum((1, 2)) / VALID.sum((1, 2))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_plain_weight_is_torchs_own_cross_entropy():
    logits, target, valid = tensors(LOGITS, TARGET, np.ones_like(VALID))
    expected = functional.binary_cross_entropy_with_logits(logits, target)
    torch.testing.assert_close(
        weighted_bce(logits, target, valid, positive_weight=1).mean(), expected
    )


@pytest.mark.parametrize("beta", [0.3, 0.5, 0.9])
def test_tversky_is_the_published_index(beta):
    found = tversky_loss(*tensors(LOGITS, TARGET, VALID), beta=beta)
    probs = 1 / (1 + np.exp(-LOGITS)) * VALID
    wanted = TARGET * VALID
    tp = (probs * wanted).sum((1, 2))
    fp = (probs * (1 - TARGET) * VALID).sum((1, 2))
    fn = ((1 - probs) * wanted).sum((1, 2))
    expected = 1 - (tp + 1) / (tp + (1 - beta) * fp + beta * fn + 1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_missing_costs_more_than_adding_the_same_number_of_pixels():
    target = torch.zeros(1, 20, 20)
    target[:, 5:15, 5:15] = 1
    missing, added = target.clone(), target.clone()
    missing[:, 5:7] = 0
    added[:, 15:17, 5:15] = 1
    valid = torch.ones_like(target, dtype=torch.bool)
    costs = [tversky_loss(20 * m - 10, target, valid, beta=0.7) for m in (missing, added)]
    assert costs[0] > 1.5 * costs[1]


@pytest.mark.parametrize("is_valid", [True, False])
def test_nothing_wanted_and_nothing_found_costs_nothing(is_valid):
    logits, target = torch.full((1, 8, 8), -20.0), torch.zeros(1, 8, 8)
    valid = torch.full((1, 8, 8), is_valid)
    assert tversky_loss(logits, target, valid, beta=0.7).item() < 1e-6
    assert weighted_bce(logits, target, valid, positive_weight=2.0).item() < 1e-6
