"""Accepting at once what a model is sure of: what a sample decides, and what it costs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_icseg.bench.economy_annotator import Person, Truth
from napari_icseg.bench.economy_book import Book
from napari_icseg.bench.economy_costs import Costs
from napari_icseg.bench.economy_lab import PoolTile
from napari_icseg.bench.economy_plan import Plan
from napari_icseg.bench.economy_routes import MAX_SAMPLES, MAX_WORST, SAMPLE_SIZE, Route
from napari_icseg.bench.session import EmbeddedTile
from tests.napari_icseg.bench.fakes import PaintedPredictor, perfect
from trainers.io.images import read_image
from trainers.io.masks import read_mask, write_grey, write_semantic

NUM_TILES, NUM_FIRST, NUM_IN_ROW, SIDE_PX = 64, 4, 3, 24
PIXELS = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
PIXELS[4:12, 2:20] = 120
WRONG = np.zeros_like(PIXELS)
WRONG[14:20, 2:20] = 1
LOOK_S, SAMPLE_S = 1.6 + 0.2, SAMPLE_SIZE * 1.6 + 1.35 + 0.2


class Lab:
    """Tiles that all look alike, and a model that is wrong on some of them."""

    epochs = 1
    class_names = ("metal",)

    def __init__(self, root, wrong, unsure=()) -> None:
        write_grey(root / "image.png", PIXELS)
        masks = root / "right.png", root / "wrong.png"
        write_semantic(masks[0], (PIXELS > 0).astype(np.uint8))
        write_semantic(masks[1], WRONG)
        self.predictor = PaintedPredictor(perfect)
        self.vectors = np.random.default_rng(0).normal(size=(NUM_TILES, 4)).astype(np.float32)
        self.tiles = tuple(_Tile(root / "image.png", masks[0], n) for n in range(NUM_TILES))
        self._offered = {
            tile: SimpleNamespace(
                mask=masks[tile.number in wrong],
                predicted_iou=0.5 if tile.number in unsure else 1 - tile.number / 10_000,
            )
            for tile in self.tiles
        }

    def embedded(self, tile):
        return EmbeddedTile(self.predictor, read_image(tile.image))

    def truth(self, tile):
        return Truth(read_mask(tile.mask), self.class_names)

    def proposals(self, run, tiles, progress):
        return {tile: self._offered[tile] for tile in tiles}

    def train(self, labels, folder):
        return folder

    train_scored = train

    def test_iou(self, run):
        return 0.9


class _Tile(PoolTile):
    def __init__(self, image, mask, number) -> None:
        super().__init__(image, mask)
        object.__setattr__(self, "number", number)

    @property
    def name(self):
        return f"t{self.number}"

    def __eq__(self, other):
        return self.number == other.number

    def __hash__(self):
        return self.number


@pytest.fixture(autouse=True)
def _prefill(monkeypatch):
    """Pre-fill that is right wherever it looks."""
    monkeypatch.setattr(
        "napari_icseg.bench.economy_routes.automatic_ids",
        lambda lab, tile: read_mask(tile.mask),
    )


def run(root, lab, name="d"):
    plan = Plan((NUM_TILES,), NUM_FIRST, NUM_IN_ROW, 1)
    route = Route(name, lab, Person(eye_error=0.0), Costs(), plan, Book(root / "d"), 0)
    return route, route.run()


def test_a_good_model_costs_one_sample(tmp_path):
    route, points = run(tmp_path, Lab(tmp_path, wrong=()))
    assert points[0].human_s == pytest.approx(NUM_FIRST * LOOK_S)
    assert points[1].human_s == pytest.approx((NUM_FIRST + NUM_IN_ROW) * LOOK_S + SAMPLE_S)
    assert (points[1].num_labelled, points[1].label_iou) == (NUM_TILES, 1.0)
    assert route.ways()["bulk"].num == NUM_TILES - NUM_FIRST - NUM_IN_ROW - SAMPLE_SIZE


def test_a_sample_that_looks_bad_raises_the_threshold_and_what_was_seen_is_settled(tmp_path):
    route, points = run(tmp_path, Lab(tmp_path, wrong=range(NUM_TILES)))
    ways = route.ways()
    assert "bulk" not in ways
    assert ways["sample"].num_right == 0
    assert len(route.samples) == MAX_SAMPLES
    num_worst = round(MAX_WORST * NUM_TILES)  # a model that is always wrong is soon given up
    assert points[1].num_labelled == NUM_FIRST + num_worst + ways["sample"].num
    assert points[1].label_iou == 1.0  # each was corrected when it was seen


def test_with_one_wrong_in_a_full_sample_the_rest_is_accepted(tmp_path):
    first, _ = run(tmp_path / "first", Lab(tmp_path, wrong=()))
    seen = [tile.number for tile, entry in first.labelled.items() if entry.how == "accepted"]
    bad = seen[-1]  # of the sample
    route, points = run(tmp_path / "one", Lab(tmp_path, wrong=(bad,)))
    assert route.ways()["sample"].num_right == SAMPLE_SIZE - 1
    assert (points[1].num_labelled, points[1].label_iou) == (NUM_TILES, 1.0)
    two = (bad, seen[-2])
    route, points = run(tmp_path / "two", Lab(tmp_path, wrong=two))
    assert len(route.samples) == 2
    assert points[1].num_labelled < NUM_TILES


def test_the_least_sure_are_reviewed_until_enough_in_a_row_are_right(tmp_path):
    unsure = range(60, NUM_TILES)
    route, points = run(tmp_path, Lab(tmp_path, wrong=unsure, unsure=unsure))
    how = {tile.number: entry.how for tile, entry in route.labelled.items()}
    first = set(list(how)[:NUM_FIRST])
    reviewed = sorted(set(unsure) - first)
    assert {how[number] for number in reviewed} == {"edited"}
    after = [number for number in range(59, -1, -1) if number not in first][:NUM_IN_ROW]
    assert list(how)[NUM_FIRST + len(reviewed) :][:NUM_IN_ROW] == after
    assert points[1].label_iou == 1.0


def test_what_the_model_does_not_expect_to_be_right_is_never_accepted_at_once(tmp_path):
    unsure = range(40, NUM_TILES)
    route, points = run(tmp_path, Lab(tmp_path, wrong=(), unsure=unsure))
    how = {tile.number: entry.how for tile, entry in route.labelled.items()}
    assert "bulk" not in {how.get(number) for number in unsure}
    assert points[1].num_labelled < NUM_TILES


def test_rounds_with_review_look_at_every_tile(tmp_path):
    lab = Lab(tmp_path, wrong=(5,))
    plan = Plan((8, NUM_TILES), 0, 0, 1)
    route = Route("c", lab, Person(eye_error=0.0), Costs(), plan, Book(tmp_path / "c"), 0)
    route.run()
    ways = route.ways()
    assert ways["accepted"].num + ways.get("edited", ways["accepted"]).num >= NUM_TILES - 1
    assert "bulk" not in ways
