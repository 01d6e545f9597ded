"""Arguments of the public functions: what each may be, in one table, read before anything is loaded.

A reader takes where a value stands, the value and a list of faults. It returns the value as plain Python has it (NumPy's integers become
``int``, lists tuples), or adds to the faults. Classes are told by their names: their modules take a tenth of a second and more to import.
"""

from __future__ import annotations

import operator
import os
import reprlib
from collections.abc import Callable, Iterable, Mapping
from numbers import Rational, Real
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from stream_evo.errors import Fault, InputError

__all__ = ["ARGUMENTS", "Reader", "check_arguments", "list_of", "number", "or_none", "path_or", "read_arguments", "text", "value_of"]

Reader: TypeAlias = Callable[[str, object, list[Fault]], Any]

_BAD: Final = object()
"""What a reader returns for a value that is of no use at all."""

_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80


def read_arguments(given: Mapping[str, object], readers: Mapping[str, Reader] | None = None) -> tuple[dict[str, Any], list[Fault]]:
    """Return the arguments that can be used, by name, and a fault for everything that cannot.

    Args:
        given: Name -> value.
        readers: Readers in place of those of `ARGUMENTS`, or beside them.
    """
    known = {**ARGUMENTS, **(readers or {})}
    faults: list[Fault] = []
    values = {name: known[name](name, value, faults) for name, value in given.items()}
    return {name: value for name, value in values.items() if value is not _BAD}, faults


def check_arguments(source: str, given: Mapping[str, object], readers: Mapping[str, Reader] | None = None) -> dict[str, Any]:
    """Return all arguments as plain values, by name.

    Args:
        source: What they are given to, for messages.
        given: Name -> value.
        readers: Readers in place of those of `ARGUMENTS`, or beside them.

    Raises:
        InputError: some are of a wrong type; all are listed.
    """
    values, faults = read_arguments(given, readers)
    if faults:
        raise InputError(source, faults)
    return values


def text(expected: str, hint: str = "") -> Reader:
    """Return a reader of text."""

    def read(path: str, value: object, faults: list[Fault]) -> Any:
        return str(value) if isinstance(value, str) else _wrong(path, value, faults, expected, hint)

    return read


def value_of(expected: str, *classes: str, hint: str = "") -> Reader:
    """Return a reader of values of some classes, each named ``package.Class``."""

    def read(path: str, value: object, faults: list[Fault]) -> Any:
        return value if _is_a(value, classes) else _wrong(path, value, faults, expected, hint)

    return read


def path_or(expected: str, *classes: str, hint: str = "") -> Reader:
    """Return a reader of names, paths and values of some classes, each named ``package.Class``."""

    def read(path: str, value: object, faults: list[Fault]) -> Any:
        if isinstance(value, Path) or _is_a(value, classes):
            return value
        if isinstance(value, os.PathLike) and isinstance(os.fspath(value), str):
            return Path(value)
        return str(value) if isinstance(value, str) else _wrong(path, value, faults, expected, hint)

    return read


def list_of(each: Reader, expected: str) -> Reader:
    """Return a reader of lists; a lone name or value where a list is wanted is refused, and text is not taken letter by letter."""

    def read(path: str, value: object, faults: list[Fault]) -> Any:
        if isinstance(value, str | bytes | os.PathLike) or _is_a(value, ("stream_evo.Result",)):
            return _wrong(
                path, value, faults, expected, f"Give a list, also of one: {path}=[{_shown(value) if isinstance(value, str) else '...'}]"
            )
        if isinstance(value, Mapping) or not isinstance(value, Iterable):
            return _wrong(path, value, faults, expected)
        # A set has another order in each process.
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        found = [each(f"{path}[{place}]", item, faults) for place, item in enumerate(items)]
        return tuple(item for item in found if item is not _BAD)

    return read


def _table_of(each: Reader, key: str, expected: str) -> Reader:
    def read(path: str, value: object, faults: list[Fault]) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return _wrong(path, value, faults, expected)
        found = {}
        for name, item in value.items():
            if isinstance(name, str):
                found[str(name)] = each(f"{path}.{name}", item, faults)
            else:
                _wrong(f"{path}[{_shown(name)}]", name, faults, key)
        return {name: item for name, item in found.items() if item is not _BAD}

    return read


def _whole(path: str, value: object, faults: list[Fault]) -> Any:
    if not isinstance(value, bool):
        try:
            return operator.index(value)  # type: ignore[arg-type]  # whether it is one is what is asked
        except TypeError:
            pass
    return _wrong(path, value, faults, "a whole number")


