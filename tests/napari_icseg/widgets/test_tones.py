from __future__ import annotations

import pytest

from napari_icseg.widgets import curves, labelling_status, status_icons, tones

pytestmark = pytest.mark.gui


def ground(theme: str, name: str = "background") -> str:
    from napari.utils.theme import get_theme

    return getattr(get_theme(theme), name).as_hex(format="long")


def test_contrast_is_that_of_wcag():
    assert tones.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert tones.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert tones.contrast("#ff0000", "#0000ff") == pytest.approx(2.15, abs=0.01)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_coloured_words_can_be_read_in_every_theme(qapp, theme):
    for where in ("background", "foreground"):
        for tone, color in tones.palette_for(ground(theme)).items():
            assert tones.contrast(color, ground(theme, where)) >= 4.5, (tone, where)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_icons_and_edges_can_be_seen_in_every_theme(qapp, theme):
    named = {**status_icons.COLORS, **labelling_status.HINT_COLORS}
    for name, color in named.items():
        assert tones.contrast(color, ground(theme)) >= 3, name


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_curves_take_colours_that_can_be_seen(qtbot, theme):
    widget = curves.CurvesWidget()
    qtbot.addWidget(widget)
    widget.apply_theme(foreground=ground(theme, "text"), background=ground(theme))
    for name in ("train", "val", "iou"):
        color = widget._curves[name].opts["pen"].color().name()
        assert tones.contrast(color, ground(theme)) >= 3, name


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#e69f00", "#0000ff", "#808080"])
@pytest.mark.parametrize("background", ["#000000", "#ffffff", "#23242b", "#ebe7e6"])
def test_any_colour_becomes_readable_on_any_ground(qapp, color, background):
    assert tones.contrast(tones.readable(color, background, 4.5), background) >= 4.5
