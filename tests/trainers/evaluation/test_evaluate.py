from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from trainers.errors import CheckpointError, DataError
from trainers.evaluate import Evaluation, evaluate, write_csv, write_evaluation
from trainers.evaluation.data import labelled_images
from trainers.io.manifest import DatasetIndex, write_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles
    from trainers.predict import LoadedModel


def erase(mask: Path) -> None:
    """Make the truth blank."""
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(mask)


def test_a_perfect_model_scores_one_by_every_metric(
    bright: LoadedModel, make_tiles: MakeTiles
) -> None:
    evaluation = evaluate(bright, make_tiles(5))
    shares = ("foreground_true", "foreground_predicted")
    scores = {n: v for n, v in evaluation.metrics.items() if n not in shares}
    assert scores == dict.fromkeys(scores, 1.0)
    assert {"ap", "boundary_f", "foreground_iou", "ap/foreground"} <= set(scores)
    assert evaluation.intervals["iou"] == (1.0, 1.0)


def test_the_worst_image_is_first_and_drags_the_interval_down(
    bright: LoadedModel, make_tiles: MakeTiles
) -> None:
    data = make_tiles(6, blank=())
    erase(data / "masks" / "t03.png")
    evaluation = evaluate(bright, data)
    worst = evaluation.images[0]
    assert (worst.image, worst.iou, worst.boundary_f) == ("images/t03.png", 0.0, 0.0)
    assert worst.ap is None
    assert evaluation.metrics["iou"] == pytest.approx(5 / 6)
    low, high = evaluation.intervals["iou"]
    assert low <= 0.5 < 5 / 6 < high == 1.0


def test_blank_truth_leaves_ap_undefined_and_json_says_null(
    blank: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    evaluation = evaluate(blank, make_tiles(3, blank=(0, 1, 2)))
    assert evaluation.metrics["iou"] == 1.0
    assert "ap" not in evaluation.metrics
    write_evaluation(tmp_path / "e.json", blank, evaluation)
    report = json.loads((tmp_path / "e.json").read_text())
    assert report["ap"] is None
    assert report["images"][0]["ap"] is None


def test_an_oracle_is_given_the_truth_and_named_as_such(
    blank: LoadedModel, make_tiles: MakeTiles
) -> None:
    data = make_tiles(4, blank=())
    assert evaluate(blank, data).metrics["iou"] == 0.0
    oracle = evaluate(blank, data, protocol="oracle")
    assert oracle.metrics["iou"] == 1.0
    assert oracle.to_dict()["protocol_note"].startswith("oracle prompts")


def test_a_model_without_prompts_has_no_oracle(bright: LoadedModel, make_tiles: MakeTiles) -> None:
    with pytest.raises(CheckpointError, match="takes no prompts"):
        evaluate(bright, make_tiles(2), protocol="oracle")


def test_a_limit_takes_the_first_images(bright: LoadedModel, make_tiles: MakeTiles) -> None:
    evaluation = evaluate(bright, make_tiles(6), limit=2)
    assert sorted(score.image for score in evaluation.images) == [
        "images/t00.png",
        "images/t01.png",
    ]


def test_an_evaluation_comes_back_from_json_unchanged(
    bright: LoadedModel, make_tiles: MakeTiles
) -> None:
    data = make_tiles(4)
    erase(data / "masks" / "t01.png")
    evaluation = evaluate(bright, data)
    stored = json.loads(json.dumps(evaluation.to_dict()))
    assert Evaluation.from_dict(stored) == evaluation


def test_something_else_is_no_stored_evaluation() -> None:
    with pytest.raises(DataError, match="not a stored evaluation"):
        Evaluation.from_dict({"images": [{}]})


def test_csv_has_a_row_for_each_image_with_the_scores_of_each_class(
    bright: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    write_csv(tmp_path / "e.csv", evaluate(bright, make_tiles(3, blank=(1,))))
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    blank_row = next(row for row in rows if row["image"] == "images/t01.png")
    assert (blank_row["iou"], blank_row["ap"], blank_row["iou/foreground"]) == ("1.0", "", "1.0")


def test_instances_of_a_16_bit_mask_are_the_true_objects(
    bright: LoadedModel, make_tiles: MakeTiles
) -> None:
    data = make_tiles(1, blank=(0,))
    image = np.zeros((64, 64), np.uint8)
    image[10:20, 10:50] = 255  # one piece, which the truth says are two
    ids = np.zeros((64, 64), np.uint16)
    ids[10:20, 10:30], ids[10:20, 30:50] = 700, 2
    Image.fromarray(image).save(data / "images" / "t00.png")
    Image.fromarray(ids).save(data / "masks" / "t00.png")
    evaluation = evaluate(bright, data)
    assert evaluation.metrics["iou"] == 1.0
    assert evaluation.metrics["ap50"] == pytest.approx(0.5, abs=0.01)


def test_the_hash_of_the_data_follows_images_and_masks(make_tiles: MakeTiles) -> None:
    data = make_tiles(3)
    before = labelled_images(data).sha256()
    assert labelled_images(data).sha256() == before
    assert labelled_images(data, limit=2).sha256() != before
    erase(data / "masks" / "t02.png")
    assert labelled_images(data).sha256() != before


def test_images_of_one_name_elsewhere_are_told_apart(
    bright: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    folders = [make_tiles(2, blank=(), folder=name) for name in ("a", "b")]
    items = tuple(item for folder in folders for item in labelled_images(folder).items)
    (tmp_path / "list").mkdir()
    write_manifest(tmp_path / "list" / "manifest.json", DatasetIndex(items, ("foreground",)))
    evaluation = evaluate(bright, tmp_path / "list")
    expected = ["t00.png", "t00.png (2)", "t01.png", "t01.png (2)"]
    assert sorted(score.image for score in evaluation.images) == expected
