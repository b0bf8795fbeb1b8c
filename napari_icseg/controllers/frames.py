"""Which part of an image the layers hold, and how coarse.

Small images are held whole. Of a large one the layers hold the surroundings of what is on the
screen, at full size, or every pixel standing for `step` x `step` ones when zoomed out.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_icseg.controllers.boxes import Box

MIN_ZOOM = 0.6
"""Screen pixels of a layer's pixel at least; below, the next coarser step is taken."""
MARGIN = 0.2
"""Of what is seen, held in addition; at least half of it on each side."""
NEAR = 0.05
"""The next frame is fetched when the edge of this one comes this near, as a share of the view."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of an image, in image pixels, and the side of a layer's pixel.

    `box.top` and `box.left` are multiples of `step`, a power of two.
    """

    box: Box
    step: int = 1

    @classmethod
    def whole(cls, shape_hw: tuple[int, int]) -> Frame:
        """An image at full size."""
        return cls(Box(0, 0, *shape_hw))

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the layers' arrays."""
        box, step = self.box, self.step
        return -(-(box.bottom - box.top) // step), -(-(box.right - box.left) // step)

    @property
    def scale(self) -> tuple[float, float]:
        """For a napari layer."""
        return float(self.step), float(self.step)

    @property
    def translate(self) -> tuple[float, float]:
        """For a napari layer: where the centre of its first pixel lies in the image."""
        half = (self.step - 1) / 2
        return self.box.top + half, self.box.left + half

    def to_image(self, row: float, col: float) -> tuple[float, float]:
        """The image point of a point of the arrays; integers are pixel centres in both."""
        top, left = self.translate
        return top + row * self.step, left + col * self.step

    def to_frame(self, row: int, col: int) -> tuple[int, int]:
        """The pixel of the arrays that an image pixel is part of, perhaps outside of them."""
        return (row - self.box.top) // self.step, (col - self.box.left) // self.step

    def pixels(self, box: Box) -> Box:
        """The pixels of the arrays that a box of the image touches."""
        top, left = self.to_frame(box.top, box.left)
        bottom, right = self.to_frame(box.bottom - 1, box.right - 1)
        return Box(top, left, bottom + 1, right + 1).clip(self.shape_hw)


@dataclass(frozen=True, slots=True)
class View:
    """What the canvas shows: a rectangle of the image in (float) pixels, and the zoom.

    Args:
        center_rc: image point in the middle.
        size_hw: of the canvas, in screen pixels.
        zoom: screen pixels of an image pixel.

    """

    center_rc: tuple[float, float]
    size_hw: tuple[int, int]
    zoom: float

    @property
    def step(self) -> int:
        """Side of the layers' pixels that this zoom wants."""
        step = 1
        while self.zoom * step < MIN_ZOOM:
            step *= 2
        return step

    def seen(self, image_hw: tuple[int, int], more: float = 0.0) -> Box:
        """The part of the image on the screen, and a share more on every side."""
        ends = []
        for center, size in zip(self.center_rc, self.size_hw, strict=True):
            half = size / self.zoom * (0.5 + more)
            ends.append((int(center - half), int(center + half) + 1))
        (top, bottom), (left, right) = ends
        return Box(top, left, bottom, right).clip(image_hw)


def frame_for(view: View, image_hw: tuple[int, int]) -> Frame:
    """What the layers should hold for a view.

    Its size depends on the canvas alone, except at the image's ends: arrays can be kept.
    """
    step = view.step
    starts, stops = [], []
    for center, size, side in zip(view.center_rc, view.size_hw, image_hw, strict=True):
        held = (int(size / MIN_ZOOM * (1 + 2 * MARGIN)) // 64 + 1) * 64
        num = min(held, -(-side // step))
        first = max(0, min(round(center / step - num / 2), -(-side // step) - num))
        starts.append(first * step)
        stops.append(min((first + num) * step, side))
    return Frame(Box(starts[0], starts[1], stops[0], stops[1]), step)


def suits(frame: Frame, view: View, image_hw: tuple[int, int]) -> bool:
    """Whether a frame is good for a view, so that no other must be fetched."""
    seen = view.seen(image_hw, NEAR)
    return frame.step == view.step and (seen.is_empty or seen.common(frame.box) == seen)
