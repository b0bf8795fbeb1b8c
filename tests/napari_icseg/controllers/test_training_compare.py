"""Comparing models: real checkpoints of tiny networks, on the labels of a real project."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_icseg.controllers import compare_data, training_compare
from napari_icseg.controllers.compare_data import EVERYTHING, TEST, VALIDATION
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.controllers.training_compare import ComparePresenter, chosen_runs
from napari_icseg.controllers.training_data import read_summary
from napari_icseg.jobs.watcher import list_runs
from napari_icseg.project.training_set import training_manifest
from napari_icseg.widgets.compare_window import CompareWindow
from tests.napari_icseg.controllers.training_fixtures import SETTINGS, make_project
from trainers.checkpoint import save_checkpoint
from trainers.errors import DataError
from trainers.io.folders import write_manifest
from trainers.io.manifest import DatasetIndex, DatasetItem, read_manifest
from trainers.progress import EventWriter
from trainers.registry import build_task, make_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.gui


def make_run(
    project, name: str, seed: int, *, classes: tuple[str, ...] = ("metal", "via"), state="finished"
) -> Path:
    """An untrained U-Net, as a run that has validated with the project's first image."""
    run_dir = project.file.with_name("chip.runs") / name
    run_dir.mkdir(parents=True)
    options = {"widths": [4, 8]}
    config = make_config(
        "unet", out=run_dir, data=run_dir, class_names=classes, seed=seed, model_options=options,
        image_size=SETTINGS["image_size"],
    )  # fmt: skip
    (run_dir / "config.json").write_text(config.to_json())
    meta = {"model": "unet", "config": json.loads(config.to_json())}
    weights = build_task("unet").build_model(config).state_dict()
    save_checkpoint(run_dir / "checkpoints" / "best.safetensors", weights, meta)
    events = EventWriter(run_dir / "events.jsonl")
    events.write("started", model="unet", num_epochs=1, num_steps=1)
    val = {"iou": 0.5, "dice": 0.5, "pixel_accuracy": 0.5}
    events.write("epoch", epoch=1, num_epochs=1, train_loss=1.0, val_loss=1.0, val=val)
    if state != "interrupted":
        events.write(state)
    write_dataset(project, run_dir)
    return run_dir


def write_dataset(project, run_dir: Path) -> None:
    index = read_manifest(training_manifest(project, run_dir / "dataset"))
    items = tuple(
        DatasetItem(item.image, item.mask, "train" if number else "val", item.sha256)
        for number, item in enumerate(index.items)
    )
    write_manifest(run_dir / "dataset" / "manifest.json", DatasetIndex(items, index.class_names))


class Setup:
    def __init__(self, qtbot, project) -> None:
        self.qtbot, self.session = qtbot, ProjectSession()
        self.session.take(project)
        self.parent = QWidget()
        qtbot.addWidget(self.parent)
        self.window = CompareWindow(self.parent)
        self.presenter = ComparePresenter(self.session, self.window, self.runs, self.splits)

    def runs(self):
        return list_runs(self.session.runs_dir)

    def splits(self):
        return read_summary(self.session.project).splits

    def press(self, button) -> None:
        assert button.isEnabled()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def wait(self, start: str) -> None:
        self.qtbot.waitUntil(lambda: self.window.status.text().startswith(start), timeout=60_000)


@pytest.fixture
def project(tmp_path: Path):
    return make_project(tmp_path)


@pytest.fixture
def setup(qtbot, project) -> Iterator[Setup]:
    for number in range(2):
        make_run(project, f"2026010{number}-000000-unet", seed=number)
    setup = Setup(qtbot, project)
    yield setup
    setup.presenter.close()
    setup.session.shut_down()


def test_models_are_scored_on_the_same_images_in_one_table(setup: Setup) -> None:
    setup.presenter.open(())
    assert setup.window.isVisible()
    assert not setup.window.isModal()
    assert setup.window.models.text().startswith("2 models: U-Net of ")
    setup.window.images.choose(EVERYTHING)

    setup.press(setup.window.start)
    assert setup.window.cancel.isVisible()
    setup.wait("Scored on 5 images. ⚠ marks")

    lines = [line.split("\t") for line in setup.window.table.text().splitlines()]
    assert lines[0] == ["Model", "Pixel accuracy", "IoU", "Dice", "Boundary F", "IoU gain"]
    assert [len(line) for line in lines] == [6, 6, 6]
    # the library's own numbers
    for run, line in zip(setup.runs(), lines[1:], strict=True):
        (stored,) = (run.run_dir / "evaluations").glob("*.json")
        content = json.loads(stored.read_text())
        low, high = content["intervals"]["iou"]
        assert line[2] == f"{content['iou']:.3f} ({low:.3f}–{high:.3f})"
        assert line[1].startswith(f"{content['pixel_accuracy']:.3f} (")
    assert lines[1][5] == "–", "the first is what the others are compared with"


