"""`results.csv`: one line for each row that was measured or has failed; no torch.

Several processes may write it: each takes the lock, reads, and replaces the file atomically. An
unknown value is empty and never 0; a failed row holds no figure at all.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from filelock import FileLock, Timeout

from trainers.errors import DataError
from trainers.experiments.matrix import Row
from trainers.io.atomic import write_error, write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RESULTS_NAME, RUNS = "results.csv", "runs"
"""Of the file and of the folder with the trained models beside it."""
State = Literal["done", "failed"]
_LOCK_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Scores:
    """What the test says; shares are 0..1, the others are counts over all test images.

    Attributes:
        pixel_accuracy: share of all pixels, as published.
        blank_accuracy: pixel accuracy of a model that finds nothing in any image.
        foreground_iou, foreground_dice: means over images; a blank image that is predicted
            blank scores 1, one with a single wrong pixel 0.
        opens, shorts, false_tracks, missing_tracks, wrong_tracks, num_tracks: see
            `trainers.metrics.connectivity`.
        num_test_images: how many were scored.

    """

    pixel_accuracy: float
    blank_accuracy: float
    foreground_iou: float
    foreground_dice: float
    opens: int
    shorts: int
    false_tracks: int
    missing_tracks: int
    wrong_tracks: int
    num_tracks: int
    num_test_images: int


@dataclass(frozen=True)
class Cost:
    """What a row took: seconds of its trainings and of its test, and MiB that it keeps."""

    train_s: float
    test_s: float
    size_mib: float
    device: str


@dataclass(frozen=True)
class Result:
    """One row as it came out.

    Attributes:
        row: the row.
        settings: what the command changed of the recipes, as `recipe.Changes.text` says it.
        data_sha256: hash of the images and masks for training and test, see `data`.
        state: done, or failed.
        reason: why it failed; empty otherwise.
        scores, cost: None if it failed.
        commit: of the code ("-dirty" if it was changed); the version outside a checkout.
        ended_utc: when, ISO 8601.
        run: run folder below `runs/`.

    """

    row: Row
    settings: str
    data_sha256: str
    state: State
    reason: str = ""
    scores: Scores | None = None
    cost: Cost | None = None
    commit: str = ""
    ended_utc: str = ""
    run: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What names a result: a later one of the same key replaces it."""
        return (self.row.name, self.settings, self.data_sha256)


class Results:
    """The results in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which may be empty or missing."""
        self.path = folder / RESULTS_NAME
        self._lock = folder / f".{RESULTS_NAME}.lock"

    def read(self) -> tuple[Result, ...]:
        """Return all results in the order in which they came.

        Raises `DataError` if the file is none of ours, or damaged.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"Cannot read {self.path}: {error}. Choose another folder.") from error
        reader = csv.DictReader(io.StringIO(text))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DataError(
                f"{self.path} has other columns than {', '.join(COLUMNS)}. "
                "Choose another folder for the results."
            )
        return tuple(self._parsed(line, reader.line_num) for line in reader)

    def put(self, result: Result) -> None:
        """Add a result, or replace the one of the same key.

        Raises `DataError` if the disk does not take it, or another process keeps the lock.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._lock, timeout=_LOCK_TIMEOUT_S):
                others = [each for each in self.read() if each.key != result.key]
                self._write([*others, result])
        except Timeout:
            raise DataError(
                f"{self.path} has been locked by another process for {_LOCK_TIMEOUT_S:.0f} s. "
                "Look for one that hangs, then start the same command again."
            ) from None
        except OSError as error:
            raise write_error(self.path, error) from error

    def _write(self, results: list[Result]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_line(each) for each in results)
        write_text_atomic(self.path, text.getvalue())

    def _parsed(self, line: Mapping[str, str], number: int) -> Result:
        try:
            return _result(line)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"Line {number} of {self.path} is damaged ({error}). Remove the line: its row is "
                "then measured again, from its run folder if that is there."
            ) from error


_ROW_COLUMNS = tuple(field.name for field in fields(Row))
_SCORE_COLUMNS = tuple(field.name for field in fields(Scores))
_COST_COLUMNS = tuple(field.name for field in fields(Cost))
COLUMNS = (
    "name",
    *_ROW_COLUMNS,
    "state",
    *_SCORE_COLUMNS,
    "reason",
    *_COST_COLUMNS,
    "settings",
    "data_sha256",
    "commit",
    "ended_utc",
    "run",
)
_FLOATS = {"lr", "scale", "pixel_accuracy", "blank_accuracy", "foreground_iou", "foreground_dice"}
_FLOATS |= {"train_s", "test_s", "size_mib"}
_TEXTS = {"model", "preset", "protocol", "device"}


def _line(result: Result) -> dict[str, str]:
    parts: dict[str, object] = {"name": result.row.name, **asdict(result.row)}
    parts |= {} if result.scores is None else asdict(result.scores)
    parts |= {} if result.cost is None else asdict(result.cost)
    for name in ("state", "reason", "settings", "data_sha256", "commit", "ended_utc", "run"):
        parts[name] = " ".join(str(getattr(result, name)).split())
    return {name: _text(parts.get(name)) for name in COLUMNS}


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _result(line: Mapping[str, str]) -> Result:
    fields_of_row: dict[str, Any] = {name: _value(name, line[name]) for name in _ROW_COLUMNS}
    row = Row(**fields_of_row)
    if row.name != line["name"]:
        raise ValueError(f"expected the name {row.name}, got {line['name']}")
    if line["state"] not in get_args(State):
        raise ValueError(f"unknown state {line['state']!r}")
    is_done = line["state"] == "done"
    return Result(
        row=row,
        scores=Scores(**_values(line, _SCORE_COLUMNS)) if is_done else None,
        cost=Cost(**_values(line, _COST_COLUMNS)) if is_done else None,
        state="done" if is_done else "failed",
        **{
            name: line[name]
            for name in ("settings", "data_sha256", "reason", "commit", "ended_utc", "run")
        },
    )


def _values(line: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: _value(name, line[name]) for name in names}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} of a row that is done is empty")
    return found


def _value(name: str, text: str) -> str | float | int | None:
    if name in _TEXTS:
        return text
    if not text:
        return None
    return float(text) if name in _FLOATS else int(text)
