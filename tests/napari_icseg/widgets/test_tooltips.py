"""Every control says what it does. New dialogs are found by themselves: see `_dialogs`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

from napari_icseg import widgets
from napari_icseg.controllers.settings_part import _rows
from napari_icseg.widgets.export_dialog import ExportChoice, FormatChoice
from napari_icseg.widgets.labelling_dock import LabellingDock
from napari_icseg.widgets.map_dock import MapDock
from napari_icseg.widgets.results_dock import ResultsDock
from napari_icseg.widgets.rounds_dock import RoundsDock
from napari_icseg.widgets.training_dock import TrainingDock

pytestmark = pytest.mark.gui
CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)
PARTS_OF_OTHERS = (QAbstractSpinBox, QComboBox, QLineEdit, QAbstractItemView, QTabBar)


def without_tooltip(top: QWidget) -> list[str]:
    """The controls of a window that do not say what they do; not the insides of Qt's own."""
    found = []
    for control in (child for child in top.findChildren(QWidget) if isinstance(child, CONTROLS)):
        if isinstance(control, QScrollBar | QHeaderView) or _is_inside(control):
            continue
        text = control.text() if hasattr(control, "text") else control.objectName()
        is_plain = isinstance(control.parent(), QDialogButtonBox) and text == "Cancel"
        if not control.toolTip() and not is_plain:
            found.append(f"{type(control).__name__} {text!r} in {type(control.parent()).__name__}")
    return found


def _is_inside(control: QWidget) -> bool:
    """Whether it is a piece of a control of Qt's, such as the list of a combo box."""
    above = control.parent()
    while above is not None:
        if (
            isinstance(above, PARTS_OF_OTHERS)
            or type(above).__name__ == "QComboBoxPrivateContainer"
        ):
            return True
        above = above.parent()
    return False


def _dialogs() -> list[type[QDialog]]:
    found = set()
    for module in pkgutil.iter_modules(widgets.__path__):
        loaded = importlib.import_module(f"napari_icseg.widgets.{module.name}")
        for _, kind in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(kind, QDialog) and kind.__module__.startswith("napari_icseg"):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


DOCKS = (LabellingDock, TrainingDock, RoundsDock, MapDock, ResultsDock)
COUNTS = [("metal", 3), ("via", 2)]
BUILDERS = {
    "ClassChange": lambda kind, _top: kind(COUNTS, ["via"], "2 images"),
    "ObjectDeletion": lambda kind, _top: kind(COUNTS, "2 images"),
    "CompareWindow": lambda kind, top: kind(top),
    "Enlarged": lambda kind, top: kind(top),
    "ResultsWindow": lambda kind, top: kind(top),
    "ReviewBatchWindow": lambda kind, top: kind(top),
    "ExportDialog": lambda kind, _top: kind(
        [FormatChoice("png", "PNG masks", "Two masks an image", ())],
        ExportChoice("png", "started", Path("out")),
    ),
    "ImportDialog": lambda kind, _top: kind([("coco", "COCO")]),
    "SettingsDialog": lambda kind, _top: kind(_rows()),
}
"""How to make what needs to be told something."""


@pytest.mark.parametrize("kind", [*DOCKS, *_dialogs()])
def test_every_control_says_what_it_does(qtbot, kind):
    parent = QWidget()
    qtbot.addWidget(parent)
    build = BUILDERS.get(kind.__name__)
    top = kind() if build is None else build(kind, parent)
    qtbot.addWidget(top)
    assert without_tooltip(top) == []
