"""A problem and how to run it, as values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from stream_evo._arguments import Reader, check_arguments, list_of, number, or_none, text, value_of
from stream_evo._run._job import LOWEST, check_known, metric_of, objective_faults, out_of_range
from stream_evo._run._settings import check_settings
from stream_evo.errors import Fault, InputError

__all__ = ["BestKnown", "Problem", "RunSettings"]

_OF_SETTINGS: Final[Mapping[str, Reader]] = {"bits": or_none(text("text such as 'I=8 W=8 O=16 O_final=8'"))}
_OF_PROBLEM: Final[Mapping[str, Reader]] = {
    "name": text("text"),
    "network": text("a name, or the path of an ONNX file as text"),
    "hardware": text("a name, or the path of a YAML file as text"),
    "description": text("text"),
    "settings": value_of("a RunSettings", "stream_evo.RunSettings"),
    "best_known": or_none(value_of("a BestKnown", "stream_evo.BestKnown")),
}
_OF_BEST_KNOWN: Final[Mapping[str, Reader]] = {
    "reference_point": list_of(number, "a list of numbers"),
    "hypervolume": number,
    "provenance": text("text"),
}


def _values(value: RunSettings | BestKnown | Problem) -> dict[str, object]:
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}


def _set_plain(value: RunSettings | BestKnown | Problem, plain: Mapping[str, object]) -> None:
    """Give a frozen value its fields as they were read: mappings read-only."""
    for name, found in plain.items():
        object.__setattr__(value, name, MappingProxyType(found) if isinstance(found, dict) else found)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a problem is searched. Names and defaults are those of a run from the command line.

    Attributes:
        population: Genomes per generation, 2 to 1,000,000.
        generations: Generations after which the search ends; ``None`` means 100 if there is no other budget, else no such limit.
        evaluations: Evaluations after which it ends; ``None`` for no such limit.
        time_limit_s: Seconds after which it ends; ``None`` for no such limit.
        seed: Seed of the run's random generator.
        engine: Name of the search engine, e.g. ``nsga2``, ``pymoo:SMSEMOA``.
        operators: Operators of the search in place of the engine's own, each a name of the catalogue or ``FILE.py:NAME``.
        pin: File of decisions that are fixed.
        forbidden_cores: Names of cores that may run nothing.
        split: The genome spreads a layer's output channels over several cores.
        dataflow: The genome chooses among the dataflows of each core.
        priority: The genome chooses the scheduling priority.
        bits: Bits per element in place of what the graph says, e.g. ``I=8 W=8 O=16 O_final=8``.
        dims: Sizes of dimensions that the network's file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.
        limits: Objective -> largest allowed value, in the unit of its metric.

    Raises:
        UnknownNameError: a limit is set on something that is no objective.
        InputError: values of wrong types, or out of range; all of them are listed.
    """

    population: int = 100
    generations: int | None = None
    evaluations: int | None = None
    time_limit_s: float | None = None
    seed: int = 0
    engine: str = "nsga2"
    operators: tuple[str, ...] = ()
    pin: Path | None = None
    forbidden_cores: tuple[str, ...] = ()
    split: bool = False
    dataflow: bool = False
    priority: bool = False
    bits: str | None = None
    dims: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    host_operators: bool = False
    limits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        _set_plain(self, check_settings("run settings", _values(self), _OF_SETTINGS))
        check_known(self.limits)
        integers = {name: getattr(self, name) for name in LOWEST}
        faults = out_of_range(integers, self.time_limit_s, self.limits)
        if faults:
            raise InputError("run settings", faults)


@dataclass(frozen=True, slots=True)
class BestKnown:
    """The best front that is known of a problem, as one number.

    Attributes:
        reference_point: Point that bounds the hypervolume, one value per objective, in the problem's order and the metrics' units.
        hypervolume: Hypervolume of the best known front, in the product of the metrics' units.
        provenance: Command, version and date that gave it.

    Raises:
        InputError: a coordinate or the hypervolume is not a positive and finite number, or nothing is said of where they come from.
    """

    reference_point: tuple[float, ...]
    hypervolume: float
    provenance: str

    def __post_init__(self) -> None:
        _set_plain(self, check_arguments("best known hypervolume", _values(self), _OF_BEST_KNOWN))
        faults = [
            Fault("must be positive and finite", f"reference_point[{index}]", found=str(value))
            for index, value in enumerate(self.reference_point)
            if not (math.isfinite(value) and value > 0)
        ]
        if not (math.isfinite(self.hypervolume) and self.hypervolume > 0):
            faults.append(Fault("must be positive and finite", "hypervolume", found=str(self.hypervolume)))
        if not self.provenance:
            faults.append(Fault("a best known hypervolume needs its provenance", "provenance"))
        if faults:
            raise InputError("best known hypervolume", faults)


@dataclass(frozen=True, slots=True)
class Problem:
    """A network on an accelerator, with what to minimise.

    Attributes:
        name: Name of the problem.
        network: Name in the catalogue of networks, or path of an ONNX file.
        hardware: Name in the catalogue of accelerators, or path of a YAML file.
        objectives: What to minimise, all different: keys of `OBJECTIVES`, names of the catalogue, or ``FILE.py:NAME``.
        description: What is interesting about it, for people.
        settings: How it is searched unless the user says otherwise.
        best_known: The best known front, if one was found and written down.

    Raises:
        UnknownNameError: nobody knows an objective.
        InputError: values of wrong types, there is no objective, one is named twice, or the reference point has another number of
            coordinates.
    """

    name: str
    network: str
    hardware: str
    objectives: tuple[str, ...] = ("energy", "latency", "memory")
    description: str = ""
    settings: RunSettings = field(default_factory=RunSettings)
    best_known: BestKnown | None = None

    def __post_init__(self) -> None:
        _set_plain(self, check_arguments("problem", _values(self), _OF_PROBLEM))
        check_known(self.objectives)
        faults = [Fault(f"{key} is empty", key) for key in ("name", "network", "hardware", "objectives") if not getattr(self, key)]
        faults += objective_faults(self.objectives, self.settings.limits)
        if self.best_known is not None and len(self.best_known.reference_point) != len(self.objectives):
            found = len(self.best_known.reference_point)
            faults.append(
                Fault("one coordinate per objective", "best_known.reference_point", expected=str(len(self.objectives)), found=str(found))
            )
        if faults:
            raise InputError(f"problem {self.name!r}", faults)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of the evaluator that the objectives stand for, in their order."""
        return tuple(metric_of(objective) for objective in self.objectives)
