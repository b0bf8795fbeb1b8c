"""The report says what results.csv says, and needs no other file."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tests.trainers.experiments.conftest import MakeShop, unet_rows
from tests.trainers.experiments.test_summary import result
from trainers.cli import app
from trainers.experiments.matrix import TABLES, cells_of, rows_of
from trainers.experiments.report import write_report
from trainers.experiments.results import Results
from trainers.experiments.run import run_rows
from trainers.experiments.tiles import ensure_tiles
from trainers.terminal import run_app

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from trainers.experiments.results import Result


class Page(HTMLParser):
    """Collects table rows, and what the page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.sources: list[str] = []
        self.svgs = 0
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True
        self.svgs += tag == "svg"
        named = dict(attrs)
        self.sources += [
            named[name] or "" for name in ("src", "href", "xlink:href") if name in named
        ]

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def put_all(out: Path, results: list[Result]) -> None:
    for each in results:
        Results(out).put(each)


def test_each_table_shows_paper_measured_interval_and_difference(tmp_path: Path) -> None:
    row = next(c for c in cells_of("table2", "automatic", 0.1) if c.lr == 1e-5)
    put_all(tmp_path, [result(row.of_seed(seed), a) for seed, a in enumerate((0.90, 0.92, 0.94))])
    written = write_report(tmp_path)
    page = Page(written.html.read_text("utf-8"))
    line = next(r for r in page.rows if r[:2] == ["U-NET", "lr 1e-5"])
    assert line[2:6] == ["automatic", "0.9312", "0.9200 ± 0.0497", "-0.0112"]
    assert line[6:] == ["0.7000", "0.7500", "3", "1", "0", "2", "3.3%", "0, 1, 2"]
    missing = next(r for r in page.rows if r[:2] == ["RSPrompter", "lr 1e-4"])
    assert missing[3:7] == ["–", "not measured", "–", "–"]
    text = written.markdown.read_text("utf-8")
    assert f"| {' | '.join(line)} |" in text
    for said in ("data hash: dddddddddddd", "code: 0123456789ab", "seeds: 0, 1, 2", "scale: 0.1"):
        assert said in text


def test_a_failed_row_is_told_with_its_reason_and_without_a_figure(tmp_path: Path) -> None:
    row = cells_of("table3", "automatic", 0.1)[0]
    put_all(tmp_path, [result(row, None)])
    written = write_report(tmp_path)
    page = Page(written.html.read_text("utf-8"))
    line = next(r for r in page.rows if r[:2] == ["U-NET", "200 images"])
    assert line[4:13] == ["failed", *["–"] * 8]
    assert f"{row.name}: the loss is not finite" in written.markdown.read_text("utf-8")


def test_a_real_matrix_has_curves_and_pictures_within_its_page(make_shop: MakeShop) -> None:
    shop = make_shop(epochs=2)
    shop.shown.update(ensure_tiles(shop.data, shop.out))
    run_rows(unet_rows()[2:4], shop)  # which stand in no other table
    written = write_report(shop.out)
    text = written.html.read_text("utf-8")
    page = Page(text)
    assert page.svgs == 2  # accuracy by learning rate, learning curves
    pictures = [source for source in page.sources if source.startswith("data:image/jpeg")]
    assert len(pictures) == 3 * (1 + 2)  # easy, hard, blank: the image and two rates
    links = [source for source in page.sources if not source.startswith("data:")]
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"url\((?!#)|@import|<script|<link", text)
    shown = re.findall(r"\]\((figures/[^)]+)\)", written.markdown.read_text("utf-8"))
    files = set((shop.out / "report" / "figures").iterdir())
    assert {(shop.out / "report" / name) for name in shown} == files
    for path in files:
        if path.suffix == ".svg":
            ElementTree.parse(path)


def test_without_runs_and_pictures_the_figures_are_still_there(tmp_path: Path) -> None:
    results = [
        result(row, 0.5 + 0.4 * index / 40)
        for table in TABLES
        for index, row in enumerate(rows_of(table, num_seeds=1, scale=0.1))
    ]
    put_all(tmp_path, results)
    page = Page(write_report(tmp_path).html.read_text("utf-8"))
    assert page.svgs == 2
    assert not [source for source in page.sources if source.startswith("data:")]
    claims = [row[0] for row in page.rows if len(row) == 3 and row[1] in ("holds", "does not hold")]
    assert len(claims) == 2 + 4 + 4 + 2


def test_the_same_results_give_the_same_report(tmp_path: Path) -> None:
    put_all(tmp_path, [result(row, 0.7) for row in rows_of("table2", models=["unet"], scale=0.1)])
    first = [path.read_bytes() for path in write_report(tmp_path)]
    assert [path.read_bytes() for path in write_report(tmp_path)] == first


def test_a_folder_without_results_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(app, ["experiment", "report", "--out", str(tmp_path)]) == 1
    assert "has no results yet. Run `icseg experiment table1" in capsys.readouterr().err
