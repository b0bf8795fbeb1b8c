"""The whole workflow, step by step: open, click, accept, undo, export, retrain, pre-fill."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.controllers.session import session_of
from napari_icseg.demo.annotator import layers_of, nets_of
from napari_icseg.demo.driver import DemoError, Driver, Heartbeat
from napari_icseg.demo.labeller import Labeller
from trainers.io.masks import read_mask
from trainers.metrics.interactive import mask_iou
from trainers.progress import RunState, read_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_icseg.controllers.docks import LabellingPluginDock
    from napari_icseg.controllers.prefill import PrefillController
    from napari_icseg.widgets.export_dialog import ExportDialog
    from napari_icseg.widgets.training_dock import TrainingDock
    from trainers.progress import RunStatus

NUM_LABELLED = 8
"""Tiles that are labelled before the first training."""
NUM_EPOCHS = 6
TRAINING_TIMEOUT_S = 600.0


class Workflow:
    """One session of a simulated annotator. `summary` grows with every step."""

    def __init__(
        self,
        driver: Driver,
        labelling_dock: LabellingPluginDock,
        training: TrainingDock,
        *,
        images: Path,
        masks: Path,
        out: Path,
    ) -> None:
        self._driver = driver
        self._labelling_dock = labelling_dock
        self._labelling = labelling_dock.controller
        self._training = training
        self._images, self._masks, self._out = images, masks, out
        self._labeller = Labeller(driver, self._labelling)
        self._heartbeat = Heartbeat()
        self._switch_ms: list[float] = []
        self.summary: dict[str, Any] = {"steps": []}

    def run(self) -> None:
        """Do every step; raise `DemoError` at the first that fails."""
        for step in (
            self._open,
            self._label_nets,
            self._undo_and_redo,
            self._label_layers,
            self._export,
            self._retrain,
            self._prefill,
        ):
            step()
            self.summary["steps"].append(step.__name__.strip("_"))
        self._add_figures()

    def _open(self) -> None:
        """Open the folder of images; the first one is shown and embedded."""
        self._driver.screenshot("start")
        self._labelling.projects.open(self._images)
        seconds = self._labeller.wait_for_image()
        self.summary["open_s"] = round(seconds, 3)
        self._driver.screenshot("opened")

    def _label_nets(self) -> None:
        """Label the first tile net by net, with a picture of the first candidate."""
        targets = nets_of(self._mask_path())
        for number, target in enumerate(targets):
            show = self._shoot_candidate if number == 0 else None
            self._labeller.label(target, on_candidate=show)
        self._driver.screenshot("nets-accepted")

    def _shoot_candidate(self) -> None:
        self._driver.screenshot("candidate")

    def _undo_and_redo(self) -> None:
        """Take the last object back and bring it again."""
        before = self._labeller.num_objects()
        self._labeller.undo()
        self._expect_objects(before - 1, "Ctrl+Z")
        self._driver.screenshot("undone")
        self._labeller.redo()
        self._expect_objects(before, "Ctrl+Shift+Z")
        self._driver.screenshot("redone")
        self._mark_done()

    def _label_layers(self) -> None:
        """Label the next tiles layer by layer; blank ones with one key."""
        for number in range(NUM_LABELLED - 1):
            self._switch_ms.append(self._labeller.next_image() * 1000)
            targets = layers_of(self._mask_path())
            for target in targets:
                self._labeller.label(target)
            if targets:
                self._mark_done()
            else:
                self._mark_blank()
            if number == 0:
                self._driver.screenshot("next-tile-labelled")
        self._driver.screenshot("all-labelled")

    def _export(self) -> None:
        """Export COCO and PNG masks through the dialog."""
        export = self._out / "export"
        for name in ("coco", "png"):
            QTimer.singleShot(300, lambda name=name: self._fill_export_dialog(name, export / name))
            self._labelling.do("export")
        json_path = export / "coco"
        self._driver.wait_until(lambda: any(json_path.glob("*.json")), "the COCO file")
        self._driver.wait_until(lambda: any((export / "png").rglob("*.png")), "the PNG masks")
        self._driver.screenshot("exported")

    def _fill_export_dialog(self, format_name: str, folder: Path) -> None:
        dialog: ExportDialog = QApplication.activeModalWidget()
        dialog.format.setCurrentIndex(dialog.format.findData(format_name))
        dialog.folder.setText(str(folder))
        self._driver.settle(0.2)
        if format_name == "coco":
            dialog.grab().save(str(self._out / "export-dialog.png"))
        dialog.accept()

    def _retrain(self) -> None:
        """Press the one button, watch the curve, wait for the result."""
        dock = self._training
        _dock_around(dock).raise_()
        dock.setup.epochs.setValue(NUM_EPOCHS)
        self._heartbeat.start()
        self._driver.press(dock.setup.train)
        self._wait_for_run(lambda status: status.epoch >= 2, "two epochs of training")
        self.summary["gui_blocked_while_training_ms"] = round(self._heartbeat.stop(), 1)
        self._driver.screenshot("training")
        self._wait_for_run(lambda status: status.state is RunState.FINISHED, "the training")
        run = self._newest_run()
        self.summary["training"] = json.loads((run / "metrics.json").read_text("utf-8"))
        self._driver.wait_until(lambda: self._prefill_control.chosen == run.name, "the new model")
        self._driver.screenshot("trained")

    def _prefill(self) -> None:
        """Let the new model propose the next tile's objects, and accept them all."""
        self._labeller.next_image()
        self._driver.key(Qt.Key.Key_F)
        prefill = self._prefill_control
        seconds = self._driver.wait_until(
            lambda: not prefill.is_busy and prefill.num_proposals > 0, "proposals of the new model"
        )
        self._driver.screenshot("prefilled")
        self._driver.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        self._driver.wait_until(lambda: prefill.num_proposals == 0, "the proposals to be accepted")
        truth = read_mask(self._mask_path()) > 0
        masks = [record.mask.to_mask(truth.shape) for record in self._labeller.objects()]
        iou = mask_iou(np.any(masks, axis=0), truth) if masks else 0.0
        self.summary["prefill"] = {
            "image": self._labeller.image_name,
            "num_objects": len(masks),
            "foreground_iou": round(iou, 4),
            "seconds": round(seconds, 3),
        }
        self._mark_done()
        _dock_around(self._labelling_dock).raise_()
        self._driver.screenshot("prefill-accepted")

    def _wait_for_run(self, condition: Callable[[RunStatus], bool], what: str) -> None:
        """Wait for the newest run; raise `DemoError` at once where it has failed."""

        def holds() -> bool:
            run = self._newest_run()
            if not run.is_dir():
                return False
            status = read_status(run)
            if status.state in (RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED):
                raise DemoError(f"The training is {status.state.value}: {status.reason}")
            return condition(status)

        self._driver.wait_until(holds, what, timeout_s=TRAINING_TIMEOUT_S)

    def _newest_run(self) -> Path:
        runs_dir = session_of(self._driver.viewer).runs_dir
        runs = sorted(runs_dir.glob("*/config.json")) if runs_dir is not None else []
        return runs[-1].parent if runs else self._out / "no-run"

    @property
    def _prefill_control(self) -> PrefillController:
        return prefill_of(session_of(self._driver.viewer))

    def _mask_path(self) -> Path:
        return self._masks / self._labeller.image_name

    def _mark_done(self) -> None:
        self._driver.key(Qt.Key.Key_D)

    def _mark_blank(self) -> None:
        self._driver.key(Qt.Key.Key_B)

    def _expect_objects(self, number: int, action: str) -> None:
        found = self._labeller.num_objects()
        if found != number:
            raise DemoError(f"After {action} there are {found} objects instead of {number}.")

    def _add_figures(self) -> None:
        accepted = self._labeller.accepted
        waits_ms = [ms for entry in accepted for ms in entry.click_to_mask_ms]
        self.summary["objects"] = [asdict(entry) for entry in accepted]
        self.summary["num_clicks"] = sum(entry.num_clicks for entry in accepted)
        self.summary["mean_iou"] = round(float(np.mean([entry.iou for entry in accepted])), 4)
        self.summary["click_to_mask_ms"] = _percentiles(waits_ms)
        self.summary["next_image_ms"] = _percentiles(self._switch_ms)


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "num": len(values_ms)}


def _dock_around(widget: QWidget) -> QDockWidget:
    """Return the dock that holds a widget."""
    parent = widget
    while not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
