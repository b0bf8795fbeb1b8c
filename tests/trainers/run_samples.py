"""A finished run made without training: random weights of a tiny U-Net."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainers.checkpoint import save_checkpoint
from trainers.config import TrainConfig
from trainers.events import EventWriter
from trainers.io.atomic import write_text_atomic
from trainers.models.unet_task import UNetTask
from trainers.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


def make_run(
    path: Path,
    *,
    seed: int = 0,
    parent: dict[str, str] | None = None,
    class_name: str = "foreground",
    says: bool | None = None,
) -> Path:
    """Write a run folder as training leaves it, less the state for a resume.

    With `says` its answer is the class everywhere, or nowhere.
    """
    config = TrainConfig(
        model="unet",
        out=path,
        data=path.parent / "tiles",
        class_names=(class_name,),
        seed=seed,
        epochs=2,
        device="cpu",
        image_size=64,
        model_options={"widths": [4, 8], "min_crops": 0},
    )
    folder = RunFolder(path)
    path.mkdir(parents=True)
    write_text_atomic(folder.config, config.to_json())
    meta: dict[str, Any] = {
        "model": "unet",
        "class_names": [class_name],
        "seed": seed,
        "epoch": 2,
        "code": {"version": "0.1.0", "commit": "abc"},
        "data_sha256": "d" * 64,
        "parent": parent,
        "config": json.loads(config.to_json()),
    }
    weights = UNetTask().build_model(config).state_dict()
    if says is not None:
        *_, kernel, bias = weights
        weights[kernel].zero_()
        weights[bias].fill_(9.0 if says else -9.0)
    save_checkpoint(folder.best, weights, meta)
    save_checkpoint(folder.last, weights, meta)
    write_text_atomic(folder.metrics, json.dumps({"best_epoch": 2, "iou": 0.5, "dice": 0.6}))
    image = str(path.parent / "tiles" / "images" / "t00.png")
    items = [{"image": image, "mask": "masks/000000.png", "split": "train", "sha256": "e" * 64}]
    manifest = {"version": 1, "class_names": [class_name], "items": items}
    write_text_atomic(folder.dataset / "manifest.json", json.dumps(manifest))
    events = EventWriter(folder.events)
    events.write("started", model="unet", num_epochs=2, num_steps=1200, data_sha256="d" * 64)
    events.write("warning", reason=f"cannot read {path}/x")
    for step in range(1, 1201):
        events.write("step", step=step, num_steps=1200, epoch=1, loss=1 / step, lr=1e-3)
    events.write("epoch", epoch=2, num_epochs=2, train_loss=0.1, val_loss=0.2, val={"iou": 0.5})
    events.write("finished", metrics={"iou": 0.5})
    folder.log.write_text(f"written to {path}\n")
    return path
