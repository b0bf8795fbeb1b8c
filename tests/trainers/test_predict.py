from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from trainers import predict
from trainers.checkpoint import save_checkpoint
from trainers.config import TrainConfig
from trainers.errors import CheckpointError, DataError
from trainers.evaluate import evaluate, write_evaluation
from trainers.io.images import to_unit
from trainers.io.masks import read_mask
from trainers.models.unet_task import UNetTask
from trainers.predict import LoadedModel, load_run, predict_folder, predict_image
from trainers.train import train

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles


class Threshold(UNetTask):
    """A model that knows the answer: bright pixels are foreground, one by one."""

    def predict_probs(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        return (image > 0.373).float()


@pytest.fixture
def threshold(tmp_path: Path) -> LoadedModel:
    config = TrainConfig(model="unet", out=tmp_path, class_names=("foreground",))
    return LoadedModel(Threshold(), nn.Identity(), config, {"model": "unet"}, torch.device("cpu"))


@pytest.fixture
def run(make_tiles: MakeTiles, make_config: MakeConfig) -> Path:
    config = make_config(make_tiles(4), epochs=1)
    train(config)
    return config.out


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UNetTask, "window_px", lambda _self, _config: 64)
    monkeypatch.setattr(predict, "OVERLAP_SHARE", 0.5)


def noise(shape_hw: tuple[int, int], dtype: type = np.uint8) -> Any:
    top = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, top + 1, shape_hw).astype(dtype)


@pytest.mark.parametrize("shape_hw", [(64, 64), (8, 300), (65, 64), (150, 97)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.usefixtures("small_windows")
def test_windows_lose_no_pixel_of_any_image(
    threshold: LoadedModel, shape_hw: tuple[int, int], dtype: type
) -> None:
    image = noise(shape_hw, dtype)
    labels, probs = predict_image(threshold, image)
    assert labels.dtype == np.uint8
    assert (probs.shape, probs.dtype) == ((1, *shape_hw), np.float32)
    np.testing.assert_array_equal(labels, to_unit(image) > 0.373)


@pytest.mark.usefixtures("small_windows")
def test_windows_fade_into_each_other(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, image = load_run(run), noise((150, 130))
    in_windows = predict_image(loaded, image).probs
    monkeypatch.setattr(UNetTask, "window_px", lambda _self, _config: 512)
    in_one_piece = predict_image(loaded, image).probs
    difference = np.abs(in_windows - in_one_piece)
    assert difference.mean() < 0.002
    assert difference.max() < 0.1


@pytest.mark.parametrize("name", ["best.safetensors", "last.safetensors"])
def test_a_run_and_its_checkpoint_files_can_be_loaded(run: Path, name: str) -> None:
    loaded = load_run(run / "checkpoints" / name)
    assert loaded.class_names == ("foreground",)
    assert not loaded.model.training
    if name == "best.safetensors":
        image = noise((40, 40))
        np.testing.assert_array_equal(
            predict_image(load_run(run), image).probs, predict_image(loaded, image).probs
        )


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        load_run(tmp_path)


def test_weights_that_do_not_say_what_they_are_are_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="settings are missing"):
        load_run(tmp_path / "w.pt")


def test_a_click_model_does_not_segment_by_itself(tmp_path: Path) -> None:
    config = TrainConfig(model="sam2-nano", out=tmp_path)
    meta = {"model": "sam2-nano", "config": json.loads(config.model_dump_json())}
    save_checkpoint(tmp_path / "w.safetensors", {}, meta)
    with pytest.raises(CheckpointError, match="answers clicks"):
        load_run(tmp_path / "w.safetensors")


def test_each_image_of_a_folder_gets_a_mask(
    threshold: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    data, seen = make_tiles(3), []
    written = predict_folder(
        threshold,
        data / "images",
        tmp_path / "out",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [path.name for path in written] == ["t00.png", "t01.png", "t02.png"]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    np.testing.assert_array_equal(read_mask(written[1]), read_mask(data / "masks" / "t01.png"))


def test_a_cancel_keeps_the_masks_written_so_far(
    threshold: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    answers = iter([False, True])
    out = tmp_path / "out"
    written = predict_folder(threshold, make_tiles(3), out, is_cancelled=lambda: next(answers))
    assert [path.name for path in out.iterdir()] == [path.name for path in written] == ["t00.png"]


def test_a_mask_never_replaces_its_image(threshold: LoadedModel, make_tiles: MakeTiles) -> None:
    images = make_tiles(2) / "images"
    before = (images / "t00.png").read_bytes()
    with pytest.raises(DataError, match="would replace the image"):
        predict_folder(threshold, images, images)
    assert (images / "t00.png").read_bytes() == before


def test_two_images_of_one_name_are_refused(
    threshold: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    make_tiles(2, folder="data/train")
    make_tiles(2, folder="data/test")
    with pytest.raises(DataError, match="both get the mask"):
        predict_folder(threshold, tmp_path / "data", tmp_path / "out")


def test_a_perfect_model_scores_one_on_every_image(
    threshold: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    evaluation = evaluate(threshold, make_tiles(4))
    assert evaluation.split == "all"
    assert {evaluation.metrics[name] for name in ("pixel_accuracy", "iou", "dice")} == {1.0}
    write_evaluation(tmp_path / "scores.json", threshold, evaluation)
    report = json.loads((tmp_path / "scores.json").read_text())
    assert report["num_images"] == len(report["images"]) == 4
    assert report["per_class"]["foreground"]["iou"] == 1.0
    assert report["trained"]["model"] == "unet"


def test_the_test_split_alone_is_scored_with_the_worst_image_first(
    threshold: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    make_tiles(3, folder="data/train")
    test = make_tiles(3, folder="data/test")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(test / "masks" / "t02.png")
    evaluation = evaluate(threshold, tmp_path / "data")
    assert evaluation.split == "test"
    assert next(Path(score.image).name for score in evaluation.images) == "t02.png"
    assert evaluation.images[0].iou == 0.0
    assert evaluation.metrics["iou"] == pytest.approx(2 / 3)


def test_data_without_masks_or_with_other_classes_are_refused(
    threshold: LoadedModel, make_tiles: MakeTiles
) -> None:
    unlabelled = make_tiles(2, folder="a")
    for mask in (unlabelled / "masks").iterdir():
        mask.unlink()
    with pytest.raises(DataError, match="no masks"):
        evaluate(threshold, unlabelled)
    with pytest.raises(DataError, match="knows only 1"):
        evaluate(threshold, make_tiles(2, num_classes=2, folder="b"))
    named = make_tiles(2, folder="c")
    (named / "classes.txt").write_text("via\n")
    with pytest.raises(DataError, match="same classes"):
        evaluate(threshold, named)
