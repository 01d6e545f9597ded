"""Names of ready content, found through entry points: the engine knows no network, operator or chip by itself.

Each catalogue is an entry-point group ``stream_evo.<catalogue>``; every entry point is a mapping from names to content. This package
fills its own catalogues the way any other package does, in its ``pyproject.toml``::

    [project.entry-points."stream_evo.accelerators"]
    my_chips = "my_package:ACCELERATORS"

Catalogues:
    networks: name -> function that builds an ``onnx.ModelProto``.
    accelerators, cores: name -> path of a YAML file.
    problems: name -> problem value.
    operators: name -> operator class.
    objectives: name -> function of the metrics, or a class that makes one.
    engines: name -> class or function that takes an ``EngineContext``.

Resolution of what a user typed, a name or a file:
    load_network, network_source, load_hardware, load_core, load_problem.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stream_evo._arguments import check_arguments, or_none, value_of
from stream_evo._plugin_file import is_reference, load_reference
from stream_evo.errors import Fault, InputError, PluginError, UnknownNameError

if TYPE_CHECKING:  # these modules take a tenth of a second and more to import
    import onnx

    from stream_evo.hardware import Accelerator, Core
    from stream_evo.workload import Bits, Workload

__all__ = [
    "accelerators",
    "cores",
    "engines",
    "load_core",
    "load_hardware",
    "load_network",
    "load_problem",
    "network_source",
    "networks",
    "objectives",
    "operators",
    "problems",
]

_BITS = {"bits": or_none(value_of("a Bits", "stream_evo.Bits", hint="For example stream_evo.workload.Bits(I=8, W=4, O=16, O_final=8)"))}

_LOG = logging.getLogger(__name__)


def networks() -> Mapping[str, Callable[[], onnx.ModelProto]]:
    """Return the builders of all known networks by name."""
    return _catalogue("networks")


def accelerators() -> Mapping[str, Path]:
    """Return the YAML files of all known accelerators by name."""
    return _catalogue("accelerators")


def cores() -> Mapping[str, Path]:
    """Return the YAML files of all known cores by name."""
    return _catalogue("cores")


def problems() -> Mapping[str, Any]:
    """Return all known problems by name."""
    return _catalogue("problems")


def operators() -> Mapping[str, Any]:
    """Return all known operators of the search by name."""
    return _catalogue("operators")


def objectives() -> Mapping[str, Any]:
    """Return all known objectives beyond the evaluator's own metrics, by name."""
    return _catalogue("objectives")


def engines() -> Mapping[str, Any]:
    """Return all known engines of the search by name."""
    return _catalogue("engines")


def load_network(
    name_or_file: str | Path, *, bits: Bits | None = None, dims: Mapping[str, int] | None = None, host_operators: bool = False
) -> Workload:
    """Load a network by its name in the catalogue or from an ONNX file.

    Args:
        name_or_file: A name, or a path: anything that ends in ``.onnx``, holds a path separator or is an existing file.
        bits: Precision of every layer, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Raises:
        UnknownNameError: no such name.
        InputError: arguments of wrong types, or the file is missing or cannot be used.

    Example:
        >>> stream_evo.load_network("squeezenet").macs
        349151936
    """
    given = check_arguments("load_network", locals(), _BITS)
    from stream_evo.workload import load_onnx  # noqa: PLC0415  # imports onnx

    name_or_file = given["name_or_file"]
    _LOG.info("reading network %s", name_or_file)
    source = network_source(name_or_file)
    name = None if isinstance(source, Path) else str(name_or_file)
    return load_onnx(source, name=name, bits=bits, dims=given["dims"], host_operators=given["host_operators"])


def network_source(name_or_file: str | Path) -> Path | onnx.ModelProto:
    """Return the ONNX file, or the model that the catalogue builds, that `name_or_file` stands for.

    Raises:
        UnknownNameError: no such name.
        InputError: the file is missing.
    """
    if _is_file(name_or_file, (".onnx",)):
        return _existing(name_or_file, "network")
    model: onnx.ModelProto = _find("network", str(name_or_file), networks())()
    return model


def load_hardware(name_or_file: str | Path) -> Accelerator:
    """Load an accelerator by its name in the catalogue or from a YAML file: one of this package, or of the reference framework.

    Raises:
        UnknownNameError: no such name.
        InputError: no text or path is given, or the file is missing or holds faults.

    Example:
        >>> stream_evo.load_hardware("single_core").name
        'single_core'
    """
    name_or_file = check_arguments("load_hardware", locals())["name_or_file"]
    from stream_evo.foreign import is_foreign_hardware, read_hardware  # noqa: PLC0415  # numpy-free, but slower than a lookup of names
    from stream_evo.hardware import load_accelerator  # noqa: PLC0415  # as above

    _LOG.info("reading hardware %s", name_or_file)
    path = _yaml_file("hardware", name_or_file, accelerators)
    if not is_foreign_hardware(path):
        return load_accelerator(path)
    imported = read_hardware(path)
    if imported.notes:
        _LOG.warning("%s: not all was read as it is written there; stream-evo import-hardware %s -o FILE tells what", path, path)
    return imported.accelerator


