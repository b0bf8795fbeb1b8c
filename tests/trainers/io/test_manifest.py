from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.io.strategies import outcome
from trainers.errors import DataError
from trainers.io.folders import DatasetIndex, DatasetItem, discover, write_manifest
from trainers.io.manifest import file_sha256, read_manifest

if TYPE_CHECKING:
    from pathlib import Path


def make_run(folder: Path) -> DatasetIndex:
    """A run's layout: images elsewhere, masks beside the manifest."""
    images = [folder / "elsewhere" / f"{name}.png" for name in ("a", "ü")]
    masks = [folder / "run" / "dataset" / "masks" / f"{i}.png" for i in range(2)]
    for path in (*images, *masks):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    items = (
        DatasetItem(images[0], masks[0], "train"),
        DatasetItem(images[1], masks[1], "val"),
        DatasetItem(images[1], None, None),
    )
    return DatasetIndex(items, ("metal", "via"))


def test_a_manifest_comes_back_with_digests(tmp_path):
    index = make_run(tmp_path)
    folder = tmp_path / "run" / "dataset"
    write_manifest(folder / "manifest.json", index)
    got = discover(folder)
    assert got == discover(folder / "manifest.json")
    assert got.class_names == index.class_names
    for item, expected in zip(got.items, index.items, strict=True):
        assert (item.image, item.mask, item.split) == (
            expected.image,
            expected.mask,
            expected.split,
        )
        assert item.sha256 == hashlib.sha256(expected.image.read_bytes()).hexdigest()


def test_files_below_the_manifest_move_with_it(tmp_path):
    write_manifest(tmp_path / "run" / "dataset" / "manifest.json", make_run(tmp_path))
    stored = json.loads((tmp_path / "run" / "dataset" / "manifest.json").read_text("utf-8"))
    assert stored["version"] == 1
    assert stored["items"][0]["mask"] == "masks/0.png"
    assert stored["items"][0]["image"] == str(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "run").rename(tmp_path / "moved")
    assert discover(tmp_path / "moved" / "dataset").items[0].mask == (
        tmp_path / "moved" / "dataset" / "masks" / "0.png"
    )


def test_a_known_digest_is_kept(tmp_path):
    index = make_run(tmp_path)
    item = DatasetItem(index.items[0].image, None, "test", "ab" * 32)
    write_manifest(tmp_path / "manifest.json", DatasetIndex((item,)))
    assert read_manifest(tmp_path / "manifest.json").items == (item,)


def test_a_missing_image_is_named(tmp_path):
    index = make_run(tmp_path)
    write_manifest(tmp_path / "manifest.json", index)
    index.items[0].image.unlink()
    with pytest.raises(DataError, match=r"a\.png is missing"):
        discover(tmp_path)


def test_the_digest_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="Cannot read"):
        file_sha256(tmp_path / "none.png")


BROKEN: dict[str, Any] = {
    "not json": b"{",
    "not utf-8": b'{"version": "\xff"}',
    "a list": [],
    "newer": {"version": 2, "items": []},
    "no items": {"version": 1, "items": []},
    "items no list": {"version": 1, "items": {}},
    "item no object": {"version": 1, "items": [3]},
    "no image": {"version": 1, "items": [{"mask": "a.png"}]},
    "image a number": {"version": 1, "items": [{"image": 3}]},
    "image with a zero byte": {"version": 1, "items": [{"image": "a\0.png"}]},
    "image a lone surrogate": {"version": 1, "items": [{"image": "\ud800.png"}]},
    "split unknown": {"version": 1, "items": [{"image": "a.png", "split": "dev"}]},
    "split a list": {"version": 1, "items": [{"image": "a.png", "split": []}]},
    "digest a number": {"version": 1, "items": [{"image": "a.png", "sha256": 3}]},
    "class names no texts": {"version": 1, "class_names": [1], "items": [{"image": "a.png"}]},
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_manifest_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(b"1")
    path = tmp_path / "manifest.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(DataError, match=r"manifest\.json"):
        discover(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"version": st.just(1) | JSON, "items": st.lists(st.dictionaries(st.text(), JSON)) | JSON},
        optional={"class_names": JSON},
    )
)
def test_any_json_is_refused_or_read(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "manifest.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = outcome(read_manifest, path)
    assert str(path) in str(result) if isinstance(result, DataError) else result.items