def test_known_scores_are_used_again(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.presenter.open(())
    setup.press(setup.window.start)
    setup.wait("Scored on 1 image.")
    table = setup.window.table.text()

    monkeypatch.setattr("trainers.comparison.evaluate", None)
    setup.presenter.open(())
    setup.press(setup.window.start)
    setup.wait("Scored on 1 image. 2 scores known from before.")

    assert setup.window.table.text() == table


def test_a_comparison_is_cancelled_between_images(setup: Setup, monkeypatch) -> None:
    def slow(_runs, _data, *, progress):
        for done in range(1000):
            progress("20260100-000000-unet", done, 1000)
            setup.presenter._cancel.wait(0.05)
        raise AssertionError("nobody stopped it")

    monkeypatch.setattr("trainers.comparison.compare", slow)
    setup.presenter.open(())
    setup.press(setup.window.start)
    setup.qtbot.waitUntil(lambda: setup.window.bar.value() > 0, timeout=20_000)

    setup.press(setup.window.cancel)

    setup.wait("Stopped.")
    assert setup.window.start.isEnabled()


def test_closing_the_window_ends_the_comparison(setup: Setup, monkeypatch) -> None:
    setup.presenter.open(())
    setup.press(setup.window.start)
    setup.window.close()

    setup.qtbot.waitUntil(lambda: not setup.presenter._view.is_busy, timeout=60_000)


def test_scores_of_a_closed_project_are_not_shown(setup: Setup, monkeypatch) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(_runs, _data, *, progress):
        begun.set()
        assert may_end.wait(20)
        raise DataError("too late")

    monkeypatch.setattr("trainers.comparison.compare", slow)
    setup.presenter.open(())
    setup.press(setup.window.start)
    assert begun.wait(20)
    setup.session.close_project()
    may_end.set()
    setup.presenter._scoring._pool.submit(lambda: None).result(20)
    QApplication.processEvents()

    assert setup.window.status.text() == ""


def test_the_table_is_sorted_by_a_click_and_copied_as_it_is_shown(setup: Setup) -> None:
    setup.presenter.open(())
    setup.press(setup.window.start)
    setup.wait("Scored on")
    table = setup.window.table

    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        table.sortByColumn(2, order)
        ious = [float(line.split("\t")[2].split()[0]) for line in table.text().splitlines()[1:]]
        assert ious == sorted(ious, reverse=order is Qt.SortOrder.DescendingOrder)
    setup.press(setup.window.copy)

    assert QApplication.clipboard().text() == table.text()


def test_models_of_different_classes_are_not_compared(setup: Setup, project) -> None:
    make_run(project, "20260109-000000-unet", seed=1, classes=("metal",))
    setup.presenter.open(())
    setup.press(setup.window.start)

    setup.wait("These models learned different classes (metal | metal, via)")


def test_without_a_finished_model_the_window_says_what_to_do(setup: Setup, monkeypatch) -> None:
    monkeypatch.setattr(setup.presenter, "_all_runs", lambda: ())

    setup.presenter.open(())

    assert (
        setup.window.status.text() == "There is no finished model to compare yet: train one first."
    )
    assert not setup.window.start.isEnabled()


def test_those_selected_are_compared_or_all_finished(project) -> None:
    for name, state in (("a", "finished"), ("b", "interrupted"), ("c", "finished")):
        make_run(project, name, seed=1, state=state)
    runs = list_runs(project.file.with_name("chip.runs"))

    def names(selected: tuple[str, ...]) -> set[str]:
        return {run.name for run in chosen_runs(runs, selected)}

    assert names(()) == names(("b",)) == {"a", "c"}
    assert names(("c", "b")) == {"b", "c"}
    project.close()


def test_images_kept_for_testing_come_first_and_no_model_has_learned_from_them(project) -> None:
    ids = [image.id for image in project.images()]
    project.set_split(ids[3:5], "test")
    make_run(project, "a", seed=1)
    runs = list_runs(project.file.with_name("chip.runs"))
    splits = read_summary(project).splits
    assert [entry.key for entry in compare_data.entries(splits)] == [TEST, VALIDATION, EVERYTHING]
    assert "(2 images)" in compare_data.entries(splits)[0].text

    folder = project.file.with_name("data")
    data = {
        key: compare_data.write_data(project.snapshot, key, runs, folder)
        for key in (TEST, VALIDATION, EVERYTHING)
    }

    assert {key: found.num_images for key, found in data.items()} == {
        TEST: 2, VALIDATION: 1, EVERYTHING: 5,
    }  # fmt: skip
    # the run of this test has learned from all images but its first
    assert {key: found.num_seen["a"] for key, found in data.items()} == {
        TEST: 2, VALIDATION: 0, EVERYTHING: 4,
    }  # fmt: skip
    assert training_compare.FOLDER.startswith("."), "it must not be taken for a run"
    project.close()


def test_models_of_one_class_are_scored_on_that_class(project) -> None:
    make_run(project, "a", seed=1, classes=("via",))
    runs = list_runs(project.file.with_name("chip.runs"))

    folder = project.file.with_name("data")
    compare_data.write_data(project.snapshot, EVERYTHING, runs, folder)

    assert read_manifest(folder / "manifest.json").class_names == ("via",)
    project.close()


def test_a_run_whose_data_are_gone_is_refused_with_a_reason(project) -> None:
    run_dir = make_run(project, "a", seed=1)
    (run_dir / "dataset" / "manifest.json").unlink()
    runs = list_runs(project.file.with_name("chip.runs"))

    with pytest.raises(DataError, match=r"manifest\.json"):
        compare_data.write_data(project.snapshot, VALIDATION, runs, project.file.with_name("data"))
    project.close()
