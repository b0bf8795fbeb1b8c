"""Proposals on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_icseg.controllers.prefill_layer import LAYER, draw_proposals
from napari_icseg.controllers.proposal_paint import paint
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.project.records import NewProposal
from tests.napari_icseg.controllers.training_fixtures import SIDE_PX, bar, make_project
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.gui


class Scene:
    def __init__(self, folder: Path) -> None:
        self.session = ProjectSession()
        self.session.take(make_project(folder))
        self.project = self.session.project
        self.viewer = ViewerModel()
        self.image_layer = self.viewer.add_image(np.zeros((SIDE_PX, SIDE_PX)), name="image")
        self.ids = [image.id for image in self.project.images()][-2:]
        self.drawn = draw_proposals(self.viewer, self.session)

    def propose(self, image_id: int, *numbers: int, class_number: int = 0) -> None:
        class_id = self.project.classes()[class_number].id
        masks = [RleMask.from_mask(bar(number)) for number in numbers]
        new = [NewProposal(class_id, mask, 0.9) for mask in masks]
        self.project.add_proposals(image_id, new, replace=False)


@pytest.fixture
def scene(tmp_path: Path, qtbot) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.session.shut_down()


def test_proposals_of_the_image_shown_are_drawn_and_go_with_it(scene: Scene) -> None:
    scene.session.set_current_image(scene.ids[0])
    layer = scene.viewer.layers[LAYER]
    assert not layer.visible

    scene.propose(scene.ids[0], 2)
    assert layer.visible
    assert np.array_equal(layer.data > 0, bar(2))
    scene.session.set_current_image(scene.ids[1])
    assert not layer.visible
    scene.session.set_current_image(scene.ids[0])
    assert layer.visible
    scene.project.reject_proposals([p.id for p in scene.project.proposals(scene.ids[0])])
    assert not layer.visible
    assert not layer.data.any()


def test_the_layer_lies_over_the_image_and_leaves_the_tools_where_they_were(scene: Scene) -> None:
    top = scene.viewer.add_points(name="prompts")
    scene.viewer.layers.selection.active = scene.image_layer
    scene.session.set_current_image(scene.ids[0])

    scene.propose(scene.ids[0], 2)

    assert [layer.name for layer in scene.viewer.layers] == ["image", LAYER, top.name]
    assert scene.viewer.layers.selection.active is scene.image_layer
    assert not scene.viewer.layers[LAYER].editable


def test_each_class_has_its_own_values_for_inside_and_dashes(scene: Scene) -> None:
    scene.propose(scene.ids[0], 0, class_number=0)
    scene.propose(scene.ids[0], 6, class_number=1)
    shape = (SIDE_PX, SIDE_PX)

    values = paint(scene.project.proposals(scene.ids[0]), scene.project.classes(), shape)

    assert set(np.unique(values[bar(0)])) == {1, 2}
    assert set(np.unique(values[bar(6)])) == {3, 4}
    edge = values[:, 6]  # the first column of the first bar
    assert 0.3 < np.mean(edge == 2) < 0.7, "the outline is dashed"
    assert not values[~(bar(0) | bar(6))].any()


def test_a_layer_that_the_user_removed_comes_back_with_the_next_change(scene: Scene) -> None:
    scene.session.set_current_image(scene.ids[0])
    scene.propose(scene.ids[0], 1)
    scene.viewer.layers.remove(LAYER)

    scene.propose(scene.ids[0], 4)

    assert scene.viewer.layers[LAYER].visible
    assert np.array_equal(scene.viewer.layers[LAYER].data > 0, bar(1) | bar(4))


def test_layers_that_come_later_keep_their_place_over_the_proposals(scene: Scene) -> None:
    scene.session.set_current_image(scene.ids[0])
    scene.viewer.add_labels(np.zeros((SIDE_PX, SIDE_PX), int), name="objects")
    scene.viewer.add_points(name="prompts")
    scene.viewer.layers.move(scene.viewer.layers.index(LAYER), 3)

    scene.propose(scene.ids[0], 2)

    assert [layer.name for layer in scene.viewer.layers] == ["image", "objects", LAYER, "prompts"]


def test_closing_the_project_takes_the_layer_away(scene: Scene) -> None:
    scene.session.set_current_image(scene.ids[0])
    scene.propose(scene.ids[0], 1)

    scene.session.close_project()

    assert LAYER not in scene.viewer.layers


def test_docks_share_one_layer(scene: Scene) -> None:
    assert draw_proposals(scene.viewer, scene.session) is scene.drawn
