"""The headless commands of `icseg`; each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.terminal import progress_bar, run_app, training_report

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train, evaluate and apply segmentation models for SEM images of integrated circuits. "
    "Add --debug to any command for a traceback when it fails.",
)
models_app = typer.Typer(no_args_is_help=True, help="Trained models.")
experiment_app = typer.Typer(no_args_is_help=True, help="The paper's experiments.")
app.add_typer(models_app, name="models")
app.add_typer(experiment_app, name="experiment")


@app.command(
    epilog="Example: icseg train unet --data tiles --epochs 20 --out runs/first. "
    "Go on with a stopped one: icseg train --resume runs/first."
)
def train(
    model: Annotated[str | None, typer.Argument(help="unet or sam2-nano.")] = None,
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
        _train(model, out, {"data": data, "preset": preset, **chosen, **_settings(setting or [])})


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
    "num_workers",
    "num_threads",
    "checkpoint_every_s",
    "checkpoint_every_steps",
)


def _settings(given: list[str]) -> dict[str, Any]:
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
    from trainers.registry import MODELS, make_config
    from trainers.train import train as run

    if model not in MODELS:
        raise typer.BadParameter(f"MODEL is one of {', '.join(sorted(MODELS))}, not {model!r}.")
    config = make_config(model, out=out, **fields)
    with training_report() as listener:
        status = run(config, on_event=listener)
    _report(out, status)


def _resume(run_dir: Path) -> None:
    from trainers.train import resume as run

    with training_report() as listener:
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
    print(f"Finished: {run_dir}")


@app.command(epilog="Example: icseg predict runs/first --images tiles/images --out masks")
def predict(
    run: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    images: Annotated[Path, typer.Option(help="Folder with images of any size.")],
    out: Annotated[Path, typer.Option(help="Folder for the masks.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Write a mask of class ids (PNG) for each image."""
    from trainers.predict import load_run, predict_folder

    loaded = load_run(run, device=device)
    with progress_bar("Predicting") as progress:
        written = predict_folder(loaded, images, out, progress=progress)
    classes = ", ".join(f"{number} {name}" for number, name in enumerate(loaded.class_names, 1))
    print(f"Wrote {len(written)} masks to {out} (0 background, {classes}).")


