"""Everything that can go wrong on purpose.

::

    StreamEvoError
    ├── InputError            a file or argument of the user's: carries every fault found at once
    │   └── UnknownNameError  a name that is not in a catalogue: lists the known and the near ones
    ├── RunFolderError        an output folder that cannot be used as asked
    └── PluginError           an operator, objective or engine of the user's breaks its contract

A candidate that does not fit on a chip is never an exception: it is a constraint violation in bytes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Fault", "InputError", "PluginError", "RunFolderError", "StreamEvoError", "UnknownNameError", "near_matches"]


def near_matches(name: str, known: Sequence[str]) -> str:
    """Return a hint that names the entries of `known` nearest to `name`, whatever their case, and all of them but blank ones."""
    known = [entry for entry in known if entry.strip()]
    spellings = {entry.lower(): entry for entry in reversed(known)}
    near = [spellings[entry] for entry in difflib.get_close_matches(name.lower(), spellings, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return hint + "Known: " + (", ".join(known) if known else "none")


class StreamEvoError(Exception):
    """Root of all errors this package raises on purpose.

    Example:
        >>> try:
        ...     stream_evo.load_run("no/such/folder")
        ... except stream_evo.StreamEvoError as error:
        ...     print(type(error).__name__)
        RunFolderError
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    Attributes:
        what: The fault in one sentence.
        path: Where inside the input, e.g. ``$.cores[3].memories[0].size``; empty for the whole.
        line: Line number in the file, from 1; 0 where a line has no meaning.
        expected: What would have been right; empty if `what` says it all.
        found: What was there instead, as the user wrote it.
        hint: The way out; empty if it is obvious.
    """

    what: str
    path: str = ""
    line: int = 0
    expected: str = ""
    found: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        place += f"{self.path}: " if self.path else ""
        text = place + self.what
        if self.expected:
            text += f"; expected {self.expected}"
        if self.found:
            text += f"; found {self.found}"
        return text + (f". {self.hint}" if self.hint else "")


class InputError(StreamEvoError):
    """An input that cannot be used, with all its faults.

    Attributes:
        source: The file or argument that is at fault.
        faults: Every fault found, in the order of the input; never empty.

    Example:
        >>> try:
        ...     stream_evo.optimize("squeezenet", "homogeneous_quad", population=1, generations=0)
        ... except stream_evo.InputError as error:
        ...     [fault.path for fault in error.faults]
        ['population', 'generations']
    """

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{source}: " + ("1 fault" if count == 1 else f"{count} faults")
        super().__init__("\n".join([head, *(f"  {fault}" for fault in self.faults)]))


class UnknownNameError(InputError):
    """A name that is not in a catalogue.

    Attributes:
        name: The name asked for.
        known: All names of the catalogue.

    Example:
        >>> try:
        ...     stream_evo.load_hardware("heterogenous_quad")
        ... except stream_evo.UnknownNameError as error:
        ...     error.name, "heterogeneous_quad" in error.known
        ('heterogenous_quad', True)
    """

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(kind, [Fault(f"unknown {kind} {name!r}", hint=near_matches(name, self.known))])


class RunFolderError(StreamEvoError):
    """A run folder that cannot be written, read or continued as asked.

    Example:
        >>> stream_evo.load_run("no/such/folder")
        Traceback (most recent call last):
            ...
        stream_evo.errors.RunFolderError: no/such/folder is not the folder of a run: it has no manifest.yaml
    """


class PluginError(StreamEvoError):
    """A plug-in that cannot be loaded or breaks the contract of its kind.

    Example:
        >>> try:
        ...     stream_evo.optimize("squeezenet", "homogeneous_quad", operators=["nowhere.py:Mine"])
        ... except stream_evo.PluginError as error:
        ...     "there is no file" in str(error)
        True
    """
