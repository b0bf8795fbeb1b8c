"""`icseg evaluate` and `icseg predict`: what is done with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainers.terminal import progress_bar

app = typer.Typer()


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
