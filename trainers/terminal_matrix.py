"""What the terminal shows of a matrix: a bar for its rows, one for the present row, and tables."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from trainers.experiments.paper import TITLES
from trainers.experiments.summary import PROTOCOL_TITLES, Mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainers.experiments.estimate import RowEstimate
    from trainers.experiments.matrix import Row
    from trainers.experiments.results import Result
    from trainers.experiments.summary import Line

_LEAST_WIDTH = 116
"""Characters: a narrow terminal breaks the lines of a table, which reads better than its cells."""
_BASES = {"done": "done", "measured": "from rows that are done", "guess": "guess"}


class MatrixReport:
    """Gets what happens, and shows it."""

    def __init__(self, bar: Progress, num_rows: int) -> None:
        self._bar, self._num_rows = bar, num_rows
        self._rows = bar.add_task("Rows", total=num_rows)
        self._row = bar.add_task("", total=None, visible=False)
        self._ended: set[int] = set()

    def begin(self, number: int, row: Row) -> None:
        """Show that the work on a row begins."""
        self._bar.reset(self._row, description=row.name, total=None, visible=True)

    def event(self, event: dict[str, Any]) -> None:
        """Show what a training tells."""
        if event["kind"] == "step":
            self._show(int(event["step"]), int(event["num_steps"]))
        elif event["kind"] == "progress":
            self._show(int(event["done"]), int(event["total"]))

    def tested(self, done: int, total: int) -> None:
        """Show how far the test is."""
        self._bar.update(self._row, description="Testing")
        self._show(done, total)

    def _show(self, done: int, total: int) -> None:
        self._bar.update(self._row, completed=done, total=total)

    def end(self, number: int, row: Row, result: Result | None) -> None:
        """Show how a row came out; None if another process works on it."""
        self._ended |= {number} if result is not None else set()
        self._bar.update(self._rows, completed=len(self._ended))
        self._bar.update(self._row, visible=False)
        place = f"[{number + 1}/{self._num_rows}]"
        print(f"{place} {row.name}: {outcome(result)}", flush=True)


def outcome(result: Result | None) -> str:
    """Return in words how a row came out."""
    if result is None:
        return "another process works on it"
    if result.scores is None:
        return f"failed: {result.reason}"
    return (
        f"pixel accuracy {result.scores.pixel_accuracy:.4f}, "
        f"foreground IoU {result.scores.foreground_iou:.4f}"
    )


@contextmanager
def matrix_report(num_rows: int) -> Iterator[MatrixReport]:
    """Yield what shows the work on so many rows; bars are drawn on a terminal only."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield MatrixReport(bar, num_rows)


def print_lines(title: str, lines: Sequence[Line]) -> None:
    """Print a table of the paper beside what was measured."""
    table = Table("model", "", "paper", "measured", "difference", "fg IoU", "errors", title=title)
    for line in lines:
        name = TITLES[line.row.model]
        if line.row.protocol == "paper":
            name += f" ({PROTOCOL_TITLES['paper']})"
        errors = line.mean(lambda s: s.opens + s.shorts + s.false_tracks + s.missing_tracks)
        iou = line.mean(lambda s: s.foreground_iou)
        table.add_row(
            name,
            escape(line.label),
            "–" if line.paper is None else f"{line.paper:.4f}",
            mean_text(line.accuracy) if line.done else _why_not(line),
            "–" if line.difference is None else f"{line.difference:+.4f}",
            "–" if iou is None else f"{iou.value:.4f}",
            "–" if errors is None else f"{errors.value:.4g}",
        )
    _print(table)


def _print(table: Table) -> None:
    """Print a table without breaking its cells."""
    for column in table.columns:
        column.no_wrap = True
    console = Console()
    console.width = max(console.width, _LEAST_WIDTH)
    console.print(table)


def mean_text(mean: Mean | None) -> str:
    """Return ".9312 ± .0040 (3)": with the number of seeds, and no interval for one."""
    if mean is None:
        return "–"
    spread = "" if mean.half_width is None else f" ± {mean.half_width:.4f}"
    return f"{mean.value:.4f}{spread} ({mean.num_seeds})"


def _why_not(line: Line) -> str:
    return "failed" if line.failed else "not measured"


def print_estimate(estimates: Sequence[RowEstimate], *, words: str, notes: dict[str, str]) -> None:
    """Print what each row will take, and all of them.

    `words` says what a guess is, `notes` what is wrong with a row, by its name.
    """
    table = Table("row", "images", "minutes", "MiB", "time from")
    for each in estimates:
        row = each.row
        images = str(row.num_images) + (f" + {row.num_unlabelled}" if row.unlabelled else "")
        basis = "will fail" if row.name in notes else _BASES[each.basis]
        table.add_row(
            row.name, images, f"{each.seconds / 60:.1f}", f"{each.size_mib:.0f}", escape(basis)
        )
    _print(table)
    for name, reason in notes.items():
        print(f"Will fail: {name}. {reason}")
    left = [each for each in estimates if each.basis != "done" and each.row.name not in notes]
    hours, mib = sum(e.seconds for e in left) / 3600, sum(e.size_mib for e in left)
    print(
        f"{len(left)} of {len(estimates)} rows are to be done: about {hours:.2f} h by one process, "
        f"{mib:.0f} MiB (while it trains, a row needs five times its share)."
    )
    if any(each.basis == "guess" for each in left):
        print(f"Where it says guess: {words}.")
