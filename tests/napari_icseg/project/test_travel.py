"""Going through the history: to any place of it, always at whole operations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from tests.napari_icseg.project.conftest import square
from tests.napari_icseg.project.test_undo import everything

if TYPE_CHECKING:
    from napari_icseg.project.project import Project

METAL, VIA = 1, 2


@pytest.fixture
def states(project: Project) -> dict[int, object]:
    """What the project was after each operation, by the operation's id; 0: before all."""
    found = {0: everything(project)}
    for number in range(12):
        image_id = 1 + number % 3
        if number % 4 == 3:
            project.set_status(image_id, ImageStatus.LABELLED)
        else:
            project.add_object(image_id, METAL, square(number, number), ObjectSource.MANUAL)
        found[project.history_cursor()] = everything(project)
    return found


def test_every_place_of_the_history_is_reached_from_every_other(project, states):
    ids = tuple(states)
    for shift in (3, 5, 12):
        for place in range(len(ids)):
            end = ids[place * shift % len(ids)]
            project.go_to(end)
            assert everything(project) == states[end]
            assert project.history_cursor() == end


def test_rows_are_newest_first_and_those_above_the_cursor_are_undone(project, states):
    ids = sorted((key for key in states if key), reverse=True)
    project.go_to(ids[5])
    rows = project.history_rows(100)
    assert [row.id for row in rows] == ids
    assert [row.is_done for row in rows] == [False] * 5 + [True] * 7
    assert rows[-1].image_name == "t0.png"
    assert rows[-1].summary == "add a metal"
    assert [row.id for row in project.history_rows(3, before_id=ids[3])] == ids[4:7]
    assert [row.id for row in project.history_rows(3, after_id=ids[2])] == ids[:2]


def test_what_was_overtaken_is_not_listed_and_cannot_be_reached(project, states):
    ids = sorted(key for key in states if key)
    project.go_to(ids[3])
    project.add_object(1, VIA, square(1, 20), ObjectSource.MANUAL)
    assert [row.id for row in project.history_rows(100)][1:] == ids[3::-1]
    with pytest.raises(ProjectError, match="any more"):
        project.go_to(ids[8])
    with pytest.raises(ProjectError, match="any more"):
        project.go_to(10_000)


def test_listeners_are_told_once_of_all_that_changed(project, states):
    told: list[object] = []
    project.changed.connect(told.append)
    project.history_changed.connect(lambda: told.append("history"))
    journey = project.go_to(0)
    assert told == [1, 2, 3, "history"]
    assert (journey.num_undone, journey.num_redone) == (12, 0)
    assert journey.image_ids == (1, 2, 3)


def test_a_cancelled_way_stops_at_a_whole_operation(project, states):
    steps: list[tuple[int, int]] = []
    project.go_to(0, progress=lambda *step: steps.append(step), cancelled=lambda: len(steps) >= 5)
    assert steps == [(number, 12) for number in range(1, 6)]
    assert everything(project) == states[project.history_cursor()]


def test_an_edit_on_the_way_is_kept_and_stops_it(project, states):
    def edit(num_done: int, _total: int) -> None:
        if num_done == 3:
            project.add_object(2, VIA, square(1, 20), ObjectSource.MANUAL)

    with pytest.raises(ProjectError, match="edited on the way"):
        project.go_to(0, progress=edit)
    assert project.history_rows(1)[0].summary == "add a via"
    assert project.history_rows(1)[0].is_done


def test_a_hundred_thousand_operations_do_not_slow_the_list(project):
    project.add_object(1, METAL, square(1, 1), ObjectSource.MANUAL)
    with project._lock, project._transaction():
        project._connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
            "INSERT INTO operations (created_unix_s, kind, summary, image_id, other_side) "
            "SELECT i, 'add_objects', 'add a metal', 1, x'' FROM n"
        )
    started_s = time.perf_counter()
    for _ in range(20):
        newest = project.history_rows(1)[0].id
        project.history_rows(100, before_id=newest - 50_000)
        project.history_cursor()
        project.is_swap_long("redo")
    assert (time.perf_counter() - started_s) / 20 < 0.02


def test_undoing_one_object_is_short_and_undoing_a_thousand_is_long(project):
    assert not project.is_swap_long("undo")
    project.add_object(1, METAL, square(1, 1), ObjectSource.MANUAL)
    assert not project.is_swap_long("undo")
    project.add_objects(1, [NewObject(METAL, square(1, 1), ObjectSource.MANUAL)] * 1000)
    assert project.is_swap_long("undo")
    project.undo()
    assert project.is_swap_long("redo")
    assert not project.is_swap_long("undo")
