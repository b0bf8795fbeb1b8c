"""What models say of an image, beside the truth; and the words for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_icseg.controllers.results_look import (
    ImageLook,
    Said,
    class_picture,
    difference_picture,
    look_at,
    looks_at,
    reduced,
)
from napari_icseg.controllers.results_words import error_text, model_line, shown_view
from trainers.evaluation.overlay import ADDED, CONFUSED, MISSED, OUTLINE, RIGHT
from trainers.metrics.error_places import ErrorKind

ORANGE, BLUE = "#e69f00", "#0072b2"


def tracks() -> np.ndarray:
    ids = np.zeros((40, 60), np.uint8)
    ids[4:12, 5:55] = ids[24:32, 5:55] = 1
    return ids


def said(ids: np.ndarray, key: str = "a", *, num_classes: int = 1) -> Said:
    names = ("metal", "via")[:num_classes]
    return Said(key, f"model {key}", ids, (ORANGE, BLUE)[:num_classes], names)


def image_look(*answers: np.ndarray, truth: np.ndarray | None) -> ImageLook:
    given = tuple(said(ids, key) for ids, key in zip(answers, "ab", strict=False))
    models, compared_with = looks_at(given, {one.key: truth for one in given})
    picture = None if truth is None else class_picture(truth, (ORANGE,))
    image = np.zeros((40, 60), np.uint8)
    return ImageLook(1, "tile.png", image, models, picture, compared_with, (40, 60), (0, 255))


def test_an_open_costs_a_track_and_little_else() -> None:
    preds = tracks()
    preds[:, 30:33] = 0
    look = look_at(said(preds), tracks())
    assert look.errors is not None
    assert (look.errors.opens, look.errors.wrong_tracks) == (2, 2)
    assert look.iou == pytest.approx(47 / 50)
    assert look.accuracy == pytest.approx(1 - 2 * 8 * 3 / 2400)
    assert {place.kind for place in look.places} == {ErrorKind.OPEN}
    assert {place.row for place in look.places} <= {*range(4, 12), *range(24, 32)}


def test_a_blank_image_that_is_said_to_be_blank_is_right() -> None:
    nothing = np.zeros((40, 60), np.uint8)
    look = look_at(said(nothing), nothing)
    assert (look.iou, look.accuracy, look.places) == (1.0, 1.0, ())
    assert look.wrong is not None
    assert not look.wrong.any()


def test_each_sort_of_pixel_has_its_colour() -> None:
    target, preds = np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint8)
    target[5:25, 5:15] = 1
    preds[5:25, 5:12] = 1
    preds[5:25, 18:22] = 1
    preds[10:20, 6:9] = 2
    picture = difference_picture(preds, target)
    colour_at = {
        (8, 8): RIGHT,
        (8, 13): MISSED,
        (8, 20): ADDED,
        (15, 7): CONFUSED,
        (5, 7): OUTLINE,
    }
    for place, colour in colour_at.items():
        assert tuple(picture[place][:3]) == colour, place
    assert picture[0, 0, 3] == 0


def test_classes_are_filled_in_their_colour_with_a_firmer_edge() -> None:
    picture = class_picture(tracks(), (ORANGE,))
    assert tuple(picture[8, 30][:3]) == (0xE6, 0x9F, 0x00)
    assert 0 < picture[8, 30, 3] < picture[4, 30, 3]
    assert picture[0, 0, 3] == 0


def test_without_labels_the_second_model_is_compared_with_the_first() -> None:
    other = tracks()
    other[24:32] = 0
    look = image_look(tracks(), other, truth=None)
    first, second = look.models
    assert look.compared_with == "model a"
    assert first.errors is None
    assert second.errors is not None
    assert second.errors.missing_tracks == 1
    assert look.errors == ((second, second.places[0]),)
    assert "missing" in error_text(0, look)
    assert "model b" in error_text(0, look)


def test_models_of_different_classes_are_not_compared_with_each_other() -> None:
    given = (said(tracks()), said(tracks(), "b", num_classes=2))
    models, compared_with = looks_at(given, {"a": None, "b": None})
    assert compared_with == ""
    assert all(model.errors is None for model in models)


def test_a_class_of_the_same_number_is_not_the_same_class() -> None:
    given = (said(tracks()), replace(said(tracks(), "b"), class_names=("via",)))
    assert looks_at(given, {"a": None, "b": None})[1] == ""


def test_a_class_that_the_project_does_not_have_is_no_error() -> None:
    preds = tracks()
    preds[6:10, 20:24] = 2  # a via on metal, of which nobody has said where vias are
    preds[15:22, 20:27] = 2
    one = replace(said(preds, num_classes=2), known=frozenset({1}))
    look = look_at(one, tracks())
    assert look.errors is not None
    assert look.errors.num_errors == 0
    assert look.iou == 1.0
    assert look.classes[18, 23, 3] > 0


def test_a_thin_error_is_seen_where_pixels_are_shown_as_one() -> None:
    preds = tracks()
    preds[:, 31] = 0
    small = reduced(difference_picture(preds, tracks()), 4)
    assert small.shape == (10, 15, 4)
    assert tuple(small[2, 7][:3]) == MISSED
    assert tuple(small[0, 0]) == (0, 0, 0, 0)


def test_words_count_what_is_wrong_and_say_when_nothing_is() -> None:
    right = image_look(tracks(), truth=tracks())
    assert "no electrical error" in model_line(right.models[0])
    broken = tracks()
    broken[:, 30:33] = 0
    wrong = image_look(broken, truth=tracks())
    view = shown_view(wrong, 0, shows_difference=True)
    assert "2 opens" in view.lines[0]
    assert view.num_errors == 2
    assert "O open" in {entry.text for entry in view.legend}
    assert shown_view(wrong, 0, shows_difference=False).legend == ()
