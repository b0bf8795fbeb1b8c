"""What an epoch shows when blank tiles or common classes are too many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from trainers.config import TrainConfig
from trainers.data.balance import balanced_order, class_weights, shares_of
from trainers.data.batches import build_loader, epoch_batches
from trainers.data.dataset import TrainingTiles
from trainers.data.fixed_tiles import FixedTiles
from trainers.data.prompted import SyntheticPromptDataset
from trainers.data.snapshot import SnapshotItem, ensure_snapshot
from trainers.errors import TrainingError
from trainers.progress import RunState
from trainers.train import resume, train

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles


def config(**changes: Any) -> TrainConfig:
    return TrainConfig(model="unet", out=Path("run"), batch_size=4, **changes)


def order(shares: np.ndarray, settings: TrainConfig, seed: int = 0) -> np.ndarray:
    return balanced_order(shares, settings, torch.Generator().manual_seed(seed))


def shares(*, blank: int, common: int, rare: int = 0) -> np.ndarray:
    rows = [[0.0, 0.0]] * blank + [[0.4, 0.0]] * common + [[0.3, 0.01]] * rare
    return np.array(rows)


def test_blank_tiles_take_no_more_than_their_share() -> None:
    given = shares(blank=80, common=20)
    found = order(given, config(balance="blank", blank_share=0.3)) % 100
    counts = np.bincount(found, minlength=100)
    assert len(found) == 100
    assert counts[:80].sum() == 30
    assert counts[:80].max() == 1
    assert set(counts[80:]) == {3, 4}, "the others are repeated equally often"


@pytest.mark.parametrize(("blank", "common"), [(10, 90), (100, 0), (0, 100)])
def test_where_nothing_is_to_be_balanced_each_tile_is_shown_once(blank: int, common: int) -> None:
    found = order(shares(blank=blank, common=common), config(balance="blank", blank_share=0.3))
    assert sorted(found) == list(range(100))


def test_repetitions_of_a_tile_can_be_told_apart() -> None:
    found = order(shares(blank=6, common=2), config(balance="blank", blank_share=0.25))
    assert len(set(found)) == 8
    assert sorted(found[found % 8 >= 6]) == [6, 7, 14, 15, 22, 23]


def test_weights_are_the_inverse_frequency_of_the_rarest_class() -> None:
    given = shares(blank=5, common=14, rare=1)
    expected = [20 / 5] * 5 + [20 / 15] * 14 + [20 / 1]
    np.testing.assert_allclose(class_weights(given), expected)


def test_rare_classes_are_drawn_as_often_as_their_weight_says() -> None:
    given = shares(blank=20, common=70, rare=10)
    settings = config(balance="class")
    found = np.concatenate([order(given, settings, seed) for seed in range(50)]) % 100
    expected = class_weights(given)
    shown = np.bincount(found, minlength=100) / len(found)
    for part in (np.s_[:20], np.s_[20:90], np.s_[90:]):
        assert shown[part].sum() == pytest.approx((expected / expected.sum())[part].sum(), abs=0.03)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    given = shares(blank=20, common=20)
    for balance in ("blank", "class"):
        settings = config(balance=balance)
        batches = [epoch_batches(40, settings, epoch=e, shares=given) for e in (0, 0, 1)]
        assert batches[0] == batches[1] != batches[2]
        assert [len(batch) for batch in batches[2]] == [4] * 10


def test_tiles_know_their_classes_and_repeat_with_new_draws(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    settings = make_config(make_tiles(8, num_classes=2, blank=(0, 3)), balance="class")
    snapshot = ensure_snapshot(settings, tmp_path / "dataset")
    assert snapshot is not None
    items = snapshot.of("train")
    data = TrainingTiles(items, size_px=32, seed=0, augment="none")
    found = shares_of(data)
    assert found.shape == (len(data), 2)
    blank = {n for n, item in enumerate(items) if item.max_id == 0}
    assert set(np.flatnonzero(found.sum(axis=1) == 0)) == {
        4 * n + k for n in blank for k in range(4)
    }
    assert not torch.equal(data[1]["image"], data[1 + len(data)]["image"])
    loader = build_loader(data, settings, epoch=0)
    assert sum(len(batch["image"]) for batch in loader) == len(data)


def test_fixed_windows_know_their_own_classes(tmp_path: Path) -> None:
    """The objects of a large image lie in some of its windows."""
    ids = np.zeros((64, 96), np.uint8)
    ids[40:, 70:] = 2
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    Image.fromarray(ids * 100).save(image)
    Image.fromarray(ids).save(mask)
    item = SnapshotItem(image, mask, "train", "", "", 2)
    data = FixedTiles([item], size_px=32, seed=0, min_items=8)
    found = shares_of(data)
    assert found.shape == (12, 2)
    for index, row in enumerate(found):
        target = data[index]["target"]
        assert row[1] == pytest.approx(float((target == 2).float().mean()))
    assert np.count_nonzero(found) == 2
    assert data[5 + len(data)]["target"].sum() == data[5]["target"].sum() > 0


def test_data_that_do_not_know_their_classes_are_refused() -> None:
    data = SyntheticPromptDataset(preset="avr_m1", seed=0, num_tiles=2, size_px=64)
    with pytest.raises(TrainingError, match="Set balance to none"):
        build_loader(data, config(balance="blank"), epoch=0)
    assert len(build_loader(data, config(balance="blank"), epoch=None)) == 1, "validation is not"


@pytest.mark.parametrize("balance", ["blank", "class"])
def test_a_balanced_mixed_and_warped_run_resumes_exactly(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, balance: str
) -> None:
    from tests.trainers.test_train import after_steps, assert_same_weights

    data = make_tiles(10, blank=(0, 1, 2, 3, 4))
    changes: dict[str, Any] = {
        "balance": balance, "cutmix": 0.7, "rotation_rate": 0.5, "elastic_rate": 0.5,
        "accumulate": 2, "precision": "bf16-mixed",
    }  # fmt: skip
    whole, stopped = (make_config(data, out, **changes) for out in ("whole", "stopped"))
    train(whole)
    with monkeypatch.context() as patch:
        after_steps(patch, 6, lambda loop: loop.folder.cancel.touch())
        assert train(stopped).state is RunState.CANCELLED
    assert resume(stopped.out).state is RunState.FINISHED
    assert_same_weights(whole.out, stopped.out)
