"""Colours that carry meaning, for dark and for light themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QColor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtWidgets import QLabel

    from napari_icseg.widgets.training_view import Tone

# each is readable (contrast of 4.5:1 or more) on napari's background of that brightness
DARK: Mapping[Tone, str] = {
    "active": "#6fb7ff",
    "good": "#4cc26b",
    "warning": "#f0b040",
    "bad": "#ff7b7b",
}
LIGHT: Mapping[Tone, str] = {
    "active": "#0b5cad",
    "good": "#176d2f",
    "warning": "#8a5200",
    "bad": "#b3261e",
}


def palette_for(background: str) -> Mapping[Tone, str]:
    """The tones for a background colour (#rrggbb)."""
    return DARK if QColor(background).lightnessF() < 0.5 else LIGHT


def contrast(first: str, second: str) -> float:
    """The contrast of two colours (#rrggbb) by WCAG 2, from 1 (none) to 21.

    Text should have 4.5 on its ground, lines and icons 3.
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(color: str, background: str, ratio: float) -> str:
    """The colour (#rrggbb), as much darker or lighter as it must be for a contrast."""
    is_dark = QColor(background).lightnessF() < 0.5
    found = QColor(color)
    while contrast(found.name(), background) < ratio:
        hue, saturation, value, _ = found.getHsvF()
        if is_dark and value > 0.99:
            saturation = max(0.0, saturation - 0.03)
        value = min(1.0, value + 0.03) if is_dark else max(0.0, value - 0.03)
        changed = QColor.fromHsvF(max(hue, 0.0), saturation, value)
        if changed.name() == found.name():
            break
        found = changed
    return str(found.name())


def _luminance(color: str) -> float:
    rgb = QColor(color)
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (rgb.redF(), rgb.greenF(), rgb.blueF())
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


_LONG_CHARS = 60
"""A longer text is not bold: that shouts, and is hard to read."""


def style_sheet(palette: Mapping[Tone, str]) -> str:
    """Rules that colour every label below the widget which has a `tone`."""
    return "\n".join(
        f'QLabel[tone="{tone}"] {{ color: {color}; font-weight: bold; }}\n'
        f'QLabel[tone="{tone}"][isLong="true"] {{ font-weight: normal; }}'
        for tone, color in palette.items()
    )


def set_toned_text(label: QLabel, text: str, tone: Tone) -> None:
    """Show `text` in the colour of its tone; an empty text hides the label."""
    label.setText(text)
    label.setVisible(bool(text))
    is_long = len(text) > _LONG_CHARS
    if (label.property("tone"), label.property("isLong")) != (tone, is_long):
        label.setProperty("tone", tone)
        label.setProperty("isLong", is_long)
        # Qt looks at the rules again only when asked to
        label.style().unpolish(label)
        label.style().polish(label)
