"""How the command line reports errors and progress; nothing heavy is imported before it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import typer

Progress = Callable[[int, int], None]
DEBUG_FLAG = "--debug"


def run_app(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    0 done; 1 failed, with one line on stderr, and with `--debug` (anywhere) a traceback;
    2 wrong usage.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = DEBUG_FLAG in given
    try:
        app([word for word in given if word != DEBUG_FLAG], prog_name="icseg")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return _failed("interrupted")
    except Exception as error:  # a command line has nobody above it to handle the rest
        if is_debug:
            raise
        return _failed(_reason(error))
    return 0


def _failed(reason: str) -> int:
    sys.stderr.write(f"icseg: {reason}\n")
    return 1


def _reason(error: Exception) -> str:
    from trainers.errors import IcsegError

    text = " ".join(str(error).split())
    if isinstance(error, IcsegError):
        return text
    return f"{type(error).__name__}: {text} (run again with {DEBUG_FLAG} for the traceback)"


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Yield a function (done, total) that draws a bar on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (title, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def training_report(
    log_file: Path | None = None,
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a listener for events: a bar for the steps, one line an epoch or warning.

    Nothing is printed where stdout is `log_file` itself, in which the run says it already.
    """
    is_said = log_file is not None and _stdout_is(log_file)
    with progress_bar("Training") as progress:

        def listen(event: dict[str, Any]) -> None:
            if event["kind"] == "step":
                progress(int(event["step"]), int(event["num_steps"]))
            elif event["kind"] == "progress":
                progress(int(event["done"]), int(event["total"]))
            line = event_line(event)
            if line and not is_said:
                print(line, flush=True)

        yield listen


def _stdout_is(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), path.stat())
    except (OSError, ValueError):  # no such file, or a stdout that is none
        return False


def event_line(event: dict[str, Any]) -> str:
    """Return one line for an event that a person wants to read; empty for the others."""
    kind = event["kind"]
    if kind == "phase":
        return f"{str(event['phase']).capitalize()} ({event['number']} of {event['num_phases']})."
    if kind == "started" and "phases" in event:
        if "num_unlabelled" not in event:
            return ""  # the data are still being looked through
        counts = f"{event['num_labelled']} labelled and {event['num_unlabelled']} unlabelled images"
        return f"A round by {event['method']} with {event['model']}: {counts}."
    if kind == "started":
        return (
            f"Training {event['model']} on {event['num_train']} tiles ({event['device']}), "
            f"validating on {event['num_val']}."
        )
    if kind == "stopped_early":
        return f"Stopped early: {event['reason']}"
    if kind in ("paused", "continued"):
        where = f" at step {event['step']}" if "step" in event else ""
        return f"{kind.capitalize()}{where}."
    if kind == "warning":
        return f"Warning: {event['reason']}"
    if kind == "dry_run":
        return f"Expected duration: {event['expected_s'] / 60:.1f} min."
    if kind == "epoch":
        return (
            f"Epoch {event['epoch']}/{event['num_epochs']}: loss {event['train_loss']:.4f}, "
            f"validation {event['val_loss']:.4f}{_scores(event['val'])}"
        )
    return ""


def _scores(metrics: dict[str, float]) -> str:
    overall = {name: value for name, value in metrics.items() if "/" not in name}
    shown = [name for name in ("pixel_accuracy", "iou", "dice", "score") if name in overall]
    return "".join(f", {name.replace('_', ' ')} {overall[name]:.4f}" for name in shown)
