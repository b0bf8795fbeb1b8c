"""A round as a job: phases, pause, cancel, kill, chains of rounds, and what goes wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.trainers.run_samples import make_run
from trainers import proposals as proposals_module
from trainers import propose as propose_module
from trainers.cli import app
from trainers.confidence import confidence_of, predict_sure
from trainers.errors import DataError, TrainingError
from trainers.io.images import read_image
from trainers.io.manifest import file_sha256
from trainers.io.masks import read_mask
from trainers.predict import load_run
from trainers.progress import RunState, read_events, read_status
from trainers.proposals import read_proposals
from trainers.propose_folder import propose_folder
from trainers.round_config import read_round_config
from trainers.run_folder import checkpoint_file
from trainers.semi_supervised import METHODS, Method, read_round, resume_round, run_round
from trainers.terminal import run_app

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles
    from trainers.config import TrainConfig
    from trainers.events import Event
    from trainers.train import Listener

TIMEOUT_S = 120.0


@pytest.fixture
def data(make_tiles: MakeTiles) -> tuple[Path, Path]:
    """Six labelled tiles, and a folder of four without masks."""
    labelled = make_tiles(10)
    unlabelled = labelled.parent / "unlabelled"
    unlabelled.mkdir()
    for number in range(6, 10):
        (labelled / "images" / f"t0{number}.png").rename(unlabelled / f"t0{number}.png")
        (labelled / "masks" / f"t0{number}.png").unlink()
    return labelled, unlabelled


@pytest.fixture
def config(data: tuple[Path, Path], make_config: MakeConfig) -> TrainConfig:
    return make_config(data[0], "round", epochs=1)


def events_of(folder: Path) -> list[Event]:
    return read_events(folder / "events.jsonl")[0]


def phases_of(folder: Path) -> list[str]:
    return [event["phase"] for event in events_of(folder) if event["kind"] == "phase"]


@pytest.mark.parametrize("method", METHODS)
def test_a_round_is_one_job_whose_share_done_never_falls(
    data: tuple[Path, Path], config: TrainConfig, method: Method
) -> None:
    shares: list[float] = []
    run_round(
        config,
        unlabelled=data[1],
        method=method,
        on_event=lambda _event: shares.append(read_status(config.out).fraction),
    )
    expected = ["teacher", "labelling", "student", "proposing"]
    if method == "mean_teacher":
        expected.remove("labelling")
    assert phases_of(config.out) == expected
    status = read_status(config.out)
    assert (status.state, status.phase, status.phases) == (
        RunState.FINISHED,
        "proposing",
        tuple(expected),
    )
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert (
        checkpoint_file(config.out) == config.out / "student" / "checkpoints" / "best.safetensors"
    )


def test_proposals_are_the_students_mean_look_with_its_calibrated_doubt(
    data: tuple[Path, Path], config: TrainConfig
) -> None:
    report = run_round(config, unlabelled=data[1])
    found = read_proposals(config.out / "proposals")
    assert report.num_proposals == len(found.images) == 4
    assert found.model == config.out / "student"
    student = load_run(found.model)
    temperature = found.calibration["temperature"]
    for proposal in found.images:
        assert proposal.sha256 == file_sha256(proposal.image)
        sure = predict_sure(student, read_image(proposal.image), temperature=temperature)
        np.testing.assert_array_equal(read_mask(proposal.mask, (64, 64)), sure.labels)
        confidence = confidence_of(sure.probs)
        doubt = np.asarray(proposals_doubt(proposal.doubt))
        np.testing.assert_allclose(doubt / 255, 1 - confidence, atol=0.5 / 255 + 1e-5)
        assert proposal.confidence == pytest.approx(float(confidence.mean()), abs=1e-4)
    names = found.calibration["predicted_iou"]["names"]
    assert names == ["agreement", "rim", "teacher"]


def proposals_doubt(path: Path) -> Any:
    from PIL import Image

    with Image.open(path) as image:
        return image.copy()


def test_the_same_round_comes_to_the_same_numbers(
    data: tuple[Path, Path], config: TrainConfig, make_config: MakeConfig
) -> None:
    first = run_round(config, unlabelled=data[1])
    again = make_config(data[0], "again", epochs=1)
    assert run_round(again, unlabelled=data[1]) == first
    one, two = (read_proposals(c.out / "proposals") for c in (config, again))
    assert [(p.sha256, p.confidence, p.predicted_iou) for p in one.images] == [
        (p.sha256, p.confidence, p.predicted_iou) for p in two.images
    ]
    records = read_round(config.out), read_round(again.out)
    for name in ("labelled", "unlabelled", "left_out", "seed", "code"):
        assert records[0][name] == records[1][name]
    for one_image, two_image in zip(one.images, two.images, strict=True):
        assert one_image.mask.read_bytes() == two_image.mask.read_bytes()
        assert one_image.doubt.read_bytes() == two_image.doubt.read_bytes()
    for entry in records[0]["unlabelled"]:
        assert entry["sha256"] == file_sha256(Path(entry["image"]))
        label = entry["label"]
        assert label["mask_sha256"] == file_sha256(config.out / "pseudo" / label["mask"])


def test_a_round_can_be_taught_by_the_last_one(
    data: tuple[Path, Path], config: TrainConfig, make_config: MakeConfig
) -> None:
    first = run_round(config, unlabelled=data[1], make_proposals=False)
    second = make_config(data[0], "second", epochs=1)
    report = run_round(second, unlabelled=data[1], teacher=config.out)
    assert not (second.out / "teacher").exists()
    assert phases_of(second.out) == ["labelling", "student", "proposing"]
    assert report.teacher["iou"] == pytest.approx(first.student["iou"], abs=1e-6)
    record = read_round(second.out)
    assert record["teacher_run"]["path"] == str(config.out)
    assert record["teacher_run"]["sha256"] == file_sha256(checkpoint_file(config.out))
    assert not any("validation" in reason for reason in read_status(second.out).warnings)


def test_a_teacher_that_has_learned_validation_tiles_is_told_of(
    data: tuple[Path, Path], config: TrainConfig, make_config: MakeConfig
) -> None:
    run_round(config, unlabelled=data[1], method="paper", make_proposals=False)
    other = make_config(data[0], "other", epochs=1, seed=3, val_fraction=0.5)
    run_round(other, unlabelled=data[1], teacher=config.out, method="paper", make_proposals=False)
    assert any("validation tiles" in reason for reason in read_status(other.out).warnings)


def test_a_teacher_of_other_classes_is_refused_before_anything_is_trained(
    data: tuple[Path, Path], config: TrainConfig, tmp_path: Path
) -> None:
    (data[0] / "classes.txt").write_text("metal\n")
    teacher = make_run(tmp_path / "stranger")
    with pytest.raises(TrainingError, match=r"knows the classes foreground, the labels have metal"):
        run_round(config, unlabelled=data[1], teacher=teacher)
    assert not (config.out / "student").exists()
    assert read_status(config.out).state is RunState.FAILED


def test_nothing_labelled_and_all_blank_say_so_and_can_be_put_right(
    make_tiles: MakeTiles, make_config: MakeConfig, data: tuple[Path, Path]
) -> None:
    blank = make_tiles(4, blank=(0, 1, 2, 3), folder="blank")
    config = make_config(blank, "round", epochs=1)
    with pytest.raises(TrainingError, match=r"All 4 labelled tiles are blank.*Label some"):
        run_round(config, unlabelled=data[1], make_proposals=False)
    for mask in (data[0] / "masks").iterdir():
        (blank / "masks" / mask.name).write_bytes(mask.read_bytes())
        image = data[0] / "images" / mask.name
        (blank / "images" / mask.name).write_bytes(image.read_bytes())
    report = run_round(config, unlabelled=data[1], make_proposals=False)
    assert report.num_labelled == 6
    for mask in (data[0] / "masks").iterdir():
        mask.unlink()
    with pytest.raises(TrainingError, match="at least 2 labelled tiles"):
        run_round(make_config(data[0], "none", epochs=1), unlabelled=data[1])


def test_images_that_cannot_be_read_are_left_out_and_named(
    data: tuple[Path, Path], config: TrainConfig
) -> None:
    broken = data[1] / "t06.png"
    broken.write_bytes(broken.read_bytes()[:200])
    report = run_round(config, unlabelled=data[1])
    assert (report.num_unlabelled, report.num_left_out, report.num_proposals) == (3, 1, 3)
    (entry,) = read_round(config.out)["left_out"]
    assert entry["image"] == str(broken)
    assert entry["reason"]
    assert any("t06.png" in reason for reason in read_status(config.out).warnings)
    assert [each.image for each in read_proposals(config.out / "proposals").left_out] == [broken]


@pytest.mark.parametrize("writer", ["mask", "record"])
def test_a_full_disk_fails_the_round_which_then_goes_on(
    data: tuple[Path, Path],
    config: TrainConfig,
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
) -> None:
    written: list[Path] = []

    def full(path: Path, content: Any) -> None:
        if len(written) == 2:
            raise DataError(f"Cannot write {path}: {os.strerror(errno.ENOSPC)}. Free some space")
        written.append(path)
        original(path, content)

    name = "write_grey" if writer == "mask" else "append_line"
    original = getattr(propose_module, name)
    with monkeypatch.context() as patch:
        patch.setattr(propose_module, name, full)
        with pytest.raises(DataError, match="Free some space"):
            run_round(config, unlabelled=data[1], method="paper")
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "No space left" in status.reason
    with pytest.raises(DataError, match="no finished proposals"):
        read_proposals(config.out / "proposals")
    student = (config.out / "student" / "events.jsonl").read_bytes()
    assert resume_round(config.out).num_proposals == 4
    assert (config.out / "student" / "events.jsonl").read_bytes() == student


def test_a_round_waits_while_there_is_a_file_pause_and_stops_at_a_file_cancel(
    data: tuple[Path, Path], config: TrainConfig
) -> None:
    seen: list[tuple[RunState, str]] = []

    def look_and_cancel() -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while read_status(config.out).state is not RunState.PAUSED:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        status = read_status(config.out)
        seen.append((status.state, status.phase))
        (config.out / "cancel").touch()

    def pause(event: Event) -> None:
        if event["kind"] == "phase" and event["phase"] == "student":
            (config.out / "pause").touch()

    helper = threading.Thread(target=look_and_cancel)
    helper.start()
    with pytest.raises(TrainingError, match=r"was cancelled.*--resume"):
        run_round(config, unlabelled=data[1], on_event=pause)
    helper.join()
    assert seen == [(RunState.PAUSED, "student")]
    assert read_status(config.out).state is RunState.CANCELLED
    assert not (config.out / "student" / "metrics.json").exists()
    teacher = (config.out / "teacher" / "events.jsonl").read_bytes()
    assert resume_round(config.out).num_proposals == 4
    assert (config.out / "teacher" / "events.jsonl").read_bytes() == teacher
    assert read_status(config.out).state is RunState.FINISHED


SLOW_ROUND = """
import sys, time
from pathlib import Path
from trainers import propose, pseudo_labels
from trainers.cli import app
from trainers.loop import Loop
from trainers.terminal import run_app

