"""Rectangles of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.io.rle import RleMask


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels, ends exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def of_mask(cls, mask: RleMask) -> Box:
        """The bounding box of a mask."""
        return cls(mask.row, mask.col, mask.row + mask.height, mask.col + mask.width)

    def clip(self, shape_hw: tuple[int, int]) -> Box:
        """The part inside an image."""
        return self.common(Box(0, 0, *shape_hw))

    def meets(self, other: Box) -> bool:
        """Whether the two share a pixel."""
        return not self.common(other).is_empty

    def united(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def common(self, other: Box) -> Box:
        """What both have; ends before it starts if they do not meet."""
        return Box(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def within(self, other: Box) -> tuple[slice, slice]:
        """For indexing an array that covers `other`."""
        return (
            slice(self.top - other.top, self.bottom - other.top),
            slice(self.left - other.left, self.right - other.left),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.top >= self.bottom or self.left >= self.right

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing an array (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)
