import pytest
import torch
from torch import Tensor, nn

from trainers.data.labels import IGNORE
from trainers.losses.segmentation import cross_entropy, foreground_probs, soft_dice


@pytest.fixture
def target() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 3, (2, 16, 16), generator=generator, dtype=torch.uint8)


def logits(num_channels: int) -> Tensor:
    return torch.randn(2, num_channels, 16, 16, generator=torch.Generator().manual_seed(1))


def test_binary_cross_entropy_is_bcewithlogits(target: Tensor) -> None:
    binary = (target > 0).to(torch.uint8)
    expected = nn.BCEWithLogitsLoss()(logits(1)[:, 0], binary.float())
    torch.testing.assert_close(cross_entropy(logits(1), binary), expected)


def test_multiclass_cross_entropy_is_that_of_torch(target: Tensor) -> None:
    expected = nn.CrossEntropyLoss()(logits(3), target.long())
    torch.testing.assert_close(cross_entropy(logits(3), target), expected)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_ignored_pixels_change_no_loss(target: Tensor, num_channels: int) -> None:
    target = target.clamp(max=max(1, num_channels - 1))
    target[:, :4] = IGNORE
    preds, other = logits(num_channels), logits(num_channels)
    other[:, :, :4] = 50.0
    for loss in (cross_entropy, soft_dice):
        torch.testing.assert_close(loss(preds, target), loss(other, target))


def test_cross_entropy_averages_over_the_pixels_that_count(target: Tensor) -> None:
    whole = target.clone()
    whole[:, 8:] = IGNORE
    torch.testing.assert_close(
        cross_entropy(logits(3), whole), cross_entropy(logits(3)[:, :, :8], target[:, :8])
    )


@pytest.mark.parametrize("num_channels", [1, 3])
def test_nothing_to_count_gives_zero_and_no_nan(num_channels: int) -> None:
    preds = logits(num_channels).requires_grad_()
    target = torch.full((2, 16, 16), IGNORE, dtype=torch.uint8)
    loss = cross_entropy(preds, target) + soft_dice(preds, target)
    loss.backward()
    assert loss.item() == 0.0
    assert preds.grad is not None
    assert bool(torch.isfinite(preds.grad).all())


def test_dice_is_one_minus_twice_the_overlap_over_the_sum(target: Tensor) -> None:
    binary = (target > 0).to(torch.uint8)
    probs, wanted = logits(1)[:, 0].sigmoid(), binary.float()
    expected = 1 - (2 * (probs * wanted).sum() + 1) / (probs.sum() + wanted.sum() + 1)
    torch.testing.assert_close(soft_dice(logits(1), binary), expected)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_a_perfect_prediction_has_no_loss_and_an_inverted_one_much(
    target: Tensor, num_channels: int
) -> None:
    target = target.clamp(max=max(1, num_channels - 1))
    if num_channels == 1:
        perfect = (target[:, None].float() * 2 - 1) * 50
    else:
        one_hot = nn.functional.one_hot(target.long(), num_channels)
        perfect = one_hot.permute(0, 3, 1, 2).float() * 50
    assert soft_dice(perfect, target) < 1e-3
    assert cross_entropy(perfect, target) < 1e-3
    assert soft_dice(-perfect, target) > 0.4


def test_a_blank_target_rewards_a_blank_prediction() -> None:
    blank = torch.zeros(1, 8, 8, dtype=torch.uint8)
    empty, full = torch.full((1, 1, 8, 8), -20.0), torch.full((1, 1, 8, 8), 20.0)
    assert soft_dice(empty, blank) < 1e-3
    assert soft_dice(full, blank) > 0.9


def test_probabilities_leave_the_background_out() -> None:
    torch.testing.assert_close(foreground_probs(logits(1)), logits(1).sigmoid())
    probs = foreground_probs(logits(3))
    assert probs.shape == (2, 2, 16, 16)
    torch.testing.assert_close(probs, logits(3).softmax(1)[:, 1:])
