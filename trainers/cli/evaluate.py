"""`icseg evaluate` and `icseg predict`: what is done with a trained model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trainers.terminal import progress_bar

app = typer.Typer()
_NUM_SHOWN = 5
"""Worst images that the terminal names."""


class ProtocolName(StrEnum):
    """What the model is given beside the image."""

    AUTOMATIC = "automatic"
    ORACLE = "oracle"


DataOption = Annotated[Path, typer.Option(help="Labelled images; the test split, if there is one.")]
ProtocolOption = Annotated[
    ProtocolName,
    typer.Option(help="automatic, or oracle: prompts from the ground truth (sam_seg only)."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Score only the first images.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


@app.command(
    epilog="Example: icseg evaluate runs/first --data tiles --json scores.json --report report"
)
def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    data: DataOption,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all scores.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File with a row for each image.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page with pictures (index.html).")
    ] = None,
    protocol: ProtocolOption = ProtocolName.AUTOMATIC,
    limit: LimitOption = None,
    tolerance_px: Annotated[
        float, typer.Option(min=0.0, help="Of the boundary F-score, in pixels.")
    ] = 2.0,
    device: DeviceOption = "auto",
) -> None:
    """Score a model on labelled images, with intervals: pixels, outlines and objects."""
    from trainers.evaluate import evaluate as score
    from trainers.evaluate import write_csv, write_evaluation
    from trainers.evaluation.data import labelled_images
    from trainers.evaluation.report import write_report
    from trainers.predict import load_run
    from trainers.terminal_tables import print_evaluation

    loaded = load_run(run, device=device)
    images = labelled_images(data, limit=limit)
    with progress_bar("Evaluating") as progress:
        evaluation = score(
            loaded, images, protocol=protocol.value, tolerance_px=tolerance_px, progress=progress
        )
    if json_file is not None:
        write_evaluation(json_file, loaded, evaluation)
    if csv_file is not None:
        write_csv(csv_file, evaluation)
    print_evaluation(evaluation, num_worst=_NUM_SHOWN)
    if report is not None:
        title = f"{run.absolute().name}: evaluation"
        with progress_bar("Drawing") as progress:
            page = write_report(report, loaded, images, evaluation, title=title, progress=progress)
        print(f"Report: {page}")


@app.command(epilog="Example: icseg predict runs/first --images tiles/images --out masks")
def predict(
    run: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    images: Annotated[Path, typer.Option(help="Folder with images of any size.")],
    out: Annotated[Path, typer.Option(help="Folder for the masks.")],
    device: DeviceOption = "auto",
) -> None:
    """Write a mask of class ids (PNG) for each image."""
    from trainers.predict import load_run, predict_folder

    loaded = load_run(run, device=device)
    with progress_bar("Predicting") as progress:
        written = predict_folder(loaded, images, out, progress=progress)
    classes = ", ".join(f"{number} {name}" for number, name in enumerate(loaded.class_names, 1))
    print(f"Wrote {len(written)} masks to {out} (0 background, {classes}).")
