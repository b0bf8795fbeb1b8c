"""Pre-filling tiles with a trained model: choose, fill, accept or discard what it proposes."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_view import PrefillView


class PrefillPanel(QWidget):
    """Emits `prefill_clicked`, `accept_clicked`, `discard_clicked`, `automatic_toggled(bool)`."""

    prefill_clicked = Signal()
    accept_clicked = Signal()
    discard_clicked = Signal()
    automatic_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._relayout = Relayout(self)
        self.chosen = QLabel()
        self.chosen.setWordWrap(True)
        self.automatic = QCheckBox("Pre-fill unlabelled images when shown")
        self.automatic.setToolTip(
            "Let the chosen model propose objects by itself on each new image"
        )
        self.prefill = with_keys(
            QPushButton(),
            text="Pre-fill this image ({prefill})",
            tooltip="Let the chosen model propose objects for the image shown",
        )
        self.accept = with_keys(
            QPushButton(),
            tooltip="Make all proposals objects of this image ({accept_proposals})",
        )
        self.discard = with_keys(
            QPushButton("Discard"),
            tooltip="Remove all proposals of this image ({reject_proposals})",
        )
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._lay_out()
        self.prefill.clicked.connect(lambda: self.prefill_clicked.emit())
        self.accept.clicked.connect(lambda: self.accept_clicked.emit())
        self.discard.clicked.connect(lambda: self.discard_clicked.emit())
        self.automatic.clicked.connect(self.automatic_toggled)
        self.set_view(PrefillView())

    def set_view(self, view: PrefillView) -> None:
        """Show another snapshot."""
        self.chosen.setText(
            f"Pre-fill with {view.chosen_label}."
            if view.chosen_label
            else "No model is chosen to pre-fill images: select one above."
        )
        self.automatic.setChecked(view.is_automatic)
        self.automatic.setEnabled(bool(view.chosen_label))
        self.prefill.setEnabled(view.can_prefill)
        num = view.num_proposals
        self.accept.setText(f"Accept all {num} proposals" if num > 1 else "Accept all proposals")
        self.accept.setEnabled(num > 0)
        self.discard.setEnabled(num > 0)
        set_toned_text(self.status, view.status, view.tone)
        self._relayout.start()

    def _lay_out(self) -> None:
        decisions = QHBoxLayout()
        decisions.addWidget(self.accept, 2)
        decisions.addWidget(self.discard, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.chosen, self.automatic, self.prefill):
            layout.addWidget(widget)
        layout.addLayout(decisions)
        layout.addWidget(self.status)
