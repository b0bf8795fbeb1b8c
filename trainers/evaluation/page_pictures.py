"""The pictures of a report page, as HTML that holds them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from trainers.evaluation import overlay
from trainers.evaluation.records import MAIN_METRICS, ImageScore
from trainers.io.palette import class_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.evaluation.overlay import Colour, Panels, Rgb

_CAPTION = ("iou", "dice", "pixel_accuracy", "boundary_f", "ap50")
_JPEG_QUALITY = 88


@dataclass(frozen=True, eq=False)
class Picture:
    """One image that the page shows."""

    score: ImageScore
    panels: Panels


def number(value: float | None) -> str:
    """Return a score for a reader; a dash where it is undefined."""
    return "–" if value is None else f"{value:.4f}"


def legend(class_names: Sequence[str]) -> str:
    """Return the legend of the pictures."""
    entries: list[tuple[str, Colour, str]] = [
        (name, class_color(number), "") for number, name in enumerate(class_names, 1)
    ]
    entries += [
        ("right", overlay.RIGHT, ""),
        ("added (false positive)", overlay.ADDED, ""),
        ("missed (false negative)", overlay.MISSED, ""),
        ("true outline", overlay.OUTLINE, "line"),
    ]
    if len(class_names) > 1:
        entries.insert(-1, ("wrong class", overlay.CONFUSED, ""))
    shown = (
        f'<span><i class="{kind}" style="background:rgb{colour}"></i>{escape(name)}</span>'
        for name, colour, kind in entries
    )
    return f'<div class="key">{"".join(shown)}</div>'


def figure(picture: Picture) -> str:
    """Return an image's scores and its three pictures."""
    score, panels = picture.score, picture.panels
    scores = "".join(
        f"<span>{escape(MAIN_METRICS[name])} {number(getattr(score, name))}</span>"
        for name in _CAPTION
    )
    images = "".join(
        f'<div><span>{words}</span><img alt="{escape(score.image)}: {words}" '
        f'src="{_data_url(pixels)}" loading="lazy"></div>'
        for words, pixels in (
            ("image", panels.image),
            ("prediction", panels.preds),
            ("errors and true outline", panels.errors),
        )
    )
    return (
        f'<figure class="card"><figcaption><strong>{escape(score.image)}</strong>{scores}'
        f'</figcaption><div class="panels">{images}</div></figure>'
    )


def _data_url(pixels: Rgb) -> str:
    buffer = io.BytesIO()
    # without subsampling, so that thin coloured outlines stay what they are
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
