"""Suggestions for a project: what is done is left alone, what was looked at is not again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_icseg.cli import app
from napari_icseg.controllers import vector_store
from napari_icseg.controllers.suggesting import image_vectors, suggest
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.watching import WorkCancelled
from trainers.terminal import run_app


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(
        "napari_icseg.controllers.vector_store.platformdirs.user_cache_dir",
        lambda *_args, **_options: str(folder),
    )
    return folder


@pytest.fixture
def looked_at(monkeypatch):
    """The names of the images that the encoder saw."""
    seen, original = [], vector_store.read_image

    def read(path):
        seen.append(path.name)
        return original(path)

    monkeypatch.setattr(vector_store, "read_image", read)
    return seen


@pytest.fixture
def project(tmp_path):
    """Twelve tiles of three kinds: blank, lines across, lines down."""
    rng, folder = np.random.default_rng(0), tmp_path / "tiles"
    folder.mkdir()
    for number in range(12):
        image = rng.normal(60, 6, (64, 64))
        if number % 3 == 1:
            image[8 + number :: 16] = 200
        if number % 3 == 2:
            image[:, 8 + number :: 16] = 200
        cv2.imwrite(str(folder / f"t{number:02d}.png"), image.clip(0, 255).astype(np.uint8))
    with Project.create(folder / "p.icseg") as project:
        project.add_images(sorted(folder.glob("*.png")))
        yield project


def kinds_of(found):
    return sorted((each.image.id - 1) % 3 for each in found)


def test_one_image_of_each_kind_is_suggested_first(project):
    assert kinds_of(suggest(project, 3)) == [0, 1, 2]


def test_what_is_labelled_or_blank_is_not_suggested(project):
    project.set_status(2, ImageStatus.LABELLED)
    project.set_status(1, ImageStatus.BLANK)
    found = suggest(project, 20)
    assert len(found) == 10
    assert not {each.image.id for each in found} & {1, 2}


def test_only_new_or_changed_images_are_looked_at_again(project, looked_at):
    suggest(project, 1)
    assert len(looked_at) == 12
    looked_at.clear()
    path = project.absolute_path(5)
    cv2.imwrite(str(path), np.zeros((64, 66), np.uint8))
    suggest(project, 1)
    assert looked_at == [path.name]


def test_a_damaged_store_is_made_anew(project, cache_folder, looked_at):
    suggest(project, 1)
    (file,) = (cache_folder / "vectors").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    looked_at.clear()
    assert len(suggest(project, 2)) == 2
    assert len(looked_at) == 12


def test_images_that_cannot_be_read_are_left_out_and_named(project):
    project.absolute_path(3).unlink()
    known = image_vectors(project)
    assert len(known.images) == 11
    assert known.unreadable[0].startswith("t02.png: ")


def test_what_was_computed_before_a_cancel_is_kept(project, looked_at):
    with pytest.raises(WorkCancelled):
        image_vectors(project, cancelled=lambda: len(looked_at) == 5)
    looked_at.clear()
    image_vectors(project)
    assert len(looked_at) == 7


def test_nothing_left_to_label_says_so(project):
    for image in project.images():
        project.set_status(image.id, ImageStatus.BLANK)
    with pytest.raises(ProjectError, match="nothing left"):
        suggest(project, 1)


def test_the_command_prints_paths_and_reasons(project, capsys):
    assert run_app(app, ["suggest", str(project.file), "--count", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(".png: the most typical of" in line for line in lines)
