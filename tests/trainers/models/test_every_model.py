"""What every model in the registry must do, whichever it is."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.trainers.test_train import assert_same_weights
from trainers.data.labels import labels_from_probs
from trainers.io.manifest import DatasetIndex, DatasetItem, write_manifest
from trainers.models.base import SegmentationTask
from trainers.predict import LoadedModel, load_run, predict_image
from trainers.predict_instances import predict_instances
from trainers.progress import RunState, read_events, read_status
from trainers.registry import MODELS, build_task, make_config
from trainers.train import resume, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainers.config import TrainConfig

TIMEOUT_S = 120.0
SIZE_PX = 64
NUM_TILES = 4

# quick settings, with which four tiles can still be learned by heart
RECIPES: dict[str, dict[str, Any]] = {
    "unet": {"epochs": 50, "lr": 1e-2, "model_options": {"widths": (8, 16), "min_crops": 0}},
    "sam_seg": {
        "epochs": 70,
        "batch_size": 4,
        "lr": 1.5e-3,
        "ema_decay": 0.9,
        "model_options": {"min_tiles": 0},
    },
    "sam_det": {
        "epochs": 80,
        "batch_size": 4,
        "lr": 2e-3,
        "ema_decay": None,
        "model_options": {
            "min_tiles": 0,
            "channels": 32,
            "hidden": 64,
            "num_proposals": 200,
            "num_samples": 32,
        },
    },
    "rsprompter": {
        "epochs": 40,
        "batch_size": 4,
        "lr": 2e-3,
        "model_options": {
            "min_tiles": 0,
            "num_queries": 12,
            "channels": 32,
            "mask_channels": 16,
            "hidden": 32,
            "num_encoder_layers": 1,
            "num_decoder_layers": 2,
            "num_points": 256,
        },
    },
    "sam2-nano": {
        "epochs": 3,
        "model_options": {
            "width": 32,
            "num_blocks": 1,
            "tiles_per_epoch": 6,
            "num_val_tiles": 1,
        },
    },
}
OVERFITTED_IOU = 0.9
"""Of each class on each tile."""
SEGMENTING = [name for name in RECIPES if name != "sam2-nano"]


def test_there_is_a_recipe_for_every_model() -> None:
    assert set(RECIPES) == set(MODELS)


def draw_bars(rng: np.random.Generator, *, is_blank: bool) -> tuple[Any, Any]:
    """Return image and class ids of two bars that do not touch, one of each class."""
    ids = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    for row in () if is_blank else (10, 38):
        left = int(rng.integers(4, 20))
        ids[row : row + 13, left : left + int(rng.integers(20, 40))] = 1 + (row == 38)
    image = 60 + 70 * ids + rng.normal(0, 8, ids.shape)
    return np.clip(image, 0, 255).astype(np.uint8), ids


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles of two classes, which are both trained on and validated with."""
    root = tmp_path_factory.mktemp("tiles")
    rng = np.random.default_rng(1)
    items = []
    for number in range(NUM_TILES):
        image, ids = draw_bars(rng, is_blank=number == 0)
        for split in ("train", "val"):
            paths = [root / f"{split}_{number}_{part}.png" for part in ("image", "mask")]
            Image.fromarray(image).save(paths[0])
            Image.fromarray(ids).save(paths[1])
            items.append(DatasetItem(*paths, split))
    write_manifest(root / "manifest.json", DatasetIndex(tuple(items), ("metal", "via")))
    return root


def config_of(model: str, data: Path, out: Path, **changes: Any) -> TrainConfig:
    recipe = {
        "batch_size": 2,
        "image_size": SIZE_PX,
        "device": "cpu",
        "num_threads": 1,
        "augment": "none",
        "warmup_steps": 0,
        **RECIPES[model],
        **changes,
    }
    needs_data = build_task(model).needs_data
    return make_config(model, data=data if needs_data else None, out=out, **recipe)


