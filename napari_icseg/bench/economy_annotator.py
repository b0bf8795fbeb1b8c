"""A person who labels whole tiles: by clicks, or by judging and correcting a proposal.

The clicks are those of `bench.session`: the dock's own state, jittered clicks, Tab. The person
knows the true masks, but sees an IoU with an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_icseg.bench.economy_costs import Actions
from napari_icseg.bench.session import Annotator, first_click
from napari_icseg.bench.targets import is_via, objects_of_ids, targets_of
from trainers.confidence import agreement_of
from trainers.metrics.interactive import iou_by_clicks, mask_iou

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_icseg.bench.session import EmbeddedTile
    from napari_icseg.bench.targets import Target
    from trainers.metrics.clicks import Click

    Mask = NDArray[np.bool_]
    Ids = NDArray[np.uint8]

How = Literal["clicks", "accepted", "edited", "blank", "bulk"]
LOWEST_IOU = 0.5
"""However wrong the person's eye, a mask below is never taken for good."""


@dataclass(frozen=True)
class Person:
    """How the person works.

    Attributes:
        enough_iou: of a class with the truth, as seen, from which it is left as it is.
        eye_error: standard deviation of the IoU as seen, drawn anew for each judgement.
        jitter: of the clicks, 0..1; see `trainers.metrics.clicks.next_click`.
        max_clicks: on one object; then the best mask so far is taken.

    """

    enough_iou: float = 0.95
    eye_error: float = 0.02
    jitter: float = 0.6
    max_clicks: int = 10

    def threshold(self, rng: np.random.Generator) -> float:
        """Return the true IoU from which the person is content this time."""
        seen = self.enough_iou - self.eye_error * float(rng.standard_normal())
        return float(np.clip(seen, LOWEST_IOU, 1.0))


@dataclass(frozen=True, eq=False)
class Labelled:
    """What came of a tile: uint8 class ids (H, W), how, with which actions, and its true IoU."""

    ids: Ids
    how: How
    actions: Actions
    iou: float


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true of a tile: uint8 class ids (H, W), and the names of the ids 1, 2, …."""

    ids: Ids
    class_names: tuple[str, ...]

    def layers(self) -> dict[str, Target]:
        """Return the layer of each class that is there."""
        return layers_of(self.ids, self.class_names)

    def iou(self, ids: Ids) -> float:
        """Return the foreground IoU of class ids with the truth; 1 where both are empty."""
        return agreement_of(ids, self.ids)


def layers_of(ids: Ids, class_names: Sequence[str]) -> dict[str, Target]:
    """Return each class of a mask as one target; metal goes on under vias."""
    shape_hw = (ids.shape[0], ids.shape[1])
    targets = targets_of(objects_of_ids(ids, class_names), shape_hw)
    return {target.class_name: target for target in targets if target.kind == "layer"}


def label_by_clicks(
    tile: EmbeddedTile, truth: Truth, person: Person, rng: np.random.Generator
) -> Labelled:
    """Label every class of a tile by clicks alone; a blank tile takes a look and a key."""
    layers = truth.layers()
    actions = Actions(looks=len(truth.class_names) - len(layers), keys=1)  # done, or blank
    masks = {}
    for name, target in layers.items():
        masks[name], spent = _click(tile, target, person, rng)
        actions += spent
    ids = _ids_of(masks, truth)
    return Labelled(ids, "clicks" if layers else "blank", actions, truth.iou(ids))


def review(
    tile: EmbeddedTile, proposal: Ids, truth: Truth, person: Person, rng: np.random.Generator
) -> Labelled:
    """Judge a proposal: accept it, or replace each class that looks wrong by clicks.

    A wrong class is deleted and clicked anew, which takes a click or two of the click model;
    the proposal of the class is kept where that does not become better.
    """
    wanted, offered = truth.layers(), layers_of(proposal, truth.class_names)
    wrong = _wrong(wanted, offered, person, rng)
    actions = Actions(verifications=1, keys=1)  # A or B, or done
    if not wrong:
        return Labelled(proposal, "accepted", actions, truth.iou(proposal))
    if not wanted:
        blank = np.zeros_like(proposal)
        return Labelled(blank, "blank", actions, truth.iou(blank))
    actions += Actions(keys=1 + sum(name in offered for name in wrong))  # E, and deletions
    masks = {name: target.mask for name, target in offered.items() if name not in wrong}
    for name in wrong:
        if name in wanted:
            masks[name], spent = _click(tile, wanted[name], person, rng)
            actions += spent
            if _iou(offered.get(name), wanted[name].mask) > mask_iou(
                masks[name], wanted[name].mask
            ):
                masks[name] = offered[name].mask
                actions += Actions(keys=1)
    ids = _ids_of(masks, truth)
    return Labelled(ids, "edited", actions, truth.iou(ids))


def looks_right(proposal: Ids, truth: Truth, person: Person, rng: np.random.Generator) -> bool:
    """Return whether a person who only looks would accept the proposal."""
    return not _wrong(truth.layers(), layers_of(proposal, truth.class_names), person, rng)


def _wrong(
    wanted: Mapping[str, Target],
    offered: Mapping[str, Target],
    person: Person,
    rng: np.random.Generator,
) -> list[str]:
    """Return the classes that look wrong: badly drawn, missed, or not there."""
    names = list(dict.fromkeys([*wanted, *offered]))
    seen = {name: person.threshold(rng) for name in names}
    return [
        name
        for name in names
        if name not in wanted or _iou(offered.get(name), wanted[name].mask) < seen[name]
    ]


def _iou(found: Target | None, mask: Mask) -> float:
    return 0.0 if found is None else mask_iou(found.mask, mask)


def _click(
    tile: EmbeddedTile, target: Target, person: Person, rng: np.random.Generator
) -> tuple[Mask, Actions]:
    """Click on a layer until it looks right; return the best mask and what it took."""
    wanted = target.mask
    annotator = Annotator(tile, wanted)
    shown: list[Mask] = []

    def segment(clicks: Sequence[Click]) -> Mask:
        shown.append(annotator.segment(clicks))
        return shown[-1]

    ious = iou_by_clicks(
        segment,
        wanted,
        num_clicks=person.max_clicks,
        first=first_click(target, rng, jitter=person.jitter),
        rng=rng,
        jitter=person.jitter,
        enough_iou=person.threshold(rng),
    )[: len(shown)]
    best = int(np.argmax(ious))
    num_undone = len(shown) - 1 - best
    spent = Actions(
        first_clicks=1,
        corrections=len(shown) - 1,
        tabs=annotator.num_tabs,
        verifications=1,
        keys=1 + num_undone,  # accept
    )
    return shown[best], spent


def _ids_of(masks: Mapping[str, Mask], truth: Truth) -> Ids:
    """Return class ids (H, W) of masks by class, vias on top."""
    ids = np.zeros_like(truth.ids)
    for name in sorted(masks, key=is_via):
        ids[masks[name]] = truth.class_names.index(name) + 1
    return ids