phase, told = sys.argv[1], Path(sys.argv[2])

def stop():
    told.touch()
    time.sleep(600)

def slow(module, num_lines):
    plain = module.append_line
    def append_line(path, fields):
        plain(path, fields)
        if len(path.read_bytes().splitlines()) == num_lines:
            stop()
    module.append_line = append_line

def slow_training():
    plain = Loop.save_last
    def save_last(self, metrics):
        plain(self, metrics)
        if self.folder.path.name == "student":
            stop()
    Loop.save_last = save_last

if phase == "labelling":
    slow(pseudo_labels, 2)
elif phase == "proposing":
    slow(propose, 3)
else:
    slow_training()
sys.exit(run_app(app, sys.argv[3:]))
"""


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """Numbers of the round below that nothing stopped; the first test fills it."""
    return {}


@pytest.mark.parametrize("phase", ["labelling", "student", "proposing"])
def test_a_killed_round_goes_on_where_it_was_and_comes_to_the_same_numbers(
    data: tuple[Path, Path],
    config: TrainConfig,
    undisturbed: dict[str, Any],
    phase: str,
) -> None:
    kill_in(phase, data, config.out)
    status = read_status(config.out)
    assert (status.state, status.phase) == (RunState.INTERRUPTED, phase)
    done = files_of(config.out)
    if phase == "labelling":
        assert len(list((config.out / "pseudo" / "masks").iterdir())) == 2
        assert not (config.out / "pseudo" / "manifest.json").exists()
    if phase == "proposing":
        assert len(list((config.out / "proposals" / "masks").iterdir())) == 2

    assert run_app(app, ["rounds", "run", "--resume", str(config.out)]) == 0

    assert {path: path.stat().st_mtime_ns for path in done} == done, "nothing is done twice"
    kinds = [event["kind"] for event in read_events(config.out / "student" / "events.jsonl")[0]]
    assert kinds.count("epoch") == 2
    assert ("resumed" in kinds) == (phase == "student")
    if not undisturbed:
        same = read_round_config(config.out / "config.json").training
        other = same.replace(out=config.out.parent / "undisturbed")
        run_round(other, unlabelled=data[1], method="paper")
        undisturbed |= numbers_of(other.out)
    assert numbers_of(config.out) == undisturbed


def kill_in(phase: str, data: tuple[Path, Path], out: Path) -> None:
    """Begin a round in another process, and kill it in the middle of a phase."""
    told = out.parent / "told"
    arguments = [
        *("rounds", "run", "unet", "--data", str(data[0]), "--unlabelled", str(data[1])),
        *("--out", str(out), "--method", "paper", "--epochs", "2", "--device", "cpu"),
        *("--num-threads", "1", "--set", "image_size=64", "--set", "batch_size=2"),
        *("--set", "option.widths=[4,8]", "--set", "option.min_crops=0"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_ROUND, phase, str(told), *arguments], cwd=Path.cwd()
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not told.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()


def files_of(folder: Path) -> dict[Path, int]:
    """When each mask, and each file of the teacher, was written."""
    files = [*folder.glob("*/masks/*.png"), *(folder / "teacher").glob("*.jsonl")]
    return {path: path.stat().st_mtime_ns for path in files}


def numbers_of(folder: Path) -> dict[str, Any]:
    """Everything that a round came to, without what depends on its place."""
    record = read_round(folder)
    scores = {
        name: {key: record[name][key] for key in ("iou", "pixel_accuracy", "dice", "loss")}
        for name in ("teacher", "student")
    }
    labels = [{**entry["label"], "image": ""} for entry in record["unlabelled"]]
    proposals = read_proposals(folder / "proposals").images
    masks = [(p.confidence, p.predicted_iou, p.mask.read_bytes()) for p in proposals]
    return {"scores": scores, "labels": labels, "masks": masks}


@pytest.mark.parametrize(("method", "phase"), [("paper", "labelling"), ("mean_teacher", "teacher")])
def test_images_that_vanish_while_a_round_runs_are_left_out_and_named(
    data: tuple[Path, Path], config: TrainConfig, method: Method, phase: str
) -> None:
    lost = data[1] / "t07.png"
    report = run_round(config, unlabelled=data[1], method=method, on_event=lose(lost, phase))
    assert report.num_proposals == 3
    assert any("t07.png" in reason for reason in read_status(config.out).warnings)
    (left_out,) = read_proposals(config.out / "proposals").left_out
    assert left_out.image == lost


def lose(image: Path, phase: str) -> Listener:
    """Return a listener that removes an image when a phase begins."""

    def listener(event: Event) -> None:
        if event["kind"] == "phase" and event["phase"] == phase:
            image.unlink()

    return listener


def test_a_round_that_lost_an_image_says_so_and_goes_on_without_it(
    data: tuple[Path, Path], config: TrainConfig
) -> None:
    with pytest.raises(DataError, match=r"t07\.png"):
        run_round(
            config,
            unlabelled=data[1],
            method="paper",
            on_event=lose(data[1] / "t07.png", "student"),
        )
    assert "t07.png" in read_status(config.out).reason
    assert resume_round(config.out).num_proposals == 3


def test_a_start_with_a_wrong_folder_can_be_put_right(
    data: tuple[Path, Path], config: TrainConfig
) -> None:
    with pytest.raises(DataError):
        run_round(config, unlabelled=data[1].parent / "mistyped")
    report = run_round(config, unlabelled=data[1], method="paper", make_proposals=False)
    assert report.num_unlabelled == 4


def test_a_round_is_not_mixed_up_with_a_run_or_another_round(
    data: tuple[Path, Path], config: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_round(config, unlabelled=data[1], method="paper", make_proposals=False)
    with pytest.raises(TrainingError, match="other settings"):
        run_round(config, unlabelled=data[1], method="confidence")
    assert run_app(app, ["train", "--resume", str(config.out)]) == 1
    assert "icseg rounds run --resume" in capsys.readouterr().err
    run = make_run(tmp_path / "single")
    with pytest.raises(TrainingError, match="a single run, not a round"):
        resume_round(run)
    assert run_round(config, unlabelled=data[1], method="paper").num_proposals == 4


def test_any_run_proposes_for_a_folder_and_begins_anew_for_another_model(
    data: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "proposals"
    runs = [make_run(tmp_path / name, seed=number) for number, name in enumerate("ab")]
    first = propose_folder(checkpoint_file(runs[0]), data[1], out, device="cpu")
    assert first.calibration["temperature"] == 1.0
    assert len(first.images) == 4
    (line, *_) = (out / "progress.jsonl").read_text().splitlines()
    assert propose_folder(checkpoint_file(runs[0]), data[1], out, device="cpu") == read_proposals(
        out
    )
    second = propose_folder(checkpoint_file(runs[1]), data[1], out, device="cpu")
    assert json.loads((out / "progress.jsonl").read_text().splitlines()[0]) != json.loads(line)
    assert [p.predicted_iou for p in first.images] != [p.predicted_iou for p in second.images]
    assert proposals_module.read_proposals(out).model == checkpoint_file(runs[1])
    with pytest.raises(DataError, match="no image without a mask"):
        propose_folder(runs[0], data[0], out, device="cpu")
