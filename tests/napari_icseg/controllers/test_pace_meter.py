from __future__ import annotations

import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from napari_icseg.controllers.pace_meter import PaceMeter
from napari_icseg.controllers.session import ProjectSession
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus
from napari_icseg.widgets.image_list import ImageListModel
from napari_icseg.widgets.labelling_header import LabellingHeader
from napari_icseg.widgets.status_icons import COLORS

pytestmark = pytest.mark.gui
NUM_IMAGES = 24


@pytest.fixture
def meter(qtbot, tmp_path, monkeypatch):
    """A pace meter on a project of NUM_IMAGES images, and the clock that the log reads."""
    clock = SimpleNamespace(now=time.time())
    noon = time.localtime(clock.now)
    clock.now += (12 - noon.tm_hour) * 3600
    monkeypatch.setattr("time.time", lambda: clock.now)
    paths = [tmp_path / f"{n}.png" for n in range(NUM_IMAGES)]
    for path in paths:
        cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))
    session, header, model = ProjectSession(), LabellingHeader(), ImageListModel()
    qtbot.addWidget(header)
    project = Project.create(tmp_path / "p.icseg")
    project.add_images(paths)
    session.take(project)
    model.set_rows(project.images())
    meter = PaceMeter(session, SimpleNamespace(header=header, images=SimpleNamespace(model=model)))

    def mark(image_id: int, status: ImageStatus = ImageStatus.LABELLED) -> None:
        clock.now += 60
        project.set_status(image_id, status)
        model.update_row(project.image(image_id))
        meter.follow()

    yield SimpleNamespace(meter=meter, project=project, mark=mark, clock=clock, header=header)
    meter.close()
    session.shut_down()


def left(meter) -> str:
    return meter.header.time_left.text()


def test_the_rest_is_claimed_after_some_images_and_falls_with_each(meter, qtbot):
    for image_id in (1, 2, 3, 4):
        meter.mark(image_id)
    assert left(meter) == ""
    meter.meter.begin()
    # three minutes of work between the four marks, twenty images are left
    qtbot.waitUntil(lambda: left(meter) == "about 15 min left")
    meter.clock.now += 3600
    meter.mark(5, ImageStatus.BLANK)
    meter.mark(6)
    assert left(meter) == "about 10 min left"
    assert "6 images in 4 min" in meter.header.time_left.toolTip()


def test_undone_marks_do_not_count(meter, qtbot):
    meter.meter.begin()
    qtbot.waitUntil(lambda: meter.meter._is_read)
    for image_id in (1, 2, 3):
        meter.mark(image_id)
    assert left(meter) != ""
    meter.mark(3, ImageStatus.UNLABELLED)
    assert left(meter) == ""


def test_the_log_is_read_once_and_then_only_what_is_new(meter, qtbot, monkeypatch):
    read, actions_since = [], meter.project.actions_since

    def counting(since, after_id=0):
        found = actions_since(since, after_id=after_id)
        read.append(len(found))
        return found

    for image_id in range(1, 20):
        meter.mark(image_id)
    monkeypatch.setattr(meter.project, "actions_since", counting)
    meter.meter.begin()
    qtbot.waitUntil(lambda: len(read) >= 2)
    for image_id in (20, 21):
        meter.mark(image_id)
    assert read == [19, 0, 1, 1]


def test_what_was_done_yesterday_is_no_pace_of_today(meter, qtbot):
    for image_id in (1, 2, 3, 4):
        meter.mark(image_id)
    meter.clock.now += 24 * 3600
    meter.meter.begin()
    qtbot.waitUntil(lambda: meter.meter._is_read)
    assert left(meter) == ""


def test_the_bar_shows_each_status_by_its_share(meter):
    meter.header.set_progress(num_done=412, num_blank=58, num_images=1000, num_in_progress=30)
    assert meter.header.progress_text.text() == "412 of 1,000 labelled, 58 blank"
    shares = meter.header.progress.shares
    assert shares == pytest.approx({"labelled": 0.354, "blank": 0.058, "in_progress": 0.03})
    picture = meter.header.progress.grab().toImage()
    width, y = picture.width(), picture.height() // 2
    colors = [picture.pixelColor(int(x * width), y).name() for x in (0.1, 0.38, 0.425)]
    assert colors == [COLORS[name] for name in ("labelled", "blank", "in_progress")]
