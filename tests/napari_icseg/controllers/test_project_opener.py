from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.controllers.project_opener import open_any, project_file_of
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus
from trainers.errors import DataError
from trainers.io.masks import write_semantic


@pytest.fixture
def opened():
    projects = []
    yield lambda path: projects.append(open_any(path)) or projects[-1]
    for item in projects:
        item.project.close()


def test_a_folder_gets_a_project_beside_its_images(opened, tiles):
    item = opened(tiles)
    assert item.project.file == tiles / "chip.icseg"
    assert [image.path for image in item.project.images()] == [f"tile_{n}.png" for n in range(4)]
    assert "4 images" in item.message


def test_masks_of_a_new_project_are_imported_and_it_says_so(opened, tiles):
    (tiles / "images").mkdir()
    (tiles / "masks").mkdir()
    for path in tiles.glob("*.png"):
        path.rename(tiles / "images" / path.name)
    mask = np.zeros((96, 96), dtype=np.uint8)
    mask[8:20, 10:86] = 1
    write_semantic(tiles / "masks" / "tile_0.png", mask)
    item = opened(tiles)
    assert "1 object imported" in item.message
    statuses = [image.status for image in item.project.images()]
    assert statuses == [ImageStatus.LABELLED] + [ImageStatus.UNLABELLED] * 3


def test_opening_again_adds_new_images_and_keeps_the_labels(opened, tiles):
    first = opened(tiles)
    first.project.set_status(1, ImageStatus.BLANK)
    first.project.close()
    (tiles / "tile_0.png").rename(tiles / "zz.png")
    (tiles / "zz.png").rename(tiles / "tile_0.png")
    (tiles / "tile_9.png").write_bytes((tiles / "tile_0.png").read_bytes())
    again = opened(tiles).project
    assert len(again.images()) == 5
    assert again.image(1).status is ImageStatus.BLANK


def test_a_folder_without_images_leaves_nothing_behind(tmp_path):
    with pytest.raises(DataError):
        open_any(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_broken_files_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ProjectError):
        open_any(tmp_path)
    assert not project_file_of(tmp_path).exists()


def test_unusable_files_are_named(opened, tiles):
    (tiles / "empty.tif").write_bytes(b"")
    item = opened(tiles)
    assert [file.name for file in item.skipped] == ["empty.tif"]
    assert "1 file cannot be read" in item.message
