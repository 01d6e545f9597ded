"""What a run is asked to do: everything that decides its result, as one value that a manifest can hold."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType
from typing import Any

from stream_evo import registry
from stream_evo._plugin_file import is_reference
from stream_evo.errors import Fault, InputError, RunFolderError, UnknownNameError

__all__ = ["DEFAULT_GENERATIONS", "LOWEST", "METRICS", "OBJECTIVES", "Job", "check_known", "metric_of", "objective_faults", "out_of_range"]

_WAY_OUT = "Restore the file from a copy, or do the run again in another folder"

METRICS = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")
OBJECTIVES: Mapping[str, str] = MappingProxyType({name.partition("_")[0]: name for name in METRICS})
"""What a user may minimise: short name -> metric, which carries the unit."""

_SHORT: Mapping[str, str] = MappingProxyType({metric: name for name, metric in OBJECTIVES.items()})

DEFAULT_GENERATIONS = 100

LOWEST: Mapping[str, int] = MappingProxyType({"population": 2, "generations": 1, "evaluations": 1, "seed": 0})
"""Integer settings of a run, with the least value of each."""
_LARGEST_POPULATION = 1_000_000
_COLUMN = re.compile(r"[A-Za-z_][\w.-]*")
_TAKEN = frozenset({*METRICS, *OBJECTIVES, "point", "mapping", "genome", "feasible", "violation_bytes"})
_LISTS = ("objectives", "operators", "forbidden_cores")
_MAPPINGS = ("dims", "limits")


def metric_of(objective: str) -> str:
    """Return the metric that an objective stands for; one of a user's own, ``FILE.py:NAME`` or in the catalogue, is called by its name."""
    return OBJECTIVES.get(objective) or (objective.rpartition(":")[2] if is_reference(objective) else objective)


def check_known(objectives: Iterable[str]) -> None:
    """Refuse objectives that nobody knows.

    Raises:
        UnknownNameError: one is neither one of `OBJECTIVES`, nor in the catalogue, nor of the form ``FILE.py:NAME``.
    """
    for name in objectives:
        if name not in OBJECTIVES and not is_reference(name) and name not in registry.objectives():
            raise UnknownNameError("objective", name, [*OBJECTIVES, *registry.objectives()])


def objective_faults(objectives: Sequence[str], limits: Iterable[str] = ()) -> list[Fault]:
    """Return a fault for objectives that are named twice, and for names of one's own that cannot head a column."""
    faults = []
    if len(set(objectives)) != len(objectives):
        faults.append(Fault("an objective is named twice", "objectives", found=", ".join(objectives)))
    names: dict[str, str] = {}
    for objective in dict.fromkeys((*objectives, *limits)):
        name = metric_of(objective)
        if names.setdefault(name, objective) != objective:
            faults.append(
                Fault(f"two objectives are called {name!r}", "objectives", found=f"{names[name]} and {objective}", hint="Rename one")
            )
        elif objective not in OBJECTIVES and (name in _TAKEN or not _COLUMN.fullmatch(name)):
            expected = "letters, digits, '_', '.' and '-', and not the name of another column"
            faults.append(Fault(f"an objective cannot be called {name!r}", "objectives", expected=expected, found=objective))
    return faults


