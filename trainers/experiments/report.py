"""Writes the report of a matrix from `results.csv` and what its rows have left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainers.errors import DataError
from trainers.experiments.markdown import render_markdown
from trainers.experiments.page import render_html
from trainers.experiments.results import Results
from trainers.experiments.section import section_of
from trainers.experiments.summary import setups_of
from trainers.io.atomic import write_bytes_atomic, write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REPORT = "report"


class Written(NamedTuple):
    """The two files of a report."""

    html: Path
    markdown: Path


def write_report(
    out: Path, *, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Written:
    """Write `report/index.html`, `report/report.md` and its figures below `out`.

    Args:
        out: folder of the results; pictures and learning curves are shown as far as its run
            folders and masks are still there.
        progress: called with setups done and in all.

    Raises:
        DataError: no results, damaged ones, or the report cannot be written.

    """
    results = Results(out).read()
    if not results:
        raise DataError(
            f"{out} has no results yet. Run `icseg experiment table1 --data TILES --out {out}` "
            "first, or give the folder that has a results.csv."
        )
    setups = setups_of(results)
    sections = []
    for number, setup in enumerate(setups):
        progress(number, len(setups))
        sections.append(section_of(setup, results, out))
    progress(len(setups), len(setups))
    folder = out / REPORT
    text, files = render_markdown(sections)
    for name, content in files.items():
        write_bytes_atomic(folder / name, content)
    html, markdown = folder / "index.html", folder / "report.md"
    write_text_atomic(markdown, text)
    write_text_atomic(html, render_html(sections))
    return Written(html, markdown)
