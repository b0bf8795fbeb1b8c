"""The sample data that ships with the project: `python -m trainers.data.synthetic.sample OUT`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from trainers.data.synthetic.config import GENERATOR_VERSION, SynthConfig
from trainers.data.synthetic.presets import AVR_M1, METAL_VIAS
from trainers.data.synthetic.tile_files import CLASS_NAMES, TilePlan, write_tile
from trainers.data.synthetic.write import write_coco_files
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic

SEED = 12
LARGE_SIZE_PX = 2048
OURS = {"images", "masks", "large", "coco.json", "classes.txt", "dataset.json", "README.md"}
METAL = replace(AVR_M1, blank_rate=0.0, ghost_only_rate=0.0)
VIAS = replace(METAL_VIAS, blank_rate=0.0, ghost_only_rate=0.0)
BLANK = replace(AVR_M1, blank_rate=1.0, ghost_only_rate=0.0)
GHOST_ONLY = replace(AVR_M1, blank_rate=0.0, ghost_only_rate=1.0)
# slow scan: noise does not compress, and the whole folder stays below 5 MB; long wires in one
# block, so that nets cross many windows of a model's size
LARGE = replace(
    VIAS.resized(LARGE_SIZE_PX),
    layout=replace(
        VIAS.layout,
        line_width_px=(14.0, 18.0),
        length_pitches=(12.0, 20.0),
        jog_rate=(0.5, 0.6),
        block_px=(2200.0, 2200.0),
    ),
    imaging=replace(VIAS.imaging, noise_sigma=(1.5, 2.0)),
)
ORDER: tuple[tuple[str, SynthConfig], ...] = (
    *(("metal", METAL),) * 5,
    ("blank", BLANK),
    *(("metal_vias", VIAS),) * 2,
    *(("metal", METAL),) * 5,
    ("ghost_only", GHOST_ONLY),
    *(("metal_vias", VIAS),) * 2,
    *(("metal", METAL),) * 4,
    ("ghost_only", GHOST_ONLY),
    ("metal_vias", VIAS),
    *(("metal", METAL),) * 2,
)

README = """# Sample data

{num_tiles} synthetic SEM tiles of 256 x 256 pixels and one of {large} x {large} pixels (in
`large/`), made by this project's own generator; no real chip is shown. They are there to try the
program on, and its tests and its demo use them.

- `images/*.png`: 8-bit grey images. {num_blank} of them show nothing that should be labelled: one
  is blank, the others show only a lower layer (a "ghost").
- `masks/*.png`: class ids, 0 background, 1 metal, 2 via (drawn over the metal). `classes.txt`
  names the classes.
- `coco.json`: every net as one metal object, with what lies under its vias, and every via as one
  object; file names are relative to `images/`.
- `dataset.json`: seed and recipe.

Made with `python -m trainers.data.synthetic.sample OUT` (seed {seed}); a test makes them again
and compares. Licence: Apache-2.0, like the project.
"""


def write_sample_data(out: Path) -> Path:
    """Write the sample tiles, masks, COCO files, recipe and README; returns `out`.

    Raises:
        DataError: `out` holds anything but older sample data, or a file cannot be written.

    """
    check_only_ours(out)
    plans = [*small_plans(out), large_plan(out)]
    write_coco_files(plans, [write_tile(plan) for plan in plans], len(CLASS_NAMES))
    num_blank = sum(kind in ("blank", "ghost_only") for kind, _ in ORDER)
    text = README.format(num_tiles=len(ORDER), num_blank=num_blank, large=LARGE_SIZE_PX, seed=SEED)
    write_text_atomic(out / "README.md", text)
    for folder in (out, out / "large"):
        write_text_atomic(folder / "classes.txt", "".join(f"{name}\n" for name in CLASS_NAMES))
    write_text_atomic(out / "dataset.json", json.dumps(recipe(plans), indent=1) + "\n")
    return out


def check_only_ours(out: Path) -> None:
    """Raise DataError if `out` holds anything that this module does not write."""
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if (out.exists() and not out.is_dir()) or found - OURS:
        raise DataError(
            f"{out} is neither empty nor a folder of sample data. Choose another; nothing was "
            "written."
        )


def small_plans(out: Path) -> list[TilePlan]:
    """Return the plans of the 256 px tiles."""
    return [
        TilePlan(config, SEED, index, out, f"sample_{index:02d}.png")
        for index, (_, config) in enumerate(ORDER)
    ]


def large_plan(out: Path) -> TilePlan:
    """Return the plan of the one large tile."""
    return TilePlan(LARGE, SEED, len(ORDER), out / "large", "large_00.png")


def recipe(plans: list[TilePlan]) -> dict[str, object]:
    """Return the content of dataset.json."""
    configs = {"metal": METAL, "metal_vias": VIAS, "blank": BLANK, "ghost_only": GHOST_ONLY}
    kinds = [*(kind for kind, _ in ORDER), "large"]
    tiles = [
        {"name": plan.name, "kind": kind, "index": plan.index}
        for plan, kind in zip(plans, kinds, strict=True)
    ]
    shown = {name: asdict(config) for name, config in {**configs, "large": LARGE}.items()}
    return {
        "generator_version": GENERATOR_VERSION,
        "seed": SEED,
        "tiles": tiles,
        "configs": shown,
    }


def main() -> int:
    """Write the sample data to the folder named on the command line; returns the exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m trainers.data.synthetic.sample OUT", file=sys.stderr)
        return 2
    try:
        print(write_sample_data(Path(sys.argv[1])))
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
