"""Colours of objects by class, and each its own shade; hidden classes show what lies below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_icseg.controllers.class_colors import NUM_SHADES, class_colormap, shades_of
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.project.records import ClassRecord, ObjectRecord, ObjectSource
from trainers.io.rle import RleMask

COLORS = ("#e69f00", "#56b4e9")
CLASSES = tuple(ClassRecord(n + 1, f"c{n}", color, n) for n, color in enumerate(COLORS))


def record(number: int, class_id: int, top: int, left: int, side: int) -> ObjectRecord:
    mask = RleMask.from_mask(np.ones((side, side), np.bool_), (top, left))
    return ObjectRecord(number, 1, class_id, mask, ObjectSource.PROMPT, None, False)


OBJECTS = [record(1, 1, 2, 2, 12), record(2, 2, 5, 5, 4), record(3, 1, 20, 20, 6)]


def test_the_first_shade_is_the_class_s_own_colour() -> None:
    rows = shades_of(COLORS, NUM_SHADES)
    assert rows.shape == (NUM_SHADES * 2, 4)
    np.testing.assert_allclose(rows[0, :3], [0xE6 / 255, 0x9F / 255, 0], atol=1e-9)
    assert ((rows >= 0) & (rows <= 1)).all()


def test_shades_of_a_class_can_be_told_from_one_another() -> None:
    rows = shades_of(COLORS, NUM_SHADES)[::2, :3]
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=-1) + np.eye(NUM_SHADES)
    assert distances.min() > 0.12


def test_a_colour_depends_on_the_class_alone_or_on_the_object_too() -> None:
    drawn = ObjectMap((32, 32), CLASSES, OBJECTS)
    values = np.array([drawn.value_of(number) for number in (1, 3, 2)])
    by_class = class_colormap(COLORS).map(values)
    assert np.array_equal(by_class[0], by_class[1])
    assert not np.array_equal(by_class[0], by_class[2])
    each = class_colormap(COLORS, num_shades=NUM_SHADES).map(values)
    assert not np.array_equal(each[0], each[1])


def test_a_hidden_via_shows_the_metal_below_and_cannot_be_selected() -> None:
    seen = ObjectMap((32, 32), CLASSES, OBJECTS)
    assert seen.object_at(6, 6) == OBJECTS[1]
    hidden = (CLASSES[0], replace(CLASSES[1], is_visible=False))
    drawn = ObjectMap((32, 32), hidden, OBJECTS)
    assert drawn.object_at(6, 6) == OBJECTS[0]
    assert (drawn.labels[2:14, 2:14] == drawn.value_of(1)).all()
