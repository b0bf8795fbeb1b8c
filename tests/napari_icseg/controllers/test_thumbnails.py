from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile

from napari_icseg.controllers.session import ProjectSession
from napari_icseg.controllers.thumbnail_files import (
    SIDE_PX,
    NoThumbnailError,
    ThumbnailFiles,
    make_thumbnail,
    shrink,
)
from napari_icseg.controllers.thumbnails import Thumbnails
from napari_icseg.project.project import Project
from napari_icseg.widgets.image_list import ImageList
from trainers.errors import DataError
from trainers.io.open_image import open_image


@dataclass
class CountingFiles(ThumbnailFiles):
    """Thumbnail files that note what was asked for."""

    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def get(self, path):
        self.asked.append(path.name)
        return super().get(path)


@pytest.fixture
def image_file(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.tile(np.arange(200, dtype=np.uint8), (100, 1)))
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape_hw", [(8, 8), (300, 50), (64, 900), (72, 72), (400, 40)])
def test_a_thumbnail_keeps_the_shape_and_uses_all_greys(dtype, shape_hw):
    rng = np.random.default_rng(0)
    pixels = rng.integers(30, 90, shape_hw).astype(dtype)
    small = shrink(pixels)
    assert small.dtype == np.uint8
    assert max(small.shape) == min(SIDE_PX, max(shape_hw))
    assert small.shape[0] / small.shape[1] == pytest.approx(shape_hw[0] / shape_hw[1], rel=0.1)
    assert small.min() == 0
    assert small.max() == 255
    assert (shrink(np.full(shape_hw, 7, dtype)) == 0).all()


def test_a_thumbnail_is_read_from_the_disk_until_the_image_changes(tmp_path, image_file):
    files = ThumbnailFiles(tmp_path / "cache")
    first = files.get(image_file)
    stored = list((tmp_path / "cache").iterdir())
    cv2.imwrite(str(stored[0]), np.full((5, 5), 9, np.uint8))  # to see where it comes from
    assert (files.get(image_file) == 9).all()
    cv2.imwrite(str(image_file), np.tile(np.arange(200, dtype=np.uint8)[::-1], (100, 1)))
    os.utime(image_file, ns=(1, 1))
    assert np.array_equal(files.get(image_file), first[:, ::-1])


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_thumbnail_is_made_anew(tmp_path, image_file, content):
    files = ThumbnailFiles(tmp_path / "cache")
    first = files.get(image_file)
    next((tmp_path / "cache").iterdir()).write_bytes(content)
    assert np.array_equal(files.get(image_file), first)


def test_the_folder_is_bounded_and_the_oldest_go_first(tmp_path):
    rng = np.random.default_rng(0)
    files = ThumbnailFiles(tmp_path / "cache", max_bytes=40_000)
    paths = [tmp_path / f"{n}.png" for n in range(12)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), rng.integers(0, 255, (80, 80)).astype(np.uint8))
        files.get(path)
        for stored in (tmp_path / "cache").iterdir():
            if stored.stat().st_mtime > 1000:  # not dated yet
                os.utime(stored, (number, number))
        assert files.num_bytes <= 40_000
    ages = sorted(stored.stat().st_mtime for stored in (tmp_path / "cache").iterdir())
    assert ages[-1] == 11
    assert 0 not in ages
    files.clear()
    assert files.num_bytes == 0


def test_without_a_place_to_keep_them_thumbnails_are_made_all_the_same(tmp_path, image_file):
    (tmp_path / "file").write_text("in the way")
    assert ThumbnailFiles(tmp_path / "file" / "cache").get(image_file).shape == (36, 72)


def test_an_image_that_is_missing_or_broken_is_an_error_of_the_data(tmp_path, image_file):
    files = ThumbnailFiles(tmp_path / "cache")
    image_file.write_bytes(image_file.read_bytes()[:60])
    with pytest.raises(DataError):
        files.get(image_file)
    image_file.unlink()
    with pytest.raises(DataError):
        files.get(image_file)


