"""Defects: each changes the nets as its name says, and its truth says what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.trainers.data.test_synthetic_dataset import tree
from tests.trainers.data.test_synthetic_tiles import PLAIN, layers_only
from trainers.data.synthetic import SyntheticTile, generate_tile
from trainers.data.synthetic.config import ScanConfig, StainConfig
from trainers.data.synthetic.defects import DEFECT_KINDS, STAINS, Defect, DefectConfig
from trainers.data.synthetic.faults import HOLDS, KEEP_APART_PX
from trainers.data.synthetic.raster import Canvas, Geometry, measure
from trainers.data.synthetic.write import write_dataset
from trainers.io.coco import read_coco
from trainers.io.folders import discover
from trainers.io.masks import read_mask
from trainers.terminal import run_app

if TYPE_CHECKING:
    from pathlib import Path


def components(mask: np.ndarray) -> tuple[int, np.ndarray]:
    """Counted by OpenCV from the mask alone: 8-connected, as the nets are."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), None, 8)
    return count - 1, labels


def with_defects(
    kind: str, preset: str = "metal_vias", num_tiles: int = 16, scan: ScanConfig | None = None
) -> list[tuple[SyntheticTile, Defect]]:
    """Tiles with exactly one defect of a kind."""
    config = replace(layers_only(preset), scan=scan or ScanConfig())
    made = [
        generate_tile(config, 3, index, defects=DefectConfig((kind,), (1, 1)))
        for index in range(num_tiles)
    ]
    found = [(tile, tile.defects[0]) for tile in made if tile.defects]
    assert {defect.kind for _, defect in found} == {kind}
    assert len(found) >= num_tiles // 4
    return found


@pytest.mark.parametrize("preset", ["avr_m1", "metal_vias", "mixed"])
def test_an_open_cuts_one_net_in_two(preset: str) -> None:
    for tile, defect in with_defects("open", preset):
        num_designed, designed = components(tile.design > 0)
        num_shown, shown = components(tile.semantic > 0)
        assert num_shown == num_designed + 1
        cut = np.unique(designed[defect.mask])
        assert cut.size == 1
        net = designed == cut[0]
        assert np.unique(shown[net & (tile.semantic > 0)]).size == 2
        np.testing.assert_array_equal(net & (tile.semantic == 0), defect.mask)


@pytest.mark.parametrize("preset", ["avr_m1", "metal_vias", "mixed"])
def test_a_short_joins_two_nets(preset: str) -> None:
    for tile, defect in with_defects("short", preset):
        num_designed, designed = components(tile.design > 0)
        num_shown, shown = components(tile.semantic > 0)
        assert num_shown == num_designed - 1
        assert (tile.semantic[defect.mask] == 1).all()
        assert not tile.design[defect.mask].any()
        joined = np.unique(shown[defect.mask])
        assert joined.size == 1
        assert np.unique(designed[(shown == joined[0]) & (tile.design > 0)]).size == 2


def test_a_missing_via_takes_one_via_and_leaves_its_metal() -> None:
    for tile, defect in with_defects("missing_via"):
        assert components(tile.design == 2)[0] == components(tile.semantic == 2)[0] + 1
        assert (tile.design[defect.mask] == 2).all()
        assert (tile.semantic[defect.mask] != 2).all()
        # the via lay on the end of a wire
        assert (tile.semantic[defect.mask] == 1).any()


def test_an_extra_via_is_one_more_on_a_net_that_stays_one() -> None:
    for tile, defect in with_defects("extra_via"):
        assert components(tile.semantic == 2)[0] == components(tile.design == 2)[0] + 1
        assert components(tile.semantic > 0)[0] == components(tile.design > 0)[0]
        assert (tile.semantic[defect.mask] == 2).all()
        assert np.unique(tile.vias[defect.mask]).size == 1


@pytest.mark.parametrize("kind", ["open", "short", "missing_via", "extra_via"])
def test_truth_and_design_differ_in_the_defect_and_nowhere_else(kind: str) -> None:
    for tile, defect in with_defects(kind):
        np.testing.assert_array_equal(tile.semantic != tile.design, defect.mask)
        x0, y0, x1, y1 = defect.box_xyxy
        assert defect.mask[y0:y1, x0:x1].sum() == defect.mask.sum() > 0
        assert min(x0, y0) >= KEEP_APART_PX
        assert max(x1, y1) <= 256 - KEEP_APART_PX


