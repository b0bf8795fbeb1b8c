"""Images that were moved are found again; nothing is guessed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_icseg.project.errors import ProjectError, ProjectWriteError
from napari_icseg.project.locating import plan_location
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_image(path: Path, *, side_px: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((side_px, side_px), np.uint8)).save(path)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Images in two folders, two of them with the same name."""
    sem = tmp_path / "sem"
    names = ("a/x.png", "b/x.png", "b/y.png")
    with Project.create(tmp_path / "p" / "p.icseg") as project:
        project.add_images([write_image(sem / name) for name in names])
        yield project


def test_images_that_moved_without_the_project_are_found_one_by_one(
    project: Project, tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "sem" / "a", tmp_path / "other" / "a")
    shutil.rmtree(tmp_path / "sem" / "a")
    plan = plan_location(project, tmp_path / "other")
    assert plan.root is None
    assert plan.paths == {1: tmp_path / "other" / "a" / "x.png"}
    project.move_images(plan.paths)
    assert project.missing_images() == ()


def test_images_below_the_project_keep_their_paths_under_a_new_root(tmp_path: Path) -> None:
    tiles = [write_image(tmp_path / "tiles" / f"t{n}.png") for n in range(3)]
    with Project.create(tmp_path / "p.icseg") as project:
        project.add_images(tiles)
        (tmp_path / "usb").mkdir()
        shutil.move(tmp_path / "tiles", tmp_path / "usb" / "tiles")
        for chosen in (tmp_path / "usb", tmp_path / "usb" / "tiles"):
            assert plan_location(project, chosen).root == tmp_path / "usb"


def test_of_files_with_one_name_the_folders_decide(project: Project, tmp_path: Path) -> None:
    shutil.move(tmp_path / "sem", tmp_path / "new")
    plan = plan_location(project, tmp_path / "new")
    found = {image.path: plan.paths[image.id].parent.name for image in project.images()}
    assert found == {"../sem/a/x.png": "a", "../sem/b/x.png": "b", "../sem/b/y.png": "b"}


def test_where_two_files_fit_alike_neither_is_taken(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "sem")
    for folder in ("c", "d"):
        write_image(tmp_path / "new" / folder / "y.png")
    plan = plan_location(project, tmp_path / "new")
    assert plan.doubtful == ("../sem/b/y.png",)
    assert len(plan.missing) == 2
    assert not plan.paths


def test_a_file_of_another_size_is_not_the_image(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "sem")
    write_image(tmp_path / "new" / "y.png", side_px=40)
    assert plan_location(project, tmp_path / "new").doubtful == ("../sem/b/y.png",)


def test_images_that_are_in_their_place_are_left_alone(project: Project, tmp_path: Path) -> None:
    (tmp_path / "sem" / "b" / "y.png").unlink()
    write_image(tmp_path / "new" / "x.png")
    write_image(tmp_path / "new" / "y.png")
    assert list(plan_location(project, tmp_path / "new").paths) == [3]


def test_moving_images_is_one_operation_that_undo_takes_back(
    project: Project, tmp_path: Path
) -> None:
    before = [image.path for image in project.images()]
    shutil.move(tmp_path / "sem", tmp_path / "new")
    project.move_images(plan_location(project, tmp_path / "new").paths)
    assert project.missing_images() == ()
    project.undo()
    assert [image.path for image in project.images()] == before


def test_two_images_never_become_one_file(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="already"):
        project.move_images({3: tmp_path / "sem" / "a" / "x.png"})
    assert project.image(3).path == "../sem/b/y.png"


def test_a_change_while_the_file_is_gone_is_refused_and_works_when_it_is_back(
    project: Project, tmp_path: Path
) -> None:
    """As with a drive that is pulled out: SQLite itself would write to the open file on."""
    away = tmp_path / "away"
    project.file.parent.rename(away)
    with pytest.raises(ProjectWriteError, match="not there any more"):
        project.set_status(1, ImageStatus.BLANK)
    away.rename(project.file.parent)
    project.set_status(1, ImageStatus.BLANK)
    assert project.image(1).status is ImageStatus.BLANK


def test_a_change_is_refused_where_another_file_has_taken_the_place(project: Project) -> None:
    aside = project.file.with_suffix(".old")
    project.file.rename(aside)
    project.file.write_bytes(b"something else")
    with pytest.raises(ProjectWriteError, match="another file"):
        project.set_status(1, ImageStatus.BLANK)
    project.file.unlink()
    aside.rename(project.file)
    assert project.image(1).status is ImageStatus.UNLABELLED
