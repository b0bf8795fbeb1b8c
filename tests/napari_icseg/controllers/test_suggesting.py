"""Suggestions for a project: what is done is left alone, what was looked at is not again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_icseg.cli import app
from napari_icseg.controllers import vector_store
from napari_icseg.controllers.suggest_words import SuggestBy, notes, tell
from napari_icseg.controllers.suggesting import image_vectors, suggest
from napari_icseg.controllers.vector_store import alone
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewReview
from napari_icseg.project.watching import WorkCancelled
from trainers.terminal import run_app

pytestmark = pytest.mark.usefixtures("vector_cache")


@pytest.fixture
def looked_at(monkeypatch):
    """The names of the images that the encoder saw."""
    seen, original = [], vector_store.read_reduced

    def read(path, side_px):
        seen.append(path.name)
        return original(path, side_px)

    monkeypatch.setattr(vector_store, "read_reduced", read)
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
    return sorted((each.image.id - 1) % 3 for each in found.images)


def add_reviews(project, expected_iou, *, confidence=None):
    """What a round's model said of images, by id."""
    record = project.add_round("unet", "p.runs/round-1", {})
    project.add_reviews(
        record.id,
        [NewReview(i, (), confidence, iou, None) for i, iou in expected_iou.items()],
    )


def copy(project, image_id, name, *, noise=1.0):
    """Adds an image that shows the same, read out again."""
    path = project.absolute_path(image_id)
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    again = pixels + np.random.default_rng(len(name)).normal(0, noise, pixels.shape)
    target = path.with_name(name)
    cv2.imwrite(str(target), again.clip(0, 255).astype(np.uint8))
    return project.add_images([target]).added[0].id


def test_one_image_of_each_kind_is_suggested_first(project):
    assert kinds_of(suggest(project, 3)) == [0, 1, 2]


def test_what_is_labelled_or_blank_is_not_suggested(project):
    project.set_status(2, ImageStatus.LABELLED)
    project.set_status(1, ImageStatus.BLANK)
    found = suggest(project, 20)
    assert not {each.image.id for each in found.images} & {1, 2}
    assert len(found.images) + found.num_alike == 10


def test_only_new_or_changed_images_are_looked_at_again(project, looked_at):
    suggest(project, 1)
    assert len(looked_at) == 12
    looked_at.clear()
    path = project.absolute_path(5)
    cv2.imwrite(str(path), np.zeros((64, 66), np.uint8))
    suggest(project, 1)
    assert looked_at == [path.name]


def test_a_damaged_store_is_made_anew(project, vector_cache, looked_at):
    suggest(project, 1)
    (file,) = vector_cache.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    looked_at.clear()
    assert len(suggest(project, 2).images) == 2
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


def test_of_images_that_show_the_same_one_is_suggested_and_the_others_are_named(project):
    copies = [copy(project, 2, f"again{n}.png") for n in range(4)]
    same = {2, *copies}
    found = suggest(project, 30)
    (kept,) = [each for each in found.images if each.image.id in same]
    assert set(kept.alike) >= {project.image(i).path for i in same - {kept.image.id}}
    assert any({"again0.png", "again3.png"} <= set(group) for group in found.duplicates)
    assert "nearly the same" in notes(found, 30)[0]


def test_nothing_is_suggested_that_shows_the_same_as_a_labelled_image(project):
    copies = [copy(project, 2, f"again{n}.png") for n in range(3)]
    project.set_status(copies[0], ImageStatus.LABELLED)
    found = suggest(project, 30)
    assert not {each.image.id for each in found.images} & {2, *copies}
    for image in project.images():
        if image.id not in (2, *copies):
            project.set_status(image.id, ImageStatus.BLANK)
    with pytest.raises(ProjectError, match="the same as labelled ones"):
        suggest(project, 3)


def test_images_a_model_is_unsure_of_are_suggested_as_soon_as_it_has_said_so(project):
    add_reviews(project, dict.fromkeys(range(1, 13), 0.95) | {5: 0.3, 9: 0.4})
    found = suggest(project, 2)
    assert found.by is SuggestBy.DOUBT
    assert found.images[0].image.id == 5
    assert "0.30" in found.images[0].reason
    assert suggest(project, 2, by=SuggestBy.TYPICAL).by is SuggestBy.TYPICAL


def test_a_rejected_proposal_is_the_greatest_doubt(project):
    add_reviews(project, dict.fromkeys(range(1, 13), 0.5))
    project.reject_review(8)
    (first,) = suggest(project, 1).images
    assert first.image.id == 8
    assert "rejected" in first.reason


def test_confidence_stands_in_for_an_iou_that_is_unknown(project):
    add_reviews(project, {3: None, 4: None}, confidence=0.25)
    reasons = [each.reason for each in suggest(project, 12).images]
    assert any("0.25" in reason for reason in reasons)
    assert any("no model has judged" in reason for reason in reasons)


def test_doubt_without_a_round_says_what_to_do(project):
    with pytest.raises(ProjectError, match="Run a round first"):
        suggest(project, 1, by=SuggestBy.DOUBT)


def test_a_single_image_is_suggested(tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), np.full((64, 64), 90, np.uint8))
    with Project.create(tmp_path / "p.icseg") as project:
        with pytest.raises(ProjectError, match="can be read"):
            suggest(project, 1)
        project.add_images([tmp_path / "one.png"])
        found = suggest(project, 10)
    assert [each.image.name for each in found.images] == ["one.png"]
    assert notes(found, 10) == ["fewer than asked for: no more are left."]
    assert tell(found, 10).startswith("1 image suggested")


def test_waiting_for_another_look_at_the_images_can_be_cancelled(project):
    with alone(project.file, None), pytest.raises(WorkCancelled):
        image_vectors(project, cancelled=lambda: True)


def test_the_command_chooses_by_doubt_and_prints_groups(project, capsys):
    copy(project, 2, "again.png")
    assert run_app(app, ["suggest", str(project.file), "--by", "doubt"]) == 1
    assert "Run a round first" in capsys.readouterr().err
    add_reviews(project, {i: i / 20 for i in range(1, 13)})
    command = ["suggest", str(project.file), "--count", "2", "--by", "doubt", "--duplicates"]
    assert run_app(app, command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "expects an IoU of 0.05" in lines[0]
    start = next(n for n, line in enumerate(lines) if "cosine similarity of 0.98" in line)
    assert any("t01.png" in line and "again.png" in line for line in lines[start + 1 :])