def _from_one(path: str, value: object, faults: list[Fault]) -> Any:
    found = _whole(path, value, faults)
    if found is not _BAD and found < 1:
        faults.append(Fault("out of range", path, expected="at least 1", found=str(found)))
        return _BAD
    return found


def number(path: str, value: object, faults: list[Fault]) -> Any:
    """Read a number, whole or not; which ones are allowed is told elsewhere."""
    if isinstance(value, Real) and not isinstance(value, Rational):
        return float(value)
    found = _whole(path, value, [])
    return found if found is not _BAD else _wrong(path, value, faults, "a number")


def _flag(path: str, value: object, faults: list[Fault]) -> Any:
    is_one = isinstance(value, bool) or _is_a(value, ("numpy.bool", "numpy.bool_"))
    return bool(value) if is_one else _wrong(path, value, faults, "True or False")


def _callback(path: str, value: object, faults: list[Fault]) -> Any:
    return value if callable(value) else _wrong(path, value, faults, "a function of one stream_evo.search.Progress")


def or_none(each: Reader) -> Reader:
    """Return a reader that takes ``None``, too."""
    return lambda path, value, faults: None if value is None else each(path, value, faults)


def _one_or_pair(each: Reader) -> Reader:
    pair = list_of(each, "")
    return lambda path, value, faults: (pair if isinstance(value, tuple | list) else each)(path, value, faults)


def _wrong(path: str, value: object, faults: list[Fault], expected: str, hint: str = "") -> object:
    faults.append(Fault("wrong type", path, expected=expected, found=_shown(value), hint=hint))
    return _BAD


def _shown(value: object) -> str:
    return " ".join(_REPR.repr(value).split())


def _is_a(value: object, classes: Iterable[str]) -> bool:
    return any(f"{known.__module__.partition('.')[0]}.{known.__name__}" in classes for known in type(value).__mro__)


def _names(what: str) -> Reader:
    return list_of(text(f"the name of {what}, or FILE.py:NAME"), "a list of names")


_TEXTS: Final = list_of(text("text"), "a list of names")
_HARDWARE: Final = path_or("a name, the path of a YAML file, or an Accelerator", "stream_evo.Accelerator")
_MAPPING: Final = path_or("the path of a mapping file, or a Mapping", "stream_evo.Mapping")
_RUN: Final = path_or("a Result, or the folder of a run", "stream_evo.Result")
_FOLDER: Final = path_or("the path of a folder")

ARGUMENTS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        # what is mapped on what
        "network": path_or("a name, the path of an ONNX file, an ONNX model, or a Workload", "stream_evo.Workload", "onnx.ModelProto"),
        "hardware": _HARDWARE,
        "mapping": _MAPPING,
        "first": _MAPPING,
        "second": _MAPPING,
        "bits": or_none(path_or("text such as 'I=8 W=8 O=16 O_final=8', or a Bits", "stream_evo.Bits")),
        "dims": _table_of(_whole, "the name of a dimension", "sizes of dimensions by their names, {'NAME': SIZE}"),
        "host_operators": _flag,
        "problem": text("the name of a shipped problem"),
        "name_or_file": path_or("a name of the catalogue, or the path of a file"),
        # how it is searched
        "objectives": _names("an objective"),
        "population": _whole,
        "generations": or_none(_whole),
        "evaluations": or_none(_whole),
        "time_limit_s": or_none(number),
        "seed": _whole,
        "workers": or_none(_from_one),
        "engine": text("the name of an engine, or FILE.py:NAME"),
        "operators": _names("an operator"),
        "pin": or_none(path_or("the path of a pin file", hint="Write the decisions into a YAML file and give its path")),
        "forbidden_cores": list_of(text("the name of a core"), "a list of names"),
        "split": _flag,
        "dataflow": _flag,
        "priority": _flag,
        "limits": _table_of(number, "the name of an objective", "largest values by objective, {'OBJECTIVE': VALUE}"),
        "reuse": list_of(_FOLDER, "a list of folders"),
        "on_progress": or_none(_callback),
        # runs and what becomes of them
        "folder": _FOLDER,
        "out": or_none(path_or("a path")),
        "run": _RUN,
        "runs": list_of(_RUN, "a list of results and folders of runs"),
        "labels": or_none(_TEXTS),
        "format": text("the name of a format"),
        "point": or_none(_whole),
        "hardware_or_pair": or_none(_one_or_pair(or_none(_HARDWARE))),
    }
)
"""Name of an argument -> its reader; arguments of one name mean one thing in all functions."""
