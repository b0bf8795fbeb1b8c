"""What the edit bar does to the selected objects: pure functions from objects to one edit.

Classes may overlap (a via lies on metal). Within a class objects may touch but do not overlap:
what grows stops at the others of its class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_icseg.controllers.wording import counted
from napari_icseg.project import mask_shapes
from napari_icseg.project.mask_cuts import cut_along, split_around
from napari_icseg.project.mask_snap import snap, snap_window
from napari_icseg.project.records import NewObject, ObjectSource
from trainers.errors import IcsegError
from trainers.io.rle import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_icseg.project.mask_shapes import Shape, Window
    from napari_icseg.project.records import ObjectRecord
    from trainers.io.rle import RleMask


ALWAYS = frozenset({"copy_to_next"})
FOR_SHAPES = frozenset({"separate", "keep_largest", "fill_holes", "shrink"})


class NothingToDoError(IcsegError):
    """The operation would change nothing; says why, and what to do."""


@dataclass(frozen=True)
class Edit:
    """Arguments of `Project.edit_objects`, and what was done, in words."""

    summary: str
    replace: Mapping[int, RleMask] = field(default_factory=dict)
    delete: tuple[int, ...] = ()
    add: tuple[NewObject, ...] = ()
    note: str = ""
    """What the user should know beside that it was done."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What an operation works on.

    Attributes:
        objects: selected, in the order of their choice.
        neighbours: other objects near one of them, by its id.
        shape_hw: of the image.
        read: returns the image's pixels in a window of rows and columns.

    """

    objects: tuple[ObjectRecord, ...]
    neighbours: Mapping[int, tuple[ObjectRecord, ...]]
    shape_hw: Shape
    read: Callable[[Window], NDArray[Any]]

    def blocked(self, record: ObjectRecord, changed: Mapping[int, RleMask]) -> list[RleMask]:
        """The masks of its class into which an object must not move; some changed already."""
        near = self.neighbours.get(record.id, ())
        return [
            changed.get(other.id, other.mask) for other in near if other.class_id == record.class_id
        ]


def possible_for(num_objects: int) -> frozenset[str]:
    """Return the operations that so many objects allow, whatever their shapes are."""
    if num_objects == 0:
        return ALWAYS
    some = ALWAYS | FOR_SHAPES | {"delete", "smooth", "grow", "snap_to_edge"}
    return some | {"merge"} if num_objects > 1 else some


def possible(objects: Sequence[ObjectRecord], shape_hw: Shape) -> frozenset[str]:
    """Return the operations that would change one of these objects or more.

    Whether smoothing and snapping would is only known by doing it: they are always possible.
    """
    facts = [mask_shapes.facts_of(record.mask, shape_hw) for record in objects]
    found = possible_for(len(objects)) - FOR_SHAPES
    if any(fact.num_parts > 1 for fact in facts):
        found |= {"separate", "keep_largest"}
    if any(fact.num_holes for fact in facts):
        found |= {"fill_holes"}
    if any(fact.can_shrink for fact in facts):
        found |= {"shrink"}
    if len({record.class_id for record in objects}) > 1:
        found -= {"merge"}
    return found


def merge(scene: Scene) -> Edit:
    """Make one object of all; it keeps the id of the one chosen first.

    Raises:
        NothingToDoError: fewer than two objects, or of several classes.

    """
    first, *others = scene.objects
    if not others:
        raise NothingToDoError("Select two or more objects to merge them (Ctrl+Shift+click).")
    if any(record.class_id != first.class_id for record in others):
        raise NothingToDoError(
            "The selected objects have different classes. Press the digit of one class first."
        )
    mask = unite([record.mask for record in scene.objects])
    gone = tuple(record.id for record in others)
    return Edit(f"merge {len(scene.objects)} objects", {first.id: mask}, gone)


def separate(scene: Scene) -> Edit:
    """Make an object of each connected part."""
    return _split("separate", scene.objects, lambda mask: mask_shapes.parts_of(mask))


def cut(objects: Sequence[ObjectRecord], points_rc: Sequence[tuple[float, float]]) -> Edit:
    """Cut objects along a line; those that it does not cut through stay.

    Raises:
        NothingToDoError: it cuts through none.

    """
    return _split(
        "cut",
        objects,
        lambda mask: cut_along(mask, points_rc),
        "The line cuts through no object: draw it from one side of a track to the other.",
    )


def split(
    objects: Sequence[ObjectRecord], seeds_rc: Sequence[tuple[int, int]], shape_hw: Shape
) -> Edit:
    """Split objects around seeds, one a piece."""
    return _split("split", objects, lambda mask: split_around(mask, seeds_rc, shape_hw))


def fill_holes(scene: Scene) -> Edit:
    """Fill what objects surround."""
    return _reshape("fill the holes of", scene, lambda r, _: mask_shapes.fill_holes(r.mask))


def smooth(scene: Scene) -> Edit:
    """Take bumps and notches away, at the smallest radius that shows."""
    return _reshape(
        "smooth", scene, lambda r, _: mask_shapes.smooth_visibly(r.mask, scene.shape_hw)
    )


def grow(scene: Scene) -> Edit:
    """One pixel more on all sides, up to others of the class."""

    def grown(record: ObjectRecord, changed: Mapping[int, RleMask]) -> RleMask:
        return mask_shapes.grow(record.mask, scene.shape_hw, scene.blocked(record, changed))

    return _reshape("grow", scene, grown)


def shrink(scene: Scene) -> Edit:
    """One pixel less on all sides; an object that would vanish stays."""
    vanishing = 0

    def shrunk(record: ObjectRecord, _changed: Mapping[int, RleMask]) -> RleMask:
        nonlocal vanishing
        smaller = mask_shapes.shrink(record.mask, scene.shape_hw)
        vanishing += smaller is None
        return record.mask if smaller is None else smaller

    edit = _reshape("shrink", scene, shrunk)
    if vanishing:
        kept = f"{counted(vanishing, 'object')} would have vanished and stayed."
        return replace(edit, note=kept)
    return edit


def keep_largest(scene: Scene) -> Edit:
    """Keep only the largest connected part."""
    what = "keep the largest part of"
    return _reshape(what, scene, lambda r, _: mask_shapes.largest_part(r.mask))


def snap_to_edge(scene: Scene) -> Edit:
    """Move the edges to the strongest grey-level edge within 3 px."""

    def snapped(record: ObjectRecord, changed: Mapping[int, RleMask]) -> RleMask:
        window = snap_window(record.mask, scene.shape_hw)
        blocked = scene.blocked(record, changed)
        return snap(record.mask, scene.read(window), scene.shape_hw, blocked)

    return _reshape("snap", scene, snapped)


def copies_for(
    objects: Sequence[ObjectRecord], there: Sequence[ObjectRecord], shape_hw: Shape
) -> tuple[NewObject, ...]:
    """Return objects for another image of `shape_hw`, clipped to it, less those it has already."""
    known = {(record.class_id, record.mask) for record in there}
    copies = []
    for record in objects:
        mask = mask_shapes.clip(record.mask, shape_hw)
        if mask is not None and (record.class_id, mask) not in known:
            copies.append(NewObject(record.class_id, mask, ObjectSource.MANUAL))
    return tuple(copies)


def _reshape(
    what: str, scene: Scene, change: Callable[[ObjectRecord, Mapping[int, RleMask]], RleMask]
) -> Edit:
    """Replace each mask by another one; raise `NothingToDoError` if all stay.

    `change` gets the masks that were replaced already, by their objects' ids.
    """
    replaced: dict[int, RleMask] = {}
    for record in scene.objects:
        mask = change(record, replaced)
        if mask != record.mask:
            replaced[record.id] = mask
    if not replaced:
        raise NothingToDoError(f"Nothing changed: there is nothing to {what} here.")
    return Edit(f"{what} {counted(len(replaced), 'object')}", replaced)


def _split(
    what: str,
    objects: Sequence[ObjectRecord],
    pieces_of: Callable[[RleMask], tuple[RleMask, ...]],
    nothing: str = "",
) -> Edit:
    """The largest piece keeps the object's id; the others are new objects of its class."""
    replaced: dict[int, RleMask] = {}
    added: list[NewObject] = []
    for record in objects:
        largest, *others = pieces_of(record.mask) or (record.mask,)
        if others:
            replaced[record.id] = largest
            added += [NewObject(record.class_id, m, record.source, record.score) for m in others]
    if not replaced:
        raise NothingToDoError(nothing or f"Nothing changed: there is nothing to {what} here.")
    return Edit(f"{what} {counted(len(replaced), 'object')}", replaced, (), tuple(added))
