from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.prompting.errors import PromptError
from napari_icseg.prompting.protocol import Prompts

IMAGE_HW = (40, 60)


def clicks(*points: tuple[float, float], labels=None, **more) -> Prompts:
    return Prompts(points, labels or [1] * len(points), **more)


def test_prompts_take_plain_lists_and_keep_their_own_copy():
    points = np.array([[3.0, 4.0]], dtype=np.float32)
    prompts = Prompts(points, [1])
    points[:] = 99
    assert prompts.points_xy.tolist() == [[3.0, 4.0]]
    assert prompts.points_xy.dtype == np.float32
    assert prompts.labels.dtype == np.int8


def test_no_click_at_all_is_a_list_of_none():
    assert Prompts([], [], box_xyxy=[1, 2, 3, 4]).points_xy.shape == (0, 2)


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([1.0, 2.0, 3.0], [1], "clicks as"),
        ([[1.0, np.nan]], [1], "finite"),
        ([[1.0, 2.0]], [], "one label"),
        ([[1.0, 2.0]], [2], "one label"),
    ],
)
def test_what_is_no_click_is_refused(points, labels, message):
    with pytest.raises(PromptError, match=message):
        Prompts(points, labels)


def test_a_box_may_be_drawn_from_any_corner():
    assert clicks(box_xyxy=[30, 20, 5, 10]).box_xyxy.tolist() == [5, 10, 30, 20]


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, np.inf, 4]])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(PromptError, match="Expected a box"):
        clicks(box_xyxy=box)


@pytest.mark.parametrize("point", [(-0.6, 5), (59.5, 5), (5, -0.6), (5, 39.5), (1e30, 0)])
def test_a_click_outside_the_image_is_told_with_both_sizes(point):
    with pytest.raises(PromptError, match="outside the image of 60 x 40 pixels"):
        clicks((10, 10), point).check(IMAGE_HW)


@pytest.mark.parametrize("point", [(-0.5, -0.5), (59.4, 39.4), (0, 39)])
def test_the_whole_of_each_border_pixel_can_be_clicked(point):
    clicks(point).check(IMAGE_HW)


def test_without_anything_positive_the_user_is_told_what_to_do():
    with pytest.raises(PromptError, match="There is no prompt"):
        clicks().check(IMAGE_HW)
    with pytest.raises(PromptError, match="Click inside it first"):
        clicks((3, 3), labels=[0]).check(IMAGE_HW)


def test_a_box_needs_no_click_but_must_meet_the_image():
    clicks(box_xyxy=[-10, -10, 0, 0]).check(IMAGE_HW)
    with pytest.raises(PromptError, match="box from"):
        clicks(box_xyxy=[-10, -10, -1, 5]).check(IMAGE_HW)
