"""What to train: the model, the one button, and the choices that nobody has to make."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_icseg.widgets.fields import EntryBox, PresetSpinBox, RateField, name_label
from napari_icseg.widgets.fold import Fold
from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_status import set_fraction
from napari_icseg.widgets.training_view import Entry, SetupView, TrainingChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import ModelOption

_MAX_EPOCHS = 10_000
_MAX_BATCH = 1024
_PRESETS = {
    "best": ("best (recommended)", "Our recipe: better than the paper's, and quicker on a CPU"),
    "paper": ("paper (as published)", "The recipe of the paper, to the letter"),
}


class SetupPanel(QWidget):
    """Summary of the labels, the model, the Retrain button and its settings.

    Emits `train_clicked(TrainingChoice)`, and `data_changed(TrainingChoice)` when other images
    or classes are chosen. The settings stay folded: none has to be looked at. `extra` is shown
    below the model, for a choice that only one dock has.
    """

    train_clicked = Signal(object)
    data_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, extra: QWidget | None = None) -> None:
        super().__init__(parent)
        self._extra = extra
        self._options: dict[str, ModelOption] = {}
        self.summary, self.problem = _wrapped_label(), _wrapped_label()
        self.summary.setToolTip(
            "Validation images are finished images that no model learns from: scores are measured "
            "on them"
        )
        self.train = QPushButton()
        self.train.setMinimumHeight(34)
        self.model = EntryBox("The kind of model to train")
        self.explanation = _wrapped_label()
        self.busy_text, self.busy_bar = QLabel(), QProgressBar()
        self._relayout = Relayout(self)
        self._build_settings()
        self._lay_out()
        self._connect()
        self.set_view(SetupView())

    def set_models(self, options: Sequence[ModelOption]) -> None:
        """Offer these models; the first is the default."""
        self._options = {option.name: option for option in options}
        self.model.set_entries([Entry(o.name, o.label, o.explanation) for o in options])

    def set_devices(self, entries: Sequence[Entry]) -> None:
        """Offer these devices; a single one leaves nothing to choose."""
        self.device.set_entries(entries)
        self.device.setEnabled(len(entries) > 1)

    def set_sams(self, entries: Sequence[Entry]) -> None:
        """Offer these SAM-2 models, the preset's first, where a model has one inside."""
        self.sam.set_entries(entries)
        self._show_sam()

    def set_view(self, view: SetupView) -> None:
        """Show another snapshot."""
        self.summary.setText(view.summary)
        self.summary.setVisible(bool(view.summary))
        set_toned_text(self.problem, view.problem, "warning")
        self.train.setText(view.train_text)
        self.train.setEnabled(view.can_train)
        self.train.setToolTip(view.problem or view.train_tooltip)
        self.busy_text.setText(view.busy_text)
        self.busy_text.setVisible(bool(view.busy_text))
        self.busy_bar.setVisible(bool(view.busy_text))
        set_fraction(self.busy_bar, view.busy_fraction)
        for box, entries in ((self.classes, view.classes), (self.images, view.splits)):
            box.set_entries(entries)
            self._show_row(box, visible=len(entries) > 1)
        self._relayout.start()

    def choice(self) -> TrainingChoice:
        """What is chosen now."""
        return TrainingChoice(
            model=str(self.model.key()),
            preset=str(self.preset.key()),
            epochs=self.epochs.number(),
            class_id=cast("int | None", self.classes.key()),
            split=cast("str | None", self.images.key()),
            device=str(self.device.key() or "auto"),
            batch_size=self.batch_size.number(),
            lr=self.lr.number(),
            sam=cast("str | None", self.sam.key()) if self._has_sam() else None,
        )

    def _build_settings(self) -> None:
        self.preset = EntryBox("A recipe: all numbers of a training that belong together")
        self.images = EntryBox("The images to learn from")
        self.classes = EntryBox("Learn all classes, or one class against everything else")
        self.epochs = PresetSpinBox(_MAX_EPOCHS, "How often the training goes through all images")
        self.device = EntryBox("What computes; a GPU is many times faster")
        self.batch_size = PresetSpinBox(
            _MAX_BATCH, "Images learned from at once; fewer need less memory"
        )
        self.lr = RateField("Learning rate, the size of each step")
        self._labels: dict[QWidget, QLabel] = {}
        self.sam = EntryBox("The SAM-2 inside; larger ones are slower, and better")
        rows = (("Batch size", self.batch_size), ("Learning rate", self.lr), ("SAM-2", self.sam))
        advanced = self._grid(rows)
        self.advanced = Fold("Advanced", advanced, tooltip="Numbers that the preset sets well")
        basic = self._grid(
            (
                ("Preset", self.preset),
                ("Images", self.images),
                ("Classes", self.classes),
                ("Epochs", self.epochs),
                ("Device", self.device),
            )
        )
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(12, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(basic)
        layout.addWidget(self.advanced)
        tooltip = "Show or hide the settings; the preset's are good to start with"
        self.settings = Fold("Settings", content, tooltip=tooltip)

    def _grid(self, rows: Sequence[tuple[str, QWidget]]) -> QWidget:
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, (text, widget) in enumerate(rows):
            self._labels[widget] = label = QLabel(text)
            label.setMinimumWidth(96)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        return body

    def _lay_out(self) -> None:
        row = QGridLayout()
        row.setHorizontalSpacing(8)
        row.setVerticalSpacing(2)
        row.setColumnStretch(1, 1)
        row.addWidget(name_label("Model"), 0, 0)
        row.addWidget(self.model, 0, 1)
        row.addWidget(self.explanation, 1, 0, 1, 2)
        if self._extra is not None:
            row.addWidget(self._extra, 2, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(self.summary)
        layout.addLayout(row)
        for widget in (self.train, self.problem, self.busy_text, self.busy_bar, self.settings):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.train.clicked.connect(lambda _checked=False: self.train_clicked.emit(self.choice()))
        self.model.currentIndexChanged.connect(self._on_model_changed)
        for box in (self.preset, self.images, self.classes, self.device, self.sam):
            box.currentIndexChanged.connect(self._update_header)
        for box in (self.images, self.classes):
            box.currentIndexChanged.connect(lambda _index: self.data_changed.emit(self.choice()))
        for number in (self.epochs.valueChanged, self.batch_size.valueChanged, self.lr.textChanged):
            number.connect(self._update_header)

    def _on_model_changed(self) -> None:
        option = self._options.get(str(self.model.key()))
        if option is None:
            return
        self.explanation.setText(option.explanation)
        presets = [Entry(name, *_PRESETS.get(name, (name,))) for name in option.presets]
        self.preset.set_entries(presets)
        # one model's learning rate ruins another
        self.batch_size.setValue(0)
        self.lr.clear()
        self._show_sam()
        self._update_header()

    def _has_sam(self) -> bool:
        option = self._options.get(str(self.model.key()))
        return option is not None and option.has_sam

    def _show_sam(self) -> None:
        self._show_row(self.sam, visible=self._has_sam() and self.sam.count() > 1)

    def _show_row(self, widget: QWidget, *, visible: bool) -> None:
        widget.setVisible(visible)
        self._labels[widget].setVisible(visible)

    def _update_header(self) -> None:
        """Say what is chosen, so that the settings need not be unfolded to see it."""
        choice = self.choice()
        words = [f"preset {choice.preset}"]
        for box, value in ((self.images, choice.split), (self.classes, choice.class_id)):
            entry = box.entry()
            if value is not None and entry is not None:
                words.append(entry.text)
        if choice.epochs is not None:
            words.append(f"{choice.epochs} epochs")
        if choice.device != "auto":
            words.append(choice.device.upper())
        if choice.batch_size is not None:
            words.append(f"batch {choice.batch_size}")
        if choice.lr is not None:
            words.append(f"lr {choice.lr:g}")
        if choice.sam is not None:
            words.append(choice.sam)
        self.settings.header.setText(f"Settings: {', '.join(words)}")


def _wrapped_label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
