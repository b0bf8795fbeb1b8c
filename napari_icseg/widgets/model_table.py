"""The runs of a project as Qt's tables see them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from napari_icseg.widgets import tones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_icseg.widgets.training_view import ModelRow, Tone

COLUMNS = (
    ("Model", "When its training was started, and the kind of model"),
    ("IoU", "Foreground intersection over union on the validation tiles"),
    ("Dice", "Foreground Dice score on the validation tiles"),
    ("Acc.", "Pixel accuracy: the share of validation pixels that get the right class"),
    ("State", "Where the training stands"),
)
SCORE_COLUMNS = (1, 2, 3)
SORT_ROLE = Qt.ItemDataRole.UserRole
_STATE_COLUMN = 4


class ModelTable(QAbstractTableModel):
    """The rows as Qt sees them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ModelRow, ...] = ()
        self._colors: Mapping[Tone, str] = tones.DARK

    def set_colors(self, colors: Mapping[Tone, str]) -> None:
        """Use these colours for the states; views are asked to draw anew."""
        self._colors = colors
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Replace the rows; where only values changed, selection and scrolling stay."""
        if tuple(rows) == self._rows:
            return
        same = [row.name for row in rows] == [row.name for row in self._rows]
        if same:
            self._rows = tuple(rows)
            if rows:
                last = self.index(len(rows) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def row_at(self, index: QModelIndex) -> ModelRow:
        """The row behind a valid index."""
        return self._rows[int(index.row())]

    def position(self, name: str) -> int | None:
        """Where the run of that name is, or None."""
        return next((i for i, row in enumerate(self._rows) if row.name == name), None)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Qt's hook: column names and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        return COLUMNS[section][1] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook: text, sort key, colour and font of a cell."""
        if not index.isValid():
            return None
        row, column = self.row_at(index), int(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(row)[column]
        if role == SORT_ROLE:
            return _sort_keys(row)[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in (0, _STATE_COLUMN):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        return None

    def _color(self, row: ModelRow, column: int) -> QColor | None:
        """The state has its tone; a chosen model's name is lit up."""
        lit: dict[int, Tone] = {
            0: "active" if row.is_chosen or row.is_clicked_with else "neutral",
            _STATE_COLUMN: row.tone,
        }
        color = self._colors.get(lit.get(column, "neutral"))
        return None if color is None else QColor(color)


def _texts(row: ModelRow) -> tuple[str, ...]:
    used = "✓ " if row.is_chosen or row.is_clicked_with else ""
    warned = "⚠ " if row.has_warnings else ""
    scores = (row.iou, row.dice, row.pixel_accuracy)
    name = f"{warned}{used}{_started(row.created_unix_s)} {row.label}"
    return name, *map(_score_text, scores), row.state


def _started(unix_s: float) -> str:
    """Return the time of day, or the day if it was not today: the column is narrow."""
    started, now = time.localtime(unix_s), time.localtime()
    is_today = (started.tm_year, started.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if is_today else "%d %b", started)


def _score_text(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def _sort_keys(row: ModelRow) -> tuple[float | str, ...]:
    # not measured sorts below everything measured
    scores = (-1.0 if s is None else s for s in (row.iou, row.dice, row.pixel_accuracy))
    return row.created_unix_s, *scores, row.state


def _tooltip(row: ModelRow) -> str:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.created_unix_s))
    uses = (
        "Chosen to pre-fill images" if row.is_chosen else "",
        "Answers your clicks" if row.is_clicked_with else "",
        "It gave warnings: select it to read them" if row.has_warnings else "",
    )
    state = f"{row.state}, {row.epochs} epochs" if row.epochs else row.state
    lines = (f"{row.label}, started {started}", state, f"Folder: {row.name}", *uses)
    return "\n".join(filter(None, lines))
