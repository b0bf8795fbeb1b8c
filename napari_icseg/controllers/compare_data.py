"""On which images models are compared, and which of them a model has learned from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_icseg.controllers.wording import counted
from napari_icseg.project.training_set import Selection, training_manifest
from napari_icseg.widgets.training_view import Entry
from trainers.errors import DataError
from trainers.io.folders import write_manifest
from trainers.io.manifest import MANIFEST_NAME, DatasetIndex, read_manifest
from trainers.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.reader import ProjectReader

TEST, VALIDATION, EVERYTHING = "test", "validation", "everything"
_ENTRIES = {
    TEST: Entry(
        TEST, "kept for testing", "The images of the split test: no model learned from them"
    ),
    VALIDATION: Entry(
        VALIDATION,
        "validation images of the newest of these models",
        "An older or newer model may have learned from some of them; the table says so",
    ),
    EVERYTHING: Entry(
        EVERYTHING,
        "everything labelled",
        "Also the images that the models learned from: good for finding mistakes, not for scores",
    ),
}


@dataclass(frozen=True)
class ComparisonData:
    """A folder to score, and for each run how many of its images the run has learned from."""

    folder: Path
    num_images: int
    num_seen: dict[str, int]


def entries(splits: Sequence[tuple[str, int]]) -> tuple[Entry, ...]:
    """Return the choices of images; the first is the most honest that there is.

    `splits` are the splits of the finished images, and how many are in each.
    """
    num_test = dict(splits).get("test", 0)
    found = [_ENTRIES[VALIDATION], _ENTRIES[EVERYTHING]]
    if num_test:
        text = f"{_ENTRIES[TEST].text} ({counted(num_test, 'image')})"
        found.insert(0, replace(_ENTRIES[TEST], text=text))
    return tuple(found)


def write_data(
    open_reader: Callable[[], ProjectReader], key: str, runs: Sequence[RunSnapshot], folder: Path
) -> ComparisonData:
    """Write the images of a choice as a data set in `folder`, which is emptied by the caller.

    Args:
        open_reader: opens the project; closed again.
        key: TEST, VALIDATION or EVERYTHING.
        runs: to be compared, at least one.
        folder: for the masks and the manifest.

    Raises:
        DataError: the runs have learned different classes, or have no data of that sort.
        ProjectError: no such image, or a file is missing.

    """
    names = _common_classes(runs)
    if key == VALIDATION:
        index = _validation(max(runs, key=lambda run: run.created_unix_s))
    else:
        reader = open_reader()
        try:
            selection = Selection(_only_class(reader, names), "test" if key == TEST else None)
            index = read_manifest(training_manifest(reader, folder, selection=selection))
        finally:
            reader.close()
    items = tuple(replace(item, split=None) for item in index.items)
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(items, index.class_names))
    digests = {item.sha256 for item in read_manifest(folder / MANIFEST_NAME).items}
    seen = {run.name: len(digests & _learned_from(run)) for run in runs}
    return ComparisonData(folder, len(items), seen)


def _common_classes(runs: Sequence[RunSnapshot]) -> tuple[str, ...]:
    """Return the classes that all runs have learned; raise `DataError` if they differ."""
    known = {_class_names(run) for run in runs}
    if len(known) > 1:
        sets = " | ".join(sorted(", ".join(names) or "?" for names in known))
        raise DataError(
            f"These models learned different classes ({sets}): their scores cannot be compared. "
            "Select models of the same classes."
        )
    return known.pop()


def _class_names(run: RunSnapshot) -> tuple[str, ...]:
    try:
        names = json.loads(RunFolder(run.run_dir).config.read_text(encoding="utf-8"))["class_names"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, names))


def _only_class(reader: ProjectReader, names: tuple[str, ...]) -> int | None:
    """Return the id of the class that runs of one class have learned; None for all classes."""
    classes = reader.classes()
    if len(names) != 1 or len(classes) == 1:
        return None
    return next((known.id for known in classes if known.name == names[0]), None)


def _validation(run: RunSnapshot) -> DatasetIndex:
    index = read_manifest(RunFolder(run.run_dir).dataset / MANIFEST_NAME)
    return replace(index, items=tuple(item for item in index.items if item.split == "val"))


def _learned_from(run: RunSnapshot) -> set[str | None]:
    """Return the digests of the images that a run was trained on."""
    try:
        index = read_manifest(RunFolder(run.run_dir).dataset / MANIFEST_NAME)
    except DataError:  # moved or removed images: nothing is known, and scoring will say more
        return set()
    return {item.sha256 for item in index.items if item.split == "train"}
