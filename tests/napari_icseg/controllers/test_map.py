"""The map of a project: places, near-duplicates, status and words, without a window."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from napari_icseg.controllers import map_words, vector_store
from napari_icseg.controllers.map_hover import card_of
from napari_icseg.controllers.map_look import MapLook
from napari_icseg.controllers.map_places import MapPlaces, places_of
from napari_icseg.controllers.map_status import MapStatuses, all_kinds, kinds_of
from napari_icseg.controllers.map_words import MapState
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.controllers.suggest_words import SuggestBy
from napari_icseg.controllers.suggesting import SuggestedImage
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, NewReview, ObjectSource
from napari_icseg.widgets.map_view import KINDS
from trainers.io.rle import RleMask

pytestmark = pytest.mark.usefixtures("vector_cache")
NUM_IMAGES = 7


@pytest.fixture
def file(tmp_path):
    """A project of different images, of which the last shows the same as the first."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES - 1):
        image = rng.normal(50 + 12 * number, 4 + number, (96, 96))
        image[:: 6 + 5 * number] = 220
        cv2.imwrite(str(folder / f"t{number}.png"), image.clip(0, 255).astype(np.uint8))
    (folder / "u_copy.png").write_bytes((folder / "t0.png").read_bytes())
    with Project.create(folder / "p.icseg") as project:
        project.add_images(sorted(folder.glob("*.png")))
    return folder / "p.icseg"


@pytest.fixture
def project(file):
    with Project.open(file) as project:
        yield project


@pytest.fixture
def session(qapp, file):
    session = ProjectSession()
    session.open_project(file)
    yield session
    session.shut_down()


def add_object(project, image_id):
    mask = RleMask.from_mask(np.ones((96, 96), bool))
    new = NewObject(project.classes()[0].id, mask, ObjectSource.MANUAL)
    project.add_objects(image_id, [new])


# places -----------------------------------------------------------------------------------


def test_the_map_is_there_at_once_and_better_afterwards(project):
    first, last = places_of(project)
    assert not first.is_final
    assert last.is_final
    for places in (first, last):
        assert places.places.shape == (NUM_IMAGES, 2)
        assert places.ids.tolist() == [image.id for image in project.images()]
    assert last.alike(1).tolist() == [NUM_IMAGES]
    assert last.num_groups == 1


def test_a_map_that_was_drawn_before_is_not_computed_again(project, vector_cache, monkeypatch):
    *_, drawn = places_of(project)
    (stored,) = vector_cache.glob("*.places.npz")
    monkeypatch.setattr("trainers.suggest.TSNE", None)
    (again,) = places_of(project)
    np.testing.assert_array_equal(again.places, drawn.places)
    stored.write_bytes(stored.read_bytes()[:50])
    with pytest.raises(TypeError):  # t-SNE is wanted again
        list(places_of(project))


def test_another_image_makes_another_map(project):
    *_, drawn = places_of(project)
    path = project.absolute_path(2)
    cv2.imwrite(str(path), np.full((96, 96), 128, np.uint8))
    assert [places.is_final for places in places_of(project)] == [False, True]
    assert len(drawn.ids) == NUM_IMAGES


def test_images_that_cannot_be_read_are_not_on_the_map(project):
    project.absolute_path(2).unlink()
    *_, places = places_of(project)
    assert 2 not in places.ids
    assert places.unreadable[0].startswith("t1.png")


# status -----------------------------------------------------------------------------------


def test_each_status_and_a_waiting_review_have_a_kind_of_their_own(project):
    for image_id, status in ((2, ImageStatus.LABELLED), (3, ImageStatus.BLANK)):
        project.set_status(image_id, status)
    add_object(project, 4)
    record = project.add_round("unet", "p.runs/round-1", {})
    project.add_reviews(record.id, [NewReview(5, ()), NewReview(6, ())])
    project.reject_review(6)
    expected = dict(
        enumerate(["unlabelled", "labelled", "blank", "in_progress", "waiting", "unlabelled"], 1)
    )
    for found in (all_kinds(project), kinds_of(project, frozenset(range(1, 99)))):
        assert {i: KINDS[found[i]] for i in expected} == expected
        assert set(found) == set(range(1, NUM_IMAGES + 1))


def test_an_image_labelled_by_hand_waits_for_no_review(project):
    record = project.add_round("unet", "p.runs/round-1", {})
    project.add_reviews(record.id, [NewReview(5, ())])
    add_object(project, 5)
    for found in (all_kinds(project), kinds_of(project, frozenset([5]))):
        assert KINDS[found[5]] == "in_progress"


