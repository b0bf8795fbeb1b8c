"""What is drawn over the image under review, switched on and off."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.review_view import OverlayView
from napari_icseg.widgets.tones import set_toned_text

_PERCENT = (5, 50)


class ReviewOverlays(QWidget):
    """Emits `doubt_toggled(bool)`, `threshold_changed(float)` and `previous_toggled(bool)`."""

    doubt_toggled = Signal(bool)
    threshold_changed = Signal(float)
    previous_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.doubt = with_keys(
            QCheckBox(),
            text="Uncertain ({review_doubt})",
            tooltip="Mark the pixels of which the model is not sure, red where it wavers most "
            "(key {review_doubt})",
        )
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(*_PERCENT)
        self.threshold.setToolTip("How likely a pixel must be wrong to be marked")
        self.percent = QLabel()
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance("≥ 50 %"))
        self.previous, self.note, self.problem = QCheckBox(), QLabel(), QLabel()
        for control in (self.doubt, self.threshold, self.previous):
            control.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._lay_out()
        self.doubt.clicked.connect(self.doubt_toggled.emit)
        self.previous.clicked.connect(self.previous_toggled.emit)
        self.threshold.valueChanged.connect(self._on_threshold_changed)
        self.set_view(OverlayView())

    def set_view(self, view: OverlayView) -> None:
        """Show another snapshot."""
        self.doubt.setChecked(view.shows_doubt)
        blocked = self.threshold.blockSignals(True)
        self.threshold.setValue(round(100 * view.threshold))
        self.threshold.blockSignals(blocked)
        self.threshold.setEnabled(view.shows_doubt)
        self.percent.setText(f"≥ {self.threshold.value()} %")
        with_keys(
            self.previous,
            text=f"Outlines of {view.previous.lower()} ({{review_previous}})",
            tooltip=f"Draw what {view.previous} proposed here, in green (key {{review_previous}})",
        )
        self.previous.setChecked(view.shows_previous)
        self.note.setText(view.note)
        for widget in (self.previous, self.note):
            widget.setVisible(bool(view.previous))
        set_toned_text(self.problem, view.problem, "warning")

    def _on_threshold_changed(self, percent: int) -> None:
        self.percent.setText(f"≥ {percent} %")
        self.threshold_changed.emit(percent / 100)

    def _lay_out(self) -> None:
        self.problem.setWordWrap(True)
        self.note.setToolTip("Foreground IoU of what both rounds proposed here")
        doubt, previous = QHBoxLayout(), QHBoxLayout()
        doubt.addWidget(self.doubt)
        doubt.addWidget(self.threshold, 1)
        doubt.addWidget(self.percent)
        previous.addWidget(self.previous)
        previous.addStretch(1)
        previous.addWidget(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(doubt)
        layout.addLayout(previous)
        layout.addWidget(self.problem)
