"""The command line: help with examples, exit codes, one line for an error."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from pycocotools.coco import COCO

from napari_icseg.cli import app
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from trainers.io.masks import read_mask
from trainers.io.rle import RleMask
from trainers.terminal import run_app

COMMANDS = ["label", "demo", "import", "export", "train", "predict", "evaluate", "synth"]


@pytest.fixture
def project(tiles):
    mask = np.zeros((96, 96), dtype=bool)
    mask[8:20, 10:86] = True
    mask[12:14, 30:40] = False
    with Project.create(tiles / "p.icseg") as project:
        project.add_images(sorted(tiles.glob("*.png")))
        project.add_object(1, 1, RleMask.from_mask(mask), ObjectSource.PROMPT)
    return tiles / "p.icseg"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(command, capsys):
    assert run_app(app, [command, "--help"]) == 0
    assert "Example: icseg " in " ".join(capsys.readouterr().out.split())


def test_help_lists_all_commands(capsys):
    assert run_app(app, ["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in [*COMMANDS, "models", "experiment"])


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("napari_icseg", {"numpy", "qtpy", "napari", "torch"}),
        ("napari_icseg.cli", {"numpy", "qtpy", "napari", "torch", "rich.progress"}),
    ],
)
def test_importing_is_light(module, forbidden):
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(subprocess.check_output([sys.executable, "-c", code])))
    assert not loaded & forbidden


def test_export_coco_then_import_gives_the_same_mask(project, tiles, tmp_path, capsys):
    assert run_app(app, ["export", str(project), "--format", "coco", "--out", str(tmp_path)]) == 0
    coco = COCO(str(tmp_path / "p.json"))
    assert len(coco.getAnnIds()) == 1
    again = tmp_path / "again.icseg"
    arguments = ["--images", str(tiles), "--project", str(again)]
    assert run_app(app, ["import", str(tmp_path / "p.json"), *arguments]) == 0
    assert "Imported 1 object" in capsys.readouterr().out
    with Project.open(project) as first, Project.open(again) as second:
        assert second.objects(1)[0].mask == first.objects(1)[0].mask


@pytest.mark.parametrize("format_name", ["yolo", "labelme", "voc", "cvat"])
def test_every_format_is_written_with_its_report_and_the_losses_are_told(
    project, tmp_path, capsys, format_name
):
    out = tmp_path / "out"
    assert run_app(app, ["export", str(project), "--format", format_name, "--out", str(out)]) == 0
    told, report = capsys.readouterr().out, (out / "export_report.txt").read_text()
    assert "Exported 1 object of 1 image" in told
    notes = [line.removeprefix("Note: ") for line in told.splitlines() if line.startswith("Note")]
    assert notes == [line[2:] for line in report.splitlines() if line.startswith("- ")]


def test_export_png_then_import_gives_the_same_mask(project, tiles, tmp_path):
    out = tmp_path / "png"
    assert run_app(app, ["export", str(project), "--format", "png", "--out", str(out)]) == 0
    assert read_mask(out / "semantic" / "tile_0.png")[10, 50] == 1
    again = tmp_path / "again.icseg"
    arguments = ["--images", str(tiles), "--project", str(again)]
    assert run_app(app, ["import", str(out / "semantic"), *arguments]) == 0
    with Project.open(project) as first, Project.open(again) as second:
        assert len(second.images()) == 4
        assert second.objects(1)[0].mask == first.objects(1)[0].mask


def test_an_import_is_previewed_then_done_with_its_classes_mapped(tiles, tmp_path, capsys):
    (tmp_path / "yolo" / "labels").mkdir(parents=True)
    outline = "0.1 0.1 0.5 0.1 0.5 0.5"
    (tmp_path / "yolo" / "labels" / "tile_0.txt").write_text(f"0 {outline}\n1 {outline}\n")
    (tmp_path / "yolo" / "data.yaml").write_text("names: [wire, dirt]\n")
    new = tmp_path / "new.icseg"
    command = ["import", str(tmp_path / "yolo"), "--images", str(tiles), "--project", str(new)]
    assert run_app(app, [*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2 objects on 1 image" in told
    assert "wire: 1 object -> a new class" in told
    assert not new.exists()
    assert run_app(app, [*command, "--map", "wire=metal", "--map", "dirt="]) == 0
    with Project.open(new) as project:
        (found,) = [each for image in project.images() for each in project.objects(image.id)]
        assert project.class_by_id(found.class_id).name == "metal"
        before = project.history(99)
    assert run_app(app, [*command, "--map", "pad=metal"]) == 1
    assert "no class pad" in capsys.readouterr().err
    assert run_app(app, [*command, "--map", "nonsense"]) == 2
    assert run_app(app, [*command, "--format", "voc", "--merge", "add"]) == 1
    with Project.open(new) as project:
        assert project.history(99) == before


def test_polygons_say_what_they_lose(project, tmp_path, capsys):
    arguments = ["--format", "coco-polygons", "--out", str(tmp_path)]
    assert run_app(app, ["export", str(project), *arguments]) == 0
    assert "hole" in capsys.readouterr().out


def test_a_failure_is_one_line_and_leaves_nothing_behind(tmp_path, tiles, capsys):
    (tmp_path / "bad.json").write_text("{")
    new = tmp_path / "new.icseg"
    arguments = ["--images", str(tiles), "--project", str(new)]
    assert run_app(app, ["import", str(tmp_path / "bad.json"), *arguments]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not new.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "missing.icseg", "--out", "x"],
        ["label", "missing-folder"],
        ["demo", "--headless"],
        ["export"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_2(arguments, capsys):
    assert run_app(app, arguments) == 2


@pytest.mark.bench
def test_help_answers_within_half_a_second():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.check_output([sys.executable, "-m", "napari_icseg.cli", "--help"])
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
