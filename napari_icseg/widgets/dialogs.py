"""Questions to the user that need a dialog; none of them is part of the click loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QInputDialog

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """An existing folder."""
    return _path(QFileDialog.getExistingDirectory(parent, title))


def ask_project(parent: QWidget) -> Path | None:
    """An existing project file."""
    return _path(
        QFileDialog.getOpenFileName(parent, "Open project", "", "icseg projects (*.icseg)")[0]
    )


def ask_checkpoint(parent: QWidget) -> Path | None:
    """A checkpoint of a promptable model."""
    return _path(
        QFileDialog.getOpenFileName(
            parent, "Model checkpoint", "", "Checkpoints (*.safetensors *.pt)"
        )[0]
    )


def ask_class_name(parent: QWidget) -> str | None:
    """A name for a new class."""
    name, accepted = QInputDialog.getText(parent, "Add a class", "Name of the class:")
    return str(name) if accepted and str(name).strip() else None


def _path(text: str) -> Path | None:
    return Path(text) if text else None
