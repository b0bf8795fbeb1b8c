from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from napari_icseg._reader import get_reader
from napari_icseg._writer import write_coco_json, write_png
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from tests.napari_icseg.conftest import draw_tile
from trainers.errors import DataError
from trainers.io.masks import read_mask
from trainers.io.rle import RleMask


def test_images_become_layers_with_contrast_limits(tiles):
    paths = [str(tiles / "tile_0.png"), str(tiles / "tile_1.png")]
    layers = get_reader(paths)(paths)
    assert [kind for _data, _meta, kind in layers] == ["image", "image"]
    assert np.array_equal(layers[1][0], draw_tile(1))
    assert layers[0][1]["contrast_limits"] == (0.0, 255.0)


@pytest.mark.parametrize("path", ["a.txt", "a.npy", ["a.png", "b.txt"], []])
def test_other_files_are_left_to_other_readers(path):
    assert get_reader(path) is None


def test_a_damaged_image_is_an_error_that_names_it(tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"cut\.png"):
        get_reader(str(tmp_path / "cut.png"))(str(tmp_path / "cut.png"))


def test_without_a_viewer_a_project_becomes_its_first_image_and_objects(tiles):
    mask = np.zeros((96, 96), dtype=bool)
    mask[8:20, 10:86] = True
    with Project.create(tiles / "p.icseg") as project:
        project.add_images([tiles / "tile_0.png"])
        project.add_object(1, 1, RleMask.from_mask(mask), ObjectSource.PROMPT)
    path = str(tiles / "p.icseg")
    (image, _, _), (labels, _, kind) = get_reader(path)(path)
    assert np.array_equal(image, draw_tile(0))
    assert kind == "labels"
    assert np.array_equal(labels > 0, mask)


@pytest.mark.gui
def test_a_project_dropped_on_napari_opens_in_the_dock(make_gui, tiles):
    gui = make_gui()
    Project.create(tiles / "p.icseg").close()
    gui.viewer.open(str(tiles / "p.icseg"), plugin="napari-icseg")
    gui.wait(lambda: gui.project is not None)
    assert gui.project.name == "p"


@pytest.fixture
def labels() -> np.ndarray:
    """A ring with a hole, two separate parts, and one pixel."""
    labels = np.zeros((20, 30), dtype=np.int32)
    labels[2:9, 2:9] = 1
    labels[4:7, 4:7] = 0
    labels[12:14, 2:5] = labels[12:14, 20:25] = 2
    labels[19, 29] = 300
    return labels


def test_png_masks_keep_every_label(tmp_path, labels):
    (path,) = write_png(str(tmp_path / "m.png"), labels, {})
    assert np.array_equal(read_mask(path), labels)


def test_labels_above_16_bit_are_numbered_anew(tmp_path, labels):
    (path,) = write_png(str(tmp_path / "m.png"), labels.astype(np.int64) * 1000, {})
    read = read_mask(path)
    assert np.array_equal(read > 0, labels > 0)
    assert set(np.unique(read)) == {0, 1, 2, 3}


# pycocotools does not know numpy 2's copy keyword
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_keeps_holes_parts_and_classes(tmp_path, labels):
    features = {"index": [1, 2, 300], "class": ["metal", "metal", "via"]}
    meta = {"features": features, "metadata": {"path": "images/tile_0.png"}}
    (path,) = write_coco_json(str(tmp_path / "m.json"), labels, meta)
    coco = COCO(path)
    masks = [coco.annToMask(annotation) for annotation in coco.loadAnns(coco.getAnnIds())]
    for mask, value in zip(masks, (1, 2, 300), strict=True):
        assert np.array_equal(mask.astype(bool), labels == value)
    assert {c["name"] for c in coco.loadCats(coco.getCatIds())} == {"metal", "via"}
    assert json.loads((tmp_path / "m.json").read_text())["images"][0]["file_name"] == "tile_0.png"


@pytest.mark.parametrize("writer", [write_png, write_coco_json])
def test_stacks_and_negative_labels_are_refused(tmp_path, writer):
    for data in (np.zeros((2, 3, 4), dtype=np.uint8), np.full((3, 4), -1)):
        with pytest.raises(DataError, match="two-dimensional"):
            writer(str(tmp_path / "m.out"), data, {})
    assert list(tmp_path.iterdir()) == []


def test_sample_layers_are_an_image_and_its_mask():
    from napari_icseg._sample_data import sample_tile

    (image, options, kind), (mask, _, mask_kind) = sample_tile()
    assert (kind, mask_kind) == ("image", "labels")
    assert image.shape == mask.shape == (256, 256)
    assert options["contrast_limits"][1] > options["contrast_limits"][0]
