"""The headless commands of `icseg`; each imports what it needs when it runs."""

from __future__ import annotations

import sys

import typer

from trainers.cli import evaluate, experiment, models, rounds, synth, train
from trainers.terminal import run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train, evaluate and apply segmentation models for SEM images of integrated circuits. "
    "Add --debug to any command for a traceback when it fails.",
)
for _part in (train, evaluate, synth):
    app.registered_commands += _part.app.registered_commands
app.add_typer(models.app, name="models")
app.add_typer(experiment.app, name="experiment")
app.add_typer(rounds.app, name="rounds")


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_app(app))
