"""What the terminal shows of evaluations, comparisons and runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trainers.evaluation.records import MAIN_METRICS, PROTOCOLS, WITHOUT_CLASSES, num_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainers.comparison import ComparedRun, Comparison
    from trainers.evaluation.records import Evaluation
    from trainers.run_registry import RunDescription

_MANY = 4
"""Columns of classes from which intervals go below their scores."""
_LIST_WIDTH = 100
"""Characters: a narrow terminal breaks the lines of a list, which reads better than its columns."""
_COMPARED = ("pixel_accuracy", "foreground_iou", "iou", "dice", "boundary_f", "ap", "ap50")


def print_evaluation(evaluation: Evaluation, *, num_worst: int) -> None:
    """Print the scores of all and of each class with their intervals, and the worst images."""
    console = Console()
    console.print(
        f"{num_images(evaluation.images)} (split: {evaluation.split}); "
        f"{PROTOCOLS[evaluation.protocol]}.",
        highlight=False,
    )
    console.print(_table(evaluation))
    print("Worst images by IoU:")
    for score in evaluation.images[:num_worst]:
        print(f"  {_short(score.iou)}  {score.image}")


def _table(evaluation: Evaluation) -> Table:
    names = evaluation.class_names if len(evaluation.class_names) > 1 else ()
    title = "oracle prompts" if evaluation.protocol == "oracle" else None
    caption = "95 % bootstrap intervals over images" if evaluation.intervals else None
    table = Table("score", "all", *names, title=title, caption=caption)
    between = " " if len(names) < _MANY else "\n"
    for column in table.columns:
        column.no_wrap = True
    for key, words in MAIN_METRICS.items():
        keys = [key, *(f"{key}/{name}" for name in names)]
        table.add_row(words, *(score_text(evaluation, name, between=between) for name in keys))
    return table


def score_text(evaluation: Evaluation, name: str, *, between: str = " ") -> str:
    """Return a score and its interval, ".9312 .921–.940"; "–" where undefined."""
    if name not in evaluation.metrics:
        return "" if "/" in name and name.split("/")[0] in WITHOUT_CLASSES else "–"
    ends = evaluation.intervals.get(name)
    value = _short(evaluation.metrics[name])
    if ends is None:
        return value
    return f"{value}{between}[dim]{_short(ends.low, 3)}–{_short(ends.high, 3)}[/dim]"


def _short(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}".removeprefix("0")


def print_comparison(comparison: Comparison) -> None:
    """Print a column for each run; the best score of each row is bold."""
    first, console = comparison.runs[0].evaluation, Console()
    note = PROTOCOLS[comparison.protocol]
    console.print(f"{num_images(first.images)} (split: {first.split}); {note}.", highlight=False)
    title = "oracle prompts" if comparison.protocol == "oracle" else None
    table = Table("score", title=title, caption="95 % bootstrap intervals over images")
    for run in comparison.runs:
        about = f"[dim]{run.model}\n{run.preset}[/dim]"
        table.add_column(f"{escape(run.name)}\n{about}", overflow="fold")
    for key in _COMPARED:
        best = max((run.evaluation.metrics.get(key, -1.0) for run in comparison.runs), default=0)
        table.add_row(
            MAIN_METRICS[key], *(_compared_cell(run, key, best) for run in comparison.runs)
        )
    if len(comparison.runs) > 1:
        table.add_section()
        table.add_row(
            "IoU gain over\nthe first run",
            "–",
            *(_gain(comparison, run) for run in comparison.runs[1:]),
        )
    console.print(table)
    stored = [run.name for run in comparison.runs if run.is_stored]
    if stored:
        print(f"Scored before, on the same data with the same weights: {', '.join(stored)}.")


def _compared_cell(run: ComparedRun, key: str, best: float) -> str:
    text = score_text(run.evaluation, key, between="\n")
    return f"[bold]{text}[/bold]" if run.evaluation.metrics.get(key) == best else text


def _gain(comparison: Comparison, run: ComparedRun) -> str:
    """Return the interval of the gain over the first run, with signs."""
    ends = comparison.difference(run)
    return "–" if ends is None else f"{ends.low:+.3f}\n{ends.high:+.3f}"


def print_runs(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a line for each run; keys are headings, None is shown as a dash."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0]:
        heading = "acc." if name == "pixel_accuracy" else name
        table.add_column(heading, overflow="fold", no_wrap=name not in ("run", "parent"))
    console = Console()
    console.width = max(console.width, _LIST_WIDTH)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table, highlight=False)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return _short(value)
    return "–" if value is None else escape(str(value))


def print_description(run: RunDescription) -> None:
    """Print a run: a table of what is known, then its settings."""
    console = Console()
    table = Table("", "", show_header=False, title=escape(str(run.path)), title_justify="left")
    table.columns[1].overflow = "fold"
    for name, value in _facts(run).items():
        table.add_row(name, value)
    console.print(table, highlight=False)
    settings = Table("setting", "value", title="Settings", title_justify="left")
    settings.columns[1].overflow = "fold"
    for name, value in run.config.items():
        settings.add_row(name, escape(json.dumps(value)))
    console.print(settings, highlight=False)


def _facts(run: RunDescription) -> dict[str, str]:
    parent = f"{run.parent['name']} (sha256 {run.parent['sha256'][:12]})" if run.parent else "none"
    code = " ".join(filter(None, (run.code.get("version"), run.code.get("commit"))))
    scores = {
        words: f"{run.metrics[key]:.4f}"
        for key, words in MAIN_METRICS.items()
        if key in run.metrics
    }
    facts = {
        "model": f"{run.model}, preset {run.preset}",
        "state": f"{run.state}{f': {run.reason}' if run.reason else ''}",
        "epochs": f"{run.epoch} of {run.num_epochs}, best {run.best_epoch or 'not known'}",
        "classes": ", ".join(run.class_names),
        "seed": str(run.seed),
        "data sha256": run.data_sha256 or "none",
        "parent": parent,
        "code": code or "not known",
        "started": _time(run.started_unix_s),
        "last event": _time(run.ended_unix_s),
        "size": f"{run.size_bytes / 1e6:.1f} MB",
        "stored evaluations": str(run.num_evaluations),
        **{f"validation {words}": value for words, value in scores.items()},
    }
    return {name: escape(value) for name, value in facts.items()}


def _time(unix_s: float | None) -> str:
    return (
        "not known" if unix_s is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(unix_s))
    )
