"""Proposals of any finished run for any folder of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.data.snapshot import read_snapshot
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.manifest import MANIFEST_NAME
from trainers.predict import load_run
from trainers.propose import judge_of, propose
from trainers.round_data import readable
from trainers.run_folder import STUDENT, TEACHER, RunFolder
from trainers.surroundings import set_threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainers.data.snapshot import SnapshotItem
    from trainers.proposals import ProposalSet


def propose_folder(
    run: Path,
    images: Path,
    out: Path,
    *,
    teacher: Path | None = None,
    device: str = "auto",
    num_threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ProposalSet:
    """Let a run propose for all images that have no mask; see `propose.propose`.

    Args:
        run: a run, a checkpoint, or a round, whose student proposes and whose teacher is the
            other opinion. Its own validation tiles set its confidence right.
        images: folder or manifest.
        out: folder of the proposals.
        teacher: another model of the same classes, in place of a round's own.
        device: auto, cpu, cuda or mps.
        num_threads: CPU threads; None leaves torch's choice.
        progress: gets the number of images done, and their total.

    Raises:
        CheckpointError: the run has no usable model.
        TrainingError: the teacher knows other classes.
        DataError: there is no image without a mask, or none that can be read.

    """
    set_threads(num_threads)
    run = run.expanduser().absolute()
    found, left_out = readable([i for i in discover(images).items if i.mask is None])
    if not found:
        reason = f"; the first: {left_out[0].reason}" if left_out else "."
        raise DataError(
            f"{images} has no image without a mask that can be read: there is nothing to "
            f"propose{reason}"
        )
    is_round = (run / STUDENT).is_dir()
    own = run / STUDENT if is_round else run
    if teacher is None and is_round and (run / TEACHER).is_dir():
        teacher = run / TEACHER
    model = load_run(own, device=device)
    other = None if teacher is None else load_run(teacher, device=device)
    judge = judge_of(model, _validation(own), other)
    return propose(judge, found, out.absolute(), run=own, left_out=left_out, progress=progress)


def _validation(run: Path) -> tuple[SnapshotItem, ...]:
    """Return the validation tiles of a run; none where it does not have them any more."""
    folder = RunFolder(run)
    if not (folder.dataset / MANIFEST_NAME).is_file():
        return ()
    return read_snapshot(folder.dataset).of("val")
