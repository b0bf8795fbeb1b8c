from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_icseg.controllers import image_loader
from napari_icseg.controllers.gui_thread import GuiThread
from napari_icseg.controllers.image_loader import ImageLoader
from tests.napari_icseg.conftest import draw_tile


@pytest.fixture
def loaded(qtbot):
    return []


@pytest.fixture
def loader(loaded):
    gui = GuiThread()
    loader = ImageLoader(gui, loaded.append)
    yield loader
    loader.close()
    gui.close()


def test_the_newest_request_wins(loader, loaded, tiles, qtbot, monkeypatch):
    gate, open_image = threading.Event(), image_loader.open_image
    names = []

    def slow(path, **options):
        gate.wait(5)
        names.append(path.name)
        return open_image(path, **options)

    monkeypatch.setattr(image_loader, "open_image", slow)
    for number in range(3):
        loader.request(number, tiles / f"tile_{number}.png")
    gate.set()
    qtbot.waitUntil(lambda: bool(loaded), timeout=5000)
    assert [image.image_id for image in loaded] == [2]
    # the one overtaken while it waited was not even read
    assert names == ["tile_0.png", "tile_2.png"]


def test_an_image_read_ahead_is_not_read_again(loader, loaded, tiles, qtbot, monkeypatch):
    loader.load(1, tiles / "tile_1.png")
    monkeypatch.setattr(image_loader, "open_image", lambda *_args, **_options: 1 / 0)
    loader.request(1, tiles / "tile_1.png")
    qtbot.waitUntil(lambda: bool(loaded), timeout=5000)
    assert np.array_equal(loaded[0].pixels, draw_tile(1))


def test_an_image_that_was_changed_since_is_read_again(loader, tiles):
    path = tiles / "tile_1.png"
    loader.load(1, path)
    path.write_bytes((tiles / "tile_2.png").read_bytes())
    assert np.array_equal(loader.load(1, path).pixels, draw_tile(2))
    path.unlink()
    assert "tile_1.png" in loader.load(1, path).error


def test_what_cannot_be_read_comes_back_with_the_reason(loader, loaded, tiles, qtbot):
    loader.request(1, tiles / "gone.png")
    qtbot.waitUntil(lambda: bool(loaded), timeout=5000)
    assert loaded[0].pixels is None
    assert "gone.png" in loaded[0].error


def test_the_cache_is_bounded(loader, tiles, monkeypatch):
    monkeypatch.setattr(image_loader, "MAX_CACHED_MIB", 3 * 96 * 96 / 2**20)
    for number in range(4):
        loader.load(number, tiles / f"tile_{number}.png")
    assert loader._cached(0, tiles / "tile_0.png") is None
    assert loader._cached(3, tiles / "tile_3.png") is not None
