from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from tests.trainers.io.coco_samples import minimal, read
from tests.trainers.io.strategies import outcome
from trainers.errors import DataError
from trainers.io.coco import read_coco, write_coco

# pycocotools 2.0.11 has not followed numpy 2 in its decoder, which only these tests use
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 30) | st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.lists(st.integers(-3, 30) | st.text(max_size=2), max_size=8),
    st.dictionaries(st.sampled_from(["size", "counts", "id"]), st.integers(0, 9)),
)


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """A valid file with up to three of its values replaced, removed or doubled."""
    content = draw(st.just(None).map(lambda _: minimal()))
    for _ in range(draw(st.integers(1, 3))):
        inner: Any = content
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(inner[key], dict | list) and draw(st.booleans()):
                inner = inner[key]
                continue
            if isinstance(inner, dict) and draw(st.integers(0, 4)) == 0:
                del inner[key]
            else:
                inner[key] = draw(ODD)
            break
    return content


@given(mangled())
def test_a_mangled_file_is_refused_or_read_right(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    dataset = outcome(lambda folder: read(folder, content), folder)
    if isinstance(dataset, DataError):
        assert "in.json" in str(dataset)
        return
    assert len(dataset.annotations) + len(dataset.notes) == len(content["annotations"])
    shapes = {image.id: (image.height, image.width) for image in dataset.images}
    for annotation in dataset.annotations:
        entry = next(e for e in content["annotations"] if e["id"] == annotation.id)
        coco = COCO()
        coco.imgs = {image["id"]: image for image in content["images"]}
        np.testing.assert_array_equal(
            annotation.mask.to_mask(shapes[annotation.image_id]), coco.annToMask(entry)
        )


@given(st.integers(0, 2_000), st.binary(min_size=1, max_size=4))
def test_a_file_with_changed_bytes_is_refused_or_read(tmp_path_factory, at, noise):
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    data = bytearray(json.dumps(minimal()).encode())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(bytes(data))
    dataset = outcome(read_coco, path)
    if isinstance(dataset, DataError):
        return
    write_coco(path, replace(dataset, notes=()))
    assert read_coco(path) == replace(dataset, notes=())
