"""Problem files: everything one run needs, in one YAML file.

::

    network: resnet18                 # name, or path of an ONNX file
    hardware: chips/mine.yaml         # name, or path of a YAML file
    objectives: [energy, latency]     # of latency, energy, memory, edp, dram, or FILE.py:NAME
    population: 100
    generations: 200
    time_limit: 10 min                # a bare number means seconds
    operators: [my_operators.py:SwapCores]
    pin: fixed.yaml
    forbidden_cores: [core3]          # cores that may run nothing
    split: true
    bits: {I: 4, W: 4}
    dims: {sequence: 128}             # sizes of dimensions that the ONNX file leaves open
    limits: {latency: 2.0e6}          # in the unit of the metric: cycles, pJ, bytes

Only `network` and `hardware` are required. Paths are relative to the problem file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from stream_evo import registry
from stream_evo._plugin_file import is_reference
from stream_evo._run._job import OBJECTIVES, objective_faults
from stream_evo._yaml import Faults, Node, Section, Unit, near_matches, open_section
from stream_evo._yaml_forms import TEXT
from stream_evo.problems._problem import Problem, RunSettings

__all__ = ["load_problem"]

_DURATION: Final = Unit("a duration", {"s": 1, "min": 60, "h": 3600}, "10 min")
_DEFAULTS: Final = RunSettings()
_NUMBER: Final = {"type": "number", "minimum": 0.0}
_OBJECTIVES: Final = ("energy", "latency", "memory")


def load_problem(path: str | Path) -> Problem:
    """Read a problem file.

    Args:
        path: YAML file; its form is shown above.

    Returns:
        The problem; network, hardware and pin files and files of operators are stated by their full paths.

    Raises:
        InputError: the file cannot be read, or has faults: wrong types, unknown keys, unknown names, files that do not exist. All of
            them are listed with line and key path.
    """
    place = Path(path)
    root, faults = open_section(place, "problem")
    folder = place.resolve().parent
    name = root.text("name", default=place.stem)
    description = root.text("description", default="")
    network = _name_or_file(root, "network", (".onnx",), registry.networks, folder)
    hardware = _name_or_file(root, "hardware", (".yaml", ".yml"), registry.accelerators, folder)
    objectives = _objectives(root, folder)
    settings = _settings(root, folder)
    for fault in objective_faults(objectives, settings.limits):
        faults.add(root.node_at("objectives"), fault.what, expected=fault.expected, found=fault.found, hint=fault.hint)
    root.close()
    faults.check()
    return Problem(name, network, hardware, objectives, description, settings)


def _settings(root: Section, folder: Path) -> RunSettings:
    """Read how the problem is searched; what a fault makes unusable gets its default."""
    faults = root.faults
    operators = root.items("operators", each=TEXT, optional=True, expected="a list of names")
    return RunSettings(
        population=root.integer("population", default=_DEFAULTS.population, minimum=2),
        generations=root.integer("generations", minimum=1) if root.has("generations") else None,
        evaluations=root.integer("evaluations", minimum=1) if root.has("evaluations") else None,
        time_limit_s=_time_limit_s(root),
        seed=root.integer("seed", default=_DEFAULTS.seed, minimum=0),
        engine=_engine(root, folder),
        operators=tuple(_plugin(node, node.value, "operator", registry.operators, faults, folder) for node in operators),
        pin=_file(root.node_at("pin"), root.text("pin"), faults, folder) if root.has("pin") else None,
        forbidden_cores=root.names("forbidden_cores", default=()),
        split=root.flag("split", default=False),
        dataflow=root.flag("dataflow", default=False),
        priority=root.flag("priority", default=False),
        bits=_bits(root),
        dims=_dims(root),
        host_operators=root.flag("host_operators", default=False),
        limits=_limits(root, folder),
    )


def _name_or_file(root: Section, key: str, suffixes: tuple[str, ...], catalogue: Callable[[], Mapping[str, Any]], folder: Path) -> str:
    """Return a name of the catalogue as it is, or the full path of a file; the rule is the command line's."""
    text = root.text(key)
    if not root.has(key) or not text:
        return text
    node = root.node_at(key)
    path = Path(text)
    if path.suffix.lower() in suffixes or len(path.parts) > 1 or (folder / path).is_file():
        return str(_file(node, text, root.faults, folder))
    known = catalogue()
    if text not in known:
        root.faults.add(node, f"unknown {key} {text!r}", found="", hint=near_matches(text, sorted(known)))
    return text


