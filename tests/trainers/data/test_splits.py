import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.splits import Candidate, assign_splits
from trainers.errors import TrainingError

tile_lists = st.lists(st.booleans(), min_size=2, max_size=60).map(
    lambda blanks: [
        Candidate(f"tile{i}.png", is_blank=blank, split=None) for i, blank in enumerate(blanks)
    ]
)


@given(tiles=tile_lists, fraction=st.floats(0.01, 0.99), seed=st.integers(0, 9))
def test_neither_split_is_ever_empty(tiles: list[Candidate], fraction: float, seed: int) -> None:
    splits = assign_splits(tiles, val_fraction=fraction, seed=seed)
    assert len(splits) == len(tiles)
    assert {"train", "val"} == set(splits)


@given(tiles=tile_lists, fraction=st.floats(0.01, 0.99), seed=st.integers(0, 9))
def test_both_splits_have_objects_where_two_tiles_have(
    tiles: list[Candidate], fraction: float, seed: int
) -> None:
    splits = assign_splits(tiles, val_fraction=fraction, seed=seed)
    with_objects = [s for s, tile in zip(splits, tiles, strict=True) if not tile.is_blank]
    if len(with_objects) >= 2:
        assert {"train", "val"} == set(with_objects)
    elif with_objects:
        assert with_objects == ["train"]


@given(tiles=tile_lists, seed=st.integers(0, 9))
def test_the_order_of_the_tiles_does_not_matter(tiles: list[Candidate], seed: int) -> None:
    splits = assign_splits(tiles, val_fraction=0.3, seed=seed)
    reversed_splits = assign_splits(tiles[::-1], val_fraction=0.3, seed=seed)
    assert splits == reversed_splits[::-1]


def test_the_share_is_kept_for_blank_and_other_tiles() -> None:
    tiles = [Candidate(f"{i}", is_blank=i < 40, split=None) for i in range(100)]
    splits = assign_splits(tiles, val_fraction=0.2, seed=0)
    assert splits.count("val") == 20
    assert splits[:40].count("val") == 8


def test_another_seed_draws_others() -> None:
    tiles = [Candidate(f"{i}", is_blank=False, split=None) for i in range(50)]
    first, second = (assign_splits(tiles, val_fraction=0.3, seed=seed) for seed in (0, 1))
    assert first != second


def test_a_given_validation_split_is_kept() -> None:
    tiles = [
        Candidate("a", is_blank=False, split="train"),
        Candidate("b", is_blank=True, split="val"),
        Candidate("c", is_blank=False, split=None),
    ]
    assert assign_splits(tiles, val_fraction=0.5, seed=0) == ["train", "val", "train"]


def test_a_given_training_split_alone_still_leaves_tiles_to_validate() -> None:
    tiles = [Candidate(f"{i}", is_blank=False, split="train") for i in range(10)]
    assert "val" in assign_splits(tiles, val_fraction=0.1, seed=0)


def test_only_validation_tiles_are_refused() -> None:
    tiles = [Candidate(f"{i}", is_blank=False, split="val") for i in range(3)]
    with pytest.raises(TrainingError, match="none is left to train on"):
        assign_splits(tiles, val_fraction=0.5, seed=0)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_tiles_are_refused(count: int) -> None:
    tiles = [Candidate("a", is_blank=False, split=None)] * count
    with pytest.raises(TrainingError, match="at least 2"):
        assign_splits(tiles, val_fraction=0.5, seed=0)