def load_core(name_or_file: str | Path) -> Core:
    """Load a core by its name in the catalogue or from a YAML file.

    Raises:
        UnknownNameError: no such name.
        InputError: the file is missing or holds faults.
    """
    from stream_evo.hardware import load_core as load  # noqa: PLC0415  # as above

    return load(_yaml_file("core", check_arguments("load_core", {"name_or_file": name_or_file})["name_or_file"], cores))


def load_problem(name_or_file: str | Path) -> Any:
    """Load a problem by its name in the catalogue, from a problem file, or from a Python file as ``FILE.py:NAME``.

    Problem files are read by the one entry point ``yaml`` of group ``stream_evo.problem_readers``: the engine knows no concrete problem.

    Raises:
        UnknownNameError: no such name.
        InputError: the file is missing or holds faults.
        PluginError: a Python file cannot be run, has no such name, or what it names is no problem.
    """
    name_or_file = check_arguments("load_problem", locals())["name_or_file"]
    if isinstance(name_or_file, str) and is_reference(name_or_file):
        return _problem(name_or_file, load_reference(name_or_file))
    if not _is_file(name_or_file, (".yaml", ".yml")):
        return _problem(str(name_or_file), _find("problem", str(name_or_file), problems()))
    path = _existing(name_or_file, "problem")
    (reader,) = metadata.entry_points(group="stream_evo.problem_readers", name="yaml")
    return reader.load()(path)


def _problem(name: str, found: Any) -> Any:
    """Refuse what is no problem; which class it is of does not matter."""
    missing = [part for part in ("network", "hardware", "objectives", "settings") if not hasattr(found, part)]
    if missing or isinstance(found, type):
        raise PluginError(f"{name} must be a stream_evo.problems.Problem, found {found!r:.80}")
    return found


def _yaml_file(kind: str, name_or_file: str | Path, catalogue: Callable[[], Mapping[str, Path]]) -> Path:
    if _is_file(name_or_file, (".yaml", ".yml")):
        return _existing(name_or_file, kind)
    path: Path = _find(kind, str(name_or_file), catalogue())
    return path


def _is_file(text: str | Path, suffixes: tuple[str, ...]) -> bool:
    path = Path(text)
    return isinstance(text, Path) or path.suffix.lower() in suffixes or len(path.parts) > 1 or path.is_file()


def _existing(text: str | Path, kind: str) -> Path:
    path = Path(text)
    if path.is_dir():
        raise InputError(str(path), [Fault(f"this is a folder, not a {kind} file")])
    if not path.is_file():
        hint = f"Give the path of a file, or a name from: stream-evo list {'hardware' if kind == 'hardware' else kind + 's'}"
        raise InputError(str(path), [Fault("no such file", hint=hint)])
    return path


def _find(kind: str, name: str, catalogue: Mapping[str, Any]) -> Any:
    if name not in catalogue:
        raise UnknownNameError(kind, name, list(catalogue))
    return catalogue[name]


@cache
def _catalogue(kind: str) -> Mapping[str, Any]:
    """Merge all mappings of one entry-point group, by name.

    Raises:
        PluginError: an entry point cannot be imported or is no mapping, or two of them give the same name.
    """
    merged: dict[str, Any] = {}
    owner: dict[str, str] = {}
    # An editable and a normal installation can both be visible: the same entry point then appears twice.
    found = {(entry.name, entry.value): entry for entry in metadata.entry_points(group=f"stream_evo.{kind}")}
    for entry in found.values():
        source = f"entry point {entry.name} = {entry.value} of group stream_evo.{kind}"
        try:
            content = entry.load()
        except (ImportError, AttributeError) as error:
            raise PluginError(f"{source} cannot be loaded: {error}. Repair or uninstall the package that declares it") from error
        if not isinstance(content, Mapping):
            raise PluginError(f"{source} must be a mapping from names to content, not {type(content).__name__}")
        for name, value in content.items():
            if name in merged:
                raise PluginError(f"{source} gives the name {name!r}, which {owner[name]} gives already. Rename one of them")
            merged[name], owner[name] = value, source
    return MappingProxyType(dict(sorted(merged.items())))
