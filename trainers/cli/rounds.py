"""`icseg rounds …`: training with unlabelled images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.cli.train import settings
from trainers.terminal import progress_bar, training_report

if TYPE_CHECKING:
    from trainers.semi_supervised import RoundReport

MODELS = ("unet", "sam_seg", "sam_det", "rsprompter")

app = typer.Typer(no_args_is_help=True, help="Training with unlabelled images, round by round.")


class MethodName(StrEnum):
    """The methods of `trainers.semi_supervised`."""

    PAPER = "paper"
    CONFIDENCE = "confidence"
    MEAN_TEACHER = "mean_teacher"


@app.command(
    epilog="Example: icseg rounds run sam_seg --data labelled --unlabelled all_tiles "
    "--method confidence --out rounds/first. The same command goes on with a stopped round, as "
    "does icseg rounds run --resume rounds/first."
)
def run(
    model: Annotated[
        str | None, typer.Argument(help=f"{', '.join(MODELS[:-1])} or {MODELS[-1]}.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with labelled images, as in `icseg train`.")
    ] = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            help="Folder or manifest.json of the images to label; those that are labelled in "
            "--data are left out."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the round.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Folder of a round to go on with.")] = None,
    method: Annotated[
        MethodName,
        typer.Option(
            help="confidence: the first model's labels count where it is sure; paper: all of them "
            "count; mean_teacher: a running average of the model labels at every step (best with "
            "few labels, slowest)."
        ),
    ] = MethodName.CONFIDENCE,
    teacher: Annotated[
        Path | None,
        typer.Option(
            help="Run or earlier round that labels, of the same classes; without it a teacher is "
            "trained first."
        ),
    ] = None,
    propose: Annotated[
        bool, typer.Option(help="At the end, propose labels for review: OUT/proposals.")
    ] = True,
    preset: Annotated[str, typer.Option(help="best or paper.")] = "best",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each training; else the preset's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed comes to the same numbers.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    num_threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as in `icseg train`.")
    ] = None,
) -> None:
    """Train on labelled images, label the others by the result, and train on both.

    The folder of the round then stands for its model wherever a run is expected (icseg predict,
    evaluate, models export). Its round.json says which images, masks, models and numbers.
    """
    from trainers.progress import LOG_FILE
    from trainers.registry import make_config
    from trainers.semi_supervised import resume_round, run_round

    if resume is not None:
        if model or data or unlabelled or out or teacher:
            raise typer.BadParameter("--resume takes everything from the round: give nothing else.")
        with training_report(resume / LOG_FILE) as listener:
            _print(resume_round(resume, on_event=listener), resume)
        return
    if model is None or data is None or unlabelled is None or out is None:
        raise typer.BadParameter("Give a MODEL, --data, --unlabelled and --out, or --resume ROUND.")
    if model not in MODELS:
        raise typer.BadParameter(f"MODEL is one of {', '.join(MODELS)}, not {model!r}.")
    changes: dict[str, Any] = {"epochs": epochs, "seed": seed, "device": device}
    changes |= {"num_threads": num_threads, **settings(setting or [])}
    config = make_config(model, out=out, data=data, preset=preset, **changes)
    with training_report(out / LOG_FILE) as listener:
        report = run_round(
            config,
            unlabelled=unlabelled,
            method=method.value,
            teacher=teacher,
            make_proposals=propose,
            on_event=listener,
        )
    _print(report, out)


@app.command(
    epilog="Example: icseg rounds propose rounds/first --images new_tiles --out proposals. The "
    "same command goes on where it was stopped."
)
def propose(
    run: Annotated[Path, typer.Argument(help="A round, a run or a checkpoint.")],
    images: Annotated[
        Path, typer.Option(help="Folder or manifest.json; images with a mask are left out.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the proposals.")],
    teacher: Annotated[
        Path | None, typer.Option(help="Another model, whose disagreement is a sign of trouble.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Write what a trained model proposes for unlabelled images, with how sure it is."""
    from trainers.propose_folder import propose_folder

    with progress_bar("Proposing") as progress:
        found = propose_folder(
            run, images, out, teacher=teacher, device=device, num_threads=num_threads,
            progress=progress,
        )  # fmt: skip
    for each in found.left_out:
        print(f"Left out: {each.image}. {each.reason}")
    print(f"{len(found.images)} proposals: {out / 'proposals.json'}")


def _print(report: RoundReport, out: Path) -> None:
    print(
        f"{report.num_labelled} labelled and {report.num_unlabelled} unlabelled images, "
        f"{report.method}. On the same validation tiles:"
    )
    for name in ("pixel_accuracy", "iou", "dice"):
        before, after = report.teacher[name], report.student[name]
        print(f"  {name}: {before:.4f} teacher, {after:.4f} with both ({after - before:+.4f})")
    if report.calibration is not None:
        print(f"  pixels count from a confidence of {report.calibration.threshold:g}", end="")
        share = report.kept_foreground
        print("" if share is None else f"; kept of the objects' pixels: {share:.1%}")
    if report.num_left_out:
        print(f"  left out, because they cannot be read: {report.num_left_out} images")
    if report.num_proposals is not None:
        print(f"  proposals for {report.num_proposals} images: {out / 'proposals'}")
    print(f"Record: {out / 'round.json'}. Model: {out / 'student'}.")
