from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.data.cutmix import can_mix, cutmix


def batch(size: int = 4) -> dict[str, torch.Tensor]:
    """Return a batch whose pixels name the tile that they come from."""
    number = torch.arange(size)
    return {
        "image": (number / 10.0)[:, None, None, None].expand(size, 1, 32, 48).clone(),
        "target": number.to(torch.uint8)[:, None, None].expand(size, 32, 48).clone(),
    }


def mixed(seed: int, size: int = 4, probability: float = 1.0) -> dict[str, torch.Tensor]:
    return cutmix(batch(size), probability=probability, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(8))
def test_image_and_target_get_the_same_rectangle_of_the_next_tile(seed: int) -> None:
    found = mixed(seed)
    torch.testing.assert_close(found["image"][:, 0], found["target"] / 10.0)
    for number, target in enumerate(found["target"]):
        other = target != number
        assert set(target[other].tolist()) <= {(number - 1) % 4}
        rows, cols = torch.nonzero(other.any(1)).ravel(), torch.nonzero(other.any(0)).ravel()
        assert int(other.sum()) == len(rows) * len(cols), "a rectangle, and the same for all"


def test_the_area_is_drawn_uniformly_but_for_the_border() -> None:
    """The centre is uniform too, so that rectangles are cut: E[area] is known by simulation."""
    areas = [float((mixed(seed)["target"][0] != 0).float().mean()) for seed in range(400)]
    draws = np.random.default_rng(1).random((20_000, 3))
    half = np.sqrt(draws[:, :1]) / 2
    low, high = np.clip(draws[:, 1:] - half, 0, 1), np.clip(draws[:, 1:] + half, 0, 1)
    assert np.mean(areas) == pytest.approx(np.prod(high - low, axis=1).mean(), abs=0.03)


def test_probability_seed_and_batches_that_stay() -> None:
    changed = [
        not torch.equal(mixed(s, probability=0.4)["target"], batch()["target"]) for s in range(300)
    ]
    assert np.mean(changed) == pytest.approx(0.4, abs=0.1)
    assert torch.equal(mixed(3)["image"], mixed(3)["image"])
    assert torch.equal(mixed(3, size=1)["image"], batch(1)["image"])
    given = batch()
    cutmix(given, probability=1.0, rng=np.random.default_rng(0))
    assert torch.equal(given["target"], batch()["target"]), "the loader's tensors stay"


def test_only_images_with_targets_are_mixed() -> None:
    assert can_mix(batch())
    assert not can_mix({**batch(), "boxes": torch.zeros(4, 2)})
    assert not can_mix({"image": batch()["image"]})
