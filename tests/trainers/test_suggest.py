"""Which images to label next: every kind once, nothing twice, the doubtful where asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.image_vectors import image_vector, standardised
from trainers.models.sam2.nano import build_sam2_nano
from trainers.suggest import near_duplicates, project_2d, suggest_doubtful, suggest_typical


def blobs(
    sizes: list[int], *, spread: float = 0.05, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around as many far apart centres, and the blob of each."""
    rng = np.random.default_rng(seed)
    centres = 10 * np.eye(len(sizes) + 2, dtype=np.float32)[: len(sizes)] + 1
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    noise = rng.normal(0, spread, (len(kinds), centres.shape[1]))
    return (centres[kinds] + noise).astype(np.float32), kinds


def test_every_kind_is_suggested_once_before_any_twice() -> None:
    vectors, kinds = blobs([40, 30, 20, 10, 5], spread=1.0)
    found = suggest_typical(vectors, [], 5)
    assert sorted(kinds[each.index] for each in found) == [0, 1, 2, 3, 4]
    assert "40 similar" in found[0].reason


def test_kinds_that_are_labelled_come_last() -> None:
    vectors, kinds = blobs([40, 30, 20], spread=1.0)
    labelled = [0, 1, 40]
    found = suggest_typical(vectors, labelled, 2)
    assert kinds[found[0].index] == 2 or kinds[found[1].index] == 2
    assert not {each.index for each in found} & set(labelled)


def test_the_most_typical_of_a_kind_lies_in_its_middle() -> None:
    vectors, _ = blobs([60], spread=1.0)
    (found,) = suggest_typical(vectors, [], 1)
    distances = np.linalg.norm(vectors - vectors.mean(0), axis=1)
    assert distances[found.index] < np.quantile(distances, 0.2)


def test_copies_of_an_image_are_not_suggested_while_others_are_left() -> None:
    rng = np.random.default_rng(1)
    different = rng.normal(0, 1, (10, 6)).astype(np.float32)
    vectors = np.concatenate([np.repeat(different[:1], 20, axis=0), different[1:]])
    found = [each.index for each in suggest_typical(vectors, [], 10)]
    assert sum(index < 20 for index in found) <= 2
    assert len(set(found)) == 10


def test_near_duplicates_share_the_number_of_the_first() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, (2, 8)).astype(np.float32)
    vectors = np.stack([first, second, first * 1.001, second + 1e-3, -first])
    assert near_duplicates(vectors).tolist() == [0, 1, 0, 1, 4]


def test_vectors_without_a_direction_are_copies_of_one_another() -> None:
    vectors = np.array([[0, 0], [1, 0], [0, 0]], np.float32)
    assert near_duplicates(vectors).tolist() == [0, 1, 0]
    assert near_duplicates(vectors[:0]).shape == (0,)


def test_of_copies_only_the_most_doubtful_is_suggested_while_others_are_left() -> None:
    rng = np.random.default_rng(4)
    different = rng.normal(0, 1, (8, 6)).astype(np.float32)
    vectors = np.concatenate([np.repeat(different[:1], 20, axis=0), different[1:]])
    doubt = np.concatenate([np.linspace(0.8, 0.9, 20), np.full(7, 0.1)])
    found = [each.index for each in suggest_doubtful(vectors, doubt, [20], 7)]
    assert found[0] == 19
    assert [index for index in found if index < 19] == []
    assert set(found) == {19, *range(21, 27)}


def test_doubtful_images_are_suggested_worst_first_and_of_different_kinds() -> None:
    vectors, kinds = blobs([30, 30, 30])
    doubt = np.linspace(0.0, 1.0, 90)[np.random.default_rng(3).permutation(90)]
    found = suggest_doubtful(vectors, doubt, [], 3)
    assert sorted(kinds[each.index] for each in found) == [0, 1, 2]
    doubts = [doubt[each.index] for each in found]
    assert doubts == sorted(doubts, reverse=True)
    for kind in range(3):
        (index,) = [each.index for each in found if kinds[each.index] == kind]
        pool = np.argsort(-doubt)[:30]
        assert doubt[index] == max(doubt[i] for i in pool if kinds[i] == kind)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(0, 29), st.integers(0, 40), st.integers(0, 5))
def test_suggestions_are_new_different_and_as_many_as_are_left(
    count: int, num_labelled: int, num: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 3, (count, 4)).astype(np.float32)  # many equal ones
    labelled = list(range(min(num_labelled, count)))
    expected = min(num, count - len(labelled))
    typical = [each.index for each in suggest_typical(vectors, labelled, num, seed=seed)]
    doubtful = suggest_doubtful(vectors, rng.random(count), labelled, num, seed=seed)
    for found in (typical, [each.index for each in doubtful]):
        assert len(set(found)) == len(found) == expected
        assert not set(found) & set(labelled)


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_a_map_has_a_place_for_each_image(count: int) -> None:
    vectors = np.random.default_rng(0).normal(0, 1, (count, 16)).astype(np.float32)
    places = project_2d(vectors)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_on_the_map_similar_images_lie_together() -> None:
    vectors, kinds = blobs([20, 20], spread=0.5)
    places = project_2d(vectors)
    own = [places[kinds == kind].mean(0) for kind in (0, 1)]
    nearest = np.argmin([np.linalg.norm(places - centre, axis=1) for centre in own], axis=0)
    assert (nearest == kinds).all()


def test_a_vector_depends_on_what_an_image_shows() -> None:
    model = build_sam2_nano().eval()
    rng = np.random.default_rng(0)
    blank = rng.normal(60, 8, (64, 64)).clip(0, 255).astype(np.uint8)
    other = rng.normal(60, 8, (64, 64)).clip(0, 255).astype(np.uint8)
    lines = blank.copy()
    lines[:, ::8] = 200
    first, again, different = (image_vector(model, image) for image in (blank, other, lines))
    assert first.shape == again.shape
    assert np.linalg.norm(first - again) < 0.5 * np.linalg.norm(first - different)


def test_columns_are_standardised_and_constant_ones_stay_finite() -> None:
    vectors = np.array([[1, 5], [3, 5], [5, 5]], np.float32)
    found = standardised(vectors)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), [1, 0], atol=1e-6)
