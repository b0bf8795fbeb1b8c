"""What the click benchmark counts, on predictors whose clicks are known."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from napari_icseg.bench.noc import run_noc, summary
from napari_icseg.bench.report import make_report, report_lines, score_table
from napari_icseg.bench.tiles import read_data
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from tests.napari_icseg.bench.fakes import (
    PaintedPredictor,
    blind,
    column_by_column,
    layer_first,
    perfect,
)
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.official import build_official_sam2

NET_LEVELS = (60, 90, 120)


@pytest.fixture
def folder(tmp_path):
    """A tile with three nets, each with a grey level of its own, and a blank one."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    image = np.zeros((64, 64), np.uint8)
    for number, level in enumerate(NET_LEVELS):
        image[4 + 20 * number : 14 + 20 * number, 4:44] = level
    for name, pixels in (("a", image), ("b", np.zeros_like(image))):
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), pixels)
        cv2.imwrite(str(tmp_path / f"masks/{name}.png"), (pixels > 0).astype(np.uint8))
    return tmp_path


def scores(folder, offer, **options):
    predictor = PaintedPredictor(offer)
    return summary(run_noc(predictor, read_data(folder), **options)), predictor


@pytest.mark.parametrize("variant", ["centred", "jittered"])
def test_a_perfect_predictor_needs_one_click_for_every_target(folder, variant):
    report, predictor = scores(folder, perfect)
    everything = report[variant]["all"]
    assert everything["num"] == 1 + len(NET_LEVELS)
    assert [everything[f"noc_{q}"] for q in (80, 85, 90, 95)] == [1.0] * 4
    assert [everything[f"failures_{q}"] for q in (80, 85, 90, 95)] == [0] * 4
    assert everything["iou_1"] == everything["iou_10"] == 1.0
    assert report["calibration"]["net"]["ece"] == pytest.approx(0.1)
    assert report["calibration"]["layer"]["ece"] == pytest.approx(0.2)
    assert len(predictor.prompts) == 2 * everything["num"]


def test_a_blind_predictor_fails_after_twenty_clicks(folder):
    report, predictor = scores(folder, blind)
    everything = report["centred"]["all"]
    assert [everything[f"noc_{q}"] for q in (80, 85, 90, 95)] == [20.0] * 4
    assert everything["failures_80"] == everything["num"] == 4
    assert everything["iou_10"] == everything["first_right_any"] == 0.0
    assert report["calibration"] == {}
    assert max(prompts.num_points for prompts in predictor.prompts) == 20


def test_clicks_are_counted_up_to_each_iou(folder):
    nets = scores(folder, column_by_column)[0]["centred"]["by_kind"]["net"]
    assert [nets[f"noc_{q}"] for q in (80, 85, 90, 95)] == [16.0, 17.0, 18.0, 19.0]
    assert [nets[f"iou_{k}"] for k in (1, 3, 5, 10)] == [0.05, 0.15, 0.25, 0.5]
    assert nets["failures_95"] == 0


def test_a_target_behind_tab_is_found_and_the_tab_is_counted(folder):
    report, _ = scores(folder, layer_first)
    net, layer = (report["centred"]["by_kind"][kind] for kind in ("net", "layer"))
    assert (net["noc_95"], net["tabs"]) == (1.0, 1.0)
    assert (layer["noc_95"], layer["tabs"]) == (1.0, 0.0)
    assert (net["first_right"], net["first_right_any"]) == (0.0, 1.0)
    assert (layer["first_right"], layer["first_right_any"]) == (1.0, 1.0)


def test_the_kind_that_was_cycled_to_stays_chosen(folder):
    def layer_then_half_of_the_net(pixels, prompts):
        found = {kind: mask for mask, _, kind in perfect(pixels, prompts)}
        columns = np.arange(pixels.shape[1]) < 24
        return [(found["layer"], 0.9, "layer"), (found["net"] & columns, 0.8, "net")]

    report, predictor = scores(folder, layer_then_half_of_the_net)
    further = [p for p in predictor.prompts if p.num_points > 1]
    assert {prompts.kind for prompts in further} == {"net"}
    # pressed once: the real predictor keeps the chosen kind on top, and so does the dock
    assert report["centred"]["by_kind"]["net"]["tabs"] == 1.0


def test_a_tile_is_labelled_by_its_layers_and_a_blank_one_costs_no_click(folder):
    tile = scores(folder, perfect)[0]["centred"]["tile"]
    assert (tile["num"], tile["num_blank"], tile["num_unfinished"]) == (2, 1, 0)
    assert (tile["clicks"], tile["tabs"]) == (0.5, 0.5)
    assert tile["model_s"] == pytest.approx(tile["embed_s"] + tile["predict_s"], abs=2e-4)
    unfinished = scores(folder, blind)[0]["centred"]["tile"]
    assert (unfinished["clicks"], unfinished["num_unfinished"]) == (10.0, 1)


def clicks_of(predictor):
    return [prompts.points_xy.tolist() for prompts in predictor.prompts]


def test_the_seed_places_jittered_clicks_and_only_those(folder):
    runs = [clicks_of(scores(folder, perfect, seed=seed)[1]) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    num = len(runs[0]) // 2
    assert runs[0][:num] == runs[2][:num]
    assert runs[0][num:] != runs[2][num:]


def test_every_correction_falls_on_a_wrong_pixel_and_none_is_repeated(folder):
    _, predictor = scores(folder, column_by_column)
    longest = [p for p in predictor.prompts if p.num_points == 19]
    assert longest
    for prompts in longest:
        assert len({tuple(point) for point in prompts.points_xy.tolist()}) == 19


def test_of_a_large_tile_some_objects_are_drawn_and_all_layers_kept(folder):
    names = [
        [each.target for each in tile.played["centred"]]
        for tile in run_noc(PaintedPredictor(perfect), read_data(folder), max_objects=2)
    ]
    assert names == [["metal layer", "metal net", "metal net"], []]
    whole = scores(folder, perfect)[1].prompts
    some = scores(folder, perfect, max_objects=2)[1].prompts
    assert {str(p.points_xy) for p in some} < {str(p.points_xy) for p in whole}


def report_of(tiles, predictor, data):
    return make_report(tiles, predictor, data, data_name="here", protocol={"seed": 0})


@pytest.mark.parametrize("build", [build_official_sam2, build_sam2_nano])
def test_any_model_runs_and_its_report_is_json(folder, build):
    if build is build_official_sam2:
        model = build_official_sam2("sam2.1-tiny", input_size_px=256)
    else:
        model = build_sam2_nano(width=32, num_blocks=1)
    predictor = Sam2PromptPredictor(model.eval(), name="random", checkpoint_id="x")
    data = read_data(folder)
    tiles = run_noc(predictor, data)
    report = json.loads(json.dumps(report_of(tiles, predictor, data)))
    assert report["centred"]["all"]["num"] == 4
    ious = [list(each.ious) for each in tiles[0].played["centred"]]
    assert [each["ious"] for each in report["tiles"][0]["played"]["centred"]] == [
        pytest.approx(each, abs=1e-4) for each in ious
    ]
    assert report["is_complete"]
    assert score_table(report, "jittered").row_count == 3
    assert len(report_lines(report)) >= 3
