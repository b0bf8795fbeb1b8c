"""Suggested images in the image list: marked, and alone and in their order where asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt

from napari_icseg.project.records import ImageRecord, ImageStatus
from napari_icseg.widgets.image_list import ImageList
from napari_icseg.widgets.image_order import NAME

pytestmark = pytest.mark.gui
REASONS = {4: "the most typical of 9", 1: "the most typical of 5", 3: "the model is unsure"}


@pytest.fixture
def images(qtbot):
    images = ImageList()
    qtbot.addWidget(images)
    images.model.set_rows([row(i) for i in (5, 4, 3, 2, 1)])
    return images


def row(image_id):
    return ImageRecord(image_id, f"t{image_id}.png", 8, 8, ImageStatus.UNLABELLED, None, 0, "")


def shown(images):
    model = images.model
    return [model.row_at(model.index(n)).id for n in range(model.rowCount())]


def test_only_suggested_images_are_shown_the_most_useful_first(images):
    images.show_suggested(REASONS)
    assert shown(images) == [4, 1, 3]
    images.model.set_order(NAME)
    assert shown(images) == [4, 1, 3]
    images.filter.setCurrentText("All images")
    assert shown(images) == [1, 2, 3, 4, 5]
    images.filter.setCurrentText("Suggested")
    assert shown(images) == [4, 1, 3]
    assert images.model.neighbour(1, +1) == 3
    assert images.model.next_to_do(2, +1)[0] == 4


def test_a_suggested_image_is_marked_until_it_is_done_and_stays_in_its_list(images):
    images.show_suggested(REASONS)
    model = images.model
    assert "◎" in model.data(model.index_of(1))
    tooltip = model.data(model.index_of(1), Qt.ItemDataRole.ToolTipRole)
    assert "suggested: the most typical of 5" in tooltip
    model.update_row(replace(row(1), status=ImageStatus.LABELLED))
    assert "◎" not in model.data(model.index_of(1))
    assert shown(images) == [4, 1, 3]
    model.set_rows([row(i) for i in (5, 4, 3, 2)])  # one was removed
    assert shown(images) == [4, 3]


def test_without_suggestions_all_images_are_shown_again(images):
    images.show_suggested(REASONS)
    images.show_suggested({})
    assert images.filter.currentText() == "All images"
    assert shown(images) == [5, 4, 3, 2, 1]
    images.filter.setCurrentText("Blank")
    images.show_suggested({})
    assert images.filter.currentText() == "Blank"
