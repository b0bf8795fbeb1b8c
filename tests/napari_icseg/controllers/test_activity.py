from __future__ import annotations

import threading
import time

import pytest

from napari_icseg.controllers.activity import SHOW_AFTER_S, Activity
from napari_icseg.controllers.gui_thread import GuiThread

pytestmark = pytest.mark.gui


@pytest.fixture
def bars():
    from napari.utils.progress import progress

    return progress._all_instances


@pytest.fixture
def activity(qapp, bars):
    gui = GuiThread()
    activity = Activity(gui)
    yield activity
    activity.close()
    gui.close()
    assert not bars


def test_work_in_a_thread_moves_a_bar_and_takes_it_away(activity, bars, qtbot, capfd):
    go_on, is_over = threading.Event(), threading.Event()

    def work():
        with activity.start("Exporting", num_total=10) as task:
            task.update(7, 10, "to COCO")
            go_on.wait(5)
        is_over.set()

    threading.Thread(target=work).start()
    qtbot.waitUntil(lambda: len(bars) == 1)
    (bar,) = bars
    assert (bar.n, bar.total) == (7, 10)
    assert "Exporting to COCO" in bar.desc
    go_on.set()
    qtbot.waitUntil(lambda: not bars)
    assert is_over.is_set()
    assert capfd.readouterr() == ("", "")


def test_short_work_shows_no_bar(activity, bars, qtbot):
    activity.start("Opening").done()
    qtbot.wait(int(1000 * SHOW_AFTER_S) + 250)
    assert not bars
    assert activity.tasks == ()


def test_work_that_fails_leaves_no_bar(activity, bars, qtbot):
    def fail():
        with activity.start("Importing"):
            qtbot.waitUntil(lambda: len(bars) == 1)
            raise ValueError("disk")

    with pytest.raises(ValueError, match="disk"):
        fail()
    qtbot.waitUntil(lambda: not bars)


def test_napari_s_cancel_button_reaches_the_work(activity, bars, qtbot):
    cancelled = threading.Event()
    task = activity.start("Downloading", cancel=cancelled.set)
    qtbot.waitUntil(lambda: len(bars) == 1)
    next(iter(bars)).cancel()
    qtbot.waitUntil(cancelled.is_set)
    task.done()
    qtbot.waitUntil(lambda: not bars)


def test_a_total_that_is_known_later_and_ten_thousand_updates_cost_nothing(activity, bars, qtbot):
    task = activity.start("Embedding")
    qtbot.waitUntil(lambda: len(bars) == 1)
    started_s = time.perf_counter()
    for number in range(10_000):
        task.update(number, 10_000)
    assert time.perf_counter() - started_s < 0.5
    (bar,) = bars
    qtbot.waitUntil(lambda: bar.n == 9_999 and bar.total == 10_000)
    task.done()


def test_closing_the_window_takes_every_bar_away(activity, bars, qtbot):
    activity.start("Growing")
    qtbot.waitUntil(lambda: len(bars) == 1)
    activity.close()
    assert not bars
