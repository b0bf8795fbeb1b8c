"""Pictures of predictions: which tiles, what is drawn, and what happens if drawing fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from trainers.data.labels import IGNORE
from trainers.errors import DataError
from trainers.io.palette import class_color
from trainers.models.sam2.task import Sam2NanoTask
from trainers.models.unet_task import UNetTask
from trainers.previews import Previews, PreviewTile, choose_tiles, render
from trainers.progress import RunState, read_events
from trainers.run_folder import RunFolder
from trainers.train import train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles


def tile(number: int, *, ids: Any = None, grey: float = 0.5) -> PreviewTile:
    """Return a tile that is recognised by its grey value."""
    target = np.zeros((64, 64), np.uint8) if ids is None else ids
    return PreviewTile(torch.full((1, 64, 64), grey + number / 100), target)


def numbers(tiles: tuple[PreviewTile, ...]) -> list[int]:
    return [round(float(t.image[0, 0, 0]) * 100 - 50) for t in tiles]


def test_tiles_with_objects_are_preferred_and_one_blank_at_most_is_added() -> None:
    full, ignored = np.ones((64, 64), np.uint8), np.full((64, 64), IGNORE, np.uint8)
    given = [tile(0), tile(1, ids=ignored), tile(2, ids=full), tile(3), tile(4, ids=full)]
    assert numbers(choose_tiles(given)) == [0, 2, 4]
    assert numbers(choose_tiles([*given, tile(5, ids=full)])) == [2, 4, 5]
    assert numbers(choose_tiles([tile(7), tile(8)])) == [7]
    with pytest.raises(DataError, match="no images"):
        choose_tiles([])


def test_image_prediction_and_truth_can_be_told_apart() -> None:
    truth, preds = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    truth[16:32, 16:32] = 1
    preds[40:60, 40:60] = 2
    picture = render([(tile(0, ids=truth), preds), (tile(0), np.zeros_like(preds))])
    assert picture.shape == (256, 256 + 4 + 256, 3)
    assert picture.dtype == np.uint8
    grey = (128, 128, 128)
    assert tuple(picture[8, 8]) == tuple(picture[96, 96]) == grey  # background, inside the contour
    assert tuple(picture[64, 80]) == class_color(1)
    tinted = np.round(0.55 * 128 + 0.45 * np.array(class_color(2)))
    assert np.abs(picture[200, 200].astype(int) - tinted).max() <= 1
    assert np.array_equal(np.unique(picture[:, 260:].reshape(-1, 3), axis=0), [grey])


def test_each_epoch_has_its_picture_of_the_same_tiles(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(10), val_fraction=0.4)
    status = train(config)
    assert status.preview == "previews/epoch_0002.png"
    told = [e for e in read_events(config.out / "events.jsonl")[0] if e["kind"] == "preview"]
    assert [(e["epoch"], e["file"]) for e in told] == [
        (1, "previews/epoch_0001.png"),
        (2, "previews/epoch_0002.png"),
    ]
    pictures = [cv2.imread(str(config.out / e["file"])) for e in told]
    assert pictures[0].shape == pictures[1].shape == (256, 3 * 256 + 2 * 4, 3)


def test_a_preview_that_fails_is_a_warning(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict_probs(*_args: object) -> None:
        raise RuntimeError("no memory for pictures")

    monkeypatch.setattr(UNetTask, "predict_probs", predict_probs)
    status = train(make_config(make_tiles(6), epochs=1))
    assert status.state is RunState.FINISHED
    assert any("no memory for pictures" in reason for reason in status.warnings)
    assert status.preview == ""


def test_a_model_that_needs_prompts_has_no_previews(tmp_path: Path) -> None:
    dataset: Any = []
    assert Previews.of(Sam2NanoTask(), dataset, RunFolder(tmp_path)) is None
    assert Previews.of(UNetTask(), dataset, RunFolder(tmp_path)) is not None
