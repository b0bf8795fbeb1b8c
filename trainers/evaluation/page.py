"""The page of an evaluation: one HTML file with scores, intervals and pictures."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from trainers.evaluation.page_pictures import Picture, figure, legend, number
from trainers.evaluation.records import (
    MAIN_METRICS,
    PROTOCOLS,
    WITHOUT_CLASSES,
    Evaluation,
    ImageScore,
    num_images,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TILES = ("pixel_accuracy", "foreground_iou", "iou", "dice", "boundary_f", "ap")
_NUM_BINS = 20
RULES = {
    "pixel accuracy": "Share of all pixels with the right class, background included.",
    "IoU, Dice": "Of each class in each image; means over images, then classes. A class that is in "
    "neither prediction nor truth of an image scores 1 there; one wrong pixel makes it 0.",
    "foreground IoU, Dice": "The same with all classes taken as one.",
    "precision, recall": "From the pixels of all images together, then the mean over classes.",
    "boundary F": "Outlines agree within {tolerance:g} px (Csurka et al. 2013, Perazzi et al. "
    "2016). Blank against blank scores 1; an outline in one of them only scores 0.",
    "AP": "COCO mask AP over IoU .50 to .95 against the true objects, all detections counted. "
    "Undefined (–) where there is no true object.",
    "interval": "95 % percentile bootstrap over images (Efron and Tibshirani 1993).",
}


def render_page(
    evaluation: Evaluation,
    *,
    title: str,
    about: Mapping[str, str],
    worst: Sequence[Picture],
    best: Sequence[Picture],
) -> str:
    """Return the page as HTML that needs no other file.

    `about` names what is known of the model, in the order to show it.
    """
    files = resources.files("trainers.evaluation")
    style, script = ((files / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    facts = " · ".join(f"{escape(name)} {escape(value)}" for name, value in about.items())
    parts = [
        f"<h1>{escape(title)}{_badge(evaluation)}</h1>",
        f'<p class="soft">{num_images(evaluation.images)} of {escape(evaluation.data_name)} '
        f"(split: {escape(evaluation.split)}) · {facts}</p>",
        _oracle_note(evaluation),
        f'<div class="tiles">{"".join(_tile(evaluation, name) for name in _TILES)}</div>',
        "<h2>Scores</h2>",
        _score_table(evaluation),
        _spread(evaluation.images),
        '<h2>Worst images <span class="soft hint">click a picture to enlarge it</span></h2>',
        legend(evaluation.class_names),
        *map(figure, worst),
        "<h2>Best images with objects</h2>" if best else "",
        *map(figure, best),
        "<h2>All images</h2>",
        _image_table(evaluation.images),
        _footer(evaluation),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(parts)}</main><script>{script}</script></body></html>\n"
    )


def _badge(evaluation: Evaluation) -> str:
    if evaluation.protocol == "oracle":
        return '<span class="badge oracle">oracle prompts</span>'
    return '<span class="badge">automatic</span>'


def _oracle_note(evaluation: Evaluation) -> str:
    if evaluation.protocol != "oracle":
        return ""
    return f'<p class="note oracle">Scored with {escape(PROTOCOLS["oracle"])}.</p>'


def _tile(evaluation: Evaluation, name: str) -> str:
    value, ends = evaluation.metrics.get(name), evaluation.intervals.get(name)
    shown = f'<div class="value">{number(value)}</div>'
    scale, words = "", "undefined: no objects" if value is None else "one image: no interval"
    if value is not None and ends is not None:
        low, high = (100 * end for end in ends)
        scale = (
            f'<div class="scale"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
            f'<b style="left:{100 * value:.2f}%"></b></div>'
        )
        words = f"{number(ends.low)} to {number(ends.high)}"
    label = escape(MAIN_METRICS[name])
    return (
        f'<div class="card tile"><div class="name">{label}</div>{shown}{scale}'
        f'<div class="ends">{words}</div></div>'
    )


def _score_table(evaluation: Evaluation) -> str:
    columns = ["", *evaluation.class_names] if len(evaluation.class_names) > 1 else [""]
    heads = "".join(f"<th>{escape(name or 'all')}</th>" for name in columns)
    rows = [
        f"<tr><td>{escape(words)}</td>"
        + "".join(_score_cell(evaluation, f"{key}/{name}" if name else key) for name in columns)
        + "</tr>"
        for key, words in MAIN_METRICS.items()
    ]
    table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="card scroll">{table}</div>'


def _score_cell(evaluation: Evaluation, name: str) -> str:
    if "/" in name and name.split("/")[0] in WITHOUT_CLASSES:
        return "<td></td>"
    ends = evaluation.intervals.get(name)
    shown = "" if ends is None else f"{number(ends.low)}–{number(ends.high)}"
    value = number(evaluation.metrics.get(name))
    return f'<td>{value}<span class="range">{shown}</span></td>'


def _spread(scores: Sequence[ImageScore]) -> str:
    if len(scores) < 2:
        return ""
    return f"<h2>IoU of the images</h2>{_histogram([score.iou for score in scores])}"


def _histogram(values: Sequence[float]) -> str:
    """Return an SVG with the number of images in each twentieth of 0..1."""
    counts, _ = np.histogram(values, bins=_NUM_BINS, range=(0.0, 1.0))
    width, height, step = 1000, 120, 1000 / _NUM_BINS
    bars = []
    for index, count in enumerate(counts.tolist()):
        tall = height * count / max(1, counts.max())
        left, middle = index * step + 2, index * step + step / 2
        bars.append(
            f'<rect x="{left:.1f}" y="{height + 16 - tall:.1f}" width="{step - 4:.1f}" '
            f'height="{tall:.1f}" rx="3"/>'
        )
        if count:
            bars.append(
                f'<text x="{middle:.1f}" y="{height + 11 - tall:.1f}" '
                f'text-anchor="middle">{count}</text>'
            )
    for tick in range(0, 11, 2):
        anchor = "start" if tick == 0 else "end" if tick == 10 else "middle"
        label = f"{tick / 10:.1f}"
        bars.append(
            f'<text x="{100 * tick}" y="{height + 32}" text-anchor="{anchor}">{label}</text>'
        )
    base = f'<line x1="0" x2="{width}" y1="{height + 16}" y2="{height + 16}"/>'
    return (
        f'<div class="card"><svg class="histogram" viewBox="0 0 {width} {height + 38}" '
        f'width="100%" role="img" aria-label="Number of images by IoU">{base}{"".join(bars)}'
        "</svg></div>"
    )


def _image_table(scores: Sequence[ImageScore]) -> str:
    heads = "".join(f"<th>{escape(words)}</th>" for words in MAIN_METRICS.values())
    rows = "".join(
        f"<tr><td>{escape(score.image)}</td>"
        + "".join(_value_cell(getattr(score, name)) for name in MAIN_METRICS)
        + "</tr>"
        for score in scores
    )
    table = f"<thead><tr><th>image</th>{heads}</tr></thead><tbody>{rows}</tbody>"
    return (
        f'<details class="card"><summary>{num_images(scores)}, worst IoU first; click a heading '
        f'to sort</summary><div class="scroll"><table class="sortable">{table}</table></div>'
        "</details>"
    )


def _value_cell(value: float | None) -> str:
    return f'<td data-value="{"" if value is None else value}">{number(value)}</td>'


def _footer(evaluation: Evaluation) -> str:
    rules = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words.format(tolerance=evaluation.tolerance_px))}</dd>"
        for name, words in RULES.items()
    )
    return (
        f"<footer><h2>What the scores mean</h2><dl>{rules}</dl>"
        f"<p>Protocol: {escape(PROTOCOLS[evaluation.protocol])}. Data hash "
        f"{escape(evaluation.data_sha256[:12])}.</p></footer>"
    )
