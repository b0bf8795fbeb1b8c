"""The window that compares models on the same images."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.compare_table import CompareTable
from napari_icseg.widgets.compare_view import CompareView
from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_status import set_fraction

_SIZE_PX = (1040, 360)


class CompareWindow(QDialog):
    """Not modal: labelling and training go on behind it.

    Emits `start_clicked(key)` with the key of the chosen images, and `cancel_clicked`, also
    when it is closed.
    """

    start_clicked = Signal(object)
    cancel_clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Compare models")
        self.models, self.status = _wrapped_label(), _wrapped_label()
        self.images = EntryBox("The labelled images on which all models are scored")
        self.start = QPushButton("Compare")
        self.start.setToolTip("Score every model on these images; known scores are used again")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop; models that are done need not be scored again")
        self.bar = QProgressBar()
        self.table = CompareTable()
        self.copy = QPushButton("Copy table")
        self.copy.setToolTip("Copy the table for a spreadsheet (Ctrl+C)")
        self._lay_out()
        self.start.clicked.connect(lambda: self.start_clicked.emit(self.images.key()))
        self.cancel.clicked.connect(lambda: self.cancel_clicked.emit())
        self.copy.clicked.connect(lambda: self.table.copy())
        self.finished.connect(lambda _result: self.cancel_clicked.emit())
        self.set_view(CompareView())

    def set_view(self, view: CompareView) -> None:
        """Show another snapshot."""
        self.models.setText(view.models)
        self.images.set_entries(view.images)
        self.images.setEnabled(not view.is_busy and len(view.images) > 0)
        self.start.setEnabled(view.can_start and not view.is_busy)
        self.start.setVisible(not view.is_busy)
        self.cancel.setVisible(view.is_busy)
        self.bar.setVisible(view.is_busy)
        set_fraction(self.bar, view.fraction)
        set_toned_text(self.status, view.status, view.tone)
        self.table.set_view(view)
        self.table.setVisible(bool(view.rows))
        self.copy.setEnabled(bool(view.rows))

    def show_in_front(self) -> None:
        """Show the window, in front."""
        if not self.isVisible():
            self.resize(*_SIZE_PX)
        self.show()
        self.raise_()
        self.activateWindow()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Images"))
        row.addWidget(self.images, 1)
        row.addWidget(self.start)
        row.addWidget(self.cancel)
        bottom = QHBoxLayout()
        bottom.addStretch(1)
        bottom.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addWidget(self.models)
        layout.addLayout(row)
        for widget in (self.bar, self.status):
            layout.addWidget(widget)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        layout.addLayout(bottom)


def _wrapped_label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
