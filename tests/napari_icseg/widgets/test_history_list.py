"""The list of the history: read page by page, and only what happened is taken over."""

from __future__ import annotations

import time

import pytest
from qtpy.QtCore import QModelIndex, Qt

from napari_icseg.widgets.history_list import PAGE, START, HistoryLine, HistoryModel

ROOT = QModelIndex()


def line(number: int) -> HistoryLine:
    return HistoryLine(number, "12:00", f"step {number}", "t.png")


class Log:
    """Operations 1..num, as a project would hand them out."""

    def __init__(self, num: int) -> None:
        self.ids = list(range(num, 0, -1))
        self.num_read = 0

    def fetch(self, before_id, limit):
        ids = [i for i in self.ids if before_id is None or i < before_id][:limit]
        self.num_read += len(ids)
        return [line(i) for i in ids]


def ids(model: HistoryModel) -> list[int]:
    return [model.line(row).id for row in range(model.rowCount())]


def read(num: int, cursor: int | None = None) -> tuple[HistoryModel, Log]:
    model, log = HistoryModel(), Log(num)
    model.read(log.fetch, num if cursor is None else cursor)
    return model, log


def test_the_last_row_is_the_place_before_all_and_there_is_none_without_history(qapp):
    assert ids(read(3)[0]) == [3, 2, 1, 0]
    assert ids(read(0)[0]) == []


def test_older_pages_are_read_when_the_view_asks(qapp):
    model, log = read(2 * PAGE + 5)
    assert log.num_read == PAGE
    while model.canFetchMore(ROOT):
        model.fetchMore(ROOT)
    assert ids(model) == [*range(2 * PAGE + 5, 0, -1), 0]


@pytest.mark.parametrize("num", [PAGE - 1, PAGE, PAGE + 1])
def test_every_length_ends_with_the_place_before_all(qapp, num):
    model, _log = read(num)
    while model.canFetchMore(ROOT):
        model.fetchMore(ROOT)
    assert ids(model) == [*range(num, -1, -1)]


def test_undone_rows_are_grey_and_the_place_is_marked(qapp):
    model, _log = read(5, cursor=3)
    greys = [
        model.data(model.index(row), Qt.ItemDataRole.ForegroundRole) is not None for row in range(6)
    ]
    assert greys == [True, True, False, False, False, False]
    assert model.cursor_row == 2
    assert model.data(model.index(2)).startswith("▸")
    model.update([], 0)
    assert model.line(model.cursor_row) == START


def test_new_operations_take_the_place_of_those_undone(qapp):
    model, _log = read(5, cursor=3)
    model.update([line(7), line(6)], 7)
    assert ids(model) == [7, 6, 3, 2, 1, 0]
    assert model.cursor_row == 0


def test_the_first_operation_of_a_project_and_one_after_all_were_undone(qapp):
    model, _log = read(0)
    model.update([line(1)], 1)
    assert ids(model) == [1, 0]
    model.update([], 0)
    model.update([line(2)], 2)
    assert ids(model) == [2, 0]


def test_what_was_undone_beyond_what_was_read_goes_with_a_new_operation(qapp):
    model, log = read(3 * PAGE)
    model.update([], 10)
    assert model.cursor_row == -1
    log.ids = [301, *range(10, 0, -1)]
    model.update([line(301)], 301)
    while model.canFetchMore(ROOT):
        model.fetchMore(ROOT)
    assert ids(model) == [301, *range(10, -1, -1)]


def test_thousands_of_rows_are_updated_at_once(qapp):
    model, _log = read(20_000)
    while model.canFetchMore(ROOT):
        model.fetchMore(ROOT)
    started_s = time.process_time()
    for number in range(20):
        model.update([line(20_001 + number)], 20_001 + number)
        model.update([], 100)
        model.update([], 20_001 + number)
    assert (time.process_time() - started_s) / 60 < 0.005
