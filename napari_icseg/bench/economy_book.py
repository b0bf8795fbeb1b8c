"""A route's book: what the person did, written as it happens, so that a killed run goes on.

A route's folder has `book.jsonl`, one line a labelled tile or sample, and `masks/`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.economy_costs import Actions
from napari_icseg.bench.economy_tally import SAMPLE
from trainers.io.json_lines import append_line, read_lines
from trainers.io.masks import write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.bench.economy_annotator import How, Labelled
    from napari_icseg.bench.economy_lab import PoolTile


@dataclass(frozen=True)
class Entry:
    """One line: a labelled tile, or a sample that was looked at.

    Attributes:
        name: of the tile, or of the sample.
        how: it was labelled; "sample" for a sample.
        actions: what it took.
        iou: of the label with the truth, 0..1; of a sample, the share that looked right.

    """

    name: str
    how: How | str
    actions: Actions
    iou: float


class Book:
    """The entries of one route; what is in it is not done again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "book.jsonl"
        lines = [_entry(fields) for fields in read_lines(self._path)]
        self._entries = {entry.name: entry for entry in lines}

    def mask(self, tile: PoolTile) -> Path:
        """Return where the label of a tile lies."""
        return self.folder / "masks" / f"{tile.name}.png"

    def label(self, tile: PoolTile, work: Callable[[], Labelled]) -> Entry:
        """Return the entry of a tile, labelled by `work` unless it is in the book already."""
        known = self._entries.get(tile.name)
        if known is not None:
            return known
        done = work()
        write_semantic(self.mask(tile), done.ids)  # first: an entry says that there is a mask
        return self._add(Entry(tile.name, done.how, done.actions, round(done.iou, 6)))

    def sample(self, name: str, look: Callable[[], tuple[Actions, float]]) -> Entry:
        """Return the entry of a sample, looked at by `look` unless it is in the book already."""
        known = self._entries.get(name)
        return known or self._add(Entry(name, SAMPLE, *look()))

    def _add(self, entry: Entry) -> Entry:
        append_line(self._path, asdict(entry))
        self._entries[entry.name] = entry
        return entry


def _entry(fields: dict[str, Any]) -> Entry:
    return Entry(fields["name"], fields["how"], Actions(**fields["actions"]), fields["iou"])
