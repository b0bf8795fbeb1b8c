"""All keys and mouse gestures on a card over the canvas, which goes at the next key or click."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QMouseEvent, QPaintEvent

    from napari_icseg.widgets.shortcuts import Shortcut

COLUMN_PX = 330
"""Width that one column of keys needs."""
_MAX_COLUMNS = 3
_MARGIN_PX = 16


@dataclass(frozen=True, slots=True)
class HelpColors:
    """Text, keys and card, each "#rrggbb"; the card is slightly translucent."""

    text: str
    key: str
    card: str


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """A heading and what is listed under it."""

    title: str
    shortcuts: tuple[Shortcut, ...]


class HelpOverlay(QWidget):
    """Covers its parent while it is shown. Keys go on working; Esc only closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._card = QFrame(self)
        self._card.setObjectName("icsegHelp")
        self._groups: tuple[HelpGroup, ...] = ()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self._card)
        layout.setContentsMargins(20, 14, 20, 14)
        layout.addWidget(self._build_top())
        layout.addWidget(self._scroll, 1)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip("Click, Esc or F1 closes the help")
        self.hide()
        parent.installEventFilter(self)

    def set_groups(self, groups: Sequence[HelpGroup], colors: HelpColors) -> None:
        """Lists these groups in these colours."""
        self._groups = tuple(groups)
        card = QColor(colors.card)
        self._card.setStyleSheet(
            f"QFrame#icsegHelp {{ border: 1px solid {colors.key}; border-radius: 8px;"
            f" background: rgba({card.red()}, {card.green()}, {card.blue()}, 238); }}"
            f"#icsegHelp QLabel {{ color: {colors.text}; background: transparent; }}"
            f'#icsegHelp QLabel[isKey="true"] {{ color: {colors.key}; font-weight: bold; }}'
            "#icsegHelp QScrollArea, #icsegHelp QScrollArea > QWidget > QWidget"
            " { background: transparent; border: none; }"
        )
        self._place()

    def open(self) -> None:
        """Shows it over the whole parent."""
        self._place()
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: follows the parent's size."""
        if event is not None and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: a click closes it, and does nothing else."""
        self.hide()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's hook: the canvas stays visible behind a veil."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 70))
        painter.end()

    def _place(self) -> None:
        area = self.parentWidget().rect()
        self.setGeometry(area)
        room = area.width() - 2 * _MARGIN_PX
        num_columns = max(1, min(_MAX_COLUMNS, (room - 40) // COLUMN_PX))
        body = _build_columns(self._groups, num_columns)
        self._scroll.setWidget(body)
        width = min(room, num_columns * COLUMN_PX + 60)
        height = min(area.height() - 2 * _MARGIN_PX, body.sizeHint().height() + 84)
        self._card.setGeometry(
            (area.width() - width) // 2, (area.height() - height) // 2, width, height
        )

    def _build_top(self) -> QWidget:
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 6)
        row.addWidget(QLabel("<b style='font-size: 15px'>Keys and mouse</b>"))
        row.addStretch(1)
        row.addWidget(QLabel("Esc, F1 or a click closes this · change keys in the settings"))
        return top


def _build_columns(groups: Sequence[HelpGroup], num_columns: int) -> QWidget:
    """The groups in columns of about the same height, in their order."""
    body = QWidget()
    row = QHBoxLayout(body)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(28)
    num_rows = sum(len(group.shortcuts) + 2 for group in groups)
    num_placed = 0
    columns: list[list[HelpGroup]] = [[] for _ in range(num_columns)]
    for group in groups:
        middle = num_placed + (len(group.shortcuts) + 2) / 2
        columns[min(num_columns - 1, int(middle / max(num_rows, 1) * num_columns))].append(group)
        num_placed += len(group.shortcuts) + 2
    for column in columns:
        row.addWidget(_build_column(column), 1, Qt.AlignmentFlag.AlignTop)
    return body


def _build_column(groups: Sequence[HelpGroup]) -> QWidget:
    column = QWidget()
    grid = QGridLayout(column)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(1, 1)
    row = 0
    for group in groups:
        title = QLabel(f"<b>{escape(group.title)}</b>")
        title.setContentsMargins(0, 8 if row else 0, 0, 2)
        grid.addWidget(title, row, 0, 1, 2)
        for shortcut in group.shortcuts:
            row += 1
            grid.addWidget(_build_key(shortcut.label), row, 0, Qt.AlignmentFlag.AlignTop)
            text = QLabel(shortcut.text)
            text.setWordWrap(True)
            grid.addWidget(text, row, 1, Qt.AlignmentFlag.AlignTop)
        row += 1
    return column


def _build_key(label: str) -> QLabel:
    key = QLabel(label)
    key.setProperty("isKey", "true")
    key.setMinimumWidth(96)
    return key
