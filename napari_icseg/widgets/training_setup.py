"""What to train: the one button, and the choices that nobody has to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_status import set_fraction
from napari_icseg.widgets.training_view import SetupView, TrainingChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import ModelOption

_MAX_EPOCHS = 10_000
_PRESET_TEXT = {"best": "best (recommended)", "paper": "paper (as published)"}
_AS_PRESET = 0
"""Value of the epochs box that leaves the number to the preset."""


class SetupPanel(QWidget):
    """Summary of the labels, the Retrain button and its settings.

    Emits `train_clicked(TrainingChoice)`. The settings stay folded: none has to be looked at.
    """

    train_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: dict[str, ModelOption] = {}
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.train = QPushButton("Retrain on everything labelled")
        self.train.setMinimumHeight(34)
        self.model = QComboBox()
        self.preset = QComboBox()
        self.epochs = _epochs_box()
        self.header = _header()
        self.settings = QWidget()
        self.busy_text = QLabel()
        self.busy_bar = QProgressBar()
        self._lay_out()
        self.train.clicked.connect(self._on_train_clicked)
        self.model.currentIndexChanged.connect(self._on_model_changed)
        self.preset.currentIndexChanged.connect(self._on_preset_changed)
        self.epochs.valueChanged.connect(self._update_header)
        self.header.toggled.connect(self._on_header_toggled)
        self._on_header_toggled(checked=False)
        self.set_view(SetupView())

    def set_models(self, options: Sequence[ModelOption]) -> None:
        """Offer these models; the first is the default."""
        self._options = {option.name: option for option in options}
        self.model.clear()
        for position, option in enumerate(options):
            self.model.addItem(option.label, option.name)
            self.model.setItemData(position, option.tooltip, Qt.ItemDataRole.ToolTipRole)

    def set_view(self, view: SetupView) -> None:
        """Show another snapshot."""
        self.summary.setText(view.summary)
        self.summary.setVisible(bool(view.summary))
        set_toned_text(self.problem, view.problem, "warning")
        self.train.setEnabled(view.can_train)
        self.train.setToolTip(
            view.problem or "Train on every image that is labelled or marked as blank"
        )
        self.busy_text.setText(view.busy_text)
        self.busy_text.setVisible(bool(view.busy_text))
        self.busy_bar.setVisible(bool(view.busy_text))
        set_fraction(self.busy_bar, view.busy_fraction)

    def choice(self) -> TrainingChoice:
        """What is chosen now."""
        epochs = self.epochs.value()
        return TrainingChoice(
            model=str(self.model.currentData()),
            preset=str(self.preset.currentData()),
            epochs=None if epochs == _AS_PRESET else int(epochs),
        )

    def _lay_out(self) -> None:
        grid = QGridLayout(self.settings)
        grid.setContentsMargins(12, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, (text, widget) in enumerate(
            (("Model", self.model), ("Preset", self.preset), ("Epochs", self.epochs))
        ):
            grid.addWidget(QLabel(text), row, 0)
            grid.addWidget(widget, row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        for widget in (self.summary, self.train, self.problem, self.busy_text, self.busy_bar):
            layout.addWidget(widget)
        layout.addWidget(self.header)
        layout.addWidget(self.settings)

    def _on_model_changed(self) -> None:
        option = self._options.get(str(self.model.currentData()))
        self.preset.clear()
        for preset in option.presets if option else ():
            self.preset.addItem(_PRESET_TEXT.get(preset, preset), preset)

    def _on_preset_changed(self) -> None:
        self._update_header()

    def _on_header_toggled(self, checked: bool) -> None:
        self.header.setArrowType(Qt.ArrowType.DownArrow if checked else Qt.ArrowType.RightArrow)
        self.settings.setVisible(checked)

    def _update_header(self) -> None:
        """Say what is chosen, so that the settings need not be unfolded to see it."""
        choice = self.choice()
        option = self._options.get(choice.model)
        if option is not None:
            epochs = "" if choice.epochs is None else f", {choice.epochs} epochs"
            self.header.setText(f"Settings: {option.label}, preset {choice.preset}{epochs}")

    def _on_train_clicked(self) -> None:
        self.train_clicked.emit(self.choice())


def _header() -> QToolButton:
    header = QToolButton()
    header.setText("Settings")
    header.setCheckable(True)
    header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    header.setToolTip("Show or hide the settings; the preset's are good to start with")
    return header


def _epochs_box() -> QSpinBox:
    box = QSpinBox()
    box.setRange(_AS_PRESET, _MAX_EPOCHS)
    box.setSpecialValueText("as the preset says")
    box.setToolTip("How often the training goes through all images; the lowest value: the preset's")
    # scrolling the dock must not change a setting on the way
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box
