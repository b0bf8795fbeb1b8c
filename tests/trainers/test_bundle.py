from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.trainers.run_samples import make_run
from trainers.bundle import WEIGHTS, export_run
from trainers.bundle_import import import_run
from trainers.comparison import compare
from trainers.errors import CheckpointError, DataError, IcsegError, TrainingError
from trainers.events import EventWriter
from trainers.predict import load_run, predict_image
from trainers.progress import RunWatcher
from trainers.run_folder import RunFolder
from trainers.run_registry import describe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles

Content = dict[str, bytes]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "here" / "first", parent={"name": "older", "sha256": "f" * 64})


@pytest.fixture
def bundle(run: Path, tmp_path: Path) -> Path:
    export_run(run, tmp_path / "first.zip")
    return tmp_path / "first.zip"


def content_of(bundle: Path) -> Content:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, content: Content, *, relist: bool = True) -> Path:
    """Write a zip file whose `bundle.json` fits its content."""
    content = dict(content)
    if relist:
        about = json.loads(content["bundle.json"])
        about["files"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in content.items()
            if name != "bundle.json"
        }
        content["bundle.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def test_a_bundle_predicts_alike_on_another_machine(
    run: Path, bundle: Path, tmp_path: Path
) -> None:
    there = import_run(bundle, tmp_path / "there")
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    before, after = (predict_image(load_run(path), image).probs for path in (run, there))
    np.testing.assert_array_equal(before, after)


def test_what_is_known_of_a_run_goes_along(run: Path, bundle: Path, tmp_path: Path) -> None:
    before, after = describe(run), describe(import_run(bundle, tmp_path / "there"))
    for name in ("model", "preset", "state", "epoch", "metrics", "data_sha256", "parent", "code"):
        assert getattr(before, name) == getattr(after, name), name
    assert after.config["out"] == str(tmp_path / "there" / "first")


def test_stored_results_are_used_again_there(
    run: Path, tmp_path: Path, make_tiles: MakeTiles
) -> None:
    data = make_tiles(3)
    before = compare([run], data)
    export_run(run, tmp_path / "e.zip")
    after = compare([import_run(tmp_path / "e.zip", tmp_path / "there")], data)
    assert after.runs[0].is_stored
    assert after.runs[0].evaluation == before.runs[0].evaluation


def test_no_path_of_this_machine_and_no_image_is_inside(bundle: Path, tmp_path: Path) -> None:
    for name, data in content_of(bundle).items():
        assert str(tmp_path).encode() not in data, name
    assert not [name for name in content_of(bundle) if name.endswith(".png")]
    dataset = json.loads(content_of(bundle)["dataset.json"])
    assert dataset["items"] == [{"image": "t00.png", "split": "train", "sha256": "e" * 64}]


def test_paths_of_either_system_are_only_names(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["model_options"]["min_crops"] = 0
    config["data"] = r"C:\Users\me\tiles"
    (run / "config.json").write_text(json.dumps(config))
    export_run(run, tmp_path / "e.zip")
    assert json.loads(content_of(tmp_path / "e.zip")["config.json"])["data"] == "tiles"


def test_curves_go_along_thinned(bundle: Path, tmp_path: Path) -> None:
    status = RunWatcher(import_run(bundle, tmp_path / "there")).poll()
    assert 300 <= len(status.curves.steps) <= 502
    assert (status.step, status.curves.steps[-1].step) == (1200, 1200)
    assert len(status.curves.epochs) == 1


def test_an_existing_run_is_never_replaced(run: Path, bundle: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match="exists already"):
        import_run(bundle, run.parent)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_running_run_is_not_exported(run: Path, tmp_path: Path) -> None:
    EventWriter(RunFolder(run).events).write("resumed", epoch=0, step=0)
    RunFolder(run).write_process()
    with pytest.raises(TrainingError, match="has not ended"):
        export_run(run, tmp_path / "e.zip")
    assert not (tmp_path / "e.zip").exists()


def test_a_run_without_weights_is_not_exported(run: Path, tmp_path: Path) -> None:
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        export_run(run, tmp_path / "e.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def with_name(content: Content, name: str) -> Content:
    about = {**json.loads(content["bundle.json"]), "name": name}
    return {**content, "bundle.json": json.dumps(about).encode()}


def with_format(content: Content) -> Content:
    about = {**json.loads(content["bundle.json"]), "format": 99}
    return {**content, "bundle.json": json.dumps(about).encode()}


def without(content: Content, name: str) -> Content:
    return {key: value for key, value in content.items() if key != name}


BROKEN: dict[str, Any] = {
    "a path upwards": lambda c: {**c, "../evil.json": b"{}"},
    "an absolute path": lambda c: {**c, "/tmp/evil.json": b"{}"},
    "a path with backslashes": lambda c: {**c, "..\\evil.json": b"{}"},
    "an evaluation elsewhere": lambda c: {**c, "evaluations/../../evil.json": b"{}"},
    "a pickle": lambda c: {**c, "checkpoints/last.state.pt": b"x"},
    "a pickle for weights": lambda c: {**c, WEIGHTS: b"\x80\x04cos\nsystem\n."},
    "weights cut off": lambda c: {**c, WEIGHTS: c[WEIGHTS][:-5]},
    "no weights": lambda c: without(c, WEIGHTS),
    "no list": lambda c: {"x.txt": b""},
    "a list that is none": lambda c: {**c, "bundle.json": b"[]"},
    "a newer format": with_format,
    "a name that leads upwards": lambda c: with_name(c, ".."),
    "a name with a slash": lambda c: with_name(c, "a/b"),
    "a hidden name": lambda c: with_name(c, ".ssh"),
    "settings that are none": lambda c: {**c, "config.json": b'{"model": 3}'},
    "metrics that are no JSON": lambda c: {**c, "metrics.json": b"NO"},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_anything_else_is_refused_and_leaves_nothing(
    change: Any, bundle: Path, tmp_path: Path
) -> None:
    changed = change(content_of(bundle))
    path = rewritten(
        tmp_path / "bad.zip", changed, relist=changed.get("bundle.json", b"[]") != b"[]"
    )
    into = tmp_path / "deep" / "there"
    into.mkdir(parents=True)
    with pytest.raises(IcsegError):
        import_run(path, into)
    assert list((tmp_path / "deep").rglob("*")) == [into]


def test_a_file_changed_on_the_way_is_noticed(bundle: Path, tmp_path: Path) -> None:
    content = content_of(bundle)
    content["metrics.json"] = content["metrics.json"].replace(b"0.5", b"0.9")
    path = rewritten(tmp_path / "bad.zip", content, relist=False)
    with pytest.raises(DataError, match="changed or damaged"):
        import_run(path, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_weights_that_would_grow_on_unpacking_are_refused(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    content = content_of(bundle)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, b"\0" * 10_000_000 if name == WEIGHTS else data)
    with pytest.raises(DataError, match="No bundle is like that"):
        import_run(path, tmp_path / "there")


def test_a_link_in_the_zip_is_refused(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content_of(bundle).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16 if name == "metrics.json" else 0
            archive.writestr(entry, data)
    with pytest.raises(DataError, match="no plain file"):
        import_run(path, tmp_path / "there")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 50])
def test_other_files_are_no_bundles(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match="zip file"):
        import_run(tmp_path / "x.zip", tmp_path / "there")


def test_a_missing_file_and_a_wrong_ending_say_so(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        import_run(tmp_path / "none.zip", tmp_path)
    with pytest.raises(DataError, match=r"ends in \.zip"):
        export_run(run, tmp_path / "first.tar")
