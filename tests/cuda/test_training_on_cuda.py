"""The four models are trained on a graphics card, and mean the same on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.cuda.conftest import leave_little_memory
from tests.trainers.models.test_every_model import (
    NUM_TILES,
    RECIPES,
    SEGMENTING,
    config_of,
    kill_in_step,
    tiles,
)
from trainers.predict import load_run, predict_image
from trainers.progress import RunState, read_status
from trainers.registry import make_config
from trainers.train import resume, train

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["tiles"]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("model", SEGMENTING)
def test_a_model_learns_on_the_card_and_answers_alike_on_the_cpu(
    tiles: Path, tmp_path: Path, model: str, precision: str
) -> None:
    config = config_of(model, tiles, tmp_path / "run", device="cuda", precision=precision)
    assert train(config).state is RunState.FINISHED
    losses = [point.train_loss for point in read_status(config.out).curves.epochs]
    assert losses[-1] < 0.6 * losses[0]
    on_card, on_cpu = (load_run(config.out, device=name) for name in ("cuda", "cpu"))
    assert on_card.device.type == "cuda"
    for number in range(NUM_TILES):
        image = np.asarray(Image.open(tiles / f"train_{number}_image.png"))
        labels = predict_image(on_card, image).labels
        assert np.mean(labels == predict_image(on_cpu, image).labels) >= 0.995, f"tile {number}"


@pytest.mark.parametrize("model", RECIPES)
def test_a_run_killed_on_the_card_goes_on_there(tiles: Path, tmp_path: Path, model: str) -> None:
    config = config_of(
        model, tiles, tmp_path / "run", epochs=4, device="cuda", checkpoint_every_steps=1
    )
    kill_in_step(config, 3)
    assert read_status(config.out).state is RunState.INTERRUPTED
    assert resume(config.out).state is RunState.FINISHED
    losses = [point.train_loss for point in read_status(config.out).curves.epochs]
    assert len(losses) == 4
    assert np.isfinite(losses).all()


def test_a_card_that_is_full_is_trained_on_in_parts(tiles: Path, tmp_path: Path) -> None:
    config = make_config(
        "unet",
        data=tiles,
        out=tmp_path / "run",
        device="cuda",
        epochs=1,
        batch_size=64,
        image_size=256,
        augment="none",
        model_options={"widths": (32, 64), "min_crops": 64},
    )
    leave_little_memory(800 * 2**20)
    status = train(config)
    assert status.state is RunState.FINISHED
    assert any("Out of memory" in warning for warning in status.warnings)
