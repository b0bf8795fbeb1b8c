"""`icseg train`: start a training run, or go on with one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.terminal import training_report

app = typer.Typer()


@app.command(
    epilog="Example: icseg train unet --data tiles --epochs 20 --out runs/first. "
    "Go on with a stopped one: icseg train --resume runs/first."
)
def train(
    model: Annotated[
        str | None, typer.Argument(help="unet, sam_seg, sam_det, rsprompter or sam2-nano.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with images/ and masks/, train/ and test/, or a manifest.json."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the run.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Run folder to go on with.")] = None,
    parent: Annotated[
        Path | None, typer.Option(help="Run or checkpoint whose weights to start from.")
    ] = None,
    preset: Annotated[str, typer.Option(help="best or paper.")] = "best",
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the training crops, px.")] = None,
    val_fraction: Annotated[float | None, typer.Option(help="Share of tiles to validate.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="Processes that share each batch; else torchrun's.")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, help="Parts of a batch, where memory is short.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without improvement.")
    ] = None,
    augment: Annotated[str | None, typer.Option(help="none, orientation or full.")] = None,
    balance: Annotated[str | None, typer.Option(help="none, blank or class.")] = None,
    num_workers: Annotated[int | None, typer.Option(help="Processes that load data.")] = None,
    num_threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    checkpoint_every_s: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    checkpoint_every_steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, NAME=VALUE; model settings as option.NAME."),
    ] = None,
) -> None:
    """Train a model, or go on with a run that was stopped."""
    named = dict(locals())
    chosen = {name: named[name] for name in _TRAIN_FIELDS}
    if resume is not None:
        if model or data or out:
            raise typer.BadParameter("--resume takes everything from the run: give nothing else.")
        _resume(resume)
    elif model is None or out is None:
        raise typer.BadParameter("Give a MODEL and --out RUN, or --resume RUN.")
    else:
        _train(model, out, {"data": data, "preset": preset, **chosen, **settings(setting or [])})


_TRAIN_FIELDS = (
    "parent",
    "epochs",
    "batch_size",
    "lr",
    "weight_decay",
    "image_size",
    "val_fraction",
    "seed",
    "device",
    "precision",
    "devices",
    "accumulate",
    "patience",
    "augment",
    "balance",
    "num_workers",
    "num_threads",
    "checkpoint_every_s",
    "checkpoint_every_steps",
)


def settings(given: list[str]) -> dict[str, Any]:
    """Return `--set` options; values are JSON where they can be, else text."""
    fields: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set expects NAME=VALUE, got {text!r}.")
        target = fields
        if name.startswith("option."):
            target, name = fields.setdefault("model_options", {}), name.removeprefix("option.")
        target[name] = _value(value)
    return fields


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # not JSON: a plain word
        return text


def _train(model: str, out: Path, fields: dict[str, Any]) -> None:
    from trainers.progress import LOG_FILE
    from trainers.registry import MODELS, make_config
    from trainers.train import train as run

    if model not in MODELS:
        raise typer.BadParameter(f"MODEL is one of {', '.join(sorted(MODELS))}, not {model!r}.")
    config = make_config(model, out=out, **fields)
    with training_report(out / LOG_FILE) as listener:
        status = run(config, on_event=listener)
    _report(out, status)


def _resume(run_dir: Path) -> None:
    from trainers.progress import LOG_FILE
    from trainers.train import resume as run

    with training_report(run_dir / LOG_FILE) as listener:
        status = run(run_dir, on_event=listener)
    _report(run_dir, status)


def _report(run_dir: Path, status: Any) -> None:
    from trainers.errors import TrainingError
    from trainers.progress import RunState

    if status.state is RunState.CANCELLED:
        raise TrainingError(
            f"cancelled after step {status.step} of {status.num_steps}. Go on with "
            f"`icseg train --resume {run_dir}`."
        )
    rank = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))
    if rank == "0":  # of a launcher's processes one speaks
        print(f"Finished: {run_dir}")
