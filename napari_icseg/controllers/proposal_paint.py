"""Proposals as pixels of a label layer; pure, but for what is kept of each proposal's mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.layers import WHOLE_PIXELS
from napari_icseg.controllers.mask_view import mask_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_icseg.project.records import ClassRecord, ProposalRecord
    from trainers.io.rle import RleMask

FILL_ALPHA = 0.22
DASH_PX = 4
DOT_PX = 6
MAX_CLASSES = 126
FRAME_VALUE = 255
"""Of the outline of the focused proposal."""
_CLEAR = (0.0, 0.0, 0.0, 0.0)
_WHITE = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Scene:
    """What is to be drawn."""

    proposals: tuple[ProposalRecord, ...]
    classes: tuple[ClassRecord, ...]
    shape_hw: tuple[int, int]


@dataclass(frozen=True)
class Look:
    """How one proposal is drawn.

    Attributes:
        key: of its mask in `Sprites`.
        box: in the pixels of the layer.
        number: of its class, from 0.
        is_dim: only dots of its outline.
        is_focused: framed.

    """

    key: int
    box: Box
    area: int
    number: int
    is_dim: bool
    is_focused: bool


def coarse_frame(shape_hw: tuple[int, int]) -> Frame:
    """Return a whole image, of a large one each n x n pixels as one."""
    frame = Frame.whole(shape_hw)
    while frame.shape_hw[0] * frame.shape_hw[1] > WHOLE_PIXELS:
        frame = Frame(frame.box, frame.step * 2)
    return frame


@dataclass(frozen=True, eq=False)
class Sprite:
    """The pixels of one proposal in the layer: its box there, its inside and its outline."""

    mask: RleMask
    box: Box
    inside: NDArray[np.bool_]
    outline: NDArray[np.bool_]


def sprites_of(proposals: Iterable[ProposalRecord], shape_hw: tuple[int, int]) -> dict[int, Sprite]:
    """Return the sprites of proposals by id: the costly part, for a thread."""
    frame = coarse_frame(shape_hw)
    sprites = {}
    for one in proposals:
        box = frame.pixels(Box.of_mask(one.mask))
        crop = mask_pixels(one.mask, frame, box)
        sprites[one.id] = Sprite(one.mask, box, crop, _outline(crop))
    return sprites


class Sprites:
    """The sprites of the proposals of one image, each computed once."""

    def __init__(self) -> None:
        self._sprites: dict[int, Sprite] = {}
        self._shape_hw: tuple[int, int] | None = None

    def missing(self, scene: Scene) -> tuple[ProposalRecord, ...]:
        """Return the proposals that are not prepared."""
        if scene.shape_hw != self._shape_hw:
            return scene.proposals
        known = self._sprites
        return tuple(
            one for one in scene.proposals if one.id not in known or known[one.id].mask != one.mask
        )

    def take(self, sprites: Mapping[int, Sprite], shape_hw: tuple[int, int]) -> None:
        """Keep sprites for an image of this shape; those for another are forgotten."""
        if shape_hw != self._shape_hw:
            self._sprites, self._shape_hw = {}, shape_hw
        self._sprites.update(sprites)

    def looks(self, scene: Scene, *, focused: int | None, threshold: float) -> dict[int, Look]:
        """Return how each proposal is drawn, by id; small ones after those that they lie on."""
        number_of = {record.id: n % MAX_CLASSES for n, record in enumerate(scene.classes)}
        looks = [
            Look(
                one.id,
                self._sprites[one.id].box,
                one.mask.height * one.mask.width,
                number_of[one.class_id],
                one.score is not None and round(one.score, 2) < threshold,
                one.id == focused,
            )
            for one in scene.proposals
        ]
        looks.sort(key=lambda look: (look.is_focused, -look.area))
        return {look.key: look for look in looks}

    def forget_others(self, scene: Scene) -> None:
        """Keep what is drawn only."""
        wanted = {one.id for one in scene.proposals}
        self._sprites = {key: one for key, one in self._sprites.items() if key in wanted}

    def paint(self, looks: Iterable[Look], box: Box) -> NDArray[np.uint8]:
        """Return the layer's values, uint8 (h, w), in a box of it.

        0 is nothing; class number n (from 0) has 1 + 2n inside and 2 + 2n on the dashes.
        """
        values = np.zeros((box.bottom - box.top, box.right - box.left), dtype=np.uint8)
        for look in looks:
            common = look.box.common(box)
            if common.is_empty:
                continue
            sprite, within = self._sprites[look.key], common.within(look.box)
            crop, outline = sprite.inside[within], sprite.outline[within]
            window = values[common.within(box)]
            if look.is_focused:
                window[crop] = 1 + 2 * look.number
                window[outline] = FRAME_VALUE
            elif look.is_dim:
                window[outline & _pattern(common, DOT_PX, 1)] = 2 + 2 * look.number
            else:
                window[crop] = 1 + 2 * look.number
                window[outline & _pattern(common, 2 * DASH_PX, DASH_PX)] = 2 + 2 * look.number
        return values


def paint(
    proposals: Iterable[ProposalRecord],
    classes: Sequence[ClassRecord],
    shape_hw: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return the values of a whole layer, of the shape of the image's `coarse_frame`."""
    scene, sprites = Scene(tuple(proposals), tuple(classes), shape_hw), Sprites()
    sprites.take(sprites_of(scene.proposals, shape_hw), shape_hw)
    looks = sprites.looks(scene, focused=None, threshold=0.0)
    return sprites.paint(looks.values(), Box(0, 0, *coarse_frame(shape_hw).shape_hw))


def colors(classes: Sequence[ClassRecord]) -> Mapping[int | None, Any]:
    """Return the colour of each value that `Sprites.paint` gives."""
    from napari.utils.colormaps.standardize_color import transform_color

    by_value: dict[int | None, Any] = {None: _CLEAR, 0: _CLEAR, FRAME_VALUE: _WHITE}
    for number, record in enumerate(classes[:MAX_CLASSES]):
        red, green, blue, _ = transform_color(record.color)[0]
        by_value[1 + 2 * number] = (red, green, blue, FILL_ALPHA)
        by_value[2 + 2 * number] = (red, green, blue, 1.0)
    return by_value


def _outline(crop: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(crop, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(crop & ~inner)


def _pattern(box: Box, period_px: int, drawn_px: int) -> NDArray[np.bool_]:
    """Return diagonal stripes, bool (h, w), that fit from box to box."""
    rows = np.arange(box.top, box.bottom)[:, None]
    cols = np.arange(box.left, box.right)[None, :]
    return np.asarray((rows + cols) % period_px < drawn_px)
