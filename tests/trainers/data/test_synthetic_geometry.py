"""Layout and fabrication against geometry worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from trainers.data.synthetic.config import ProcessConfig
from trainers.data.synthetic.fields import smooth_field
from trainers.data.synthetic.imaging import edge_profile, halo_profile
from trainers.data.synthetic.labels import compact, nearest_ids
from trainers.data.synthetic.layout import draw_layout, draw_rule, split
from trainers.data.synthetic.look import draw_look
from trainers.data.synthetic.presets import PRESETS
from trainers.data.synthetic.raster import Geometry, fabricate, measure, signed_distance
from trainers.data.synthetic.routing import RouteRule, route
from trainers.data.synthetic.shapes import LayerRule, Layout
from trainers.data.synthetic.styles import STYLES
from trainers.data.synthetic.wires import chamfer

RULE = LayerRule(
    width_px=12.0,
    gap_px=12.0,
    fill=0.5,
    length_pitches=5.0,
    jog_rate=0.3,
    diagonal=False,
    dummy_fill=False,
    has_vias=True,
    via_end_rate=1.0,
    via_pair_rate=0.5,
    via_radius_px=5.0,
    via_square=False,
    bulge_ratio=1.2,
)
SHARP = ProcessConfig((0.0, 0.0), (0.0, 0.0), (4.0, 4.0), (0.0, 0.0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def fabricated(layout: Layout, process: ProcessConfig = SHARP, size_px: int = 128) -> Geometry:
    return measure(fabricate(rng(), layout, RULE, process, size_px))


def box_layout(*boxes: tuple[float, float, float, float]) -> Layout:
    layout = Layout()
    for box in boxes:
        layout.add_box(box)
    return layout


def test_a_drawn_box_covers_its_pixels() -> None:
    geometry = fabricated(box_layout((20.0, 40.0, 100.0, 60.0)))
    rows, cols = np.nonzero(geometry.metal_px > 0)
    assert (rows.min(), cols.min()) == (40, 20)
    assert rows.max() in (59, 60)
    assert cols.max() in (99, 100)
    assert (geometry.metal_px > 0).sum() == pytest.approx(80 * 20, rel=0.07)


def test_the_distance_map_is_the_distance_to_the_edge() -> None:
    inside = np.zeros((64, 64), bool)
    inside[:, 20:] = True
    distance = signed_distance(inside)
    columns = np.arange(32) + 0.5 - 10.0
    np.testing.assert_allclose(distance, np.broadcast_to(columns, (32, 32)), atol=0.01)


def test_a_disk_has_the_area_and_the_depth_of_a_disk() -> None:
    layout = Layout(vias=[(64.0, 64.0, 9.0)])
    geometry = fabricated(layout)
    assert (geometry.via_px > 0).sum() == pytest.approx(np.pi * 81, rel=0.08)
    assert geometry.via_px.max() == pytest.approx(9.0, abs=0.9)


@pytest.mark.parametrize(("etch", "grows"), [(0.15, True), (-0.15, False)])
def test_over_and_under_etch_move_the_edges(etch: float, grows: bool) -> None:
    layout = box_layout((20.0, 40.0, 100.0, 52.0))
    plain = fabricated(layout, replace(SHARP, corner_sigma_ratio=(0.3, 0.3)))
    moved = fabricated(
        layout, replace(SHARP, corner_sigma_ratio=(0.3, 0.3), etch_ratio=(etch, etch))
    )
    change = (moved.metal_px[:, 60] > 0).sum() - (plain.metal_px[:, 60] > 0).sum()
    # a width of 12 px grows or shrinks by about 2 x .15 x 12 px
    assert change == pytest.approx(3.6 if grows else -3.6, abs=1.1)


def test_corner_rounding_takes_corners_and_leaves_edges() -> None:
    layout = box_layout((30.0, 30.0, 90.0, 90.0))
    sharp, round_ = (
        fabricated(layout),
        fabricated(layout, replace(SHARP, corner_sigma_ratio=(0.4, 0.4))),
    )
    assert sharp.metal_px[30, 30] > 0 > round_.metal_px[30, 30]
    np.testing.assert_array_equal(sharp.metal_px[60] > 0, round_.metal_px[60] > 0)


def test_roughness_moves_edges_by_about_its_deviation() -> None:
    layout = box_layout((-10.0, 40.0, 140.0, 70.0))
    process = replace(SHARP, corner_sigma_ratio=(0.3, 0.3), edge_roughness_px=(0.6, 0.6))
    geometry = fabricated(layout, process)
    tops = np.argmax(geometry.metal_px > 0, axis=0)
    assert 0.2 < tops.std() < 1.2


def test_slots_are_holes_and_part_ids_follow_the_drawing_order() -> None:
    layout = box_layout((10.0, 10.0, 110.0, 60.0), (40.0, 20.0, 60.0, 110.0))
    layout.holes.append(np.array([[80, 30], [100, 30], [100, 40], [80, 40]], np.float32))
    geometry = fabricated(layout)
    assert geometry.metal_px[35, 90] < 0
    assert geometry.nets.max() == 1
    assert geometry.parts[40, 20] == 1
    assert geometry.parts[40, 50] == 2
    assert geometry.parts[100, 50] == 2
    assert geometry.parts.max() == 2


def test_a_bare_via_is_a_net_of_its_own() -> None:
    geometry = fabricated(Layout(vias=[(30.0, 30.0, 6.0), (80.0, 80.0, 6.0)]))
    assert geometry.nets.max() == 2
    np.testing.assert_array_equal(geometry.semantic == 2, geometry.nets > 0)


def test_nets_include_what_lies_under_their_vias() -> None:
    layout = box_layout((10.0, 50.0, 120.0, 62.0))
    layout.add_via((60.0, 56.0), RULE)
    geometry = fabricated(layout)
    assert geometry.nets[56, 60] == geometry.nets[56, 20] == 1
    assert geometry.semantic[56, 60] == 2


def test_the_bulge_round_a_via_belongs_to_the_wire_it_lies_on() -> None:
    layout = box_layout((10.0, 52.0, 120.0, 60.0))
    layout.add_via((60.0, 56.0), RULE)
    geometry = fabricated(layout)
    assert geometry.metal_px[50, 60] > 0 > geometry.metal_px[50, 20]
    assert geometry.parts.max() == 2
    assert geometry.parts[50, 60] == geometry.parts[56, 20] != geometry.parts[56, 60]


def test_vias_keep_apart() -> None:
    layout = Layout()
    for x in range(0, 60, 4):
        layout.add_via((float(x), 20.0), RULE)
    xs = np.array([x for x, _, _ in layout.vias])
    assert np.diff(xs).min() >= 2 * RULE.via_radius_px + 3


@pytest.mark.parametrize("seed", range(5))
def test_routed_wires_never_share_a_cell(seed: int) -> None:
    used = np.zeros((20, 25), bool)
    used[10] = True
    wires = route(rng(seed), used, RouteRule(fill=0.7, length=4.0, jog_rate=0.5))
    count = np.zeros(used.shape, int)
    for corners in wires:
        cells = {corners[0]}
        for (r0, c0), (r1, c1) in pairwise(corners):
            assert r0 == r1 or c0 == c1
            rows, cols = range(min(r0, r1), max(r0, r1) + 1), range(min(c0, c1), max(c0, c1) + 1)
            cells |= {(row, col) for row in rows for col in cols}
        for cell in cells:
            count[cell] += 1
    assert count.max() == 1
    assert not count[10].any()
    np.testing.assert_array_equal(count > 0, used & _not_row(10))
    assert count.sum() >= int(0.7 * 19 * 25)


def _not_row(row: int) -> np.ndarray:
    mask = np.ones((20, 25), bool)
    mask[row] = False
    return mask


def test_blocks_tile_the_box_with_gutters() -> None:
    blocks = split(rng(3), (0.0, 0.0, 1000.0, 700.0), 300.0, 10.0)
    cover = np.zeros((700, 1000), int)
    for x0, y0, x1, y1 in blocks:
        assert max(x1 - x0, y1 - y0) <= 300.0
        cover[round(y0) : round(y1), round(x0) : round(x1)] += 1
    assert cover.max() == 1
    assert cover.mean() > 0.9


def test_chamfered_corners_run_at_45_degrees() -> None:
    path = chamfer([(0.0, 0.0), (100.0, 0.0), (100.0, 80.0)], 24.0)
    assert path == [(0.0, 0.0), (76.0, 0.0), (100.0, 24.0), (100.0, 80.0)]


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_fills_a_block(style: str) -> None:
    config = replace(PRESETS["mixed"].layout, styles=((style, 1.0),))
    shown = []
    for seed in range(6):
        source = rng(seed)
        rule = replace(draw_rule(source, config), width_px=10.0, gap_px=8.0, fill=0.5)
        layout = draw_layout(source, config, rule, 256)
        geometry = measure(fabricate(source, layout, rule, PRESETS["mixed"].process, 256))
        shown.append(float((geometry.nets > 0).mean()))
    assert 0.02 < np.mean(shown) < 0.9


def test_nearest_ids_fills_the_mask_and_renumbers() -> None:
    seeds = np.zeros((9, 9), np.int32)
    seeds[4, 1], seeds[4, 7] = 5, 9
    filled = nearest_ids(seeds, np.ones((9, 9), bool))
    assert (filled[:, :4] == 1).all()
    assert (filled[:, 5:] == 2).all()
    np.testing.assert_array_equal(compact(np.array([[0, 7], [3, 7]])), [[0, 2], [1, 2]])


@pytest.mark.parametrize("length_px", [1.0, 7.5, 40.0, 400.0])
def test_smooth_fields_are_finite_and_of_unit_size(length_px: float) -> None:
    values = np.stack([smooth_field(rng(seed), (96, 130), length_px) for seed in range(40)])
    assert values.shape == (40, 96, 130)
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 5.0
    assert 0.7 < values.std() < 1.45


def test_the_edge_profile_peaks_at_its_gain_and_the_halo_at_its_depth() -> None:
    ramp = np.broadcast_to(np.linspace(-40, 40, 801, dtype=np.float32), (3, 801)).copy()
    for seed in range(20):
        look = replace(draw_look(rng(seed), PRESETS["mixed"].imaging), edge_asymmetry=0.0)
        profile = edge_profile(ramp, look) / abs(look.contrast)
        assert profile.max() == pytest.approx(look.edge_gain, rel=0.05)
        assert not profile[:, :390].any()
        halo = halo_profile(ramp, look) / abs(look.contrast)
        assert halo.min() == pytest.approx(look.halo, rel=0.01)
