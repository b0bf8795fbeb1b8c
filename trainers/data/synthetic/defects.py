"""Defects: which ones are asked for, and what a tile says of those it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import Rng

# these change the geometry, and with it the truth
FAULTS = ("open", "short", "missing_via", "extra_via")
# these lie on top; the truth of the layer stays as it is
STAINS = ("particle", "scratch", "residue")
DEFECT_KINDS = (*FAULTS, *STAINS)


@dataclass(frozen=True)
class DefectConfig:
    """Which defects tiles get: kinds, and the least and greatest number a tile is to have.

    A kind that finds no place in a tile (no second net to short to, no via) is left out there,
    so that a tile may have fewer.
    """

    kinds: tuple[str, ...] = DEFECT_KINDS
    count: tuple[int, int] = (1, 3)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(DEFECT_KINDS))
        if unknown or not self.kinds:
            known = ", ".join(DEFECT_KINDS)
            raise ValueError(f"defect kinds are {known}; got {', '.join(unknown) or 'none'}")
        if not 1 <= self.count[0] <= self.count[1] <= 50:
            raise ValueError(f"1 to 50 defects a tile, least first; got {self.count}")

    def draw(self, rng: Rng) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Draw what one tile is to have: the faults and the stains."""
        count = int(rng.integers(self.count[0], self.count[1] + 1))
        kinds = [self.kinds[int(rng.integers(len(self.kinds)))] for _ in range(count)]
        faults = tuple(kind for kind in kinds if kind in FAULTS)
        return faults, tuple(kind for kind in kinds if kind in STAINS)


@dataclass(frozen=True)
class Defect:
    """One defect. mask: (H, W) bool, where the layer differs from its design or is covered."""

    kind: str
    mask: np.ndarray

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """The half-open box (x0, y0, x1, y1) round the mask, in pixels."""
        rows, cols = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