@pytest.fixture(scope="module")
def trained(tiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the finished run of a model, trained once for all tests."""
    runs: dict[str, Path] = {}

    def run_of(model: str) -> Path:
        if model not in runs:
            config = config_of(model, tiles, tmp_path_factory.mktemp("runs") / model)
            assert train(config).state is RunState.FINISHED
            runs[model] = config.out
        return runs[model]

    return run_of


@pytest.fixture(scope="module")
def loaded(trained: Callable[[str], Path]) -> Callable[[str], LoadedModel]:
    return lambda model: load_run(trained(model), device="cpu")


@pytest.mark.parametrize("model", RECIPES)
def test_the_loss_falls(trained: Callable[[str], Path], model: str) -> None:
    losses = [point.train_loss for point in read_status(trained(model)).curves.epochs]
    assert np.isfinite(losses).all()
    assert losses[-1] < (0.6 if model != "sam2-nano" else 1.0) * losses[0]


@pytest.mark.parametrize("model", SEGMENTING)
def test_four_tiles_are_learned_by_heart(
    loaded: Callable[[str], LoadedModel], tiles: Path, model: str
) -> None:
    for number in range(NUM_TILES):
        image, ids = (
            np.asarray(Image.open(tiles / f"train_{number}_{part}.png"))
            for part in ("image", "mask")
        )
        labels = predict_image(loaded(model), image).labels
        for class_id in (1, 2):
            found, wanted = labels == class_id, ids == class_id
            union = np.count_nonzero(found | wanted)
            iou = np.count_nonzero(found & wanted) / union if union else 1.0
            assert iou >= OVERFITTED_IOU, f"tile {number}, class {class_id}"


@pytest.mark.parametrize("shape_hw", [(64, 64), (33, 70), (150, 97)])
@pytest.mark.parametrize("model", SEGMENTING)
def test_an_image_of_any_size_is_segmented_and_searched_for_objects(
    loaded: Callable[[str], LoadedModel], model: str, shape_hw: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape_hw).astype(np.uint8)
    image[5:11] = 210
    labels, probs = predict_image(loaded(model), image)
    assert labels.shape == shape_hw
    assert probs.shape == (2, *shape_hw)
    assert probs.min() >= 0
    assert probs.max() <= 1 + 1e-5
    np.testing.assert_array_equal(labels, labels_from_probs(probs))
    for instance in predict_instances(loaded(model), image):
        assert instance.class_id in (1, 2)
        assert 0 <= instance.score <= 1 + 1e-5
        assert instance.mask.to_mask(shape_hw).any()


@pytest.mark.parametrize("model", SEGMENTING)
def test_a_tile_is_predicted_alike_by_itself_and_in_a_batch(
    loaded: Callable[[str], LoadedModel], tiles: Path, model: str
) -> None:
    import torch

    one = loaded(model)
    assert isinstance(one.task, SegmentationTask)
    images = torch.rand(3, 1, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0))
    together = one.task.predict_probs(one.model, images)
    alone = one.task.predict_probs(one.model, images[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("model", RECIPES)
def test_mixed_precision_trains_validates_and_tests(
    tiles: Path, tmp_path: Path, model: str
) -> None:
    config = config_of(model, tiles, tmp_path / "run", epochs=2, precision="bf16-mixed")
    assert train(config).state is RunState.FINISHED
    losses = [point.val_loss for point in read_status(config.out).curves.epochs]
    assert np.isfinite(losses).all()
    if model in SEGMENTING:
        image = np.asarray(Image.open(tiles / "train_1_image.png"))
        assert predict_image(load_run(config.out, device="cpu"), image).probs.dtype == np.float32


@pytest.mark.parametrize("model", RECIPES)
def test_killed_and_resumed_equals_uninterrupted(tiles: Path, tmp_path: Path, model: str) -> None:
    whole, killed = (
        config_of(model, tiles, tmp_path / out, epochs=4, checkpoint_every_steps=1)
        for out in ("whole", "killed")
    )
    kill_in_step(killed, 3)
    assert read_status(killed.out).state is RunState.INTERRUPTED
    assert resume(killed.out).state is RunState.FINISHED
    train(whole)
    assert_same_weights(whole.out, killed.out)


def kill_in_step(config: TrainConfig, step: int) -> None:
    """Start the training in a process of its own, and kill it there."""
    code = (
        "import sys; from trainers.config import TrainConfig; from trainers.train import train; "
        "train(TrainConfig.model_validate_json(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, config.to_json()])
    _wait_for_step(process, config.out, step)
    process.kill()
    process.wait()


def _wait_for_step(process: subprocess.Popen[bytes], run: Path, step: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        has_state = (run / "checkpoints" / "last.state.pt").exists()
        events = read_events(run / "events.jsonl")[0]
        if has_state and any(e["kind"] == "step" and e["step"] >= step for e in events):
            break
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
