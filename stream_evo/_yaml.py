"""Read YAML files with a place for every value, and collect every fault before giving up.

:func:`read_yaml` turns a file into :class:`Node` values: plain Python values that know their line and key path. A :class:`Section`
takes such a mapping apart key by key with typed getters. A getter never raises: it notes a :class:`~stream_evo.errors.Fault`, hands back
a harmless stand-in and reading goes on; :meth:`Section.close` reports the keys nobody asked for; :meth:`Faults.check` raises one
:class:`~stream_evo.errors.InputError` with all of them.

Quantities are strings with a unit (``256 KiB``, ``128 bit/cycle``, ``52.0 pJ``); a bare number where a unit belongs is a fault.

Which part of YAML is accepted is written in :mod:`stream_evo._yaml_nodes`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stream_evo import _yaml_forms as forms
from stream_evo._yaml_forms import Form, JsonSchema
from stream_evo._yaml_nodes import FLOAT, Node, read_yaml, resolve
from stream_evo.errors import Fault, InputError, near_matches

__all__ = [
    "AREA",
    "BANDWIDTH",
    "CYCLES",
    "ENERGY",
    "ENERGY_PER_BIT",
    "SIZE",
    "Faults",
    "Node",
    "Section",
    "Unit",
    "near_matches",
    "open_section",
    "read_yaml",
]


@dataclass(frozen=True, slots=True)
class Unit:
    """A kind of quantity: the units it may be written in, each with its factor to the first one's scale.

    Attributes:
        kind: What is measured, for messages.
        factors: Unit name -> factor to the unit that the program computes in.
        example: A quantity in good form.
        whole: True if the converted number must be an integer.
        largest: Largest quantity that is accepted, after conversion: more is a slip of the pen, and would leave the range of integers.
    """

    kind: str
    factors: Mapping[str, float]
    example: str
    whole: bool = False
    largest: float = math.inf


SIZE: Final = Unit(
    "a size", {"bit": 1, "B": 8, "KiB": 8 * 1024, "MiB": 8 * 1024**2, "GiB": 8 * 1024**3}, "256 KiB", whole=True, largest=2**50
)
"""Memory sizes, in bits."""
BANDWIDTH: Final = Unit("a bandwidth", {"bit/cycle": 1, "B/cycle": 8}, "128 bit/cycle", whole=True, largest=2**32)
"""Bandwidths, in bits per cycle."""
CYCLES: Final = Unit("a time", {"cycle": 1}, "10 cycle", whole=True, largest=2**32)
"""Times, in cycles."""
ENERGY: Final = Unit("an energy", {"pJ": 1, "fJ": 1e-3, "nJ": 1e3}, "52.0 pJ", largest=1e12)
"""Energies, in pJ."""
ENERGY_PER_BIT: Final = Unit("an energy per bit", {"pJ/bit": 1, "fJ/bit": 1e-3, "pJ/B": 0.125}, "0.5 pJ/bit", largest=1e12)
"""Energies of transport, in pJ per bit."""
AREA: Final = Unit("an area", {"mm2": 1, "arb": 1}, "0.25 mm2", largest=1e12)
"""Areas, in mm², or ``arb``: on the scale of a source that states no unit."""

_QUANTITY = re.compile(rf"({FLOAT.pattern})\s*(.*)")


@dataclass(slots=True)
class Faults:
    """All faults of one input file.

    Attributes:
        source: The file, for the message.
        found: The faults so far.
    """

    source: str
    found: list[Fault] = field(default_factory=list)

    def add(self, node: Node, what: str, *, expected: str = "", found: str | None = None, hint: str = "") -> None:
        """Note a fault at `node`; `found` is the text of the node if not given, in quotes where it is a text only because of them."""
        if found is None:
            quoted = isinstance(node.value, str) and not isinstance(resolve(node.value), str)
            found = repr(node.value) if quoted else node.written
        self.found.append(Fault(what, node.path, node.line, expected, found, hint))

    def check(self) -> None:
        """Raise all faults noted so far.

        Raises:
            InputError: there is at least one, in the order of the file.
        """
        if self.found:
            raise InputError(self.source, sorted(self.found, key=lambda fault: fault.line))


class Section:
    """One mapping of a file, read key by key.

    A missing key is a fault unless a `default` is given. Where a value cannot be used, the getter notes why and returns the default or a
    stand-in of the right type; whether everything so far was right is told by :attr:`sound`.

    Args:
        node: The mapping; anything else is a fault.
        faults: Collector of the file's faults.
        form: Where to note what is asked for, from which JSON Schemas are made; ``None`` for not at all.
    """

    def __init__(self, node: Node, faults: Faults, form: Form | None = None) -> None:
        self.node = node
        self.faults = faults
        self._form = form
        self._asked: list[str] = []
        self._start = len(faults.found)
        if isinstance(node.value, dict):
            self._entries: dict[str, Node] = node.value
        else:
            self._entries = {}
            faults.add(node, "wrong type", expected="a mapping of keys to values")

    @property
    def sound(self) -> bool:
        """True if no fault was noted in or below this section, and no key stands twice there."""
        if self.node.doubtful:
            return False
        inside = (self.node.path + ".", self.node.path + "[")
        return not any(f.path == self.node.path or f.path.startswith(inside) for f in self.faults.found[self._start :])

    def at_fault(self, key: str) -> bool:
        """Return True if a fault was noted at `key` or below it, or a key stands twice there."""
        if key in self._entries and self._entries[key].doubtful:
            return True
        place = f"{self.node.path}.{key}"
        return any(f.path == place or f.path.startswith((f"{place}.", f"{place}[")) for f in self.faults.found[self._start :])

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(
        self, *, choices: Sequence[str] = (), kind: str = "key", each: JsonSchema | None = None, named: bool = False
    ) -> tuple[str, ...]:
        """Return the keys of the section, and count all of them as known; iterating over a section does the same.

        Args:
            choices: If given, the names that keys are limited to; others are faults and left out.
            kind: What a key is, for messages.
            each: What the caller wants of the values, as JSON Schema, where no getter says it; keys asked for before keep their own.
            named: True if keys name parts of a chip: each that is empty or of blanks only is a fault.
        """
        if self._form is not None and self._form.free is None:
            self._form.free, self._form.choices = forms.Entry(values=[] if each is None else [each]), tuple(choices)
            self._form.named = named
        self._asked += [key for key in self._entries if key not in self._asked]
        for key, node in self._entries.items():
            if named and not key.strip():
                what = "a name of blanks only" if key else "a name that is empty"
                self.faults.add(node, what, expected="a name", found=repr(key))
        known = tuple(key for key in self._entries if not choices or key in choices)
        for key in self._entries:
            if key not in known:
                self.faults.add(self._entries[key], f"unknown {kind} {key!r}", found="", hint=near_matches(key, choices))
        return known

    def has(self, key: str) -> bool:
        """Return True if `key` is there; it counts as known from now on, and as one that may be missing unless asked for before."""
        if self._form is not None:
            self._form.at(key, self._place(key))
        return self._known(key)

    def is_word(self, key: str, word: str, *, otherwise: JsonSchema) -> bool:
        """Return True if `key` holds just `word`; `otherwise` says as JSON Schema what it holds if not."""
        self._note(key, None, {"const": word})
        self._note(key, None, otherwise)
        return self._known(key) and self._entries[key].value == word

    def node_at(self, key: str) -> Node:
        """Return the node at `key`, or the section's own if the key is missing: a place to hang a fault on."""
        return self._entries.get(key, self.node)

    def close(self) -> None:
        """Note every key that was never asked for."""
        for key, node in self._entries.items():
            if key not in self._asked:
                self.faults.add(node, f"unknown key {key!r}", found="", hint=near_matches(key, self._asked))

    def text(self, key: str, *, default: str | None = None, choices: Sequence[str] = (), named: bool = False) -> str:
        """Return a string, one of `choices` if any are given; not one of blanks only if something of a chip is `named` so."""
        self._note(key, default, forms.NAME if named else forms.text(choices))
        node = self._get(key, default is not None, "a text" if not choices else "one of " + ", ".join(choices))
        fallback = default if default is not None else choices[0] if choices else ""
        if node is None:
            return fallback
        if not isinstance(node.value, str) or not node.value:
            self.faults.add(node, "wrong type", expected="a text" if not choices else "one of " + ", ".join(choices))
            return fallback
        if named and not node.value.strip():
            self.faults.add(node, "a name of blanks only", expected="a name", found=repr(node.value))
            return fallback
        if choices and node.value not in choices:
            self.faults.add(node, f"unknown value {node.value!r}", found="", hint=near_matches(node.value, choices))
            return fallback
        return node.value

    def variant(self, key: str, choices: Sequence[str]) -> str:
        """Return one of `choices`, which decides what other keys the section may have."""
        value = self.text(key, choices=choices)
        if self._form is not None:
            self._form = self._form.split(key, value)
        return value

    def integer(self, key: str, *, default: int | None = None, minimum: int | None = None, maximum: int | None = None) -> int:
        """Return an integer within its inclusive limits."""
        self._note(key, default, forms.integer(minimum, maximum))
        fallback = default if default is not None else minimum if minimum is not None else 0
        node = self._get(key, default is not None, "an integer")
        if node is None:
            return fallback
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            self.faults.add(node, "wrong type", expected="an integer")
            return fallback
        return node.value if self._within(node, node.value, minimum, maximum) else fallback

    def number(self, key: str, *, default: float | None = None, minimum: float | None = None, maximum: float | None = None) -> float:
        """Return a number without unit within its inclusive limits."""
        self._note(key, default, forms.number(minimum, maximum))
        fallback = default if default is not None else minimum if minimum is not None else 0.0
        node = self._get(key, default is not None, "a number")
        if node is None:
            return fallback
        if not isinstance(node.value, int | float) or isinstance(node.value, bool):
            self.faults.add(node, "wrong type", expected="a number")
            return fallback
        return float(node.value) if self._within(node, node.value, minimum, maximum) else fallback

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return true or false."""
        self._note(key, default, {"type": "boolean"})
        node = self._get(key, default is not None, "true or false")
        if node is not None and isinstance(node.value, bool):
            return node.value
        if node is not None:
            self.faults.add(node, "wrong type", expected="true or false")
        return bool(default)

    def quantity(self, key: str, unit: Unit, *, default: float | None = None, positive: bool = False, bare: bool = False) -> float:
        """Return a quantity in the unit the program computes in; never negative, and above 0 if `positive`.

        With `bare`, a number without unit is one in that unit.
        """
        optional = None if default is None else ()  # the default is in the program's unit, not in one of the file's
        self._note(key, optional, forms.quantity(FLOAT.pattern, tuple(unit.factors), unit.kind, unit.example))
        if bare:
            self._note(key, optional, forms.number(None, None))
        node = self._get(key, default is not None, f"{unit.kind} such as {unit.example}")
        fallback = default if default is not None else 1.0
        if node is None:
            return fallback
        value = _convert(node, unit, self.faults, bare=bare)
        if value is None:
            return fallback
        if value < 0 or (positive and value == 0):
            self.faults.add(node, "out of range", expected=f"{unit.kind} {'above' if positive else 'of at least'} 0")
            return fallback
        return value

    def whole_quantity(self, key: str, unit: Unit, *, default: int | None = None) -> int:
        """Return a positive quantity that is an integer after conversion, such as bits."""
        return int(self.quantity(key, unit, default=default, positive=True))

    def names(
        self, key: str, *, default: Sequence[str] | None = None, choices: Sequence[str] = (), minimum: int = 0, local: bool = False
    ) -> tuple[str, ...]:
        """Return a list of different strings, each one of `choices` if any are given; `local` if those are names of this very file."""
        self._note(key, default, forms.names(() if local else choices, minimum))
        found: list[str] = []
        for node in self._list(key, default is not None, "a list of names"):
            if not isinstance(node.value, str):
                self.faults.add(node, "wrong type", expected="a name")
            elif choices and node.value not in choices:
                self.faults.add(node, f"unknown name {node.value!r}", found="", hint=near_matches(node.value, choices))
            elif node.value in found:
                self.faults.add(node, f"{node.value!r} is listed twice", found="")
            else:
                found.append(node.value)
        self._enough(key, minimum)
        return tuple(found if key in self._entries else default or ())

    def items(
        self, key: str, *, each: JsonSchema, optional: bool = False, expected: str = "a list", minimum: int = 0, default: Sequence[str] = ()
    ) -> tuple[Node, ...]:
        """Return the nodes of a list; `each` says as JSON Schema what the caller wants of every one, `default` what stands for none."""
        self._note(key, default if optional else None, forms.listed(each, minimum))
        found = self._list(key, optional, expected)
        self._enough(key, minimum)
        return found

    def section(self, key: str, *, optional: bool = False) -> Section | None:
        """Return the mapping at `key`, or ``None`` if it is missing or no mapping."""
        form = None if self._form is None else self._form.at(key, self._place(key), required=not optional).mapping()
        node = self._get(key, optional, "a mapping of keys to values")
        if node is None:
            return None
        below = Section(node, self.faults, form)
        return below if isinstance(node.value, dict) else None

    def sections(self, key: str, *, optional: bool = False) -> tuple[Section, ...]:
        """Return the mappings in the list at `key`."""
        form = None if self._form is None else self._form.at(key, self._place(key), required=not optional).mappings()
        found = [Section(node, self.faults, form) for node in self._list(key, optional, "a list of mappings")]
        return tuple(below for below in found if isinstance(below.node.value, dict))

    def _enough(self, key: str, minimum: int) -> None:
        node = self._entries.get(key)
        if node is not None and isinstance(node.value, tuple) and len(node.value) < minimum:
            self.faults.add(node, "too few entries", expected=f"at least {minimum}")

    def _note(self, key: str, default: Any, value: JsonSchema) -> None:
        if self._form is not None:
            self._form.ask(key, value, self._place(key), default=default)

    def _place(self, key: str) -> tuple[str, int] | None:
        return (self.faults.source, self._entries[key].line) if key in self._entries else None

    def _known(self, key: str) -> bool:
        if key not in self._asked:
            self._asked.append(key)
        return key in self._entries

    def _list(self, key: str, optional: bool, expected: str) -> tuple[Node, ...]:
        node = self._get(key, optional, expected)
        if node is None:
            return ()
        if not isinstance(node.value, tuple):
            self.faults.add(node, "wrong type", expected=expected)
            return ()
        return node.value

    def _get(self, key: str, optional: bool, expected: str) -> Node | None:
        if self._known(key):
            return self._entries[key]
        if not optional:
            node = self.node
            self.faults.found.append(Fault(f"missing key {key!r}", node.path, node.line, expected))
        return None

    def _within(self, node: Node, value: float, minimum: float | None, maximum: float | None) -> bool:
        if (minimum is None or value >= minimum) and (maximum is None or value <= maximum):
            return True
        low, high = "" if minimum is None else f"at least {minimum}", "" if maximum is None else f"at most {maximum}"
        self.faults.add(node, "out of range", expected=" and ".join(filter(None, (low, high))))
        return False


def open_section(path: str | Path, kind: str = "") -> tuple[Section, Faults]:
    """Read a file whose root is a mapping.

    Args:
        path: The file.
        kind: Name of the format, under which its form is noted; see :mod:`stream_evo._yaml_forms`.

    Returns:
        The root and the collector of the file's faults, which holds those of keys that stand twice in one mapping.

    Raises:
        InputError: as :func:`read_yaml`, but for such keys; or the root is not a mapping.
    """
    faults = Faults(str(path))
    root = Section(read_yaml(path, duplicates=faults.found, last_counts=False), faults, forms.form_of(kind))
    if not isinstance(root.node.value, dict):
        faults.check()
    return root, faults


def _convert(node: Node, unit: Unit, faults: Faults, *, bare: bool = False) -> float | None:
    """Return the quantity at `node` in base units, or ``None`` after noting why not."""
    expected = f"{unit.kind} such as {unit.example}"
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        faults.add(node, "wrong type", expected=expected)
        return None
    if not isinstance(node.value, str) and not bare:
        faults.add(node, "missing unit", expected=expected, hint="Units: " + ", ".join(unit.factors))
        return None
    if not isinstance(node.value, str):
        value = float(node.value)
    else:
        match = _QUANTITY.fullmatch(node.value.strip())
        if match is None:
            faults.add(node, "not a quantity", expected=expected)
            return None
        name = match[2].strip()
        if name not in unit.factors:
            faults.add(
                node, f"wrong unit {name!r}" if name else "missing unit", expected=expected, hint="Units: " + ", ".join(unit.factors)
            )
            return None
        value = float(match[1]) * unit.factors[name]
    if not math.isfinite(value) or (unit.whole and not value.is_integer()):
        whole = f"{unit.kind} of a whole number of {next(iter(unit.factors))}"
        faults.add(node, "out of range", expected=whole if unit.whole else "a finite number")
        return None
    if value > unit.largest:
        faults.add(node, "out of range", expected=f"{unit.kind} of at most {unit.largest:g} {next(iter(unit.factors))}")
        return None
    return value
