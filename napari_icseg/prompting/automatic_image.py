"""All objects of an image of any size: window by window, joined across their borders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_icseg.prompting.automatic import FoundObject, WindowSearch
from napari_icseg.prompting.windows import Window, WindowGrid
from trainers.io.rle import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_icseg.prompting.prompt_image import PromptImage
    from napari_icseg.prompting.protocol import Embedding, PromptPredictor

JOIN_FRACTION = 0.5
"""Two windows speak of one object if they agree on this share of what both could see of it."""
MIN_COMMON_PX = 8


@dataclass(frozen=True)
class _Seen:
    found: FoundObject
    window: Window


class ImageSearch:
    """Finds all objects of an image, step by step.

    A step that is interrupted, as by a click that needs the model, is done anew by the next.

    Args:
        predictor: the model.
        embedding_of: returns the embedding of a window, made or remembered.
        image: to be searched.

    """

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        image: PromptImage,
    ) -> None:
        self.predictor = predictor
        self._embedding_of, self._image = embedding_of, image
        self._windows = list(WindowGrid(image.size_hw, predictor.input_size_px).windows)
        self.num_windows = len(self._windows)
        self._search: WindowSearch | None = None
        self._seen: list[_Seen] = []

    @property
    def num_done(self) -> int:
        """Windows that were searched to their end."""
        return self.num_windows - len(self._windows)

    def step(self) -> bool:
        """Embed a window or decode one batch of prompts; return whether anything was left."""
        if not self._windows:
            return False
        window = self._windows[0]
        if self._search is None:
            embedding = self._embedding_of(window)
            self._search = WindowSearch(self.predictor, embedding, self._image.unit(window))
        elif not self._search.step():
            self._seen += [_Seen(found, window) for found in self._search.objects()]
            self._search = None
            del self._windows[0]
        return True

    def objects(self) -> tuple[FoundObject, ...]:
        """Return what was found so far, in image coordinates, surest first."""
        joined = [_unite(group) for group in _groups(self._seen)]
        return tuple(sorted(joined, key=lambda one: -one.score))


def _groups(seen: Sequence[_Seen]) -> Iterable[list[FoundObject]]:
    """Return which of the windows' objects are the same one."""
    parent = list(range(len(seen)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in _near_pairs(seen):
        if _are_one(seen[one], seen[other]):
            parent[root(one)] = root(other)
    groups: dict[int, list[FoundObject]] = {}
    for number, one_seen in enumerate(seen):
        groups.setdefault(root(number), []).append(one_seen.found)
    return groups.values()


def _near_pairs(seen: Sequence[_Seen]) -> Iterable[tuple[int, int]]:
    """Yield the pairs of different windows, by number, whose boxes meet."""
    order = sorted(range(len(seen)), key=lambda number: seen[number].found.mask.row)
    active: list[int] = []
    for number in order:
        mask = seen[number].found.mask
        active = [
            other
            for other in active
            if seen[other].found.mask.row + seen[other].found.mask.height > mask.row
        ]
        for other in active:
            theirs = seen[other].found.mask
            meets = theirs.col < mask.col + mask.width and mask.col < theirs.col + theirs.width
            if meets and seen[other].window != seen[number].window:
                yield number, other
        active.append(number)


def _are_one(one: _Seen, other: _Seen) -> bool:
    a, b = one.found, other.found
    if a.is_on_top != b.is_on_top:
        return False
    common = a.mask.intersection_area(b.mask)
    if common < MIN_COMMON_PX:
        return False
    in_sight = min(_area_in(a, other.window), _area_in(b, one.window))
    return common >= JOIN_FRACTION * in_sight


def _area_in(found: FoundObject, window: Window) -> int:
    return int(found.mask.pixels_in(*window.slices).sum())


def _unite(group: Sequence[FoundObject]) -> FoundObject:
    if len(group) == 1:
        return group[0]
    mask = unite([found.mask for found in group])
    return replace(group[0], mask=mask, score=min(found.score for found in group))