def out_of_range(integers: Mapping[str, int | None], time_limit_s: float | None, limits: Mapping[str, float]) -> list[Fault]:
    """Return a fault for every number that no search can be done with.

    Args:
        integers: ``population``, ``generations``, ``evaluations`` and ``seed``; ``None``: not given.
        time_limit_s: Seconds after which the search ends.
        limits: Objective -> largest allowed value.
    """
    faults = []
    for name, value in integers.items():
        if value is not None and value < LOWEST[name]:
            faults.append(Fault("out of range", name, expected=f"at least {LOWEST[name]}", found=str(value)))
    population = integers.get("population") or 0
    if population > _LARGEST_POPULATION:  # a generation is held in memory at once
        faults.append(Fault("out of range", "population", expected=f"at most {_LARGEST_POPULATION:,}", found=f"{population:,}"))
    for name, number in {"time_limit_s": time_limit_s, **{f"limits.{name}": value for name, value in limits.items()}}.items():
        if number is not None and not 0 < number < float("inf"):
            faults.append(Fault("out of range", name, expected="a finite number above 0", found=str(number)))
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A search to be done.

    Attributes:
        network: Name in the catalogue, or path of an ONNX file.
        hardware: Name in the catalogue, or path of a YAML file.
        objectives: What to minimise, all different: keys of `OBJECTIVES`, or the metrics these stand for, which become the keys; names of
            the catalogue, or ``FILE.py:NAME``.
        population: Genomes per generation, 2 to 1,000,000.
        generations: Generations after which the search ends; by default 100 if there is no other budget, else no such limit.
        evaluations: Evaluations after which it ends.
        time_limit_s: Seconds after which it ends; with this the result depends on the machine.
        seed: Seed of all chance.
        engine: Name of the search engine.
        operators: Operators in place of the default ones of their kind, each a name of the catalogue or ``FILE.py:NAME``.
        pin: File of decisions that are fixed.
        forbidden_cores: Names of cores that may run nothing.
        split: The genome spreads a layer's output channels over several cores.
        dataflow: The genome chooses among the dataflows of each core.
        priority: The genome chooses the scheduling priority.
        bits: Bits per element in place of what the graph says, e.g. ``I=8 W=8 O=16 O_final=8``.
        dims: Sizes of dimensions that the network's file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.
        limits: Objective, or its metric -> largest allowed value, in the unit of its metric.
        recorded: The job was done before; what it names need not be there any more.

    Raises:
        UnknownNameError: nobody knows an objective.
        InputError: something is out of range; all such things are listed.
    """

    network: str
    hardware: str
    objectives: tuple[str, ...] = ("energy", "latency", "memory")
    population: int = 100
    generations: int | None = None
    evaluations: int | None = None
    time_limit_s: float | None = None
    seed: int = 0
    engine: str = "nsga2"
    operators: tuple[str, ...] = ()
    pin: str | None = None
    forbidden_cores: tuple[str, ...] = ()
    split: bool = False
    dataflow: bool = False
    priority: bool = False
    bits: str | None = None
    dims: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    host_operators: bool = False
    limits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    recorded: InitVar[bool] = False

    def __post_init__(self, recorded: bool) -> None:
        object.__setattr__(self, "objectives", tuple(_SHORT.get(name, name) for name in self.objectives))
        object.__setattr__(self, "limits", {_SHORT.get(name, name): value for name, value in dict(self.limits).items()})
        if not recorded:
            check_known((*self.objectives, *self.limits))
        faults = objective_faults(self.objectives, self.limits)
        if not self.objectives:
            faults.append(Fault("there is nothing to minimise", "objectives", expected=f"some of {', '.join(OBJECTIVES)}"))
        integers = {name: getattr(self, name) for name in LOWEST}
        faults += out_of_range(integers, self.time_limit_s, self.limits)
        if faults:
            raise InputError("settings of the run", faults)
        if self.generations is None and self.evaluations is None and self.time_limit_s is None:
            object.__setattr__(self, "generations", DEFAULT_GENERATIONS)
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that the objectives stand for, in their order."""
        return tuple(metric_of(name) for name in self.objectives)

    @property
    def metric_limits(self) -> dict[str, float]:
        """The limits by metric."""
        return {metric_of(name): value for name, value in self.limits.items()}

    @property
    def own_objectives(self) -> tuple[str, ...]:
        """What is minimised or limited and is not one of `OBJECTIVES`, as named by the user."""
        return tuple(name for name in dict.fromkeys((*self.objectives, *self.limits)) if name not in OBJECTIVES)

    @property
    def columns(self) -> tuple[str, ...]:
        """All metrics that a mapping has in this job: `METRICS`, then those of `own_objectives`."""
        return (*METRICS, *map(metric_of, self.own_objectives))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON and YAML hold them; `from_dict` reads them back."""
        content = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return content | {name: list(content[name]) for name in _LISTS} | {name: dict(content[name]) for name in _MAPPINGS}

    @classmethod
    def from_dict(cls, content: object, source: str) -> Job:
        """Return the job that `as_dict` wrote.

        Args:
            content: What was read.
            source: Where it was read, for messages.

        Raises:
            RunFolderError: these are not the settings of a run of this version.
        """
        names = {item.name for item in dataclasses.fields(cls)}
        if not isinstance(content, dict) or set(content) != names:
            different = sorted(names ^ set(content)) if isinstance(content, dict) else []
            differing = f"; they differ in {', '.join(different)}" if different else ""
            raise RunFolderError(f"{source} holds no settings that this version reads{differing}. {_WAY_OUT}")
        try:
            return cls(**content | {name: tuple(content[name]) for name in _LISTS}, recorded=True)
        except (InputError, TypeError, ValueError) as error:
            raise RunFolderError(f"{source} holds damaged settings: {error}. {_WAY_OUT}") from error
