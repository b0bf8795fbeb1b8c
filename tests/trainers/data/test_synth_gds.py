"""Layouts from GDSII files: what is drawn is what is shown, and bad files are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gdstk
import numpy as np
import pytest

from tests.trainers.data.test_synthetic_dataset import tree
from tests.trainers.data.test_synthetic_geometry import RULE, SHARP
from tests.trainers.data.test_synthetic_tiles import PLAIN, changed
from trainers.data.synthetic import PRESETS, SynthConfig, generate_tile
from trainers.data.synthetic.defects import DefectConfig
from trainers.data.synthetic.gds import GdsSpec, open_gds, turned
from trainers.data.synthetic.gds_file import SKY130, parse_layer
from trainers.data.synthetic.layout import Place
from trainers.data.synthetic.raster import fabricate, measure
from trainers.data.synthetic.shapes import Layout
from trainers.data.synthetic.write import write_dataset
from trainers.errors import DataError
from trainers.io.masks import read_mask
from trainers.terminal import run_app

SKY130_FILE = Path(__file__).parents[4] / "shared" / "data" / "sky130" / "wrapped_rgb_mixer.gds"
needs_sky130 = pytest.mark.skipif(
    not SKY130_FILE.is_file(), reason=f"the sky130 layout is not beside the clone: {SKY130_FILE}"
)
METAL, VIA, LOWER = (68, 20), (68, 44), (67, 20)
EVERY_TILE: dict[str, float] = {"blank_rate": 0.0, "ghost_only_rate": 0.0}


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wires of 140 nm every 400 nm, 20 µm long, one of them L-shaped, vias of 150 nm on them."""
    path = tmp_path_factory.mktemp("gds") / "chip.gds"
    library = gdstk.Library()
    leaf, top = library.new_cell("LEAF"), library.new_cell("TOP")
    leaf.add(gdstk.rectangle((0, 0), (20, 0.14), layer=68, datatype=20))
    for x in (1, 6, 11, 16):
        leaf.add(gdstk.rectangle((x, -0.005), (x + 0.15, 0.145), layer=68, datatype=44))
    top.add(gdstk.Reference(leaf, columns=1, rows=40, spacing=(0, 0.4)))
    corner = [(21, 0), (21.5, 0), (21.5, 5), (25, 5), (25, 5.5), (21, 5.5)]
    top.add(gdstk.Polygon(corner, layer=68, datatype=20))
    top.add(gdstk.rectangle((0, 0), (0.5, 16), layer=67, datatype=20))
    library.write_gds(path)
    return path


def config(size_px: int = 256) -> SynthConfig:
    preset = changed(PRESETS["metal_vias"], **EVERY_TILE)
    return replace(preset.resized(size_px), process=SHARP, imaging=PLAIN)


def test_wires_and_vias_have_the_size_of_the_file(chip: Path) -> None:
    source = open_gds(GdsSpec(chip, METAL, VIA, nm_per_px=10.0))
    tiles = [generate_tile(config(), 1, index, source=source) for index in range(8)]
    assert tiles[0].meta["line_width_px"] == pytest.approx(14.0, abs=0.2)
    radii = [tile.meta["via_radius_px"] for tile in tiles if tile.vias.any()]
    assert len(radii) >= 3
    np.testing.assert_allclose(radii, 7.5, atol=0.1)
    full = 0
    for tile in tiles:
        # pitch 40 px, width 14 px: a window all over the wires shows 14 / 40 of metal
        full += abs((tile.semantic > 0).mean() - 0.35) < 0.03
    assert full >= 3


def test_scale_zooms(chip: Path) -> None:
    wide = open_gds(GdsSpec(chip, METAL, VIA, nm_per_px=20.0))
    assert generate_tile(config(), 1, 0, source=wide).meta["line_width_px"] == pytest.approx(
        7.0, abs=0.1
    )


def test_a_concave_polygon_is_one_part_and_keeps_its_corner_empty() -> None:
    corner = np.array([[20, 20], [60, 20], [60, 180], [200, 180], [200, 220], [20, 220]])
    layout = Layout(outlines=[corner.astype(np.float32)])
    geometry = measure(fabricate(np.random.default_rng(0), layout, RULE, SHARP, 256))
    assert geometry.nets.max() == geometry.parts.max() == 1
    assert (geometry.nets > 0).sum() == pytest.approx(40 * 200 + 140 * 40, rel=0.03)
    assert geometry.metal_px[100, 120] < 0 < geometry.metal_px[200, 120]


def test_windows_are_mirrored_and_transposed() -> None:
    points = np.array([[1.0, 2.0], [5.0, 2.0], [5.0, 4.0]], np.float32)
    flipped = turned(points, Place(0.0, 0.0, False, True, False), 10)
    np.testing.assert_array_equal(flipped, [[9.0, 2.0], [5.0, 2.0], [5.0, 4.0]])
    transposed = turned(points, Place(0.0, 0.0, True, False, False), 10)
    np.testing.assert_array_equal(transposed, points[:, ::-1])


def test_the_lower_layer_is_in_the_picture_and_not_in_the_mask(chip: Path) -> None:
    spec = GdsSpec(chip, METAL, lower=LOWER, nm_per_px=10.0)
    imaging = replace(PLAIN, ghost_contrast=(0.4, 0.4))
    only = replace(config(), ghost_only_rate=1.0, imaging=imaging)
    shown = 0
    for index in range(5):
        tile = generate_tile(only, 1, index, source=open_gds(spec))
        assert not tile.semantic.any()
        shown += int(np.ptp(tile.image)) > 10
    assert shown >= 2


