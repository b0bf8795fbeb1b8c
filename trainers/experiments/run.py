"""Works through a matrix: row by row, beside any number of other processes.

A row is locked while a process works on it; the lock vanishes with its process, however that
ends, and the next one that comes by goes on with the row. A row that is done is never done again.
"""

from __future__ import annotations

import errno
import logging
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from trainers.errors import DataError, IcsegError, TrainingError
from trainers.experiments.results import RUNS, Result, Results
from trainers.experiments.row_work import (
    RowCancelledError,
    Workshop,
    commit_now,
    now_utc,
    work_on,
)
from trainers.io.atomic import write_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.experiments.matrix import Row

log = logging.getLogger("trainers")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_LEAST_FREE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Outcome:
    """How a matrix stands: results of the rows in their order, and rows worked on elsewhere."""

    results: tuple[Result, ...]
    busy: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The rows that have failed."""
        return tuple(result for result in self.results if result.state == "failed")


def run_rows(
    rows: Sequence[Row],
    shop: Workshop,
    *,
    on_begin: Callable[[int, Row], None] = lambda _number, _row: None,
    on_end: Callable[[int, Row, Result | None], None] = lambda _number, _row, _result: None,
) -> Outcome:
    """Do all rows that are not done; a row that has failed is tried once more.

    Args:
        rows: of one table.
        shop: what they share.
        on_begin: told the index of a row whose work begins.
        on_end: told the index of a row, and its result (old or new); None if another process
            works on it.

    Raises:
        TrainingError: stopped from outside; the same call goes on.
        DataError: the disk is full, or the results cannot be written; the same.

    """
    began_utc, todo = now_utc(), list(enumerate(rows))
    for _ in range(2):  # what others worked on may have been left by them meanwhile
        busy = []
        for number, row in todo:
            result = _locked(row, shop, began_utc, partial(on_begin, number, row))
            on_end(number, row, result)
            if result is None:
                busy.append((number, row))
        todo = busy
    wanted = {shop.key_of(row): number for number, row in enumerate(rows)}
    found = [each for each in Results(shop.out).read() if each.key in wanted]
    found.sort(key=lambda each: wanted[each.key])
    return Outcome(tuple(found), tuple(row for _, row in todo))


def _locked(
    row: Row, shop: Workshop, began_utc: str, on_begin: Callable[[], None]
) -> Result | None:
    """Return the row's result, made now if need be; None if another process works on it."""
    lock = FileLock(_lock_file(shop.out, shop.run_of(row)))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except OSError as error:
        raise write_error(shop.out, error) from error
    try:
        known = known_result(row, shop)
        # one that failed since we began was tried by another process
        if known is not None and (known.state == "done" or known.ended_utc >= began_utc):
            return known
        on_begin()
        result = _attempt(row, shop)
        Results(shop.out).put(result)
        return result
    finally:
        lock.release()


def known_result(row: Row, shop: Workshop) -> Result | None:
    """Return what the results say of a row."""
    key = shop.key_of(row)
    return next((each for each in Results(shop.out).read() if each.key == key), None)


def _lock_file(out: Path, run: str) -> Path:
    folder = out / RUNS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    return folder / f".{run}.lock"


def _attempt(row: Row, shop: Workshop) -> Result:
    """Return the result, also of a row that fails; what is not the row's fault is raised."""
    try:
        shop.data.require_enough(row)
        return work_on(row, shop)
    except RowCancelledError as error:
        raise TrainingError(
            f"{row.name} was stopped; it goes on where it was by the same command. Rows that are "
            f"done are in {Results(shop.out).path}."
        ) from error
    except Exception as error:
        if is_disk_full(error, shop.out):
            raise DataError(
                f"The disk with {shop.out} is full: {row.name} was stopped, and is not counted as "
                "failed. Free some space, then start the same command again: it goes on there."
            ) from error
        log.exception("%s failed", row.name)
        return _failure(row, shop, error)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Say whether an error came from a full disk, by what caused it or by what is free."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        cause = cause.__cause__ or cause.__context__
    return shutil.disk_usage(folder).free < _LEAST_FREE_BYTES


def _failure(row: Row, shop: Workshop, error: Exception) -> Result:
    reason = str(error) if isinstance(error, IcsegError) else f"{type(error).__name__}: {error}"
    return Result(
        row=row,
        settings=shop.changes.text,
        data_sha256=shop.data.sha256,
        state="failed",
        reason=reason,
        commit=commit_now(),
        ended_utc=now_utc(),
        run=shop.run_of(row),
    )
