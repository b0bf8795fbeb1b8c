"""One synthetic tile: layout, fabrication, imaging and the exact truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.data.synthetic.defects import Defect, DefectConfig
from trainers.data.synthetic.detector import detect
from trainers.data.synthetic.faults import Planted
from trainers.data.synthetic.labels import spread_seeds
from trainers.data.synthetic.scan import Warp, draw_warp, fetch_ids, warp_geometry, warp_signal
from trainers.data.synthetic.scene import DRAWN, Request, Scene, draw_scene
from trainers.data.synthetic.stains import STAINS, add_curtains, add_stains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.data.synthetic.config import StainConfig, SynthConfig
    from trainers.data.synthetic.fields import IntImage, Rng
    from trainers.data.synthetic.layout import LayoutSource

STAIN_TRIES = 10


@dataclass(frozen=True)
class SyntheticTile:
    """A synthetic SEM image with its exact truth; all arrays are (H, W).

    image: uint8 0..255, or uint16 0..65535 where the config asks for 16 bit.
    semantic: uint8 class ids, 0 background, 1 metal, 2 via (a via is drawn over the metal).
    nets: int32, 8-connected components of metal and vias together, 0 background.
    vias: int32 instance ids, 0 elsewhere. parts: int32, the straight segment, pad, plate or
    via that a pixel belongs to, 0 background; later drawn parts lie on top.
    meta: plain values that say what was drawn (kind of tile, sizes, levels, seed, index).
    design: uint8 class ids as they would be without the defects. defects: what was planted.
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    semantic: NDArray[np.uint8]
    nets: IntImage
    vias: IntImage
    parts: IntImage
    meta: dict[str, Any]
    design: NDArray[np.uint8]
    defects: tuple[Defect, ...] = ()


def generate_tile(
    config: SynthConfig,
    seed: int,
    index: int,
    *,
    source: LayoutSource = DRAWN,
    defects: DefectConfig | None = None,
) -> SyntheticTile:
    """Make tile number `index` of the set that `config` and `seed` define.

    source: where the geometry comes from, random drawing if left out. defects: what to plant;
    particles and the like then come only on request, so that all of them are on record.
    The result depends on these arguments alone, not on the order or the process in which tiles
    are made. Raises ValueError for a negative seed or index.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be 0 or more, got {seed} and {index}")
    rng, side_rng, fault_rng = streams(seed, index)
    config = draw_config(side_rng, config)
    warp = draw_warp(side_rng, config.scan, config.size_px)
    margin = warp.margin_px if warp else 0
    faults, spots = defects.draw(fault_rng) if defects else ((), ())
    request = Request(source, faults, margin, clean=defects is not None)
    scene = draw_scene(rng, fault_rng, config.resized(config.size_px + 2 * margin), request)
    if warp is not None:
        scene = warp_scene(scene, warp)
    stains = [] if defects else add_stains(side_rng, scene.signal, scene.look, config.stains)
    curtains = add_curtains(side_rng, scene.signal, config.scan)
    shown = (*marked(scene.planted), *paint(fault_rng, scene, config.stains, spots))
    origin = {"preset": config.name, "seed": seed, "index": index, **scene.look.summary()}
    extras = {"stains": stains, "curtains": curtains, "warped": warp is not None}
    image = detect(rng, scene.signal, scene.look, config)
    return make_tile(image, scene, {**scene.meta, **origin, **extras}, shown)


def streams(seed: int, index: int) -> tuple[Rng, Rng, Rng]:
    """Return the numbers for the layer and its image, for the scan and stains, for defects.

    Three streams, so that a tile keeps its layout whether or not the others draw from theirs.
    """
    keys = ([seed, index], [seed, index, 2], [seed, index, 3])
    first, second, third = (np.random.default_rng(key) for key in keys)
    return first, second, third


def draw_config(rng: Rng, config: SynthConfig) -> SynthConfig:
    """Return the config itself, or one of its mixture with its size and bits."""
    if not config.mixture:
        return config
    weights = np.array([weight for _, weight in config.mixture])
    chosen = config.mixture[int(rng.choice(len(weights), p=weights / weights.sum()))][0]
    return replace(chosen, size_px=config.size_px, bit_depth=config.bit_depth)


def warp_scene(scene: Scene, warp: Warp) -> Scene:
    """Return the scene where the moving beam sees it."""
    old = scene.planted
    geometry = warp_geometry(old.geometry, warp)
    design = warp_geometry(old.design, warp) if old.kinds else geometry
    # the two truths are interpolated and the marks are not: these follow those to the pixel
    differs = design.semantic != geometry.semantic
    marks = spread_seeds(fetch_ids(old.marks, warp), differs)
    planted = Planted(geometry, design, marks, old.kinds)
    return replace(scene, planted=planted, signal=warp_signal(scene.signal, warp))


def marked(planted: Planted) -> tuple[Defect, ...]:
    """Return the planted faults that are in the tile."""
    found = (Defect(kind, planted.marks == i) for i, kind in enumerate(planted.kinds, start=1))
    return tuple(defect for defect in found if defect.mask.any())


def paint(
    rng: Rng, scene: Scene, config: StainConfig, kinds: tuple[str, ...]
) -> tuple[Defect, ...]:
    """Paint the stains that were asked for on the signal, in place, and return them."""
    found = []
    for kind in kinds:
        for _ in range(STAIN_TRIES):
            stain = STAINS[kind](rng, scene.signal.shape, scene.look, config)
            if stain.is_seen(scene.signal, scene.look):
                stain.put_on(scene.signal)
                found.append(Defect(kind, stain.body))
                break
    return tuple(found)


def make_tile(
    image: Any, scene: Scene, meta: dict[str, Any], defects: tuple[Defect, ...]
) -> SyntheticTile:
    """Return the tile of an image (H, W) and the scene it shows."""
    shown, design = scene.geometry, scene.planted.design
    return SyntheticTile(
        image=image,
        semantic=shown.semantic,
        nets=shown.nets,
        vias=shown.vias,
        parts=shown.parts,
        meta=meta,
        design=shown.semantic if design is shown else design.semantic,
        defects=defects,
    )
