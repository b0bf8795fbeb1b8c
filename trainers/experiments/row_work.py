"""What is done for one row: train, or go on; test; keep what the report shows.

    runs/<training>-<digest>/    run folder (for Table 4 the folder of a round); the digest is of
                                 the data and of the settings that decide, so that a folder never
                                 holds anything else
    pictures/<row>-<digest>/     masks of the shown tiles, see `tiles`

A training that has finished keeps its best weights alone.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainers.data.labels import IGNORE
from trainers.errors import TrainingError
from trainers.evaluate import evaluate
from trainers.experiments.recipe import Changes, config_of
from trainers.experiments.results import RUNS, Cost, Result, Scores
from trainers.io.masks import write_semantic
from trainers.metrics.connectivity import TrackErrors, track_errors
from trainers.predict import load_run
from trainers.progress import RunState, read_events, read_status
from trainers.run_folder import STUDENT, TEACHER, RunFolder, code_version
from trainers.semi_supervised import resume_round, run_round
from trainers.train import resume, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainers.evaluation.answer import Answer
    from trainers.evaluation.data import Truth
    from trainers.experiments.data import ExperimentData
    from trainers.experiments.matrix import Row
    from trainers.experiments.tiles import Kind
    from trainers.predict import LoadedModel
    from trainers.train import Listener

PICTURES = "pictures"
_MIB = 2**20


@dataclass(frozen=True)
class Workshop:
    """What the rows of a matrix share.

    Attributes:
        out: folder of the results.
        data: the images.
        changes: of the recipes.
        shown: names of the test tiles whose masks are kept, and their kinds.
        on_event: gets what the trainings tell.
        on_tested: gets images tested and in all.

    """

    out: Path
    data: ExperimentData
    changes: Changes = field(default_factory=Changes)
    shown: dict[str, Kind] = field(default_factory=dict)
    on_event: Listener | None = None
    on_tested: Callable[[int, int], None] = lambda _done, _total: None

    def key_of(self, row: Row) -> tuple[str, str, str]:
        """Return the key under which the results know a row."""
        return (row.name, self.changes.text, self.data.sha256)

    def run_of(self, row: Row) -> str:
        """Return the name of a row's run folder."""
        return f"{row.training_name}-{run_digest(self.changes.text, self.data.sha256)}"


def run_digest(settings: str, data_sha256: str) -> str:
    """Return the part of a folder's name that tells settings and data apart."""
    return hashlib.sha256(f"{settings}\n{data_sha256}".encode()).hexdigest()[:8]


def pictures_of(out: Path, result: Result) -> Path:
    """Return the folder with a row's masks of the shown tiles."""
    digest = run_digest(result.settings, result.data_sha256)
    return out / PICTURES / f"{result.row.name}-{digest}"


def work_on(row: Row, shop: Workshop) -> Result:
    """Train and test a row; what was done before is not done again.

    Raises:
        RowCancelledError: the training was stopped, and can go on.
        IcsegError: the row has failed.

    """
    run = shop.out / RUNS / shop.run_of(row)
    _train(row, shop, run)
    started_s = time.monotonic()
    loaded = load_run(run, device=str(shop.changes.fields.get("device", "auto")))
    scores = _test(row, shop, loaded)
    cost = Cost(
        train_s=round(trained_s(run), 2),
        test_s=round(time.monotonic() - started_s, 2),
        size_mib=round(_num_bytes(run) / _MIB, 2),
        device=str(loaded.device),
    )
    return Result(
        row=row,
        settings=shop.changes.text,
        data_sha256=shop.data.sha256,
        state="done",
        scores=scores,
        cost=cost,
        commit=commit_now(),
        ended_utc=now_utc(),
        run=run.name,
    )


class RowCancelledError(TrainingError):
    """A row's training was stopped from outside."""


