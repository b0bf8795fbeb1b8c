"""The colours of classes, everywhere the same: in the project, in previews and in reports."""

from __future__ import annotations

Rgb = tuple[int, int, int]

# Okabe & Ito, "Color Universal Design" (2008): told apart by colour-blind people, too
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def class_color(class_id: int) -> Rgb:
    """Return the RGB colour, 0..255, of class 1, 2, …; they repeat after seven."""
    text = PALETTE[(class_id - 1) % len(PALETTE)]
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
