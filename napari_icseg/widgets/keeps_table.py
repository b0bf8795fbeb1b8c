"""What a format keeps of the labels, as a short table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_icseg.widgets.tones import set_toned_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import Tone

Mark = Literal["yes", "partly", "no"]
_MARKS: dict[Mark, tuple[str, Tone]] = {
    "yes": ("✓", "good"),
    "partly": ("~", "warning"),
    "no": ("✗", "bad"),
}


@dataclass(frozen=True, slots=True)
class KeepsRow:
    """One line: what it is about, how much is kept, what happens, and that at length."""

    feature: str
    mark: Mark
    text: str
    tooltip: str = ""


class KeepsTable(QWidget):
    """A line for each feature; all formats have the same ones, so that nothing jumps."""

    def __init__(self, features: Sequence[str]) -> None:
        super().__init__()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 6)  # level with the form's own labels
        self._layout.setHorizontalSpacing(10)
        self._layout.setVerticalSpacing(2)
        self._layout.setColumnStretch(2, 1)
        self.lines: list[tuple[QLabel, QLabel, QLabel]] = []
        for row, feature in enumerate(features):
            line = (QLabel(feature), QLabel(), QLabel())
            self.lines.append(line)
            for column, label in enumerate(line):
                self._layout.addWidget(label, row, column)

    def show_rows(self, rows: Sequence[KeepsRow]) -> None:
        """Shows what one format keeps; as many rows as there are features."""
        for (name, mark, text), row in zip(self.lines, rows, strict=True):
            sign, tone = _MARKS[row.mark]
            name.setText(row.feature)
            set_toned_text(mark, sign, tone)
            mark.setAccessibleName(row.mark)
            text.setText(row.text)
            for label in (name, mark, text):
                label.setToolTip(row.tooltip or f"{row.feature}: {row.text}.")