@app.command(epilog="Example: icseg evaluate runs/first --data tiles --json scores.json")
def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    data: Annotated[Path, typer.Option(help="Labelled images; the test split, if there is one.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all scores.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Score a model on labelled images: pixel accuracy, IoU, Dice, precision and recall."""
    from trainers.evaluate import evaluate as score
    from trainers.evaluate import write_evaluation
    from trainers.predict import load_run

    loaded = load_run(run, device=device)
    with progress_bar("Evaluating") as progress:
        evaluation = score(loaded, data, progress=progress)
    if json_file is not None:
        write_evaluation(json_file, loaded, evaluation)
    print(f"{len(evaluation.images)} images (split: {evaluation.split})")
    for name, value in evaluation.metrics.items():
        print(f"{name:30s} {value:.4f}")


@app.command(
    epilog="Example: icseg synth --preset avr_m1 --count 1000 --seed 1 --out tiles. With a layout: "
    "icseg synth --preset metal_vias --gds chip.gds --metal-layer 68/20 --via-layer 68/44 "
    "--nm-per-px 10 --out tiles."
)
def synth(
    out: Annotated[Path, typer.Option(help="New folder.")],
    preset: Annotated[str, typer.Option(help="avr_m1, metal_vias, mixed or train.")] = "avr_m1",
    count: Annotated[int, typer.Option(min=1, help="Training tiles.")] = 1000,
    test_count: Annotated[
        int | None, typer.Option(min=0, help="Test tiles; as many as --count if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    size_px: Annotated[int | None, typer.Option(help="Side of a tile; else the preset's.")] = None,
    bit_depth: Annotated[int, typer.Option(help="8 or 16 bits a pixel.")] = 8,
    num_workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    blank_rate: Annotated[
        float | None, typer.Option(help="Share of empty tiles; else the preset's.")
    ] = None,
    ghost_only_rate: Annotated[
        float | None, typer.Option(help="Share of tiles with a lower layer only.")
    ] = None,
    gds: Annotated[Path | None, typer.Option(help="GDSII file to take the layout from.")] = None,
    metal_layer: Annotated[
        str | None, typer.Option(help="LAYER/DATATYPE in the GDSII file, or a sky130 name.")
    ] = None,
    via_layer: Annotated[str | None, typer.Option(help="Of the vias; none if left out.")] = None,
    lower_layer: Annotated[str | None, typer.Option(help="Shows through as a ghost.")] = None,
    nm_per_px: Annotated[float, typer.Option(help="Scale of the GDSII file's windows.")] = 10.0,
    cell: Annotated[str | None, typer.Option(help="Cell of the GDSII file; else the top.")] = None,
    defects: Annotated[
        bool, typer.Option("--defects", help="Plant defects; truth in defects.json.")
    ] = False,
    defect_kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind; may be given again.")
    ] = None,
    defects_per_tile: Annotated[str, typer.Option(help="Least and greatest number.")] = "1-3",
) -> None:
    """Make synthetic SEM tiles with masks and COCO: OUT/{train,test}/{images,masks}."""
    from trainers.data.synthetic import write_dataset

    layers = {"metal": metal_layer, "via": via_layer, "lower": lower_layer}
    spec = _gds_spec(gds, layers, nm_per_px, cell)
    planted = _defects(defect_kind, defects_per_tile) if defects or defect_kind else None
    with progress_bar("Making tiles") as progress:
        write_dataset(
            out,
            preset=preset,
            count=count,
            test_count=test_count,
            seed=seed,
            num_workers=num_workers,
            size_px=size_px,
            bit_depth=bit_depth,
            blank_rate=blank_rate,
            ghost_only_rate=ghost_only_rate,
            gds=spec,
            defects=planted,
            progress=progress,
        )
    print(f"Wrote the tiles to {out}.")


def _gds_spec(
    path: Path | None, layers: dict[str, str | None], nm_per_px: float, cell: str | None
) -> Any:
    """Return the `GdsSpec` of the options of `synth`; None without a file."""
    from trainers.data.synthetic.gds import GdsSpec
    from trainers.data.synthetic.gds_file import parse_layer

    if path is None:
        if any(layers.values()) or cell:
            raise typer.BadParameter("--gds FILE is missing: a layer or a cell was given.")
        return None
    if not layers["metal"]:
        raise typer.BadParameter("--gds needs --metal-layer, 68/20 for instance.")
    chosen = {name: parse_layer(text) for name, text in layers.items() if text}
    return GdsSpec(path=path, nm_per_px=nm_per_px, cell=cell, **chosen)


def _defects(kinds: list[str] | None, per_tile: str) -> Any:
    """Return the `DefectConfig` of the options of `synth`."""
    from trainers.data.synthetic.defects import DEFECT_KINDS, DefectConfig

    low, _, high = per_tile.partition("-")
    try:
        return DefectConfig(tuple(kinds or DEFECT_KINDS), (int(low), int(high or low)))
    except ValueError as error:
        raise typer.BadParameter(
            f"{error}. --defects-per-tile is like 1-3 and --defect-kind like open."
        ) from error


@models_app.command("list", epilog="Example: icseg models list runs")
def list_models(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("."),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder with their validation metrics."""
    from trainers.run_folder import list_runs

    rows = [_row(run) for run in list_runs(folder)]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "model", "state", "epochs", "pixel accuracy", "IoU", "Dice")
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row.values()))
    Console().print(table if rows else f"No runs in {folder}.")


def _row(run: Any) -> dict[str, Any]:
    """Return what a list shows of a `RunSummary`; None for what is not known."""
    scores = {
        name: round(run.metrics[name], 4) if name in run.metrics else None
        for name in ("pixel_accuracy", "iou", "dice")
    }
    epochs = f"{run.status.epoch}/{run.status.num_epochs}"
    state = run.status.state.value
    return {
        "run": run.path.name,
        "model": run.status.model,
        "state": state,
        "epochs": epochs,
    } | scores


@experiment_app.command(
    "table2",
    epilog="Example: icseg experiment table2 --data tiles --models unet "
    "--lrs 1e-4,1e-5,1e-6 --epochs 5 --out results",
)
def table2(
    data: Annotated[Path, typer.Option(help="Labelled tiles with train/ and test/.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs and results.csv.")],
    models: Annotated[str, typer.Option(help="Names, divided by commas.")] = "unet",
    lrs: Annotated[
        str, typer.Option(help="Learning rates, divided by commas.")
    ] = "1e-4,1e-5,1e-6,1e-7,1e-8",
    epochs: Annotated[int | None, typer.Option(min=1, help="The preset's if left out.")] = None,
    preset: Annotated[str, typer.Option(help="best or paper.")] = "paper",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as in `icseg train`.")
    ] = None,
) -> None:
    """Train and score models over learning rates; finished rows are skipped."""
    from trainers.experiments.table2 import run_table2

    try:
        rates = [float(rate) for rate in lrs.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--lrs expects numbers like 1e-4,1e-5, got {lrs!r}.") from error
    with training_report() as listener:
        run_table2(
            data=data,
            out=out,
            models=models.split(","),
            lrs=rates,
            epochs=epochs,
            preset=preset,
            changes={"seed": seed, **_settings(setting or [])},
            on_row=_print_row,
            on_event=listener,
        )
    print(f"Results: {out / 'results.csv'}")


def _print_row(row: dict[str, str]) -> None:
    found = row["pixel_accuracy"] or f"failed: {row['reason']}"
    paper = row["paper_pixel_accuracy"] or "–"
    print(f"{row['model']} lr {row['lr']}: pixel accuracy {found} (paper {paper})", flush=True)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_app(app))


if __name__ == "__main__":
    main()
