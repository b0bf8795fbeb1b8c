from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.view_edits import ViewSettings, _parse

MINE = ViewSettings(low=0.25, high=0.5, gamma=0.75, is_inverted=True, denoise=2)
ALL = ViewSettings(is_auto=True, gamma=2.0)


@pytest.fixture
def project(tmp_path):
    paths = [tmp_path / "images" / f"{n}.png" for n in range(4)]
    (tmp_path / "images").mkdir()
    for path in paths:
        cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))
    project = Project.create(tmp_path / "p.icseg")
    project.add_images(paths)
    yield project
    project.close()


def test_a_view_belongs_to_its_image_and_is_no_step_of_undo(project):
    project.set_view(2, MINE)
    assert project.view_of(2) == MINE
    assert project.view_of(1) == project.view_of(3) == ViewSettings()
    assert not project.can_undo


def test_a_view_for_all_replaces_those_of_single_images(project):
    project.set_view(2, MINE)
    project.set_view_of_all(ALL)
    assert {project.view_of(n) for n in (1, 2, 3, 4)} == {ALL}
    project.set_view(3, ViewSettings())
    assert (project.view_of(3), project.view_of(4)) == (ViewSettings(), ALL)


def test_views_move_with_the_project_and_come_back_with_a_removed_image(project, tmp_path):
    project.set_view(2, MINE)
    project.set_view_of_all(ALL)
    project.set_view(2, MINE)
    project.remove_images([2])
    project.undo()
    project.close()
    (tmp_path / "moved").mkdir()
    shutil.move(tmp_path / "p.icseg", tmp_path / "moved" / "p.icseg")
    with Project.open(tmp_path / "moved" / "p.icseg") as moved:
        assert (moved.view_of(2), moved.view_of(1)) == (MINE, ALL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "null",
        '{"gamma": 0}',
        '{"gamma": "x"}',
        '{"gamma": NaN}',
        '{"low": 0.9, "high": 0.1}',
        '{"low": 0.9}',
        '{"denoise": 9}',
        '{"denoise": 1.5}',
        '{"low": 0, "high": 1e99}',
    ],
)
def test_nonsense_in_the_file_becomes_the_plain_view(project, text):
    project.close()
    with closing(sqlite3.connect(project.file)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('view:2', ?)", (text,))
    with Project.open(project.file) as opened:
        assert opened.view_of(2) == ViewSettings()


@given(st.text() | st.from_regex(r'\{"(low|high|gamma|denoise|is_auto|new)": [-0-9e."tru]{1,6}\}'))
def test_any_text_gives_a_view(text):
    assert isinstance(_parse(text), ViewSettings)


def test_a_setting_of_a_newer_version_does_not_lose_the_others():
    assert _parse('{"gamma": 2.0, "sharpen": 3}') == ViewSettings(gamma=2.0)


def test_actions_are_those_of_the_user_newest_first_and_name_what_was_marked(project):
    project.set_status(1, ImageStatus.LABELLED)
    project.set_status(2, ImageStatus.IN_PROGRESS)
    project.set_notes(3, "as labelled")
    project.set_status(3, ImageStatus.BLANK)
    actions = project.actions_since(0.0)
    assert [action.marked_id for action in actions] == [3, None, None, 1]
    assert project.actions_since(0.0, after_id=actions[1].id) == actions[:1]
    assert project.actions_since(actions[0].at_unix_s + 1) == []
    with project.snapshot() as snapshot:
        changed = snapshot.changed_unix_s()
    assert set(changed) == {1, 2, 3}
    assert changed[3] == actions[0].at_unix_s


def test_a_long_log_is_read_in_parts(project, monkeypatch):
    monkeypatch.setattr("napari_icseg.project.activity._CHUNK", 3)
    for n in range(10):
        project.set_notes(1, str(n))
    actions = project.actions_since(0.0)
    assert len(actions) == 10
    assert [a.id for a in actions] == sorted((a.id for a in actions), reverse=True)
