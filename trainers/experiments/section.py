"""All that a report says of one setup: tables, charts, pictures and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.experiments.charts import (
    Chart,
    accuracy_by_images,
    accuracy_by_lr,
    learning_curves,
)
from trainers.experiments.findings import Finding, findings_of, furthest, reasons
from trainers.experiments.gallery import Gallery, galleries_of
from trainers.experiments.matrix import TABLES, Table
from trainers.experiments.summary import Line, Setup, lines_of, results_of
from trainers.experiments.tiles import read_tiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trainers.experiments.results import Result


@dataclass(frozen=True)
class TablePart:
    """One table of the paper, with its charts and pictures."""

    table: Table
    lines: tuple[Line, ...]
    charts: tuple[Chart, ...]
    galleries: tuple[Gallery, ...]


@dataclass(frozen=True)
class Section:
    """One setup; `facts` are pairs of a name and its value, in the order to show them."""

    setup: Setup
    facts: tuple[tuple[str, str], ...]
    parts: tuple[TablePart, ...]
    findings: tuple[Finding, ...]
    furthest: tuple[str, ...]
    reasons: tuple[str, ...]
    failed: tuple[Result, ...]


def section_of(setup: Setup, results: Sequence[Result], out: Path) -> Section:
    """Return what there is to say of a setup; pictures and curves as far as `out` has them."""
    own = results_of(setup, results)
    tables = {table: lines for table in TABLES if (lines := lines_of(table, setup, own))}
    tiles = read_tiles(out, setup.data_sha256)
    parts = tuple(
        TablePart(table, lines, _charts(table, lines, out), galleries_of(table, lines, tiles, out))
        for table, lines in tables.items()
    )
    return Section(
        setup=setup,
        facts=_facts(setup, own),
        parts=parts,
        findings=findings_of(tables),
        furthest=furthest(tables),
        reasons=reasons(setup, own),
        failed=tuple(result for result in own if result.state == "failed"),
    )


def _charts(table: Table, lines: Sequence[Line], out: Path) -> tuple[Chart, ...]:
    curves = learning_curves(lines, out, name=f"{table}-curves", title="Learning curves")
    by = {"table2": accuracy_by_lr, "table3": accuracy_by_images}.get(table)
    found = [None if by is None else by(lines), curves]
    return tuple(chart for chart in found if chart is not None)


def _facts(setup: Setup, results: Sequence[Result]) -> tuple[tuple[str, str], ...]:
    done = [result for result in results if result.scores is not None]
    costs = {result.run: result.cost for result in done if result.cost is not None}
    seconds = sum(cost.train_s for cost in costs.values())  # two protocols share a training
    seconds += sum(result.cost.test_s for result in done if result.cost is not None)
    counts = sorted({r.scores.num_test_images for r in done if r.scores is not None})
    facts = {
        "scale": f"{setup.scale:g}",
        "data hash": setup.data_sha256[:12],
        "settings changed": setup.settings or "none",
        "code": ", ".join(_distinct(r.commit[:12] + _dirt(r.commit) for r in results)),
        "seeds": ", ".join(str(seed) for seed in sorted({r.row.seed for r in results})),
        "test tiles": ", ".join(map(str, counts)) or "–",
        "rows": f"{len(done)} done, {len(results) - len(done)} failed",
        "computed": f"{seconds / 3600:.2f} h on "
        + (", ".join(_distinct(r.cost.device for r in done if r.cost is not None)) or "–"),
    }
    return tuple(facts.items())


def _dirt(commit: str) -> str:
    return "-dirty" if commit.endswith("-dirty") else ""


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
