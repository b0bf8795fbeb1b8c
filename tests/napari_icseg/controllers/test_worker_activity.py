from __future__ import annotations

from types import SimpleNamespace

import pytest
from psygnal import Signal

from napari_icseg.controllers.activity import Activity
from napari_icseg.controllers.gui_thread import GuiThread
from napari_icseg.controllers.worker_activity import WorkerActivity

pytestmark = pytest.mark.gui


class Worker:
    status = Signal(str)


def test_each_kind_of_work_is_one_bar_and_its_end_takes_it_away(qapp):
    gui, worker = GuiThread(), Worker()
    activity = Activity(gui)
    session = SimpleNamespace(activity=activity)
    part = WorkerActivity(SimpleNamespace(worker=worker, session=session))
    seen = []
    for text in ("Embedding the image…", "Following the net…", "Following the net… window 2", ""):
        worker.status.emit(text)
        seen.append([(task.title, task.progress.text) for task in activity.tasks])
    assert seen == [
        [("Embedding the image", "")],
        [("Following the net", "")],
        [("Following the net", "window 2")],
        [],
    ]
    worker.status.emit("Loading the model…")
    part.close()
    assert activity.tasks == ()
    activity.close()
    gui.close()
