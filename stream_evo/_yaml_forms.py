"""What the readers of YAML files ask for, noted while they read.

A reader states what it wants of a file by the getters of :class:`~stream_evo._yaml.Section` that it calls. Inside :func:`recording` every
section notes these calls in a :class:`Form`: the keys, which of them are required, and a fragment of JSON Schema for each value. Reading a
file that holds every key there is thus yields the form of all files that the reader accepts; there is no second description of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = [
    "NAME",
    "TEXT",
    "Entry",
    "Form",
    "JsonSchema",
    "Place",
    "form_of",
    "integer",
    "listed",
    "names",
    "number",
    "quantity",
    "recording",
    "text",
]

JsonSchema: TypeAlias = Mapping[str, Any]
"""A fragment of JSON Schema."""

Place: TypeAlias = tuple[str, int]
"""A file and a line in it."""

TEXT: JsonSchema = {"type": "string", "minLength": 1}
"""A text that is not empty."""
NAME: JsonSchema = {"type": "string", "pattern": r"\S"}
"""A text that is neither empty nor of blanks only."""


@dataclass(slots=True)
class Entry:
    """What is asked for at one key.

    Attributes:
        place: File and line of the key where it was read first; ``None`` if it was only asked for.
        required: True if the reader cannot do without it.
        default: What the reader takes instead; ``None`` if nothing.
        values: Fragments for its value, any of which may hold.
        below: The mapping at this key, if it may be one.
        each: The mappings in the list at this key, if it may be one.
    """

    place: Place | None = None
    required: bool = False
    default: Any = None
    values: list[JsonSchema] = field(default_factory=list)
    below: Form | None = None
    each: Form | None = None

    def mapping(self) -> Form:
        """Return the form of the mapping at this key."""
        self.below = self.below or Form()
        return self.below

    def mappings(self) -> Form:
        """Return the form that all mappings in the list at this key share."""
        self.each = self.each or Form()
        return self.each


@dataclass(slots=True)
class Form:
    """What is asked of one kind of mapping.

    Attributes:
        keys: Known key -> what is asked for there.
        free: What is asked for at every other key, if keys are the user's names.
        choices: Names that free keys are limited to; empty for any.
        named: True if free keys may be neither empty nor of blanks only.
        variant: Key whose value decides what other keys there are; empty if there is none.
        variants: Value of that key -> form of the mappings that have it.
    """

    keys: dict[str, Entry] = field(default_factory=dict)
    free: Entry | None = None
    choices: tuple[str, ...] = ()
    named: bool = False
    variant: str = ""
    variants: dict[str, Form] = field(default_factory=dict)

    def at(self, key: str, place: Place | None, *, required: bool = False) -> Entry:
        """Return the entry of `key`, made on first use: whether it is required is settled then."""
        entry = self.free if self.free is not None and key not in self.keys else self.keys.setdefault(key, Entry(required=required))
        entry.place = entry.place or place
        return entry

    def ask(self, key: str, value: JsonSchema, place: Place | None, *, default: Any = None) -> None:
        """Note that `value` is asked for at `key`."""
        entry = self.at(key, place, required=default is None)
        if value not in entry.values:
            entry.values.append(value)
        if default not in (None, "", "-", ()):
            entry.default = default

    def split(self, key: str, value: str) -> Form:
        """Return the form of the mappings that have `value` at `key`; it starts with what was asked so far."""
        self.variant = key
        return self.variants.setdefault(value, Form(dict(self.keys)))


_FORMS: ContextVar[dict[str, Form] | None] = ContextVar("forms", default=None)


@contextmanager
def recording() -> Iterator[dict[str, Form]]:
    """Note what readers ask for: kind of file -> its form, filled while files are read inside the ``with``."""
    forms: dict[str, Form] = {}
    token = _FORMS.set(forms)
    try:
        yield forms
    finally:
        _FORMS.reset(token)


def form_of(kind: str) -> Form | None:
    """Return the form to note in for files of `kind`; ``None`` if nothing is to be noted."""
    forms = _FORMS.get()
    return None if forms is None or not kind else forms.setdefault(kind, Form())


def text(choices: Sequence[str] = ()) -> JsonSchema:
    """Return the fragment of a text, one of `choices` if any are given."""
    return {"enum": [str(choice) for choice in choices]} if choices else TEXT


def integer(minimum: int | None, maximum: int | None) -> JsonSchema:
    """Return the fragment of an integer within inclusive limits."""
    return {"type": "integer", **_limits(minimum, maximum)}


def number(minimum: float | None, maximum: float | None) -> JsonSchema:
    """Return the fragment of a number within inclusive limits."""
    return {"type": "number", **_limits(minimum, maximum)}


def quantity(pattern: str, units: Sequence[str], kind: str, example: str) -> JsonSchema:
    """Return the fragment of a number with one of `units`."""
    escaped = "|".join(units)
    return {
        "type": "string",
        "pattern": rf"^\s*{pattern}\s*({escaped})\s*$",
        "examples": [example],
        "description": f"{kind[:1].upper() + kind[1:]} such as {example}; units: {', '.join(units)}.",
    }


def names(choices: Sequence[str], minimum: int) -> JsonSchema:
    """Return the fragment of a list of different texts."""
    return listed(text(choices) if choices else {"type": "string"}, minimum) | {"uniqueItems": True}


def listed(each: JsonSchema, minimum: int = 0) -> dict[str, Any]:
    """Return the fragment of a list whose items all satisfy `each`."""
    return {"type": "array", "items": each, **({"minItems": minimum} if minimum else {})}


def _limits(minimum: float | None, maximum: float | None) -> dict[str, float]:
    return {name: value for name, value in (("minimum", minimum), ("maximum", maximum)) if value is not None}
