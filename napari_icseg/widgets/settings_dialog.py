"""The settings: numbers and switches in groups, the cache on disk, and the keys. Not modal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.shortcut_editor import ShortcutEditor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.widgets.keymap import Keymap

Value = bool | int | float
_LABEL_PX = 190


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, as it is shown.

    Args:
        name: What `changed` carries.
        group: The heading it stands under.
        title: What it is.
        tooltip: What it does.
        default: A bool makes a check box, an int or float a field.
        bounds: The least and the largest number.
        unit: Stands behind the number.

    """

    name: str
    group: str
    title: str
    tooltip: str
    default: Value
    bounds: tuple[float, float] = (0, 0)
    unit: str = ""


class SettingsDialog(QDialog):
    """Every change holds at once; there is nothing to confirm.

    Signals: `changed(name, value)`, `keys_changed(Keymap)`, `restore_requested()`,
    `clear_requested()`, `napari_requested()` for napari's own preferences.
    """

    changed = Signal(str, object)
    keys_changed = Signal(object)
    restore_requested = Signal()
    clear_requested = Signal()
    napari_requested = Signal()

    def __init__(self, rows: Sequence[SettingRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings of IC segmentation")
        self.setModal(False)
        self.fields = {row.name: _build_field(row) for row in rows}
        self.cache = _CacheRow()
        self.keys = ShortcutEditor()
        self.tabs = QTabWidget()
        self.tabs.addTab(self._build_general(rows), "General")
        self.tabs.addTab(self.keys, "Keys")
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(self._build_buttons())
        self.resize(640, 620)
        for row in rows:
            self._connect(row)
        self.keys.changed.connect(self.keys_changed)
        self.cache.clear_button.clicked.connect(lambda _=False: self.clear_requested.emit())

    def show_values(self, values: Mapping[str, object]) -> None:
        """Shows these values without emitting."""
        for name, field in self.fields.items():
            field.blockSignals(True)
            if isinstance(field, QCheckBox):
                field.setChecked(bool(values[name]))
            else:
                field.setValue(values[name])
            field.blockSignals(False)

    def show_keymap(self, keymap: Keymap, napari_keys: Mapping[str, str]) -> None:
        """Shows the keys; `napari_keys` says what napari does with a key."""
        self.keys.show_keymap(keymap, napari_keys)

    def _connect(self, row: SettingRow) -> None:
        field, name = self.fields[row.name], row.name
        signal = field.toggled if isinstance(field, QCheckBox) else field.valueChanged
        signal.connect(lambda value: self.changed.emit(name, value))

    def _build_general(self, rows: Sequence[SettingRow]) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setSpacing(10)
        for group in dict.fromkeys(row.group for row in rows):
            box = QGroupBox(group)
            form = QFormLayout(box)
            form.setHorizontalSpacing(16)
            for row in rows:
                if row.group == group:
                    form.addRow(_build_label(row), self._build_row(row))
            if any(row.name == "disk_cache_gib" and row.group == group for row in rows):
                form.addRow(self.cache)
            layout.addWidget(box)
        layout.addStretch(1)
        return page

    def _build_row(self, row: SettingRow) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addWidget(self.fields[row.name])
        default = QLabel(f"default: {_shown(row)}")
        # paler than the field, and still to be read
        default.setStyleSheet("QLabel { font-size: 11px; }")
        line.addWidget(default)
        line.addStretch(1)
        return line

    def _build_buttons(self) -> QHBoxLayout:
        restore = QPushButton("Restore defaults")
        restore.setToolTip("Gives every setting its default, the keys too")
        restore.clicked.connect(lambda _=False: self.restore_requested.emit())
        napari = QPushButton("napari's preferences…")
        napari.setToolTip("Theme, fonts and napari's own keys; our settings are listed there, too")
        napari.clicked.connect(lambda _=False: self.napari_requested.emit())
        close = QPushButton("Close")
        close.setToolTip("Every change holds already (Esc)")
        close.clicked.connect(self.close)
        for button in (restore, napari, close):
            button.setAutoDefault(False)
        line = QHBoxLayout()
        line.addWidget(restore)
        line.addWidget(napari)
        line.addStretch(1)
        line.addWidget(close)
        return line


class _CacheRow(QWidget):
    """How full the disk cache is, where it lies, and a button that empties it."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setFormat("")
        self.folder = QLabel()
        self.folder.setWordWrap(True)
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.clear_button = QPushButton("Clear")
        self.clear_button.setAutoDefault(False)
        self.clear_button.setToolTip(
            "Removes all stored embeddings; images are embedded anew when they are opened"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        line = QHBoxLayout()
        line.addWidget(self.bar, 1)
        line.addWidget(self.clear_button)
        layout.addLayout(line)
        layout.addWidget(self.folder)

    def set_size(self, num_bytes: int | None, max_bytes: int, folder: str) -> None:
        """Shows what lies on disk; None: it is being counted or cleared."""
        if num_bytes is None:
            self.bar.setFormat("counting…")
        else:
            self.bar.setFormat(f"{_mib(num_bytes)} of {_mib(max_bytes)} on disk")
            self.bar.setValue(min(1000, int(1000 * num_bytes / max(1, max_bytes))))
        self.clear_button.setEnabled(bool(num_bytes))
        self.folder.setText(folder)
        self.folder.setToolTip("The folder of the embeddings on disk")
        self.bar.setToolTip(f"How much of the allowed space is used, in {folder}")


def _build_field(row: SettingRow) -> QCheckBox | QSpinBox | QDoubleSpinBox:
    if isinstance(row.default, bool):
        box = QCheckBox("on")
        box.setToolTip(row.tooltip)
        return box
    field = QSpinBox() if isinstance(row.default, int) else QDoubleSpinBox()
    low, high = row.bounds
    field.setRange(type(row.default)(low), type(row.default)(high))
    if isinstance(field, QDoubleSpinBox):
        field.setDecimals(1)
        field.setSingleStep(0.5)
    elif high > 1000:
        field.setSingleStep(64)
    field.setSuffix(f" {row.unit}" if row.unit else "")
    # a number that is typed holds when it is whole: "16" is not first "1"
    field.setKeyboardTracking(False)
    field.setToolTip(f"{row.tooltip} ({low:g} to {high:g} {row.unit})")
    field.setMinimumWidth(120)
    return field


def _build_label(row: SettingRow) -> QLabel:
    label = QLabel(row.title)
    label.setToolTip(row.tooltip)
    # the fields of all groups stand below each other
    label.setMinimumWidth(_LABEL_PX)
    return label


def _shown(row: SettingRow) -> str:
    if isinstance(row.default, bool):
        return "on" if row.default else "off"
    return f"{row.default:g} {row.unit}".rstrip()


def _mib(num_bytes: int) -> str:
    if num_bytes >= 2**30:
        return f"{num_bytes / 2**30:.1f} GiB"
    return f"{num_bytes / 2**20:.0f} MiB"
