"""All keys and mouse gestures on a card over the canvas, which goes at the next key or click."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import product
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.keymap import ACTIVE_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QMouseEvent, QPaintEvent

    from napari_icseg.widgets.shortcuts import Shortcut

COLUMN_PX = 300
"""Width that one column of keys needs."""
_KEY_PX = 112
_LINE_CHARS = 28
_FONT_PX = 12
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
        self._key_color = ""
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
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
        self._key_color = colors.key
        self._card.setStyleSheet(
            f"QFrame#icsegHelp {{ border: 1px solid {colors.key}; border-radius: 8px;"
            f" background: rgba({card.red()}, {card.green()}, {card.blue()}, 238); }}"
            f"#icsegHelp QLabel {{ color: {colors.text}; font-size: {_FONT_PX}px; }}"
            "#icsegHelp QWidget { background: transparent; border: none; }"
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
        body = self._build_columns(num_columns, min(COLUMN_PX + 40, (room - 44) // num_columns))
        self._scroll.setWidget(body)
        width = min(room, body.sizeHint().width() + 58)
        height = min(area.height() - 2 * _MARGIN_PX, body.sizeHint().height() + 78)
        self._card.setGeometry(
            (area.width() - width) // 2, (area.height() - height) // 2, width, height
        )

    def _build_columns(self, num_columns: int, width_px: int) -> QWidget:
        """The groups in their order, in columns of about the same height."""
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        sizes = [_num_lines(group) for group in self._groups]
        for column in packed(sizes, num_columns):
            html = "".join(_html(self._groups[index], self._key_color) for index in column)
            label = QLabel(html)
            label.setWordWrap(True)
            label.setFixedWidth(width_px - 16)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        return body

    def _build_top(self) -> QWidget:
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 6)
        row.addWidget(QLabel("<b>Keys and mouse</b>"))
        row.addStretch(1)
        row.addWidget(
            QLabel(
                ACTIVE_KEYS.fill("Esc, {help} or a click closes this · {settings} to change keys")
            )
        )
        return top


def packed(sizes: Sequence[int], num_columns: int) -> list[list[int]]:
    """Which entry goes into which column, so that the longest column is the shortest possible."""

    def longest(columns: tuple[int, ...]) -> int:
        return max(
            sum(size for size, column in zip(sizes, columns, strict=True) if column == number)
            for number in range(num_columns)
        )

    best = min(product(range(num_columns), repeat=len(sizes)), key=longest)
    return [[i for i, column in enumerate(best) if column == n] for n in range(num_columns)]


def _num_lines(group: HelpGroup) -> int:
    return 2 + sum(1 + (len(entry.text) > _LINE_CHARS) for entry in group.shortcuts)


def _html(group: HelpGroup, key_color: str) -> str:
    rows = "".join(
        f"<tr><td width={_KEY_PX} style='color: {key_color}'><b>{escape(entry.label)}</b></td>"
        f"<td style='padding-bottom: 2px'>{escape(entry.text)}</td></tr>"
        for entry in group.shortcuts
    )
    return (
        f"<p style='margin: 6px 0 2px 0'><b>{escape(group.title)}</b></p>"
        f"<table cellspacing=0 cellpadding=1 width='100%'>{rows}</table>"
    )
