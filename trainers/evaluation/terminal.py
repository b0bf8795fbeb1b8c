"""What the terminal shows of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from trainers.evaluation.records import MAIN_METRICS, PROTOCOLS, WITHOUT_CLASSES

if TYPE_CHECKING:
    from trainers.evaluation.records import Evaluation


def print_evaluation(evaluation: Evaluation, *, num_worst: int) -> None:
    """Print the scores of all and of each class with their intervals, and the worst images."""
    console = Console()
    console.print(
        f"{len(evaluation.images)} images (split: {evaluation.split}); "
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
    for column in table.columns:
        column.no_wrap = True
    for key, words in MAIN_METRICS.items():
        keys = [key, *(f"{key}/{name}" for name in names)]
        table.add_row(words, *(score_text(evaluation, name) for name in keys))
    return table


def score_text(evaluation: Evaluation, name: str) -> str:
    """Return a score with its interval, ".9312 .921–.940"; "–" where undefined."""
    if name not in evaluation.metrics:
        return "" if "/" in name and name.split("/")[0] in WITHOUT_CLASSES else "–"
    ends = evaluation.intervals.get(name)
    value = _short(evaluation.metrics[name])
    if ends is None:
        return value
    return f"{value} [dim]{_short(ends.low, 3)}–{_short(ends.high, 3)}[/dim]"


def _short(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}".removeprefix("0")
