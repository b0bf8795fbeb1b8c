"""Damaged label files: a clear error or a correct import, never a crash or a changed project.

Each case damages a correct sample in one to three places and plans its import; what can be
planned is imported, undone, and must leave the project as it was. The number of cases of each
importer is `ICSEG_FUZZ_CASES`, 150 by default.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from napari_icseg.project.import_mapping import preview
from napari_icseg.project.import_plan import apply_plan
from napari_icseg.project.import_sources import ImportFormat, ImportSource, plan_source
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from tests.napari_icseg.project.conftest import square, write_image
from tests.napari_icseg.project.label_samples import SAMPLES, Files, write_sample
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = int(os.environ.get("ICSEG_FUZZ_CASES", "150"))
MAX_S = 1.0
"""Of processor time; more is a hang: a correct sample takes a few milliseconds."""

ODD_VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 255, 1 << 31, 1 << 63, 10**400, 1e308, -1e308, 0.5, "", "x",
    "../t0.png", "/etc/passwd", "C:\\t0.png", "..\\..\\t0.png", "t0.png\0", "\ud800",
    "名前", "a" * 5000,
    [], {}, [[]], [None], [[0, 0]], [[1e9, 1e9]] * 3, [0] * 7, [[0, 0], [1, 1], [2]],
    {"size": [24, 32], "counts": "zzz"}, {"size": [1 << 20, 1 << 20], "counts": [0, 1 << 40]},
]  # fmt: skip
ODD_TEXTS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 400, b"\xff\xfe", b"\0", b"\xef\xbb\xbf",
    b"[" * 3000, b'{"a":' * 2000, b"../../", b"/etc/passwd", b"0 0 0 1 1\n", b"&a [*a]", b"\r",
    b"-1", b"0 " + b"0 1 1 0 " * 2_000 + b"\n", b'"shapes"', b"!!python/object:os.system x",
    b"1_0", b"- ", "é".encode("latin-1"), "metal".encode("utf-16"),
]  # fmt: skip


@st.composite
def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """A file with bytes flipped, cut off, doubled, or with something odd put in."""
    how = draw(st.sampled_from(["flip", "cut", "empty", "double", "insert", "replace"]))
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    if how == "cut":
        return data[:at]
    if how == "empty":
        return b""
    if how == "double":
        return data + data
    noise = draw(st.sampled_from(ODD_TEXTS) | st.binary(min_size=1, max_size=4))
    if how == "insert":
        return data[:at] + noise + data[at:]
    if how == "flip" and data:
        return data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
    return data[:at] + noise + data[at + len(noise) :]


@st.composite
def damaged_json(draw: st.DrawFn, data: bytes) -> bytes:
    """JSON with one value replaced, taken out, or given twice."""
    content = json.loads(data)
    inner: Any = content
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = draw(st.sampled_from(keys))
        if isinstance(inner[key], dict | list) and inner[key] and draw(st.integers(0, 4)):
            inner = inner[key]
            continue
        if draw(st.integers(0, 5)) == 0:
            del inner[key]
        elif isinstance(inner, list) and draw(st.integers(0, 5)) == 0:
            inner.append(inner[key])
        else:
            inner[key] = draw(st.sampled_from(ODD_VALUES))
        return json.dumps(content).encode()


@st.composite
def damaged_files(draw: st.DrawFn, sample: Files) -> Files:
    """A sample with one to three files damaged, missing, or under another name."""
    files = dict(sample)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        name = draw(st.sampled_from(sorted(files)))
        how = draw(st.integers(0, 9))
        if how == 0 and len(files) > 1:
            del files[name]
        elif how == 1:
            files[name.replace("t0", "t1").replace("n0", "ü")] = files.get(name, b"")
        elif how < 6 and name.endswith(".json"):
            try:
                files[name] = draw(damaged_json(files[name]))
            except (ValueError, IndexError, RecursionError, TypeError):
                files[name] = draw(damaged_bytes(files[name]))
        else:
            files[name] = draw(damaged_bytes(files[name]))
    return files


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("fuzz")
    for number in range(3):
        write_image(folder / "tiles" / f"t{number}.png")
    with Project.create(folder / "p.icseg") as opened:
        opened.add_images(sorted((folder / "tiles").glob("*.png")))
        opened.add_object(3, 1, square(2, 2), ObjectSource.MANUAL)
        yield opened


def contents(project: Project) -> str:
    """A digest of all that a user has made."""
    images = project.images()
    objects = [project.objects(image.id) for image in images]
    return hashlib.sha256(repr((images, project.classes(), objects)).encode()).hexdigest()


def check(project: Project, format_: ImportFormat, files: Files) -> bool:
    """Whether the files were imported; fails on anything but an import or a clear error."""
    folder = project.root / "case"
    shutil.rmtree(folder, ignore_errors=True)
    before, history = contents(project), project.history(1)
    source = write_sample(folder, files)
    start = time.thread_time()
    try:
        planned = plan_source(project, ImportSource(source, None, format_))
        preview(planned.plan, project)
        assert (contents(project), project.history(1)) == (before, history)
        apply_plan(project, planned.plan)
    except IcsegError as error:
        message = str(error)
        assert (contents(project), project.history(1)) == (before, history)
        imported = False
        assert len(message) > 10
    else:
        for image in project.images():
            for each in project.objects(image.id):
                assert each.mask.to_mask(image.shape).sum() == each.mask.area > 0
        if project.history(1) != history:  # an import that brings nothing is no operation
            project.undo()
        assert contents(project) == before
        imported = True
    assert time.thread_time() - start < MAX_S
    return imported


@pytest.mark.parametrize("format_", SAMPLES, ids=str)
def test_a_correct_sample_is_imported(project: Project, format_: ImportFormat) -> None:
    assert check(project, format_, SAMPLES[format_])
    source = write_sample(project.root / "case", SAMPLES[format_])
    assert plan_source(project, ImportSource(source)).format is format_


@pytest.mark.parametrize("format_", SAMPLES, ids=str)
def test_damaged_labels_are_refused_or_imported_right(
    project: Project, format_: ImportFormat
) -> None:
    counts = {True: 0, False: 0}

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged_files(SAMPLES[format_]))
    def run(files: Files) -> None:
        counts[check(project, format_, files)] += 1

    run()
    print(f"{format_}: {counts[True]} imported, {counts[False]} refused")
    assert min(counts.values()) > 0  # both ends are reached