def test_the_status_follows_every_change_and_undo(session, qtbot):
    statuses = MapStatuses(session)
    statuses.read_all()
    qtbot.waitUntil(lambda: len(statuses.kinds) == NUM_IMAGES)
    session.project.set_status(3, ImageStatus.BLANK)
    qtbot.waitUntil(lambda: KINDS[statuses.kinds[3]] == "blank")
    session.project.undo()
    qtbot.waitUntil(lambda: KINDS[statuses.kinds[3]] == "unlabelled")
    session.project.remove_images([3])
    qtbot.waitUntil(lambda: 3 not in statuses.kinds)
    statuses.close()


# looking and suggesting in the background ---------------------------------------------------


@pytest.fixture
def held(monkeypatch):
    """Reading an image waits until the test lets it: `held.set()`."""
    gate, original = threading.Event(), vector_store.read_reduced

    def read(path, side_px):
        assert gate.wait(20)
        return original(path, side_px)

    monkeypatch.setattr(vector_store, "read_reduced", read)
    yield gate
    gate.set()


def test_a_project_closed_while_its_images_are_looked_at_leaves_nothing_behind(
    session, qtbot, held
):
    look = MapLook(session)
    look.look()
    session.suggestions.suggest(3)
    assert look.is_busy
    assert len(session.activity.tasks) == 2
    session.close_project()
    look.clear()
    assert not look.is_busy
    assert not session.suggestions.is_busy
    held.set()
    qtbot.wait(300)
    assert look.places is None
    assert session.suggestions.images == {}
    assert session.activity.tasks == ()
    look.close()


def test_suggestions_can_be_cancelled_and_asked_for_again(session, qtbot, held):
    session.suggestions.suggest(3)
    session.suggestions.cancel()
    assert not session.suggestions.is_busy
    held.set()
    session.suggestions.suggest(2, SuggestBy.TYPICAL)
    qtbot.waitUntil(lambda: len(session.suggestions.images) == 2)
    session.close_project()
    assert session.suggestions.images == {}


def test_what_is_labelled_while_images_are_looked_at_is_not_suggested(session, qtbot, held):
    session.suggestions.suggest(NUM_IMAGES)
    for image_id in (2, 3, 4):
        session.project.set_status(image_id, ImageStatus.LABELLED)
    held.set()
    qtbot.waitUntil(lambda: bool(session.suggestions.images))
    assert not {2, 3, 4} & set(session.suggestions.images)


# words ------------------------------------------------------------------------------------


def places(num=3, *, unreadable=(), is_final=True):
    ids = np.arange(1, num + 1)
    paths = tuple(f"a/t{i}.png" for i in ids)
    groups = np.array([0, *range(num - 1)])
    return MapPlaces(ids, paths, np.zeros((num, 2), np.float32), groups, unreadable, is_final)


@pytest.mark.parametrize(
    ("state", "in_canvas", "line", "button"),
    [
        (MapState(has_project=False), "Open a folder", "", ""),
        (MapState(has_project=True, num_images=0), "no image", "", ""),
        (MapState(has_project=True, num_images=9000), "look alike", "9,000 images", "Draw"),
        (
            MapState(has_project=True, num_images=9, is_busy=True, num_seen=(4, 9)),
            "4 of 9",
            "go on labelling",
            "Cancel",
        ),
        (MapState(has_project=True, num_images=9, failure="broken"), "", "broken", "Try again"),
        (MapState(has_project=True, num_images=3, places=places()), "", "1 group of near-dup", ""),
        (MapState(has_project=True, num_images=5, places=places()), "", "2 not on the map", "Upd"),
        (
            MapState(has_project=True, num_images=4, places=places(unreadable=("x: gone",))),
            "",
            "1 cannot be read",
            "",
        ),
        (
            MapState(has_project=True, num_images=3, places=places(is_final=False)),
            "",
            "3 images",
            "Arrange",
        ),
    ],
)
def test_the_dock_says_what_the_map_shows_and_what_to_do(state, in_canvas, line, button):
    view = map_words.status_view(state)
    if in_canvas:
        assert in_canvas in map_words.canvas_text(state)
    assert line in view.text
    assert bool(line) == bool(view.text)
    assert view.button.startswith(button)
    assert bool(button) == bool(view.button)


def test_the_card_tells_name_status_reason_and_near_duplicates(project):
    suggested = SuggestedImage(project.image(1), "the most typical of 3 similar images")
    card = card_of(places(), 1, KINDS.index("in_progress"), suggested)
    assert card.title == "t1.png"
    assert card.lines == (
        "in progress",
        "suggested: the most typical of 3 similar images",
        "nearly the same: t2.png",
    )
    assert card_of(places(), 3, None, None).lines == ()
