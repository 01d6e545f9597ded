"""Reading files that state numbers without units, and noting what has no counterpart here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stream_evo._yaml import BANDWIDTH, ENERGY, Faults, Node, read_yaml
from stream_evo.errors import Fault, InputError

__all__ = ["Fields", "ForeignFile", "Note", "open_file", "raise_all"]

_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NEAR: Final = 0.75


@dataclass(frozen=True, slots=True)
class Note:
    """Something a foreign file says that was read differently, guessed, or has no counterpart.

    Attributes:
        what: One sentence.
        source: The file.
        line: Line number, from 1; 0 for the whole file.
        path: Key path inside the file.
    """

    what: str
    source: str
    line: int = 0
    path: str = ""

    def __str__(self) -> str:
        place = self.source + (f", line {self.line}" if self.line else "") + (f", {self.path}" if self.path else "")
        return f"{place}: {self.what}"


@dataclass
class ForeignFile:
    """One file while it is read.

    Attributes:
        path: The file.
        faults: What makes it unusable.
        notes: What of it is not represented.
    """

    path: Path
    faults: Faults
    notes: list[Note] = field(default_factory=list)

    def note(self, node: Node, what: str) -> None:
        """Note something about `node`, once."""
        found = Note(what, str(self.path), node.line, node.path)
        if found not in self.notes:
            self.notes.append(found)


@dataclass
class Fields:
    """One mapping of the file, read key by key; the counterpart of `stream_evo._yaml.Section` for numbers without units.

    Args:
        node: The mapping; anything else is a fault.
        file: The file it is in.
    """

    node: Node
    file: ForeignFile
    _entries: Mapping[str, Node] = field(init=False)
    _asked: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._entries = self.node.value if isinstance(self.node.value, dict) else {}
        if not isinstance(self.node.value, dict):
            self.fault(self.node, "wrong type", expected="a mapping of keys to values")

    def fault(self, node: Node, what: str, *, expected: str = "", found: str | None = None, hint: str = "") -> None:
        """Note what is wrong with `node`."""
        self.file.faults.add(node, what, expected=expected, found=found, hint=hint)

    def note(self, key: str, what: str) -> None:
        """Note something about the value at `key`."""
        self.file.note(self.node_at(key), what)

    def keys(self) -> tuple[str, ...]:
        """Return all keys and count them as known."""
        self._asked |= set(self._entries)
        return tuple(self._entries)

    def has(self, key: str) -> bool:
        """Return True if `key` is there and not null; it counts as known from now on."""
        self._asked.add(key)
        return key in self._entries and self._entries[key].value is not None

    def node_at(self, key: str) -> Node:
        """Return the node at `key`, or that of the mapping."""
        return self._entries.get(key, self.node)

    def first_of(self, *keys: str) -> str:
        """Return the first of several spellings of a key that is there; the first if none is."""
        present = [key for key in keys if self.has(key)]
        return present[0] if present else keys[0]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; a number is taken as it is written."""
        if not self._given(key, default is None, "a text"):
            return default or ""
        node = self._entries[key]
        if isinstance(node.value, dict | tuple) or not node.written:
            self.fault(node, "wrong type", expected="a text")
            return default or ""
        return node.written

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false, in any of the spellings of YAML 1.1."""
        if not self._given(key, required=False, expected=""):
            return default
        node = self._entries[key]
        word = node.written.lower()
        if word in ("true", "yes", "on", "false", "no", "off"):
            return word in ("true", "yes", "on")
        self.fault(node, "wrong type", expected="true or false")
        return default

    def number(self, key: str, default: float | None = None, *, minimum: float = 0.0, maximum: float = ENERGY.largest) -> float:
        """Return a number from `minimum` to `maximum`, by default the largest energy that files of this package may state."""
        fallback = minimum if default is None else default
        if not self._given(key, default is None, "a number"):
            return fallback
        return self.number_at(self._entries[key], fallback, minimum=minimum, maximum=maximum)

    def whole(self, key: str, default: int | None = None, *, minimum: int = 0, maximum: float = BANDWIDTH.largest) -> int:
        """Return an integer from `minimum` to `maximum`, by default the largest bandwidth that files of this package may state."""
        fallback = minimum if default is None else default
        if not self._given(key, default is None, "an integer"):
            return fallback
        node = self._entries[key]
        value = self.number_at(node, fallback, minimum=minimum, maximum=maximum)
        if not float(value).is_integer():
            self.fault(node, "wrong type", expected="an integer")
            return fallback
        return int(value)

    def number_at(self, node: Node, fallback: float, *, minimum: float = 0.0, maximum: float = ENERGY.largest) -> float:
        """Return the number at `node`; digits may be grouped by underscores, as YAML 1.1 allows."""
        plain = node.written.replace("_", "")
        if isinstance(node.value, dict | tuple | bool) or node.value is None or not _NUMBER.fullmatch(plain):
            self.fault(node, "wrong type", expected="a number")
            return fallback
        value = float(plain)
        if not minimum <= value <= maximum or value == float("inf"):
            self.fault(node, "out of range", expected=f"at least {minimum:g} and at most {maximum:g}")
            return fallback
        return value

    def items(self, key: str, *, required: bool = True, expected: str = "a list") -> tuple[Node, ...]:
        """Return the nodes of a list."""
        if not self._given(key, required, expected):
            return ()
        node = self._entries[key]
        if not isinstance(node.value, tuple):
            self.fault(node, "wrong type", expected=expected)
            return ()
        return node.value

    def words(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(node.written for node in self.items(key, required=required, expected="a list of names"))

    def below(self, key: str, *, required: bool = True) -> Fields | None:
        """Return the mapping at `key`, or ``None`` if it is missing or no mapping."""
        if not self._given(key, required, "a mapping of keys to values"):
            return None
        found = Fields(self._entries[key], self.file)
        return found if isinstance(found.node.value, dict) else None

    def left_out(self, reasons: Mapping[str, str]) -> None:
        """Note the keys that are known but have no counterpart: key -> why."""
        for key, reason in reasons.items():
            if self.has(key):
                self.note(key, reason)

    def close(self, known: Sequence[str] = ()) -> None:
        """Deal with the keys nobody asked for: what looks like a slip is a fault, the rest is noted.

        Args:
            known: Keys that other files of this kind may have.
        """
        names = sorted(self._asked | set(known))
        for key, node in self._entries.items():
            if key in names:
                continue
            near = difflib.get_close_matches(key, names, n=1, cutoff=_NEAR)
            if near:
                self.fault(node, f"unknown key {key!r}", found="", hint=f"Did you mean {near[0]}?")
            else:
                self.file.note(node, f"the key {key!r} is not known here and was left out")

    def _given(self, key: str, required: bool, expected: str) -> bool:
        if self.has(key):
            return True
        if required:
            self.file.faults.add(self.node, f"missing key {key!r}", expected=expected, found="")
        return False


def open_file(path: str | Path) -> tuple[Node, ForeignFile]:
    """Read a file and return its root.

    Raises:
        InputError: it cannot be read or is not YAML.
    """
    duplicates: list[Fault] = []
    root, file = read_yaml(path, duplicates=duplicates), ForeignFile(Path(path), Faults(str(path)))
    for fault in duplicates:
        file.notes.append(Note("this key stands twice in its mapping; the last one counts", str(path), fault.line, fault.path))
    return root, file


def raise_all(source: str, files: Iterable[ForeignFile]) -> None:
    """Raise the faults of several files at once.

    Raises:
        InputError: there is one; those of other files than `source` say where they are.
    """
    faults = []
    for file in files:
        for fault in sorted(dict.fromkeys(file.faults.found), key=lambda fault: fault.line):
            where = "" if str(file.path) == source else f"in {file.path}: "
            faults.append(fault if not where else type(fault)(where + str(fault)))
    if faults:
        raise InputError(source, faults)
