"""Whatever is done to reviews in whatever order, and whenever the process dies: all comes back."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.image_edits import insert_image
from napari_icseg.project.project import Project
from napari_icseg.project.records import (
    ImageStatus,
    ObjectSource,
    OperationKind,
    OperationState,
    ReviewState,
)
from tests.napari_icseg.project.conftest import square, write_image
from tests.napari_icseg.project.test_reviews import new_review, new_round
from tests.napari_icseg.project.test_undo import everything

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT_1 = Path(__file__).with_name("data") / "format1.icseg.gz"
MANUAL = ObjectSource.MANUAL


def everything_reviewed(project: Project) -> object:
    rows = project._rows("SELECT * FROM reviews ORDER BY id")
    return everything(project), rows


EDITS: dict[str, Callable[[Project, int], object]] = {
    "accept": Project.accept_review,
    "accept_all": lambda p, _: p.accept_reviews([r.image_id for r in p.reviews(state=WAITING)]),
    "edit": Project.edit_review,
    "reject": Project.reject_review,
    "blank": Project.blank_review,
    "draw": lambda p, i: p.add_object(i, 1, square(2, 2), MANUAL),
    "clear": lambda p, i: p.delete_objects([o.id for o in p.objects(i)]),
    "accept_one": lambda p, i: p.accept_proposals([q.id for q in p.proposals(i)[:1]]),
    "reject_one": lambda p, i: p.reject_proposals([q.id for q in p.proposals(i)[:1]]),
    "label": lambda p, i: p.set_status(i, ImageStatus.LABELLED),
    "unlabel": lambda p, i: p.set_status(i, ImageStatus.UNLABELLED),
    "remove": lambda p, i: p.remove_images([i]),
    "delete_class": lambda p, _: p.delete_class(2, delete_members=True),
}
WAITING = ReviewState.WAITING
BACK_AND_FORTH = ("undo", "redo", "undo", "redo")


def attempt(project: Project, name: str, image_id: int) -> None:
    """Do an edit; that it is refused is no failure: the states afterwards tell."""
    with contextlib.suppress(ProjectError):
        EDITS[name](project, image_id)


def steps_of(*more: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    names = st.sampled_from([*EDITS, *BACK_AND_FORTH, *more])
    return st.lists(st.tuples(names, st.integers(1, 3)), max_size=20)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("reviews")
    return [write_image(folder / f"{n}.png") for n in range(3)]


@settings(max_examples=60, deadline=None)
@given(steps=steps_of())
def test_any_sequence_of_decisions_edits_and_undo_leads_to_each_earlier_state(
    images: list[Path], steps: list[tuple[str, int]]
) -> None:
    path = images[0].with_name("any.icseg")
    path.unlink(missing_ok=True)
    with Project.create(path) as project:
        project.add_images(images)
        new_round(project)
        past: list[object] = []
        future: list[object] = []
        for name, image_id in steps:
            state = everything_reviewed(project)
            if name == "undo":
                if past:
                    project.undo()
                    assert everything_reviewed(project) == past.pop()
                    future.append(state)
            elif name == "redo":
                if future:
                    project.redo()
                    assert everything_reviewed(project) == future.pop()
                    past.append(state)
            else:
                newest = project.history(1)[0].id
                attempt(project, name, image_id)
                if project.history(1)[0].id != newest:
                    past.append(state)
                    future = []
                else:
                    assert everything_reviewed(project) == state, "refused, but changed"
        for earlier in reversed(past):
            project.undo()
            assert everything_reviewed(project) == earlier


@settings(max_examples=60, deadline=None)
@given(steps=steps_of("round", "round"))
def test_rounds_that_come_in_between_harm_neither_labels_nor_the_way_back(
    images: list[Path], steps: list[tuple[str, int]]
) -> None:
    path = images[0].with_name("rounds.icseg")
    path.unlink(missing_ok=True)
    with Project.create(path) as project:
        project.add_images(images)
        new_round(project)
        for name, image_id in steps:
            labels = [project.objects(image.id) for image in project.images()]
            if name == "round":
                with contextlib.suppress(ProjectError):  # its classes may be gone
                    new_round(project)
                assert [project.objects(image.id) for image in project.images()] == labels
            elif name in ("undo", "redo"):
                getattr(project, name)()
            else:
                attempt(project, name, image_id)
        after = everything_reviewed(project)
        num_done = sum(
            e.can_be_undone and e.state is OperationState.DONE for e in project.history(100)
        )
        for _ in range(num_done):
            assert project.undo() is not None
        assert all(image.num_objects == 0 for image in project.images())
        for _ in range(num_done):
            assert project.redo() is not None
        assert everything_reviewed(project) == after
        assert project._rows("PRAGMA foreign_key_check") == []
        project.check()


TAKE_IN = """
import sys
from napari_icseg.project.project import Project
from tests.napari_icseg.project.test_reviews import new_review

def told(ids):
    for image_id in ids:
        print(image_id, flush=True)
        yield new_review(image_id)

with Project.open(sys.argv[1]) as project:
    project.add_reviews(1, told(range(1, 601)))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("moment", [17, 250])
def test_kill_9_while_proposals_are_taken_in_leaves_whole_images_and_the_rest_follows(
    project: Project, moment: int
) -> None:
    with project.operation(OperationKind.IMPORT, "fill") as operation:
        for number in range(597):
            insert_image(operation, f"more/{number}.png", (24, 32))
    drawn = project.add_object(1, 1, square(0, 0), MANUAL)
    project.add_round("sam_seg", "r", {})
    project.close()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_IN, str(project.file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(moment):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Project.open(project.file) as survived:
        survived.check()
        taken = survived.reviews()
        assert len(taken) >= moment - 1 - 16 - 1
        assert all(len(survived.proposals(r.image_id)) == 2 for r in taken)
        (num_proposals,) = survived._rows("SELECT COUNT(*) FROM proposals")[0]
        assert num_proposals == 2 * len(taken)
        rest = survived.add_reviews(1, map(new_review, range(1, 601)))
        assert rest == 599 - len(taken)
        assert len(survived.reviews()) == 599
        assert survived.objects(1) == (drawn,)


def test_a_file_of_format_1_is_brought_to_format_2_with_all_that_was_in_it(tmp_path: Path) -> None:
    path = tmp_path / "old.icseg"
    path.write_bytes(gzip.decompress(FORMAT_1.read_bytes()))
    with Project.open(path) as project:
        assert [i.status.value for i in project.images()] == ["labelled", "in_progress", "blank"]
        assert [c.name for c in project.classes()] == ["metal", "via", "poly"]
        assert [len(project.objects(i.id)) for i in project.images()] == [2, 1, 0]
        assert project.reviews() == ()
        assert project.num_human_actions() == 10
        assert project.can_redo
        assert project.redo() is not None
        assert len(project.objects(2)) == 2
        while project.undo() is not None:
            pass
        assert len(project.images()) == 4
        assert all(image.num_objects == 0 for image in project.images())
        assert [each.score for each in project.proposals(2)] == [0.9, 0.4]
        assert project.add_reviews(project.rounds()[0].id, [new_review(4)]) == 1
        project.accept_review(4)
        project.check()
    with closing(sqlite3.connect(path.with_name("old.icseg.v1-backup"))) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (1,)
        assert backup.execute("SELECT COUNT(*) FROM objects").fetchone() == (3,)