def _train(row: Row, shop: Workshop, run: Path) -> None:
    """Bring the row's training to its end."""
    if read_status(run).state is not RunState.FINISHED:
        if row.unlabelled:
            _train_round(row, shop, run)
        else:
            _train_alone(row, shop, run)
    _forget_states(run)


def _train_alone(row: Row, shop: Workshop, run: Path) -> None:
    if RunFolder(run).state.exists():
        status = resume(run, on_event=shop.on_event)
    else:
        data = shop.data.labelled_for(row, shop.out / "data")
        config = config_of(row, shop.changes, data=data, out=run)
        names = shop.data.class_names
        status = train(config.replace(class_names=names), on_event=shop.on_event)
    if status.state is not RunState.FINISHED:
        raise RowCancelledError(f"{run} was cancelled.")


def _train_round(row: Row, shop: Workshop, run: Path) -> None:
    try:
        if RunFolder(run).config.exists():
            resume_round(run, on_event=shop.on_event)
            return
        data = shop.data.labelled_for(row, shop.out / "data")
        unlabelled = shop.data.unlabelled_for(row, shop.out / "data")
        config = config_of(row, shop.changes, data=data, out=run)
        run_round(
            config.replace(class_names=shop.data.class_names),
            unlabelled=unlabelled,
            method="paper",
            make_proposals=False,
            on_event=shop.on_event,
        )
    except TrainingError as error:
        if read_status(run).state is RunState.CANCELLED:
            raise RowCancelledError(str(error)) from error
        raise


def _test(row: Row, shop: Workshop, loaded: LoadedModel) -> Scores:
    """Score the model on the test split, and keep its masks of the shown tiles."""
    digest = run_digest(shop.changes.text, shop.data.sha256)
    pictures = shop.out / PICTURES / f"{row.name}-{digest}"
    errors: list[TrackErrors] = []

    def see(name: str, truth: Truth, said: Answer) -> None:
        counted = truth.ids != IGNORE
        preds, target = (said.labels > 0) & counted, (truth.ids > 0) & counted
        errors.append(track_errors(preds, target))
        if name in shop.shown:
            write_semantic(pictures / f"{shop.shown[name]}.png", said.labels)

    found = evaluate(
        loaded,
        shop.data.test,
        protocol="oracle" if row.protocol == "paper" else "automatic",
        progress=shop.on_tested,
        on_answer=see,
    )
    tracks = sum(errors, TrackErrors())
    return Scores(
        pixel_accuracy=found.metrics["pixel_accuracy"],
        blank_accuracy=1.0 - found.metrics["foreground_true"],
        foreground_iou=found.metrics["foreground_iou"],
        foreground_dice=found.metrics["foreground_dice"],
        opens=tracks.opens,
        shorts=tracks.shorts,
        false_tracks=tracks.false_tracks,
        missing_tracks=tracks.missing_tracks,
        wrong_tracks=tracks.wrong_tracks,
        num_tracks=tracks.num_tracks,
        num_test_images=len(found.images),
    )


def trained_s(run: Path) -> float:
    """Return the seconds of all epochs of a run or a round, also over several attempts."""
    folders = (run, run / TEACHER, run / STUDENT)
    return sum(_epochs_s(folder) for folder in folders if (folder / "checkpoints").is_dir())


def _epochs_s(run: Path) -> float:
    events, _ = read_events(RunFolder(run).events)
    seconds = {event["epoch"]: event["seconds"] for event in events if event["kind"] == "epoch"}
    return float(sum(seconds.values()))


def _forget_states(run: Path) -> None:
    """Remove what only a resume needs; the best weights stay."""
    for folder in map(RunFolder, (run, run / TEACHER, run / STUDENT)):
        if folder.best.exists():
            for path in (folder.state, folder.last, folder.last.with_suffix(".json")):
                path.unlink(missing_ok=True)


def _num_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def commit_now() -> str:
    """Return the commit of the code, or its version outside a checkout."""
    code = code_version()
    return str(code["commit"] or code["version"] or "")


def now_utc() -> str:
    """Return the time as ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