def test_the_same_seed_gives_the_same_tiles_with_any_number_of_workers(
    chip: Path, tmp_path: Path
) -> None:
    made = [
        write_dataset(
            tmp_path / str(workers),
            preset="train",
            count=4,
            test_count=1,
            seed=5,
            gds=GdsSpec(chip, METAL, VIA, LOWER),
            defects=DefectConfig(),
            num_workers=workers,
        )
        for workers in (1, 2)
    ]
    assert tree(made[0]) == tree(made[1])
    recipe = json.loads((made[0] / "dataset.json").read_text())
    assert recipe["gds"]["path"] == "chip.gds"
    assert recipe["gds"]["metal"] == [68, 20]
    assert len(recipe["gds"]["sha256"]) == 64
    assert (made[0] / "classes.txt").read_text() == "metal\nvia\n"


def test_without_a_via_layer_there_is_one_class(chip: Path, tmp_path: Path) -> None:
    out = write_dataset(
        tmp_path / "set", preset="mixed", count=2, seed=5, gds=GdsSpec(chip, METAL), size_px=128
    )
    assert (out / "classes.txt").read_text() == "metal\n"
    assert read_mask(out / "train" / "masks" / "mixed_00000.png").max() <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metal": (99, 0)}, "nothing on layer 99/0. It has 67/20, 68/20, 68/44"),
        ({"via": (5, 5)}, "nothing on layer 5/5"),
        ({"via": (67, 20)}, "neither squares nor disks"),
        ({"cell": "NONE"}, "no cell 'NONE'"),
        ({"nm_per_px": 0.0}, "more than 0 nm"),
        ({"nm_per_px": 200.0}, "choose 70 nm per pixel or less"),
    ],
)
def test_layers_and_scales_that_cannot_work_are_refused(
    chip: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    spec = replace(GdsSpec(chip, METAL), **change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "new", preset="avr_m1", count=1, seed=1, gds=spec)
    assert not (tmp_path / "new").exists()


def test_missing_and_damaged_files_are_refused(chip: Path, tmp_path: Path) -> None:
    data = chip.read_bytes()
    bad = {
        "text.gds": (b"hello, this is no layout", "not a GDSII file"),
        "empty.gds": (b"", "not a GDSII file"),
        "half.gds": (data[: len(data) // 2], "cut off"),
        "holed.gds": (data[:60] + b"\xff" * 40 + data[100:], "damaged"),
    }
    for name, (content, message) in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            open_gds(GdsSpec(tmp_path / name, METAL))
    with pytest.raises(DataError, match="Cannot read"):
        open_gds(GdsSpec(tmp_path / "none.gds", METAL))


def test_tape_padding_after_the_last_record_is_accepted(chip: Path, tmp_path: Path) -> None:
    padded = tmp_path / "padded.gds"
    padded.write_bytes(chip.read_bytes() + bytes(2048))
    assert open_gds(GdsSpec(padded, METAL))._width_px == pytest.approx(14.0, abs=0.2)


def test_layers_are_numbers_or_sky130_names() -> None:
    assert parse_layer("68/20") == parse_layer("met1") == (68, 20)
    for text in ("68", "68/", "copper", "", "68/20/1", "-1/2"):
        with pytest.raises(DataError, match="no layer"):
            parse_layer(text)


def test_the_command_line_names_what_is_missing(
    chip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from trainers.cli import app

    out = ["--out", str(tmp_path / "set"), "--count", "1", "--test-count", "0"]
    assert run_app(app, ["synth", "--metal-layer", "68/20", *out]) == 2
    assert "--gds FILE is missing" in capsys.readouterr().err
    assert run_app(app, ["synth", "--gds", str(chip), *out]) == 2
    assert "--metal-layer" in capsys.readouterr().err
    assert run_app(app, ["synth", "--gds", str(chip), "--metal-layer", "copper", *out]) == 1
    assert "no layer" in capsys.readouterr().err
    layers = ["--metal-layer", "met1", "--via-layer", "via", "--nm-per-px", "8"]
    assert run_app(app, ["synth", "--gds", str(chip), *layers, *out]) == 0
    assert read_mask(tmp_path / "set" / "train" / "masks" / "avr_m1_00000.png").shape == (256, 256)


@needs_sky130
@pytest.mark.parametrize(
    ("metal", "via", "width_nm"),
    [("met1", "via", 140), ("met2", "via2", 140), ("li1", "mcon", 170)],
)
def test_a_routed_sky130_chip_is_shown(metal: str, via: str, width_nm: float) -> None:
    spec = GdsSpec(SKY130_FILE, SKY130[metal], SKY130[via], nm_per_px=10.0)
    source = open_gds(spec)
    assert source._width_px == pytest.approx(width_nm / 10.0, rel=0.02)
    made = [generate_tile(config(), 7, index, source=source) for index in range(12)]
    covers = [(tile.semantic > 0).mean() for tile in made]
    assert min(covers) > 0.02
    assert max(covers) < 0.9
    assert sum(tile.vias.max() for tile in made) > 5
    assert len({tile.image.tobytes() for tile in made}) == 12
