"""Learning from unlabelled tiles: what the averaged model says, and what becomes of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.trainers.test_train import after_steps, assert_same_weights
from trainers.data.labels import IGNORE
from trainers.data.snapshot import read_snapshot
from trainers.data.unlabelled import UnlabelledTiles, strong_look
from trainers.errors import TrainingError
from trainers.mean_teacher import kept_shares, pseudo_target
from trainers.progress import RunState
from trainers.run_folder import RunFolder
from trainers.train import resume, train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles


@pytest.fixture
def partly_labelled(make_tiles: MakeTiles) -> Path:
    """Twelve tiles, of which the last six have no mask."""
    data = make_tiles(12)
    for number in range(6, 12):
        (data / "masks" / f"t{number:02d}.png").unlink()
    return data


@given(
    arrays.arrays(np.float32, (2, 2, 3, 4), elements=st.floats(0, 0.5, width=32)),
    st.floats(0.5, 0.99),
)
def test_a_pixel_counts_where_its_class_or_background_reaches_the_threshold(
    probs: np.ndarray, threshold: float
) -> None:
    target = pseudo_target(torch.from_numpy(probs), threshold).numpy()
    for batch, row, col in np.ndindex(target.shape):
        first, second = (float(p) for p in probs[batch, :, row, col])
        background = float(np.float32(1) - (np.float32(first) + np.float32(second)))
        values = [background, first, second]
        best = int(np.argmax(values))  # the first of equal ones
        expected = best if values[best] >= np.float32(threshold) else IGNORE
        if abs(values[best] - threshold) > 1e-6:  # the same number may be rounded otherwise
            assert target[batch, row, col] == expected


def test_the_shares_tell_of_objects_beside_the_easy_background() -> None:
    probs = torch.tensor([[[[0.01, 0.02, 0.97, 0.6]]]])
    shares = kept_shares(probs, pseudo_target(probs, 0.95))
    assert float(shares["pseudo_kept"]) == pytest.approx(0.75)
    assert float(shares["pseudo_kept_foreground"]) == pytest.approx(0.5)
    blank = torch.full((1, 1, 2, 2), 0.01)
    assert set(kept_shares(blank, pseudo_target(blank, 0.95))) == {"pseudo_kept"}


def test_both_looks_show_the_same_pixels_and_depend_on_seed_epoch_and_index_only(
    partly_labelled: Path, make_config: MakeConfig
) -> None:
    config = make_config(partly_labelled, unlabelled=True, epochs=1)
    train(config)
    snapshot = read_snapshot(RunFolder(config.out).dataset)
    assert len(snapshot.unlabelled) == 6
    assert {item.mask for item in snapshot.unlabelled} == {None}
    tiles = UnlabelledTiles(snapshot.unlabelled, size_px=64, seed=3)
    first, again = tiles[2], tiles[2]
    assert torch.equal(first["strong"], again["strong"])
    weak, strong = first["image"][0].numpy(), first["strong"][0].numpy()
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.5
    assert not np.allclose(weak, strong)
    tiles.set_epoch(1)
    assert not torch.equal(tiles[2]["strong"], first["strong"])


@given(st.integers(0, 2**32 - 1))
def test_a_strong_look_stays_within_0_and_1(seed: int) -> None:
    image = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    changed = strong_look(image, np.random.default_rng(seed))
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_a_run_learns_from_both_and_logs_how_much_it_kept(
    partly_labelled: Path, make_config: MakeConfig
) -> None:
    config = make_config(
        partly_labelled, unlabelled=True, epochs=3, pseudo_start=0.3, pseudo_threshold=0.5
    )
    train(config)
    lines = RunFolder(config.out).events.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    steps = [event for event in events if event["kind"] == "step"]
    assert "pseudo_kept" not in steps[0]["parts"]
    assert steps[-1]["parts"]["pseudo_kept"] == pytest.approx(1.0)  # nothing is below one half


def test_unlabelled_tiles_change_what_is_learned(
    partly_labelled: Path, make_config: MakeConfig
) -> None:
    without = make_config(partly_labelled, "without", epochs=2, ema_decay=0.996)
    with_them = make_config(
        partly_labelled, "with", epochs=2, unlabelled=True, pseudo_start=0.0, pseudo_threshold=0.5
    )
    for config in (without, with_them):
        train(config)
    with pytest.raises(AssertionError):
        assert_same_weights(without.out, with_them.out)


def test_a_stopped_run_with_unlabelled_tiles_goes_on_to_the_same_weights(
    partly_labelled: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"unlabelled": True, "epochs": 3, "pseudo_start": 0.2, "pseudo_threshold": 0.5}
    whole = make_config(partly_labelled, "whole", **changes)
    stopped = make_config(partly_labelled, "stopped", **changes)
    train(whole)
    with monkeypatch.context() as patch:
        after_steps(patch, 5, lambda loop: loop.folder.cancel.touch())
        assert train(stopped).state is RunState.CANCELLED
    resume(stopped.out)
    assert_same_weights(whole.out, stopped.out)


def test_a_run_without_anything_unlabelled_says_so(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    with pytest.raises(TrainingError, match="nothing unlabelled"):
        train(make_config(make_tiles(4), unlabelled=True))
