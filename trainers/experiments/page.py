"""The report as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from trainers.evaluation import overlay
from trainers.experiments.cells import COLUMNS, VERDICTS
from trainers.experiments.matrix import TABLE_TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.experiments.charts import Chart
    from trainers.experiments.findings import Finding
    from trainers.experiments.gallery import Gallery, Strip
    from trainers.experiments.section import Section, TablePart
    from trainers.experiments.summary import Line

TITLE = "The paper's experiments, measured"


def render_html(sections: Sequence[Section]) -> str:
    """Return the page."""
    base = (resources.files("trainers.evaluation") / "page.css").read_text("utf-8")
    own = (resources.files("trainers.experiments") / "page.css").read_text("utf-8")
    body = [f"<h1>{escape(TITLE)}</h1>", _intro(sections)]
    for number, section in enumerate(sections):
        body.append(_section(section, number))
    body.append(_footer())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(TITLE)}</title><style>{base}{own}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def heading(section: Section, number: int) -> str:
    """Return what tells a section, of this number from 0, from the others."""
    setup = section.setup
    changed = f", {setup.settings}" if setup.settings else ""
    return f"{number + 1}. Scale {setup.scale:g}, data {setup.data_sha256[:12]}{changed}"


def _intro(sections: Sequence[Section]) -> str:
    links = "".join(
        f'<div><a href="#s{number}">{escape(heading(section, number))}</a>: '
        f"{', '.join(_links(section, f's{number}'))}</div>"
        for number, section in enumerate(sections)
    )
    return (
        '<p class="soft">Every figure of the tables comes from results.csv. Results of different '
        "data, settings, scales or protocols are never averaged.</p>"
        f"<nav>{links}</nav>"
    )


def _links(section: Section, anchor: str) -> list[str]:
    parts = [
        f'<a href="#{anchor}-{part.table}">{escape(TABLE_TITLES[part.table].partition(":")[0])}</a>'
        for part in section.parts
    ]
    return [*parts, f'<a href="#{anchor}-differs">where and why it differs</a>']


def _section(section: Section, number: int) -> str:
    anchor = f"s{number}"
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in section.facts
    )
    parts = "".join(_part(part, f"{anchor}-{part.table}") for part in section.parts)
    return (
        f'<h2 id="{anchor}">{escape(heading(section, number))}</h2>'
        f'<dl class="facts card">{facts}</dl>{parts}{_differs(section, anchor)}'
    )


def _part(part: TablePart, anchor: str) -> str:
    charts = "".join(map(_chart, part.charts))
    galleries = f'<div class="galleries">{"".join(map(_gallery, part.galleries))}</div>'
    key = _key() if part.galleries else ""
    return (
        f'<h3 id="{anchor}">{escape(TABLE_TITLES[part.table])}</h3>{_table(part.lines)}'
        f"{charts}{key}{galleries}"
    )


def _table(lines: Sequence[Line]) -> str:
    heads = "".join(
        f'<th title="{escape(column.meaning)}">{escape(column.head)}</th>' for column in COLUMNS
    )
    rows = []
    before = ""
    for line in lines:
        kind = ' class="first"' if before and line.row.model != before else ""
        before = line.row.model
        rows.append(f"<tr{kind}>{''.join(_cell(c.text(line)) for c in COLUMNS)}</tr>")
    return (
        f'<div class="card scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    kind = {"–": ' class="none"', "not measured": ' class="none"', "failed": ' class="bad"'}
    return f"<td{kind.get(text, '')}>{escape(text)}</td>"


def _chart(chart: Chart) -> str:
    return (
        f'<h4>{escape(chart.title)}</h4><div class="chart" role="img" '
        f'aria-label="{escape(chart.title)}">{chart.svg}</div>'
        f'<p class="soft hint">{escape(chart.note)}</p>'
    )


def _key() -> str:
    colours = {
        "right": overlay.RIGHT,
        "added (false positive)": overlay.ADDED,
        "missed (false negative)": overlay.MISSED,
        "true outline": overlay.OUTLINE,
    }
    shown = (
        f'<span><i style="background:rgb{colour}"></i>{escape(name)}</span>'
        for name, colour in colours.items()
    )
    return (
        f'<h4>What the models say of three test tiles</h4><div class="key">{"".join(shown)}</div>'
    )


def _gallery(gallery: Gallery) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("", *gallery.columns))
    rows = "".join(_strip(strip, gallery) for strip in gallery.strips)
    return (
        f'<details class="card gallery" open><summary>{escape(gallery.title)}</summary>'
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></details>"
    )


def _strip(strip: Strip, gallery: Gallery) -> str:
    cells = "".join(
        "<td>–</td>"
        if jpeg is None
        else f'<td><img loading="lazy" alt="{escape(f"{strip.title}; {name}")}" src="data:image/'
        f'jpeg;base64,{base64.b64encode(jpeg).decode("ascii")}"></td>'
        for name, jpeg in zip(gallery.columns, strip.pictures, strict=True)
    )
    return f"<tr><td>{escape(strip.title)}</td>{cells}</tr>"


def _differs(section: Section, anchor: str) -> str:
    claims = "".join(map(_claim, section.findings))
    failed = [f"{result.row.name}: {result.reason}" for result in section.failed]
    return (
        f'<h3 id="{anchor}-differs">Where and why it differs from the paper</h3>'
        f'<div class="card scroll claims"><table><thead><tr><th>claim</th><th>here</th>'
        f"<th>measured</th></tr></thead><tbody>{claims}</tbody></table></div>"
        f"{_listed('Furthest from the paper (its recipes)', section.furthest)}"
        f"{_listed('Why', section.reasons)}{_listed('Rows that failed', failed)}"
    )


def _claim(finding: Finding) -> str:
    return (
        f'<tr><td>{escape(finding.claim)}</td><td class="verdict">'
        f"{VERDICTS[finding.holds]}</td><td>{escape(finding.words)}</td></tr>"
    )


def _listed(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h4>{title}</h4><ul>{items}</ul>" if texts else ""


def _footer() -> str:
    rules = "".join(
        f"<dt>{escape(column.head)}</dt><dd>{escape(column.meaning)}.</dd>" for column in COLUMNS
    )
    return f"<footer><h2>What the columns mean</h2><dl>{rules}</dl></footer>"
