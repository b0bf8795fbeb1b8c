"""What can be chosen for a training, in words; and the devices of this machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from napari_icseg.controllers import training_setup as setup
from napari_icseg.controllers.training_data import DataSummary, summarise
from napari_icseg.jobs import devices
from napari_icseg.project.records import ImageRecord, ImageStatus
from napari_icseg.project.training_set import Selection
from napari_icseg.widgets.training_view import TrainingChoice
from trainers.registry import MODELS, build_task, make_config

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = TrainingChoice("unet", "best", None)
SUMMARY = DataSummary(classes=((4, "metal"), (7, "via")), splits=(("train", 9), ("test", 2)))


def image(number: int, split: str | None = None, status=ImageStatus.LABELLED) -> ImageRecord:
    return ImageRecord(number, f"t{number}.png", 64, 64, status, split, 1, "")


def test_every_trainable_model_has_a_name_and_an_explanation() -> None:
    options = setup.model_options()

    assert {option.name for option in options} == set(MODELS) - {"sam2-nano"}
    assert options[0].name == "unet", "the quickest is the default"
    assert all(option.label and option.label != option.name for option in options)
    assert all(option.explanation.endswith(".") for option in options)


def test_the_button_says_what_it_trains_on() -> None:
    assert setup.train_text(CHOICE, SUMMARY) == "Retrain on everything labelled"
    only = replace(CHOICE, class_id=7, split="train")
    assert setup.train_text(only, SUMMARY) == "Retrain on split train, via only"


def test_only_what_was_chosen_is_passed_on() -> None:
    assert setup.options_of(CHOICE) == {}
    chosen = replace(CHOICE, device="cpu", lr=1e-4, batch_size=2, sam="sam2.1-tiny")
    assert setup.options_of(chosen) == {
        "device": "cpu", "lr": 1e-4, "batch_size": 2, "option.sam": "sam2.1-tiny",
    }  # fmt: skip


def test_the_sam2_models_of_this_machine_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ("sam2-nano", "sam2.1-tiny")
    monkeypatch.setattr(setup.checkpoints, "is_available", lambda name: name in here)

    assert [entry.key for entry in setup.sam_entries()] == [None, *here]


@pytest.mark.parametrize("option", setup.model_options(), ids=lambda option: option.name)
def test_the_settings_of_the_dock_are_accepted_by_the_trainer(option, tmp_path: Path) -> None:
    choice = replace(CHOICE, lr=1e-4, batch_size=2, sam="sam2.1-tiny" if option.has_sam else None)
    options = setup.options_of(choice)
    sam = options.pop("option.sam", None)
    config = make_config(
        option.name, out=tmp_path, data=tmp_path, preset="paper", **options,
        model_options={} if sam is None else {"sam": sam}, class_names=("metal",),
    )  # fmt: skip

    assert (config.lr, config.batch_size) == (1e-4, 2)
    if option.has_sam:
        assert build_task(option.name).options(config).sam == "sam2.1-tiny"


def test_without_a_gpu_there_is_no_device_to_choose() -> None:
    assert [e.key for e in setup.device_entries(("cpu",))] == ["auto"]
    assert [e.key for e in setup.device_entries(("cpu", "cuda"))] == ["auto", "cpu", "cuda"]


@pytest.mark.skipif(sys.platform == "darwin", reason="Macs have no CUDA")
@pytest.mark.parametrize(
    ("has_driver", "version", "expected"),
    [
        (True, "2.9.0+cu128", ("cpu", "cuda")),
        (True, "2.9.0+cpu", ("cpu",)),
        (False, "2.9.0", ("cpu",)),
    ],
)
def test_a_gpu_counts_where_driver_and_torch_are_there(
    monkeypatch: pytest.MonkeyPatch, has_driver: bool, version: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setattr(devices, "_has_nvidia", lambda: has_driver)
    monkeypatch.setattr("napari_icseg.jobs.devices.metadata.version", lambda _name: version)

    assert devices.devices() == expected


def test_a_class_counts_the_images_that_have_it() -> None:
    images = [image(n) for n in range(8)]

    summary = replace(summarise(images, Selection(4), having_class={0, 1, 2}), class_name="metal")

    assert summary.text.startswith("3 with metal, 5 without → ")
    none = summarise(images, Selection(4), having_class=set())
    assert none.problem == "No finished image has an object of this class."


def test_a_split_counts_its_images_alone() -> None:
    images = [image(n, split) for n, split in enumerate(["train"] * 5 + ["val"] * 2 + ["test"] * 3)]

    assert summarise(images, Selection(split="train")) == DataSummary(7, 0, 0, 5, 2)
    test = summarise(images, Selection(split="test"))
    assert (test.num_labelled, test.num_test, test.num_train + test.num_val) == (3, 0, 3)
    assert "of the split val" in summarise(images[:6], Selection(split="val")).problem
