from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainers.data.snapshot import read_snapshot
from trainers.errors import DataError, TrainingError
from trainers.io.images import read_image
from trainers.io.masks import read_mask
from trainers.predict import load_run, predict_image
from trainers.progress import RunState, read_status
from trainers.semi_supervised import paper_round, pseudo_label
from trainers.train import ensure_trained, train

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles


def test_a_pseudo_label_is_the_models_mask_with_its_mean_confidence(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    data = make_tiles(4)
    config = make_config(data, epochs=1)
    train(config)
    model = load_run(config.out)
    (label,) = pseudo_label(model, [data / "images" / "t01.png"])
    labels, probs = predict_image(model, read_image(label.image))
    np.testing.assert_array_equal(label.labels, labels)
    chosen = np.where(labels == 1, probs[0], 1 - probs[0])
    assert label.confidence == pytest.approx(chosen.mean(), abs=1e-6)
    assert 0.5 <= label.confidence <= 1.0


def test_a_round_trains_labels_and_trains_again_on_both(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    labelled, unlabelled = make_tiles(6, folder="labelled"), make_tiles(3, folder="unlabelled")
    for mask in (unlabelled / "masks").iterdir():
        mask.unlink()
    config = make_config(labelled, "round", epochs=1)
    report = paper_round(config, unlabelled=unlabelled)
    assert report.num_pseudo_labels == 3
    assert 0.5 <= report.mean_confidence <= 1.0
    assert report.student["num_train"] == report.teacher["num_train"] + 3
    teacher, student = (
        read_snapshot(config.out / name / "dataset") for name in ("teacher", "student")
    )
    assert [i.image for i in teacher.of("val")] == [i.image for i in student.of("val")]
    added = [item for item in student.items if item.image.is_relative_to(unlabelled)]
    model = load_run(config.out / "teacher")
    for item, label in zip(added, pseudo_label(model, [i.image for i in added]), strict=True):
        np.testing.assert_array_equal(read_mask(item.mask), label.labels)
    again = paper_round(config, unlabelled=unlabelled)
    assert again == report
    assert read_status(config.out / "student").state is RunState.FINISHED


def test_a_round_without_unlabelled_images_says_so(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    labelled = make_tiles(4)
    with pytest.raises(DataError, match="not labelled already"):
        paper_round(make_config(labelled, "round", epochs=1), unlabelled=labelled)


def test_a_trained_run_is_not_trained_again_nor_mixed_up(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    ensure_trained(config)
    before = (config.out / "events.jsonl").read_bytes()
    assert ensure_trained(config).state is RunState.FINISHED
    assert (config.out / "events.jsonl").read_bytes() == before
    with pytest.raises(TrainingError, match="other settings"):
        ensure_trained(config.replace(lr=0.5))