@pytest.mark.parametrize("kind", STAINS)
def test_stains_leave_the_truth_alone_and_bring_their_own_mask(kind: str) -> None:
    imaging = replace(PLAIN, noise_sigma=(1.0, 1.0))
    config = replace(layers_only("metal_vias"), imaging=imaging)
    num_seen = 0
    for index in range(10):
        tile = generate_tile(config, 3, index, defects=DefectConfig((kind,), (1, 1)))
        clean = generate_tile(config, 3, index)
        np.testing.assert_array_equal(tile.semantic, tile.design)
        np.testing.assert_array_equal(tile.semantic, clean.semantic)
        change = np.abs(tile.image.astype(int) - clean.image.astype(int))
        for defect in tile.defects:
            num_seen += 1
            assert defect.kind == kind
            # the contrast is 100 grey levels
            assert change[defect.mask].mean() > 10
            assert change[defect.mask].mean() > 3 * change[~defect.mask].mean()
    assert num_seen >= 8


def test_with_defects_on_request_no_other_dirt_is_in_the_picture() -> None:
    dirty = StainConfig(particle_tile_rate=1.0, scratch_tile_rate=1.0, residue_tile_rate=1.0)
    imaging = replace(PLAIN, debris_tile_rate=1.0)
    config = replace(layers_only("avr_m1"), imaging=imaging, stains=dirty)
    tile = generate_tile(config, 1, 0, defects=DefectConfig(("open",)))
    assert {defect.kind for defect in tile.defects} == {"open"}
    assert np.mean((tile.image > 100) != (tile.semantic > 0)) < 2e-4


@pytest.mark.parametrize("kind", ["open", "short", "extra_via"])
def test_defects_drift_with_the_picture(kind: str) -> None:
    scan = ScanConfig(drift_tile_rate=1.0, drift_px=(3.0, 4.0))
    for tile, defect in with_defects(kind, scan=scan):
        np.testing.assert_array_equal(tile.semantic != tile.design, defect.mask)
        assert tile.meta["warped"]


def test_the_layout_is_the_same_with_and_without_defects() -> None:
    for index in range(6):
        config = layers_only("mixed")
        tile = generate_tile(config, 8, index, defects=DefectConfig())
        np.testing.assert_array_equal(tile.design, generate_tile(config, 8, index).semantic)


def bars(*columns: tuple[int, int], vias: tuple[tuple[int, int], ...] = ()) -> Geometry:
    """Vertical bars of metal from column to column, 48 px high, and disks on them."""
    metal = np.zeros((128, 128), bool)
    drawn = np.zeros((128, 128), np.uint8)
    seeds = np.zeros((64, 64), np.int32)
    for start, stop in columns:
        metal[16:112, 2 * start : 2 * stop] = True
    for number, (x, y) in enumerate(vias, start=1):
        cv2.circle(drawn, (2 * x, 2 * y), 8, 1, -1)
        cv2.circle(seeds, (x, y), 5, number, -1)
    return measure(Canvas(metal, drawn > 0, seeds, metal[::2, ::2].astype(np.int32)))


def test_a_fault_counts_only_if_the_nets_changed_as_its_name_says() -> None:
    one, two, three = bars((10, 50)), bars((10, 25), (35, 50)), bars((10, 18), (22, 30), (35, 50))
    sliver = bars((10, 11), (13, 50))
    assert HOLDS["open"](one, two, (1,))
    assert not HOLDS["open"](one, three, (1,))
    assert not HOLDS["open"](one, one, (1,))
    assert HOLDS["open"](one, sliver, (1,))
    assert HOLDS["short"](two, one, (1, 2))
    assert not HOLDS["short"](two, two, (1, 2))
    assert not HOLDS["short"](three, one, (1, 2))


