"""Which keys do what: the defaults of `shortcuts.SHORTCUTS`, and what the user changed.

The text of the changes, as it is saved: "undo: Ctrl+U; delete: X, Del; mark_blank:" (the last
one has no key any more).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence

from napari_icseg.widgets.shortcuts import SHORTCUTS, Shortcut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QKeyEvent

Keys = tuple[str, ...]
FIXED = ("class",)
"""Their keys mean something by themselves (the digit of a class) and stay."""
_MODIFIER_KEYS = {
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_Meta,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock,
    Qt.Key.Key_unknown,
    0,
}
_MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")
_ESCAPES = {",": "Comma", ";": "Semicolon", ":": "Colon"}
_SHOWN = {"Return": "Enter", "PgDown": "PgDn", "PgUp": "PgUp"}
_PLACE = re.compile(r"\{([a-z_]+)(!?)\}")
_NO_KEY = re.compile(r"\s*\((?:key )?(?:no key)(?:, (?:key )?no key)*\)")


class Keymap:
    """The keys of every action; not changed by anybody, a new one is made.

    Args:
        changes: keys by action, where they are not the default ones.
        shortcuts: all actions.

    """

    def __init__(
        self,
        changes: Mapping[str, Keys] | None = None,
        shortcuts: Sequence[Shortcut] = SHORTCUTS,
    ) -> None:
        self._shortcuts = tuple(shortcuts)
        known = {entry.action: entry.keys for entry in shortcuts if can_change(entry)}
        self.changes = {
            action: keys
            for action, keys in (changes or {}).items()
            if known.get(action, keys) != keys
        }
        self._keys = {
            entry.action: self.changes.get(entry.action, entry.keys) for entry in shortcuts
        }
        self._modes = {entry.action: entry.mode for entry in shortcuts}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keymap) and other._keys == self._keys

    def __hash__(self) -> int:
        return hash(tuple(self._keys.items()))

    def keys(self, action: str) -> Keys:
        """The keys of an action; none for one that is not known."""
        return self._keys.get(action, ())

    def label(self, action: str) -> str:
        """Its keys as shown, "" without one; what the table says for mouse gestures."""
        for entry in self._shortcuts:
            if entry.action == action:
                is_fixed = not can_change(entry)
                return entry.label if is_fixed else label_of(self._keys[action])
        return ""

    def shortcuts(self) -> tuple[Shortcut, ...]:
        """The table with the keys and labels as they are now."""
        return tuple(
            replace(e, keys=self._keys[e.action], label=self.label(e.action))
            for e in self._shortcuts
        )

    def owners(self, keys: Sequence[str], action: str) -> tuple[str, ...]:
        """Other actions of the same mode that have one of these keys."""
        wanted, mode = {canonical(key) for key in keys}, self._modes.get(action, "")
        return tuple(
            name
            for name, theirs in self._keys.items()
            if name != action
            and self._modes[name] == mode
            and wanted & {canonical(key) for key in theirs}
        )

    def with_keys(self, action: str, keys: Keys) -> Keymap:
        """Gives an action keys and takes them from all others of its mode."""
        wanted = {canonical(key) for key in keys}
        others = {
            name: tuple(key for key in self._keys[name] if canonical(key) not in wanted)
            for name in self.owners(keys, action)
        }
        return Keymap({**self.changes, **others, action: keys}, self._shortcuts)

    def swapped(self, action: str, keys: Keys) -> Keymap:
        """Gives an action keys; the first one that had them gets its keys in return."""
        owners = self.owners(keys, action)
        given = self.with_keys(action, keys)
        if not owners:
            return given
        freed = tuple(key for key in self._keys[action] if key not in keys)
        theirs = (*given.keys(owners[0]), *freed)
        return Keymap({**given.changes, owners[0]: theirs}, self._shortcuts)

    def dump(self) -> str:
        """The text of the changes."""
        return "; ".join(
            f"{action}: {', '.join(map(_escaped, keys))}".rstrip()
            for action, keys in self.changes.items()
        )


def read_keymap(
    text: str, shortcuts: Sequence[Shortcut] = SHORTCUTS
) -> tuple[Keymap, tuple[str, ...]]:
    """The keymap of a text of changes, and what was wrong with it; never fails.

    A key that is given to two actions goes to the one named first.
    """
    changeable = {entry.action for entry in shortcuts if can_change(entry)}
    changes: dict[str, Keys] = {}
    problems: list[str] = []
    for part in filter(str.strip, text.split(";")):
        action, _, listed = (piece.strip() for piece in part.partition(":"))
        keys = tuple(_unescaped(key.strip()) for key in listed.split(",") if key.strip())
        bad = next((key for key in keys if not canonical(key)), None)
        if action not in changeable:
            problems.append(f"there is no action {action!r:.40} whose keys can be changed")
        elif bad is not None:
            problems.append(f"{bad!r:.40} is no key")
        else:
            changes[action] = keys
    return _without_doubles(changes, shortcuts, problems), tuple(problems)


def can_change(entry: Shortcut) -> bool:
    """Whether a user may give it other keys: not for mouse gestures and the digits."""
    return bool(entry.keys) and entry.action not in FIXED


def label_of(keys: Sequence[str]) -> str:
    """Keys as shown: "[ or PgUp"; Return and the Enter of the number pad are one."""
    shown: list[str] = []
    for key in keys:
        *modifiers, name = _parts(key)
        label = "+".join((*modifiers, _SHOWN.get(name, name)))
        if label not in shown:
            shown.append(label)
    return " or ".join(shown)


def canonical(key: str) -> str:
    """One spelling for one key; "" for what is no key."""
    if len(key) == 1:
        return key.upper() if key.isprintable() and not key.isspace() else ""
    *modifiers, name = _parts(key)
    if not name or any(modifier not in _MODIFIERS for modifier in modifiers):
        return ""
    sequence = QKeySequence(name)
    if len(sequence) != 1 or not sequence.toString():
        return ""
    name = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    # Qt takes what it does not know for the letter it begins with, or for nothing
    return "+".join(
        (*(m for m in _MODIFIERS if m in modifiers), "Tab" if name == "Backtab" else name)
    )


def key_of(event: QKeyEvent) -> str:
    """The key text of a pressed key; "" while only modifiers are held."""
    if event.key() in _MODIFIER_KEYS:
        return ""
    held = event.modifiers()
    has_only_shift = not held & ~(
        Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
    )
    text = event.text()
    is_letter = text.isalpha()
    is_plain = not held & Qt.KeyboardModifier.ShiftModifier if is_letter else has_only_shift
    if len(text) == 1 and text.isprintable() and not text.isspace() and has_only_shift and is_plain:
        return str(text.upper())
    names = {
        "Ctrl": Qt.KeyboardModifier.ControlModifier,
        "Alt": Qt.KeyboardModifier.AltModifier,
        "Shift": Qt.KeyboardModifier.ShiftModifier,
        "Meta": Qt.KeyboardModifier.MetaModifier,
    }
    name = QKeySequence(event.key()).toString(QKeySequence.SequenceFormat.PortableText)
    modifiers = [prefix for prefix, modifier in names.items() if held & modifier]
    return canonical("+".join((*modifiers, name)))


class ActiveKeys:
    """The keymap that holds now, for all windows; `changed()` after it was replaced."""

    changed: ClassVar[Signal] = Signal()

    def __init__(self) -> None:
        self.keymap = Keymap()

    def use(self, keymap: Keymap) -> None:
        """Lets another keymap hold."""
        if keymap != self.keymap:
            self.keymap = keymap
            self.changed.emit()

    def fill(self, text: str) -> str:
        """A text with `{undo}` and other actions replaced by their keys.

        `{undo!}` stands for the first of them. "(key {undo})" vanishes where there is none.
        """
        return _NO_KEY.sub("", _PLACE.sub(self._label_of_match, text))

    def _label_of_match(self, match: re.Match[str]) -> str:
        action = match.group(1)
        if not any(entry.action == action for entry in SHORTCUTS):
            return match.group(0)
        if match.group(2):
            return label_of(self.keymap.keys(action)[:1])
        return self.keymap.label(action) or "no key"


ACTIVE_KEYS = ActiveKeys()


def _without_doubles(
    changes: Mapping[str, Keys], shortcuts: Sequence[Shortcut], problems: list[str]
) -> Keymap:
    keymap = Keymap({}, shortcuts)
    modes = {entry.action: entry.mode for entry in shortcuts}
    taken: dict[tuple[str, str], str] = {
        (entry.mode, canonical(key)): entry.action
        for entry in shortcuts
        if not can_change(entry)
        for key in entry.keys
    }
    for action, keys in changes.items():
        mode = modes[action]
        free = tuple(key for key in keys if taken.get((mode, canonical(key)), action) == action)
        if free != keys:
            problems.append(f"a key of {action} is also that of another action")
        taken.update({(mode, canonical(key)): action for key in free})
        if free or not keys:
            keymap = keymap.with_keys(action, free)
    return keymap


def _parts(key: str) -> list[str]:
    if key.endswith("+"):
        return [*filter(None, key[:-1].split("+")), "+"]
    return key.split("+")


def _escaped(key: str) -> str:
    return "+".join(_ESCAPES.get(part, part) for part in _parts(key))


def _unescaped(key: str) -> str:
    plain = {name: character for character, name in _ESCAPES.items()}
    return "+".join(plain.get(part, part) for part in _parts(key))
