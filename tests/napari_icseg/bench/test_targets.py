"""What is a net, a via and a layer where a data set has only masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_icseg.bench.targets import MIN_AREA_PX, objects_of_ids, targets_of
from trainers.io.rle import RleMask
from trainers.metrics.clicks import Click

CLASSES = ("metal", "via")


@pytest.fixture
def ids():
    """Two metal lines; the upper one is cut through by a via, which also covers its middle."""
    ids = np.zeros((40, 60), np.uint8)
    ids[5:15, 5:55] = ids[25:35, 5:55] = 1
    ids[4:16, 25:35] = 2
    return ids


def by_name(ids, names=CLASSES):
    targets = targets_of(objects_of_ids(ids, names), ids.shape)
    return {name: [t for t in targets if t.name == name] for name in {t.name for t in targets}}


def test_metal_goes_on_under_a_via_but_a_click_there_means_the_via(ids):
    targets = by_name(ids)
    assert {name: len(found) for name, found in targets.items()} == {
        "metal layer": 1,
        "metal net": 2,
        "via layer": 1,
        "via net": 1,
    }
    layer = targets["metal layer"][0]
    assert (layer.mask == (ids > 0)).all()
    assert (layer.visible == (ids == 1)).all()
    assert (targets["via layer"][0].mask == (ids == 2)).all()
    assert {t.kind for t in targets["via net"]} == {"via"}


def test_a_click_means_what_it_shows(ids):
    targets = [t for found in by_name(ids).values() for t in found]
    on_via = {t.name for t in targets if t.means(Click(30, 10, True))}
    on_metal = {t.name for t in targets if t.means(Click(10, 10, True))}
    assert on_via == {"via layer", "via net"}
    assert on_metal == {"metal layer", "metal net"}
    assert not [t for t in targets if t.means(Click(0, 0, True))]


def test_a_net_wholly_under_vias_cannot_be_clicked(ids):
    below = RleMask.from_mask(np.ones((8, 8), bool), (6, 26))
    vias = objects_of_ids(ids, CLASSES)["via"]
    assert {t.name for t in targets_of({"metal": [below], "via": vias}, ids.shape)} == {
        "via layer",
        "via net",
    }


def test_vias_alone_are_no_metal(ids):
    assert set(by_name(np.where(ids == 2, 2, 0).astype(np.uint8))) == {"via layer", "via net"}


def test_with_two_metals_nobody_knows_what_lies_under_a_via(ids):
    ids[25:35] *= 3
    layer = by_name(ids, ("metal1", "via", "metal2"))["metal1 layer"][0]
    assert (layer.mask == (ids == 1)).all()


def test_slivers_are_not_clicked_but_belong_to_the_layer(ids):
    ids[38, 0 : MIN_AREA_PX - 1] = 1
    targets = by_name(ids)
    assert len(targets["metal net"]) == 2
    assert targets["metal layer"][0].mask[38, 3]


def test_a_blank_tile_has_no_target():
    assert targets_of(objects_of_ids(np.zeros((9, 9), np.uint8), CLASSES), (9, 9)) == []


def test_instance_masks_keep_instances_that_touch():
    ids = np.zeros((20, 40), np.uint16)
    ids[5:15, 5:20], ids[5:15, 20:35] = 7, 300
    assert [t.name for t in targets_of(objects_of_ids(ids, CLASSES), ids.shape)] == [
        "metal layer",
        "metal net",
        "metal net",
    ]


@given(arrays(np.uint8, (24, 30), elements=st.integers(0, 1)))
def test_nets_are_the_components_that_scipy_finds(ids):
    labels, num = ndimage.label(ids, np.ones((3, 3)))
    expected = {(labels == i).tobytes() for i in range(1, num + 1)}
    found = objects_of_ids(ids, CLASSES).get("metal", [])
    assert {rle.to_mask(ids.shape).tobytes() for rle in found} == expected
