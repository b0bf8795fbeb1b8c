from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainers.confidence import predict_sure
from trainers.data.labels import IGNORE
from trainers.data.snapshot import read_snapshot
from trainers.errors import DataError, TrainingError
from trainers.io.images import read_image
from trainers.io.manifest import file_sha256, read_manifest
from trainers.predict import load_run, predict_image
from trainers.progress import RunState, read_status
from trainers.pseudo_labels import LabelRule, pseudo_label, write_pseudo_labels
from trainers.semi_supervised import METHODS, Method, read_round, run_round
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


@pytest.fixture
def round_data(make_tiles: MakeTiles) -> tuple[Path, Path]:
    """Six labelled tiles and a folder of three without masks."""
    labelled = make_tiles(9)
    unlabelled = labelled.parent / "unlabelled"
    (unlabelled / "images").mkdir(parents=True)
    for number in (6, 7, 8):
        (labelled / "images" / f"t0{number}.png").rename(unlabelled / "images" / f"t0{number}.png")
        (labelled / "masks" / f"t0{number}.png").unlink()
    return labelled, unlabelled


@pytest.mark.parametrize("method", METHODS)
def test_a_round_trains_labels_and_trains_again_on_both(
    round_data: tuple[Path, Path], make_config: MakeConfig, method: Method
) -> None:
    labelled, unlabelled = round_data
    config = make_config(labelled, "round", epochs=1)
    report = run_round(config, unlabelled=unlabelled, method=method)
    assert (report.num_labelled, report.num_unlabelled) == (6, 3)
    teacher, student = (
        read_snapshot(config.out / name / "dataset") for name in ("teacher", "student")
    )
    assert [i.image for i in teacher.of("val")] == [i.image for i in student.of("val")]
    added = [
        i for i in (*student.items, *student.unlabelled) if i.image.parent.parent == unlabelled
    ]
    assert len(added) == 3
    assert {item.split for item in added} == {"train"}
    record = read_round(config.out)
    assert record["method"] == method
    assert [Path(entry["image"]) for entry in record["unlabelled"]] == [
        item.image for item in added
    ]
    before = (config.out / "student" / "events.jsonl").read_bytes()
    assert run_round(config, unlabelled=unlabelled, method=method) == report
    assert (config.out / "student" / "events.jsonl").read_bytes() == before


def test_the_paper_keeps_every_pixel_of_the_teachers_masks(
    round_data: tuple[Path, Path], make_config: MakeConfig
) -> None:
    labelled, unlabelled = round_data
    config = make_config(labelled, "round", epochs=1)
    report = run_round(config, unlabelled=unlabelled, method="paper")
    assert report.calibration is None
    model = load_run(config.out / "teacher")
    snapshot = read_snapshot(config.out / "student" / "dataset")
    added = [item for item in snapshot.items if item.image.is_relative_to(unlabelled)]
    for item, label in zip(added, pseudo_label(model, [i.image for i in added]), strict=True):
        np.testing.assert_array_equal(item.target((64, 64)), label.labels)


def test_pixels_below_the_threshold_do_not_count(
    round_data: tuple[Path, Path], make_config: MakeConfig, tmp_path: Path
) -> None:
    labelled, unlabelled = round_data
    config = make_config(labelled, epochs=1)
    train(config)
    model, snapshot = load_run(config.out), read_snapshot(config.out / "dataset")
    images = sorted((unlabelled / "images").iterdir())
    sure = predict_sure(model, read_image(images[0]), num_looks=2)
    threshold = float(np.median(sure.confidence))
    rule = LabelRule(num_looks=2, threshold=threshold)
    records = write_pseudo_labels(model, snapshot, images, tmp_path / "pseudo", rule=rule)
    assert records[0].kept == pytest.approx(float((sure.confidence >= threshold).mean()), abs=1e-5)
    student = config.replace(out=tmp_path / "student", data=tmp_path / "pseudo")
    train(student)
    (item,) = [
        i for i in read_snapshot(student.out / "dataset").items if i.image == images[0].absolute()
    ]
    target = item.target((64, 64))
    np.testing.assert_array_equal(target == IGNORE, sure.confidence < threshold)
    known = target != IGNORE
    np.testing.assert_array_equal(target[known], sure.labels[known])


def test_labelling_that_was_killed_goes_on_after_the_last_image(
    round_data: tuple[Path, Path], make_config: MakeConfig, tmp_path: Path
) -> None:
    labelled, unlabelled = round_data
    config = make_config(labelled, epochs=1)
    train(config)
    model, snapshot = load_run(config.out), read_snapshot(config.out / "dataset")
    images = sorted((unlabelled / "images").iterdir())
    folder = tmp_path / "pseudo"

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pseudo_labels(model, snapshot, images, folder, rule=LabelRule(), progress=stop)
    assert not (folder / "manifest.json").exists()
    with (folder / "progress.jsonl").open("a") as file:
        file.write('{"image": "torn')
    written = (folder / "masks" / "000000.png").stat().st_mtime_ns
    records = write_pseudo_labels(model, snapshot, images, folder, rule=LabelRule())
    assert [Path(record.image) for record in records] == images
    for record in records:
        assert record.mask_sha256 == file_sha256(folder / record.mask)
    assert (folder / "masks" / "000000.png").stat().st_mtime_ns == written
    assert read_manifest(folder / "manifest.json").items[-1].image == images[-1]


def test_a_label_of_an_image_that_was_changed_since_is_made_anew(
    round_data: tuple[Path, Path], make_config: MakeConfig, tmp_path: Path
) -> None:
    labelled, unlabelled = round_data
    config = make_config(labelled, epochs=1)
    train(config)
    model, snapshot = load_run(config.out), read_snapshot(config.out / "dataset")
    images = sorted((unlabelled / "images").iterdir())
    write_pseudo_labels(model, snapshot, images, tmp_path / "p", rule=LabelRule())
    images[0].write_bytes(images[1].read_bytes())
    first, second, _ = write_pseudo_labels(
        model, snapshot, images, tmp_path / "p", rule=LabelRule()
    )
    assert first.image_sha256 == second.image_sha256
    assert first.mask_sha256 == second.mask_sha256


def test_copies_of_labelled_images_are_not_labelled_again(
    round_data: tuple[Path, Path], make_config: MakeConfig
) -> None:
    labelled, unlabelled = round_data
    for number in (1, 2):
        shutil.copy(
            labelled / "images" / f"t0{number}.png", unlabelled / "images" / f"c{number}.png"
        )
    report = run_round(make_config(labelled, "r", epochs=1), unlabelled=unlabelled, method="paper")
    assert report.num_unlabelled == 3


def test_a_round_without_unlabelled_images_says_so_before_it_trains(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    labelled = make_tiles(4)
    config = make_config(labelled, "round", epochs=1)
    with pytest.raises(DataError, match="not labelled already"):
        run_round(config, unlabelled=labelled)
    assert not (config.out / "teacher").exists()
    with pytest.raises(DataError, match="no finished round"):
        read_round(config.out)
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "nothing to propose" in status.reason


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
