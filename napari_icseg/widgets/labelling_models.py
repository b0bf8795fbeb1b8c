"""Which model answers the clicks, and which trained model pre-fills an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

CHOOSE_FILE = "choose-file"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One entry of a selector.

    Args:
        key: What is emitted when it is chosen.
        text: What is shown.
        tooltip: What it is, and whether it must be downloaded first.

    """

    key: str
    text: str
    tooltip: str = ""


class LabellingModels(QWidget):
    """Two selectors, a button, and a download bar.

    Signals: `model_chosen(key)` (`CHOOSE_FILE` for "Local file…"), `prefill_chosen(key)`,
    `prefill_requested()`, `cancel_requested()`.
    """

    model_chosen = Signal(str)
    prefill_chosen = Signal(str)
    prefill_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = _build_combo("The model that answers your clicks")
        self.prefill = _build_combo("A trained model that proposes objects on images to do")
        self.prefill_button = _build_button("Pre-fill", "Propose objects on this image now")
        self.progress = QProgressBar()
        self.progress.setFixedHeight(16)
        self.cancel_button = _build_button("Cancel", "Stop the download; it can go on later")
        self._lay_out()
        self.set_download("", None)
        self.model.activated.connect(self._on_model_activated)
        self.prefill.activated.connect(self._on_prefill_activated)
        self.prefill_button.clicked.connect(lambda _checked=False: self.prefill_requested.emit())
        self.cancel_button.clicked.connect(lambda _checked=False: self.cancel_requested.emit())

    def set_models(self, choices: Sequence[ModelChoice], current: str) -> None:
        """Fills the click-model selector without emitting."""
        _fill(self.model, choices, current)

    def set_prefill(self, choices: Sequence[ModelChoice], current: str) -> None:
        """Fills the pre-fill selector without emitting."""
        _fill(self.prefill, choices, current)
        self.prefill.setEnabled(len(choices) > 1)
        self.prefill_button.setEnabled(len(choices) > 1)

    def set_download(self, text: str, percent: int | None) -> None:
        """Shows a download bar with a text; an empty text hides it, None runs it unmeasured."""
        self.progress.setVisible(bool(text))
        self.cancel_button.setVisible(bool(text))
        self.progress.setFormat(text)
        self.progress.setRange(0, 0 if percent is None else 100)
        if percent is not None:
            self.progress.setValue(percent)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(QLabel("Click model"), 0, 0)
        grid.addWidget(self.model, 0, 1, 1, 2)
        grid.addWidget(self.progress, 1, 0, 1, 2)
        grid.addWidget(self.cancel_button, 1, 2)
        grid.addWidget(QLabel("Pre-fill with"), 2, 0)
        grid.addWidget(self.prefill, 2, 1)
        grid.addWidget(self.prefill_button, 2, 2)

    def _on_model_activated(self, index: int) -> None:
        self.model_chosen.emit(str(self.model.itemData(index)))

    def _on_prefill_activated(self, index: int) -> None:
        self.prefill_chosen.emit(str(self.prefill.itemData(index)))


def _fill(combo: QComboBox, choices: Sequence[ModelChoice], current: str) -> None:
    combo.blockSignals(True)
    combo.clear()
    for index, choice in enumerate(choices):
        combo.addItem(choice.text, choice.key)
        combo.setItemData(index, choice.tooltip, Qt.ItemDataRole.ToolTipRole)
    combo.setCurrentIndex(max(0, combo.findData(current)))
    combo.blockSignals(False)


def _build_combo(tooltip: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(tooltip)
    combo.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def _build_button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
