"""How a round uses the images without labels: chosen in a box, explained in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_icseg.widgets.fields import EntryBox, name_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import Entry


class MethodPanel(QWidget):
    """The box, and below it what the chosen method does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.method = EntryBox("How the images without labels are used")
        self.explanation = QLabel()
        self.explanation.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(name_label("Method"), 0, 0)
        grid.addWidget(self.method, 0, 1)
        grid.addWidget(self.explanation, 1, 0, 1, 2)
        self.method.currentIndexChanged.connect(self._on_method_changed)

    def set_methods(self, entries: Sequence[Entry]) -> None:
        """Offer these; the first is the default, each one's tooltip is its line."""
        self.method.set_entries(entries)
        self._on_method_changed()

    def chosen(self) -> str:
        """Key of the chosen method."""
        return str(self.method.key())

    def _on_method_changed(self) -> None:
        entry = self.method.entry()
        self.explanation.setText("" if entry is None else entry.tooltip)
