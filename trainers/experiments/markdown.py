"""The report as Markdown, with its charts and pictures as files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.experiments.cells import COLUMNS, VERDICTS
from trainers.experiments.matrix import TABLE_TITLES
from trainers.experiments.page import TITLE, heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainers.experiments.gallery import Gallery
    from trainers.experiments.section import Section, TablePart
    from trainers.experiments.summary import Line

FIGURES = "figures"


def render_markdown(sections: Sequence[Section]) -> tuple[str, dict[str, bytes]]:
    """Return the text, and the files that it shows by their paths relative to it."""
    files: dict[str, bytes] = {}
    parts = [
        f"# {TITLE}",
        "Every figure of the tables comes from `results.csv`. Results of different data, settings, "
        "scales or protocols are never averaged.",
    ]
    for number, section in enumerate(sections):
        parts += [f"## {heading(section, number)}"]
        parts += _section(section, f"{FIGURES}/s{number}", files)
    meanings = [f"`{column.head}`: {column.meaning}." for column in COLUMNS]
    parts += ["## What the columns mean", _list(meanings)]
    return "\n\n".join(parts) + "\n", files


def _section(section: Section, folder: str, files: dict[str, bytes]) -> list[str]:
    facts = [f"{name}: {_escaped(value)}" for name, value in section.facts]
    parts = [_list(facts)]
    for part in section.parts:
        parts += _part(part, folder, files)
    claims = [
        [finding.claim, VERDICTS[finding.holds], finding.words] for finding in section.findings
    ]
    parts += [
        "### Where and why it differs from the paper",
        _grid(["claim", "here", "measured"], claims),
    ]
    failed = [f"{result.row.name}: {result.reason}" for result in section.failed]
    for title, texts in (
        ("Furthest from the paper (its recipes)", section.furthest),
        ("Why", section.reasons),
        ("Rows that failed", failed),
    ):
        parts += [f"{title}:", _list(texts)] if texts else []
    return parts


def _part(part: TablePart, folder: str, files: dict[str, bytes]) -> list[str]:
    parts = [f"### {TABLE_TITLES[part.table]}", _table(part.lines)]
    for chart in part.charts:
        path = f"{folder}-{chart.name}.svg"
        files[path] = chart.svg.encode("utf-8")
        parts += [f"![{chart.title}]({path})", f"*{chart.title}. {chart.note}*"]
    for gallery in part.galleries:
        parts += _gallery(gallery, folder, files)
    return parts


def _table(lines: Sequence[Line]) -> str:
    heads = [column.head for column in COLUMNS]
    return _grid(heads, [[column.text(line) for column in COLUMNS] for line in lines])


def _gallery(gallery: Gallery, folder: str, files: dict[str, bytes]) -> list[str]:
    rows = []
    for number, strip in enumerate(gallery.strips):
        cells = [strip.title]
        for place, jpeg in enumerate(strip.pictures):
            path = f"{folder}-{gallery.name}-{number}-{place}.jpg"
            if jpeg is not None:
                files[path] = jpeg
            cells.append("–" if jpeg is None else f"![{gallery.columns[place]}]({path})")
        rows.append(cells)
    return [f"{gallery.title}:", _grid(["tile", *gallery.columns], rows)]


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
