"""How objects are drawn: by class or each its own shade, filled or outlined, how strong, at all."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from napari_icseg.widgets.key_texts import with_keys

HEIGHT_PX = 24


class ObjectViewBar(QWidget):
    """Signals: `triggered(action)` for the switches, `opacity_changed(percent)`.

    `start` is the place in front, for the button that adds a class.
    """

    triggered = Signal(str)
    opacity_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.instances = self._build_switch(
            "toggle_instances",
            "Each",
            "Each object in its own shade, instead of all of a class alike ({toggle_instances})",
        )
        self.outlines = self._build_switch(
            "toggle_outlines", "Outline", "Outlines instead of filled objects ({toggle_outlines})"
        )
        self.hidden = self._build_switch(
            "toggle_objects", "Hide", "Hide all objects, and show them again ({toggle_objects})"
        )
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setToolTip("How strongly objects are drawn over the image")
        self.opacity.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.opacity.setMinimumWidth(50)
        self.start = QHBoxLayout()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addLayout(self.start)
        row.addWidget(self.opacity, 1)
        for button in (self.instances, self.outlines, self.hidden):
            row.addWidget(button)
        self.opacity.valueChanged.connect(self.opacity_changed)

    def set_opacity(self, percent: int) -> None:
        """Moves the slider without emitting."""
        self.opacity.blockSignals(True)
        self.opacity.setValue(percent)
        self.opacity.blockSignals(False)

    def _build_switch(self, action: str, text: str, tooltip: str) -> QPushButton:
        button = QPushButton()
        button.setText(text)
        button.setMaximumWidth(button.fontMetrics().horizontalAdvance(text) + 18)
        button.setCheckable(True)
        button.setFixedHeight(HEIGHT_PX)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        with_keys(button, tooltip=tooltip)
        button.clicked.connect(lambda _checked=False: self.triggered.emit(action))
        return button
