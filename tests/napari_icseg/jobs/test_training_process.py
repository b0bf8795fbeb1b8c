"""Real trainings in processes of their own: progress, crashes, resume, survival of the GUI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from safetensors.numpy import load_file

from napari_icseg.jobs import runs
from napari_icseg.jobs.watcher import list_runs, read_log_tail
from tests.napari_icseg.jobs.conftest import tiny_request, write_labels
from trainers.progress import RunState, read_process, read_status

if TYPE_CHECKING:
    from collections.abc import Callable

NUM_EPOCHS = 12
TIMEOUT_S = 90.0

STARTER = """
import sys, time
from pathlib import Path
from napari_icseg.jobs import runs
from tests.napari_icseg.jobs.conftest import tiny_request, write_labels
handle = runs.start_run(tiny_request(epochs={epochs}), Path(sys.argv[1]), write_labels)
print(handle.run_dir, flush=True)
time.sleep(600)  # the GUI stays open until it is killed
"""


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, "the training did not get there in time"
        time.sleep(0.01)


def kill_9(run_dir: Path) -> None:
    fields = read_process(run_dir)
    assert fields is not None
    os.kill(fields[0], signal.SIGKILL)
    wait_for(lambda: read_status(run_dir).state is not RunState.RUNNING)


def weights(run_dir: Path) -> dict[str, bytes]:
    tensors = load_file(run_dir / "checkpoints" / "last.safetensors")
    return {name: tensor.tobytes() for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One training that is left alone from start to end."""
    folder = tmp_path_factory.mktemp("reference")
    run_dir = runs.start_run(tiny_request(NUM_EPOCHS), folder, write_labels).run_dir
    seen = list(runs.watch(run_dir, poll_s=0.05))
    assert seen[-1].state is RunState.FINISHED, read_log_tail(run_dir)
    # progress was told while it ran, not only at the end
    assert any(0 < status.epoch < NUM_EPOCHS for status in seen)
    assert [status.step for status in seen] == sorted(status.step for status in seen)
    return run_dir


def test_a_training_tells_its_progress_and_its_scores(uninterrupted: Path) -> None:
    status = read_status(uninterrupted)

    assert (status.epoch, status.num_epochs) == (NUM_EPOCHS, NUM_EPOCHS)
    assert len(status.curves.epochs) == NUM_EPOCHS
    assert {"pixel_accuracy", "iou", "dice"} <= status.curves.epochs[-1].val.keys()
    assert "epoch 1" in read_log_tail(uninterrupted)


def test_a_killed_training_resumes_to_the_same_weights(
    runs_folder: Path, uninterrupted: Path
) -> None:
    run_dir = runs.start_run(tiny_request(NUM_EPOCHS), runs_folder, write_labels).run_dir
    wait_for(lambda: read_status(run_dir).epoch >= 2)
    kill_9(run_dir)
    killed = read_status(run_dir)
    assert killed.state is RunState.INTERRUPTED
    assert killed.epoch < NUM_EPOCHS

    runs.resume(run_dir)
    last = list(runs.watch(run_dir, poll_s=0.05))[-1]

    assert last.state is RunState.FINISHED, read_log_tail(run_dir)
    assert weights(run_dir) == weights(uninterrupted)


def test_a_training_killed_before_its_first_word_can_be_resumed(runs_folder: Path) -> None:
    run_dir = runs.start_run(tiny_request(epochs=1), runs_folder, write_labels).run_dir
    kill_9(run_dir)
    assert read_status(run_dir).state is RunState.INTERRUPTED

    runs.resume(run_dir)

    assert list(runs.watch(run_dir, poll_s=0.05))[-1].state is RunState.FINISHED


def test_a_cancelled_training_keeps_its_checkpoint_and_resumes(runs_folder: Path) -> None:
    run_dir = runs.start_run(tiny_request(NUM_EPOCHS), runs_folder, write_labels).run_dir
    wait_for(lambda: read_status(run_dir).epoch >= 2)

    cancelled = runs.cancel(run_dir)
    assert cancelled.state is RunState.CANCELLED
    assert (run_dir / "checkpoints" / "last.state.pt").is_file()

    runs.resume(run_dir)
    last = list(runs.watch(run_dir, poll_s=0.05))[-1]
    assert (last.state, last.epoch) == (RunState.FINISHED, NUM_EPOCHS)


def test_a_training_outlives_the_program_that_started_it(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER.format(epochs=NUM_EPOCHS), str(tmp_path / "p.runs")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert starter.stdout is not None
    run_dir = Path(starter.stdout.readline().strip())
    starter.kill()  # -9, while the training is still importing its libraries
    starter.communicate()

    # another program, which knows nothing but the folder, finds it running and sees its end
    (found,) = list_runs(tmp_path / "p.runs")
    assert found.run_dir == run_dir
    assert found.status.state is RunState.RUNNING
    last = list(runs.watch(run_dir))[-1]
    assert (last.state, last.epoch) == (RunState.FINISHED, NUM_EPOCHS)


def test_labels_that_cannot_be_trained_on_fail_with_the_reason(runs_folder: Path) -> None:
    def one_image(folder: Path) -> None:
        write_labels(folder, num_images=1)

    run_dir = runs.start_run(tiny_request(), runs_folder, one_image).run_dir
    last = list(runs.watch(run_dir))[-1]

    assert last.state is RunState.FAILED
    assert "at least 2 labelled" in last.reason
