"""Which model answers clicks, without a viewer and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psygnal import Signal

from napari_icseg.controllers import model_chooser
from napari_icseg.controllers.model_chooser import DEFAULT_MODEL, ModelChooser
from napari_icseg.controllers.session import PrefillRun, ProjectSession
from napari_icseg.widgets.labelling_models import LabellingModels

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.gui
TUNED = PrefillRun("20260101-sam_seg", Path("/p.runs/20260101-sam_seg"), "SAM-SEG, 01 Jan", True)
UNET = PrefillRun("20260101-unet", Path("/p.runs/20260101-unet"), "U-Net, 01 Jan")


class FakeWorker:
    """Notes what it was asked to load."""

    noted = Signal(str)

    def __init__(self) -> None:
        self.loads: list[str] = []

    def use(self, load) -> None:
        self.loads.append(load.args[0])


class Setup:
    def __init__(self, qtbot) -> None:
        self.session, self.worker = ProjectSession(), FakeWorker()
        self.view = LabellingModels()
        qtbot.addWidget(self.view)
        self.chooser = ModelChooser(self.session, self.worker, self.view, lambda: None)

    def shown(self) -> list[str]:
        return [self.view.model.itemText(i) for i in range(self.view.model.count())]


@pytest.fixture
def setup(qtbot) -> Iterator[Setup]:
    setup = Setup(qtbot)
    yield setup
    setup.chooser.close()
    setup.session.shut_down()


def test_runs_whose_model_answers_clicks_are_listed_by_name(setup: Setup) -> None:
    setup.session.set_prefill_runs((UNET, TUNED))

    assert "SAM-SEG, 01 Jan" in setup.shown()
    assert "U-Net, 01 Jan" not in setup.shown()


def test_a_run_asked_for_in_the_training_dock_is_used_and_undone_again(setup: Setup) -> None:
    setup.session.set_prefill_runs((TUNED,))
    key = str(TUNED.run_dir)

    setup.session.click_model_asked.emit(key)

    assert setup.session.click_model == key
    assert setup.view.model.currentText() == "SAM-SEG, 01 Jan"
    setup.view.model_chosen.emit(DEFAULT_MODEL)
    assert setup.session.click_model == DEFAULT_MODEL
    assert setup.worker.loads == [key, DEFAULT_MODEL]


def test_a_run_in_use_stays_so_while_the_list_of_runs_is_read_anew(setup: Setup) -> None:
    setup.session.set_prefill_runs((TUNED,))
    setup.session.click_model_asked.emit(str(TUNED.run_dir))

    setup.session.set_prefill_runs(())

    assert setup.chooser.current == str(TUNED.run_dir)
    assert setup.view.model.currentText() == TUNED.name


def test_another_project_starts_with_the_embedded_model(setup: Setup) -> None:
    setup.session.set_prefill_runs((TUNED,))
    setup.session.click_model_asked.emit(str(TUNED.run_dir))

    setup.session.closed.emit()

    assert setup.session.click_model == DEFAULT_MODEL


def test_no_labelling_dock_means_no_click_model(setup: Setup) -> None:
    assert setup.session.click_model == model_chooser.DEFAULT_MODEL
    setup.chooser.close()

    assert setup.session.click_model == ""
    setup.session.click_model_asked.emit("sam2-nano")
    assert setup.worker.loads == []