def test_a_via_fault_counts_only_if_one_via_changed_and_no_net() -> None:
    bare, with_via = bars((10, 50)), bars((10, 50), vias=((30, 30),))
    pair = bars((10, 50), vias=((30, 30), (30, 45)))
    outside = bars((10, 50), vias=((30, 30), (57, 30)))
    assert HOLDS["missing_via"](with_via, bare, (1,))
    assert not HOLDS["missing_via"](pair, bare, (1,))
    assert not HOLDS["missing_via"](with_via, with_via, (1,))
    assert HOLDS["extra_via"](with_via, pair, (1,))
    assert not HOLDS["extra_via"](with_via, outside, (1,))
    assert not HOLDS["extra_via"](bare, pair, (1,))


def test_several_defects_keep_apart() -> None:
    config = replace(layers_only("metal_vias"), scan=ScanConfig())
    wanted = DefectConfig(("open", "short", "missing_via", "extra_via"), (4, 6))
    counts = []
    for index in range(10):
        tile = generate_tile(config, 5, index, defects=wanted)
        counts.append(len(tile.defects))
        cover = np.zeros((256, 256), int)
        for defect in tile.defects:
            kernel = np.ones((KEEP_APART_PX - 1, KEEP_APART_PX - 1), np.uint8)
            cover += cv2.dilate(defect.mask.astype(np.uint8), kernel)
        assert cover.max() <= 1
    assert max(counts) >= 4


def test_a_blank_tile_gets_no_faults() -> None:
    config = replace(layers_only("metal_vias"), blank_rate=1.0)
    tile = generate_tile(config, 5, 0, defects=DefectConfig(("open", "short", "missing_via")))
    assert tile.defects == ()
    assert not tile.semantic.any()


@pytest.mark.parametrize(
    ("kinds", "count"),
    [(("hole",), (1, 1)), ((), (1, 1)), (("open",), (2, 1)), (("open",), (0, 1))],
)
def test_impossible_requests_are_refused(kinds: tuple[str, ...], count: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="got"):
        DefectConfig(kinds, count)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("defects") / "set"
    return write_dataset(
        out, preset="metal_vias", count=6, test_count=2, seed=4, defects=DefectConfig()
    )


def test_any_number_of_workers_writes_the_same_defects(written: Path, tmp_path: Path) -> None:
    again = write_dataset(
        tmp_path / "two",
        preset="metal_vias",
        count=6,
        test_count=2,
        seed=4,
        defects=DefectConfig(),
        num_workers=2,
    )
    assert tree(again) == tree(written)


def test_both_truths_and_the_defects_are_written(written: Path) -> None:
    train = written / "train"
    defects = read_coco(train / "defects.json")
    assert [category.name for category in defects.categories] == list(DEFECT_KINDS)
    assert len(defects.annotations) >= 6
    for image in defects.images:
        shown = read_mask(train / "masks" / image.file_name)
        designed = read_mask(train / str(image.attributes["design_mask"]))
        differs = np.zeros(shown.shape, bool)
        for annotation in defects.annotations:
            if annotation.image_id == image.id and annotation.attributes["changes_truth"]:
                differs |= annotation.mask.to_mask(shown.shape)
        np.testing.assert_array_equal(differs, shown != designed)
    recipe = json.loads((written / "dataset.json").read_text())
    assert recipe["defects"]["count"] == [1, 3]
    items = discover(written).items
    assert len(items) == 8
    assert all(item.mask is not None and item.mask.parent.name == "masks" for item in items)


def test_the_command_line_plants_only_the_kinds_it_is_given(tmp_path: Path) -> None:
    out = tmp_path / "set"
    words = ["--preset", "avr_m1", "--count", "3", "--test-count", "0", "--seed", "2"]
    options = ["--defect-kind", "open", "--defects-per-tile", "1"]
    from trainers.cli import app

    assert run_app(app, ["synth", *words, *options, "--out", str(out)]) == 0
    content = json.loads((out / "train" / "defects.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert {names[a["category_id"]] for a in content["annotations"]} == {"open"}
    assert run_app(app, ["synth", "--defect-kind", "hole", "--out", str(tmp_path / "x")]) == 2
    wrong = ["synth", "--defects", "--defects-per-tile", "many", "--out", str(tmp_path / "x")]
    assert run_app(app, wrong) == 2
    assert not (tmp_path / "x").exists()
