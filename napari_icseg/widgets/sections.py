"""A dock of titled sections, one below the other, that scrolls when it has to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence


def fill(
    dock: QWidget, first: QWidget, sections: Sequence[tuple[str, Sequence[QWidget]]]
) -> dict[str, QLabel]:
    """Lay `first` and below it the sections into an empty dock; return the titles' labels."""
    body = QWidget()
    layout = QVBoxLayout(body)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.setSpacing(5)
    layout.addWidget(first)
    headers = {title: _header(title) for title, _ in sections}
    for title, widgets in sections:
        layout.addWidget(headers[title])
        for widget in widgets:
            layout.addWidget(widget)
    layout.addStretch(1)
    area = QScrollArea()
    area.setWidget(body)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    outer = QVBoxLayout(dock)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(area)
    return headers


def _header(title: str) -> QLabel:
    label = QLabel(title)
    label.setStyleSheet("font-weight: bold; margin-top: 6px;")
    return label
