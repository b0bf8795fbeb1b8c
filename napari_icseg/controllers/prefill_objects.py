"""From a predicted segmentation, or predicted objects, to proposals; pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_icseg.project.records import NewProposal
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_icseg.project.records import ClassRecord, ObjectRecord, ProposalRecord
    from napari_icseg.prompting.automatic import FoundObject
    from trainers.models.base import Instance

MIN_AREA_PX = 16
"""Smaller components are noise and are left out."""
RIM_PX = 3
"""What stays of a component within this distance of an accepted object is only its rim."""
KNOWN_FRACTION = 0.8
"""A component covered by accepted objects to this share is one of them.

Likewise a predicted object that surer ones of its class cover to this share is one of those.
"""


@dataclass(frozen=True)
class Proposed:
    """Proposals for one image, and what was left out so that nothing lies on accepted work."""

    proposals: tuple[NewProposal, ...] = ()
    num_cut: int = 0
    """Proposals that lost the pixels which accepted objects of their class have."""
    num_known: int = 0
    """Components left out because they are accepted objects already."""
    unknown_classes: tuple[str, ...] = ()
    """Classes of the model that the project does not have."""
    num_unnamed: int = 0
    """Objects on top of others left out, because the project has no class for them."""


def class_ids_by_label(
    class_names: Sequence[str], classes: Iterable[ClassRecord]
) -> dict[int, int]:
    """Return project class ids by predicted label (1, 2, …), matched by name.

    A model of one class and a project of one class belong together whatever their names.
    """
    ids = {record.name.casefold(): record.id for record in classes}
    if len(class_names) == 1 and len(ids) == 1:
        return {1: next(iter(ids.values()))}
    return {
        label: ids[name.casefold()]
        for label, name in enumerate(class_names, start=1)
        if name.casefold() in ids
    }


def propose(
    labels: NDArray[np.uint8],
    probs: NDArray[np.float32],
    class_ids: Mapping[int, int],
    accepted: Iterable[ObjectRecord],
) -> Proposed:
    """Return the 8-connected components of each class, without what is accepted already.

    Args:
        labels: predicted classes, uint8 (H, W), 0 background.
        probs: float32 (C, H, W), 0..1, of the labels 1..C; a proposal's score is its mean.
        class_ids: the project's class of each label; other labels are passed over.
        accepted: the image's objects; those of another class may lie under a proposal.

    """
    by_class = _accepted_by_class(accepted, labels.shape)
    nothing = np.zeros(labels.shape, dtype=np.bool_)
    parts = [
        _propose_class(labels == label, probs[label - 1], by_class.get(class_id, nothing), class_id)
        for label, class_id in class_ids.items()
    ]
    return Proposed(
        proposals=tuple(proposal for part in parts for proposal in part.proposals),
        num_cut=sum(part.num_cut for part in parts),
        num_known=sum(part.num_known for part in parts),
    )


def propose_instances(
    instances: Iterable[Instance],
    class_ids: Mapping[int, int],
    accepted: Iterable[ObjectRecord],
    shape_hw: tuple[int, int],
) -> Proposed:
    """Return each predicted object once, touching ones apart, without what is accepted already.

    Args:
        instances: best first, inside the image.
        class_ids: the project's class of each label; objects of other labels are passed over.
        accepted: the image's objects; those of another class may lie under a proposal.
        shape_hw: of the image, in pixels.

    """
    found = [
        NewProposal(class_ids[instance.class_id], instance.mask, instance.score)
        for instance in instances
        if instance.class_id in class_ids and instance.mask.area >= MIN_AREA_PX
    ]
    return trimmed(_distinct(found, shape_hw), accepted, shape_hw)


def trimmed(
    proposals: Iterable[Any], accepted: Iterable[ObjectRecord], shape_hw: tuple[int, int]
) -> Proposed:
    """Return what is left of earlier proposals beside objects accepted since."""
    by_class = _accepted_by_class(accepted, shape_hw)
    kept, num_cut, num_known = [], 0, 0
    for proposal in proposals:
        taken = by_class.get(proposal.class_id)
        box, component = _window(proposal.mask, shape_hw)
        rest = component if taken is None else _rest(component, taken[box])
        num_known += rest is None
        if rest is not None:
            num_cut += rest is not component
            mask = RleMask.from_mask(rest, _origin(box))
            kept.append(NewProposal(proposal.class_id, mask, proposal.score))
    return Proposed(tuple(kept), num_cut, num_known)


def cut_back(
    proposals: Iterable[ProposalRecord], accepted: Sequence[ObjectRecord]
) -> tuple[dict[int, RleMask], tuple[int, ...]]:
    """Return what is left of proposals beside accepted objects of their class.

    Objects of other classes may lie under and over them. The cost goes with the proposals and
    what meets them, not with the image.

    Returns:
        By id the masks of those that lose pixels, and the ids of those that are known.

    """
    masks: dict[int, RleMask] = {}
    known = []
    for proposal in proposals:
        mask = proposal.mask
        box = np.s_[mask.row : mask.row + mask.height, mask.col : mask.col + mask.width]
        taken = np.zeros((mask.height, mask.width), dtype=np.bool_)
        for record in accepted:
            if record.class_id == proposal.class_id and record.mask.reaches(*box):
                taken |= record.mask.pixels_in(*box)
        component = mask.crop()
        rest = _rest(component, taken)
        if rest is None:
            known.append(proposal.id)
        elif rest is not component:
            masks[proposal.id] = RleMask.from_mask(rest, (mask.row, mask.col))
    return masks, tuple(known)


def propose_found(
    found: Sequence[FoundObject],
    classes: tuple[int, int | None],
    accepted: Iterable[ObjectRecord],
    shape_hw: tuple[int, int],
) -> Proposed:
    """Return proposals for what a click model finds by itself.

    Args:
        found: surest first.
        classes: ids, of all objects and of those that lie on top of others; None leaves the
            latter out.
        accepted: the image's objects; those of another class may lie under a proposal.
        shape_hw: of the image, in pixels.

    """
    below, above = classes
    new = [
        NewProposal(class_id, one.mask, one.score)
        for one in found
        if (class_id := above if one.is_on_top else below) is not None
    ]
    return replace(trimmed(new, accepted, shape_hw), num_unnamed=len(found) - len(new))


def _propose_class(
    mask: NDArray[np.bool_], prob: NDArray[np.float32], taken: NDArray[np.bool_], class_id: int
) -> Proposed:
    kept, num_cut, num_known = [], 0, 0
    for box, component in _components(mask):
        if np.count_nonzero(component) < MIN_AREA_PX:
            continue
        rest = _rest(component, taken[box])
        num_known += rest is None
        if rest is not None:
            num_cut += rest is not component
            score = float(prob[box][rest].mean())
            kept.append(NewProposal(class_id, RleMask.from_mask(rest, _origin(box)), score))
    return Proposed(tuple(kept), num_cut, num_known)


def _distinct(proposals: Iterable[NewProposal], shape_hw: tuple[int, int]) -> Iterator[NewProposal]:
    """Yield the proposals, best first, that are not an earlier one of their class again."""
    by_class: dict[int, NDArray[np.bool_]] = {}
    for proposal in proposals:
        covered = by_class.setdefault(proposal.class_id, np.zeros(shape_hw, dtype=np.bool_))
        box, pixels = _window(proposal.mask, shape_hw)
        num_common = np.count_nonzero(pixels & covered[box])
        if num_common < KNOWN_FRACTION * np.count_nonzero(pixels):
            covered[box] |= pixels
            yield proposal


def _rest(component: NDArray[np.bool_], taken: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the component itself if it is free, what is left of it, or None if it is known."""
    num_common = np.count_nonzero(component & taken)
    if num_common == 0:
        return component
    if num_common >= KNOWN_FRACTION * np.count_nonzero(component):
        return None
    rest = component & ~taken
    # model and user draw the same border a pixel or two apart: that rim is no object
    core = rest & ~ndimage.binary_dilation(taken, iterations=RIM_PX)
    kept = np.zeros_like(rest)
    for box, part in _components(rest):
        if np.count_nonzero(part & core[box]) >= MIN_AREA_PX:
            kept[box] |= part
    return kept if kept.any() else None


def _components(
    mask: NDArray[np.bool_],
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """Yield each 8-connected component as its box in `mask` and its pixels there."""
    numbered, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    for number, box in enumerate(ndimage.find_objects(numbered), start=1):
        yield box, numbered[box] == number


def _accepted_by_class(
    accepted: Iterable[ObjectRecord], shape_hw: tuple[int, ...]
) -> dict[int, NDArray[np.bool_]]:
    by_class: dict[int, NDArray[np.bool_]] = {}
    for record in accepted:
        covered = by_class.setdefault(record.class_id, np.zeros(shape_hw, dtype=np.bool_))
        box, pixels = _window(record.mask, (shape_hw[0], shape_hw[1]))
        covered[box] |= pixels
    return by_class


def _window(
    mask: RleMask, shape_hw: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return a mask's box inside the image, and its pixels there."""
    bottom, right = (
        min(mask.row + mask.height, shape_hw[0]),
        min(mask.col + mask.width, shape_hw[1]),
    )
    pixels = mask.crop()[: bottom - mask.row, : right - mask.col]
    return np.s_[mask.row : bottom, mask.col : right], pixels


def _origin(box: tuple[slice, slice]) -> tuple[int, int]:
    return box[0].start, box[1].start