@pytest.mark.parametrize("form", ["strips", "pyramid"])
def test_of_a_large_image_little_is_read(tmp_path, monkeypatch, form):
    monkeypatch.setattr("napari_icseg.controllers.thumbnail_files.IN_MEMORY_PIXELS", 10_000)
    monkeypatch.setattr("napari_icseg.controllers.thumbnail_files.MAX_COARSE_PIXELS", 90_000)
    tiles = np.random.default_rng(0).integers(0, 255, (16, 32)).astype(np.uint8)
    image = np.kron(tiles, np.ones((64, 64), np.uint8))
    path = tmp_path / "mosaic.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(image, subifds=3, tile=(64, 64)) if form == "pyramid" else writer.write(image)
        for level in (1, 2, 3) if form == "pyramid" else ():
            writer.write(image[:: 2**level, :: 2**level], subfiletype=1, tile=(64, 64))
    monkeypatch.setattr(
        "napari_icseg.controllers.thumbnail_files.open_image",
        partial(open_image, max_pixels=10_000),
    )
    read = []
    monkeypatch.setattr(
        "napari_icseg.controllers.thumbnail_files.shrink",
        lambda p: read.append(p.size) or shrink(p),
    )
    small = make_thumbnail(path)
    assert read[0] <= 90_000
    assert small.shape == (36, 72)
    expected = shrink(image).astype(float).ravel()
    assert np.corrcoef(small.astype(float).ravel(), expected)[0, 1] > 0.6


def test_a_large_image_with_nothing_coarse_is_said_to_have_no_thumbnail(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_icseg.controllers.thumbnail_files.IN_MEMORY_PIXELS", 1000)
    monkeypatch.setattr(
        "napari_icseg.controllers.thumbnail_files.open_image", partial(open_image, max_pixels=1000)
    )
    cv2.imwrite(str(tmp_path / "big.png"), np.zeros((90, 90), np.uint8))
    with pytest.raises(NoThumbnailError):
        make_thumbnail(tmp_path / "big.png")


@pytest.fixture
def listed(qtbot, tmp_path):
    """An image list on a project of 60 images, one of them broken; and what was read."""
    paths = [tmp_path / f"tile_{n:02d}.png" for n in range(60)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((16, 16 + number), number, np.uint8))
    session, images = ProjectSession(), ImageList()
    project = Project.create(tmp_path / "p.icseg")
    project.add_images(paths)
    paths[1].write_bytes(b"broken")
    qtbot.addWidget(images)
    files = CountingFiles()
    desk = SimpleNamespace(session=session, dock=SimpleNamespace(images=images))
    part = Thumbnails(desk, files)
    session.take(project)
    images.set_thumbnails_on(is_on=True)
    images.model.set_rows(project.images())
    images.resize(300, 250)
    images.show()
    yield SimpleNamespace(images=images, files=files, session=session, part=part)
    part.close()
    session.shut_down()


def pixmap_size(images, image_id) -> tuple[int, int] | None:
    found = images.delegate._thumbnail_of(image_id)
    return None if found is None else (found.width(), found.height())


@pytest.mark.gui
def test_only_rows_in_sight_are_read_each_once_and_the_right_ones(listed, qtbot):
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 5) is not None)
    qtbot.wait(150)
    assert 4 <= len(listed.files.asked) <= 8
    assert len(set(listed.files.asked)) == len(listed.files.asked)
    assert pixmap_size(listed.images, 3) == (18, 16)
    listed.images.select(60)
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 60) is not None)
    assert pixmap_size(listed.images, 60) == (SIDE_PX, 15)
    assert "tile_30.png" not in listed.files.asked


@pytest.mark.gui
def test_a_broken_image_gets_an_icon_and_the_others_their_pictures(listed, qtbot):
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 2) is not None)
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 1) == (16, 16))
    assert pixmap_size(listed.images, 2) == (28, 28)


@pytest.mark.gui
def test_no_thumbnail_of_one_project_is_shown_in_another(listed, qtbot, tmp_path):
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 1) is not None)
    (tmp_path / "other").mkdir()
    other = Project.create(tmp_path / "other" / "q.icseg")
    cv2.imwrite(str(tmp_path / "other" / "x.png"), np.zeros((50, 9), np.uint8))
    other.add_images([tmp_path / "other" / "x.png"])
    listed.session.take(other)
    listed.images.model.set_rows(other.images())
    assert pixmap_size(listed.images, 1) is None
    qtbot.waitUntil(lambda: pixmap_size(listed.images, 1) is not None)
    assert pixmap_size(listed.images, 1) == (9, 50)
