"""A YAML file as plain values that know their place.

Only a small part of YAML is accepted, on purpose: no anchors or tags (a few bytes of them can stand for gigabytes or for code), no
duplicate keys, and scalars as in the YAML 1.2 core schema (``no`` is a string, ``1e10`` a number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from stream_evo.errors import Fault, InputError

__all__ = ["FLOAT", "Dumper", "Node", "Scalar", "read_yaml", "resolve"]

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 32
FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
"""How a decimal number is written."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_LONGEST_NUMBER: Final = 40

Scalar: TypeAlias = "str | int | float | bool | None"

_SPECIAL: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file with its place.

    Attributes:
        value: A scalar, a tuple of nodes (list), or a dict of nodes (mapping).
        path: Key path, e.g. ``$.memories[0].size``.
        line: Line number, from 1.
        written: A scalar as it stands in the file; a short description otherwise.
        doubtful: True if its key stands twice in one mapping, or a key below it does: what it says depends on which of the two is meant.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    path: str
    line: int
    written: str
    doubtful: bool = False

    def plain(self) -> Any:
        """Return the value without its places: scalars, lists and dicts."""
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def lines(self) -> dict[str, int]:
        """Return the line of every key path at and below this node."""
        found = {self.path: self.line}
        below = self.value if isinstance(self.value, tuple) else self.value.values() if isinstance(self.value, dict) else ()
        for item in below:
            found.update(item.lines())
        return found


def read_yaml(path: str | Path, *, duplicates: list[Fault] | None = None, last_counts: bool = True) -> Node:
    """Read one YAML file.

    Args:
        path: The file, UTF-8, at most 4 MiB.
        duplicates: Where to note keys that stand twice in one mapping, for reading to go on; by default they are raised.
        last_counts: Take the last of such values, as other programs do. If not, the first counts, and two mappings count as one with the
            keys of both: so the least is held against the rest of a file that is refused for its duplicates anyway.

    Returns:
        The root of the file.

    Raises:
        InputError: the file cannot be read, is too large, nested too deeply, not YAML, empty, or several documents; it uses anchors or
            tags, or a key twice in one mapping.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(str(path), [Fault("the file cannot be read", found=error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise InputError(str(path), [Fault("the file is not text", expected="UTF-8", found=str(error.reason))]) from error
    if len(data) > MAX_BYTES:
        raise InputError(str(path), [Fault("the file is too large", expected=f"at most {MAX_BYTES} bytes")])
    builder = _Builder(last_counts=last_counts and duplicates is not None)
    try:
        # Events instead of yaml.compose: the C parser is ten times faster, and depth, anchors and tags are seen before anything is built.
        builder.document(iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        builder.faults.append(Fault("not valid YAML", line=line, found=str(error.problem or error)))
    except yaml.YAMLError as error:
        builder.faults.append(Fault("not valid YAML", found=" ".join(str(error).split())))
    refused = builder.faults if builder.last_counts else builder.faults + builder.duplicates
    if builder.faults or builder.root is None or (refused and duplicates is None):
        raise InputError(str(path), sorted(refused, key=lambda fault: fault.line) or [Fault("the file is empty")])
    if duplicates is not None:
        duplicates += builder.duplicates
    return builder.root


class _Builder:
    """Builds nodes from parser events, with faults for what is not accepted."""

    def __init__(self, *, last_counts: bool) -> None:
        self.faults: list[Fault] = []
        self.duplicates: list[Fault] = []
        self.last_counts = last_counts
        self.root: Node | None = None

    def document(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.faults.append(Fault("more than one document in the file"))
                    return
                self.root = self._node(next(events), events, "$", 0)

    def _node(self, event: Any, events: Iterator[Any], path: str, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self.faults.append(Fault("anchors and aliases are not accepted", path, line, hint="Write the value out"))
            return Node(None, path, line, f"*{event.anchor}")
        if event.anchor is not None:
            self.faults.append(Fault("anchors and aliases are not accepted", path, line, hint="Write the value out"))
        if event.tag is not None:
            self.faults.append(Fault("tags are not accepted", path, line, found=event.tag))
        if isinstance(event, yaml.ScalarEvent):
            return Node(resolve(event.value) if event.implicit[0] else event.value, path, line, event.value)
        if depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=event.start_mark)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self._node(event, events, f"{path}[{len(items)}]", depth + 1))
            return Node(tuple(items), path, line, f"a list of {len(items)}", any(item.doubtful for item in items))
        return self._mapping(events, path, line, depth)

    def _mapping(self, events: Iterator[Any], path: str, line: int, depth: int) -> Node:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, f"{path}.(key)", depth + 1)
            if isinstance(key.value, tuple | dict):
                self.faults.append(Fault("a key must be a name", path, key.line, found=key.written))
            name = key.written
            value = self._node(next(events), events, f"{path}.{name}", depth + 1)
            if name in entries:
                first = entries[name]
                hint = f"It stands in line {first.line} already"
                self.duplicates.append(Fault("duplicate key", f"{path}.{name}", key.line, hint=hint))
                if not self.last_counts:
                    _unite(first, value)
                    entries[name] = replace(first, doubtful=True)
                    continue
            # The line of an entry is that of its key: there a reader looks for it.
            entries[name] = Node(value.value, value.path, key.line, value.written, value.doubtful)
        return Node(entries, path, line, f"a mapping of {len(entries)} keys", any(entry.doubtful for entry in entries.values()))


def _unite(first: Node, second: Node) -> None:
    """Add to the first of two values of one key what the second has beyond it, if both are mappings."""
    if isinstance(first.value, dict) and isinstance(second.value, dict):
        for key, node in second.value.items():
            first.value[key] = replace(first.value[key], doubtful=True) if key in first.value else node


def resolve(text: str) -> Scalar:
    """Return what a plain scalar means in the YAML 1.2 core schema, without hexadecimal, octal, infinity and not-a-number."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        return int(text)
    if FLOAT.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        return float(text)
    return text


class Dumper(yaml.SafeDumper):
    """Writes what `resolve` reads back: PyYAML leaves texts bare that are numbers only since YAML 1.2, such as ``1e5``."""


# PyYAML asks whether a text begins like this.
Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"(?:{FLOAT.pattern})\Z"), list("+-.0123456789"))
