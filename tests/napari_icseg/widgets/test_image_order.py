from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.widgets.image_order import find, natural_key


@dataclass(frozen=True)
class Row:
    path: str
    notes: str = ""
    id: int = 1


NAMES = ("tile_1.png", "tile_02.png", "sub/tile_10.png", "mosaic.tif", "2024-05-03_x7.png")
ROWS = [Row(name) for name in NAMES]


def test_numbers_in_names_count_as_numbers():
    names = ["b10", "a2", "B9", "a10", "a02b", "a2a", "1", "10", "9"]
    assert sorted(names, key=natural_key) == [
        "1", "9", "10", "a2", "a2a", "a02b", "a10", "B9", "b10",
    ]  # fmt: skip


@given(
    st.text(alphabet="aB²_ /.", max_size=6),
    st.lists(st.integers(0, 10**20), max_size=8),
    st.text(alphabet="aB²٣_ /.", max_size=3),
)
def test_any_names_with_one_number_are_sorted_by_it(before, numbers, after):
    if after[:1].isdecimal():
        after = f"_{after}"
    names = sorted((f"{before}{number}{after}" for number in numbers), key=natural_key)
    assert names == [f"{before}{number}{after}" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("mosaic.tif", 3),
        ("MOSAIC", 3),
        (" sub/tile_10.png ", 2),
        ("10", 2),
        ("2", 1),
        ("002", 1),
        ("7", 4),
        ("3", 2),  # no name ends in 3: the third of the list
        ("4", 3),
        ("tile", 0),
        ("99", None),
        ("nothing", None),
        ("", None),
        ("²", None),
    ],
)
def test_a_typed_text_means_a_name_then_a_number_then_a_part(text, place):
    assert find(ROWS, text) == place


def test_a_note_is_found_after_the_names():
    rows = [Row("a.png", notes="like b.png"), Row("b.png"), Row("c.png", notes="Scratch")]
    assert find(rows, "b.png") == 1
    assert find(rows, "scratch") == 2


@given(st.text(alphabet="019tile_. ", max_size=6))
def test_what_is_found_has_the_text_or_is_the_number(text):
    place = find(ROWS, text)
    wanted = text.strip().lower()
    if place is not None:
        name = PurePosixPath(ROWS[place].path).name
        is_number = wanted.isdecimal()
        assert wanted in ROWS[place].path or (
            is_number and str(int(wanted)) in name + str(place + 1)
        )
