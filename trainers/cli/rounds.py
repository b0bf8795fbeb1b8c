"""`icseg rounds …`: training with unlabelled images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.cli.train import settings
from trainers.terminal import training_report

if TYPE_CHECKING:
    from trainers.semi_supervised import RoundReport

app = typer.Typer(no_args_is_help=True, help="Training with unlabelled images, round by round.")


class MethodName(StrEnum):
    """The methods of `trainers.semi_supervised`."""

    PAPER = "paper"
    CONFIDENCE = "confidence"
    MEAN_TEACHER = "mean_teacher"


@app.command(
    epilog="Example: icseg rounds run sam_seg --data labelled --unlabelled all_tiles "
    "--method confidence --out rounds/first. The same command goes on with a stopped round."
)
def run(
    model: Annotated[str, typer.Argument(help="unet, sam_seg, sam_det or rsprompter.")],
    data: Annotated[Path, typer.Option(help="Folder with labelled images, as in `icseg train`.")],
    unlabelled: Annotated[
        Path, typer.Option(help="Folder with images; those that are in --data are left out.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the round.")],
    method: Annotated[
        MethodName,
        typer.Option(help="paper: all masks count; confidence: sure pixels; mean_teacher."),
    ] = MethodName.CONFIDENCE,
    preset: Annotated[str, typer.Option(help="best or paper.")] = "best",
    epochs: Annotated[int | None, typer.Option(min=1, help="Of both trainings.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    num_threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as in `icseg train`.")
    ] = None,
) -> None:
    """Train on labelled images, label the others by the result, and train on both."""
    from trainers.registry import make_config
    from trainers.semi_supervised import run_round

    changes: dict[str, Any] = {"epochs": epochs, "seed": seed, "device": device}
    changes |= {"num_threads": num_threads, **settings(setting or [])}
    config = make_config(model, out=out, data=data, preset=preset, **changes)
    with training_report() as listener:
        report = run_round(
            config,
            unlabelled=unlabelled,
            method=method.value,
            on_event=listener,
            progress=_say_begin,
        )
    _print(report, out)


def _say_begin(done: int, total: int) -> None:
    if done == 1:  # the training's bar is on the screen, and there is one at most
        print(f"Labelling {total} images.", flush=True)


def _print(report: RoundReport, out: Path) -> None:
    print(
        f"{report.num_labelled} labelled and {report.num_unlabelled} unlabelled images, "
        f"{report.method}. On the same validation tiles:"
    )
    for name in ("pixel_accuracy", "iou", "dice"):
        before, after = report.teacher[name], report.student[name]
        print(
            f"  {name}: {before:.4f} labelled alone, {after:.4f} with both ({after - before:+.4f})"
        )
    if report.calibration is not None:
        print(f"  pixels count from a confidence of {report.calibration.threshold:g}", end="")
        share = report.kept_foreground
        print("" if share is None else f"; kept of the objects' pixels: {share:.1%}")
    print(f"Record: {out / 'round.json'}. Model: {out / 'student'}.")
