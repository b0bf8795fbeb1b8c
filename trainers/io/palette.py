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


def voc_color(value: int) -> Rgb:
    """Return the colour of a value in Pascal VOC's masks: its 24 bits dealt out to the channels.

    Up to 255 it is that of VOC's palette; CVAT goes on in the same way beyond.
    """
    red = green = blue = 0
    for place in range(8):
        bits = value >> (3 * place)
        red |= (bits & 1) << (7 - place)
        green |= (bits >> 1 & 1) << (7 - place)
        blue |= (bits >> 2 & 1) << (7 - place)
    return red, green, blue


VOC_PALETTE: tuple[Rgb, ...] = tuple(voc_color(value) for value in range(256))
"""Of "The PASCAL Visual Object Classes Challenge 2012 Development Kit", VOClabelcolormap."""