def _file(node: Node, text: str, faults: Faults, folder: Path) -> Path:
    """Return the full path of a file that the problem names."""
    path = folder / Path(text).expanduser()
    if text and not path.is_file():
        what = "this is a folder" if path.is_dir() else "no such file"
        faults.add(node, what, hint=f"Paths are relative to the problem file: {path}")
    return path


def _objectives(root: Section, folder: Path) -> tuple[str, ...]:
    """Return what is minimised; a user's own with the file's full path."""
    nodes = root.items(
        "objectives",
        each={"anyOf": [{"enum": list(OBJECTIVES)}, TEXT]},
        optional=True,
        expected="a list of names",
        minimum=1,
        default=_OBJECTIVES,
    )
    if not root.has("objectives"):
        return _OBJECTIVES
    found: list[str] = []
    for node in nodes:
        objective = _plugin(node, node.value, "objective", _known_objectives, root.faults, folder)
        if objective in found:
            root.faults.add(node, f"{node.value!r} is listed twice", found="")
        elif objective:
            found.append(objective)
    return tuple(found)


def _engine(root: Section, folder: Path) -> str:
    """Return the engine; one of a file with the file's full path."""
    text = root.text("engine", default=_DEFAULTS.engine)
    if not root.has("engine"):
        return text
    return _plugin(root.node_at("engine"), text, "engine", registry.engines, root.faults, folder) or _DEFAULTS.engine


def _known_objectives() -> list[str]:
    return [*OBJECTIVES, *registry.objectives()]


def _plugin(node: Node, text: object, kind: str, catalogue: Callable[[], Iterable[str]], faults: Faults, folder: Path) -> str:
    """Return a name of the catalogue, or ``FILE.py:NAME`` with the file's full path; empty where it is neither."""
    if not isinstance(text, str) or not text:
        faults.add(node, "wrong type", expected=f"the name of an {kind}, or FILE.py:NAME")
        return ""
    if not is_reference(text):
        known = sorted(catalogue())
        if text not in known:
            faults.add(node, f"unknown {kind} {text!r}", found="", hint=near_matches(text, known))
            return ""
        return text
    file, colon, name = text.rpartition(":")
    if not name.isidentifier():
        faults.add(node, f"no name of an {kind} after the file", expected="FILE.py:NAME")
        return ""
    return f"{_file(node, file, faults, folder)}{colon}{name}"


def _time_limit_s(root: Section) -> float | None:
    """Return the time limit in seconds; unlike sizes and energies, a bare number is taken, as on the command line."""
    if not root.has("time_limit"):
        return None
    return root.quantity("time_limit", _DURATION, positive=True, bare=True)


def _bits(root: Section) -> str | None:
    """Return precisions in the form of the command line."""
    section = root.section("bits", optional=True)
    if section is None:
        return None
    given = {key: section.integer(key, minimum=1, maximum=128) for key in ("I", "W", "O", "O_final") if section.has(key)}
    section.close()
    return " ".join(f"{key}={value}" for key, value in given.items()) or None


def _dims(root: Section) -> dict[str, int]:
    """Return the sizes of open dimensions; which ones the network has is checked when it is loaded."""
    section = root.section("dims", optional=True)
    return {} if section is None else {name: section.integer(name, minimum=1) for name in section.keys(kind="dimension")}


def _limits(root: Section, folder: Path) -> dict[str, float]:
    """Return the largest allowed value of some objectives."""
    section = root.section("limits", optional=True)
    if section is None:
        return {}
    limits = {}
    values = {key: section.number(key, minimum=0.0) for key in OBJECTIVES if section.has(key)}
    for key in section.keys(kind="objective", each=_NUMBER):
        node = section.node_at(key)
        value = values[key] if key in values else section.number(key, minimum=0.0)
        if node.value == 0:
            section.faults.add(node, "out of range", expected="a number above 0")
        objective = _plugin(node, key, "objective", _known_objectives, section.faults, folder)
        if objective and value > 0:  # 0 stands for a value that was refused
            limits[objective] = value
    return limits
