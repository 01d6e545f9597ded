"""What is exported: a front, and one point of it, from a result or from the folder of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stream_evo._run._job import METRICS, Job
from stream_evo._run._metrics import OwnMetric, units_of
from stream_evo._run._saved import read_run
from stream_evo.errors import Fault, InputError
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.mapping import mapping_to_yaml
from stream_evo.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from stream_evo._run._metrics import PointMetrics
    from stream_evo._run._result import Result
    from stream_evo._run._session import Session
    from stream_evo.explanation import Energy
    from stream_evo.hardware import Accelerator
    from stream_evo.schedule import Chip, Plan, Schedule, TileBook
    from stream_evo.workload import Workload

__all__ = ["Front", "PointOfFront", "front_of"]


@dataclass(frozen=True, eq=False)
class Front:
    """A front with what is told about it in a file.

    Attributes:
        network: Name of the network.
        hardware: Name of the accelerator.
        job: What was asked.
        metrics: Shape ``(P, M)``, columns `metric_names`.
        genomes: Shape ``(P, V)``.
        lower_bounds: Metric -> value that no mapping can be below.
        layer_by_layer: The best layer-by-layer mapping tried, if one fits.
        evaluations: Genomes evaluated.
        hypervolume: Share of the reference box that the front dominates.
        reference: Reference point of that hypervolume, one value per objective.
        mapping_text: Point -> its mapping file's text.
        open_session: Loads the network and the chip; only what looks inside a mapping needs them.
        own: Name of the column of each objective of a user's own -> what is known of it.
    """

    network: str
    hardware: str
    job: Job
    metrics: FloatArray
    genomes: IntArray
    lower_bounds: Mapping[str, float]
    layer_by_layer: PointMetrics | None
    evaluations: int
    hypervolume: float
    reference: tuple[float, ...] | None
    mapping_text: Callable[[int], str] = field(repr=False)
    open_session: Callable[[], Session] = field(repr=False)
    own: Mapping[str, OwnMetric] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.metrics)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the columns of `metrics`."""
        return self.job.columns

    @property
    def units(self) -> dict[str, str]:
        """Metric -> unit; empty where an objective of a user's own says none."""
        return units_of(self.own)

    @property
    def title(self) -> str:
        """Network and accelerator, for headings."""
        return f"{self.network} on {self.hardware}"

    @cached_property
    def session(self) -> Session:
        """The network on the chip."""
        return self.open_session()

    @property
    def digits(self) -> int:
        """Digits of a point's number in file names."""
        return max(3, len(str(len(self) - 1)))

    @property
    def mapping_files(self) -> list[str]:
        """Mapping file of each point, relative to the folder of its run."""
        return [f"mappings/point_{point:0{self.digits}d}.yaml" for point in range(len(self))]

    def numbers(self, point: int) -> dict[str, float]:
        """Return the metrics of one point by name."""
        return dict(zip(self.metric_names, self.metrics[point].tolist(), strict=True))

    @property
    def best_edp(self) -> int:
        """The point with the least energy-delay product; the front is not empty."""
        return int(np.argmin(self.metrics[:, METRICS.index("edp_pj_cycles")]))

    def point(self, index: int | None) -> PointOfFront:
        """Return one point; by default the one with the least energy-delay product.

        Raises:
            InputError: there is no such point.
        """
        if not len(self):
            hint = "Search longer, loosen limits and pins, or allow --split; tables of the front can be exported as they are"
            raise InputError("export", [Fault("the front has no point: nothing feasible was found", hint=hint)])
        if index is None:
            index = self.best_edp
        if not 0 <= index < len(self):
            expected = f"a number from 0 to {len(self) - 1}" if len(self) > 1 else "0, the only one"
            raise InputError("export", [Fault("the front has no such point", "point", expected=expected, found=str(index))])
        return PointOfFront(self, index)


@dataclass(frozen=True, eq=False)
class PointOfFront:
    """One point, with its schedule on demand.

    Attributes:
        front: The front it is on.
        index: Its number.
    """

    front: Front
    index: int

    @property
    def name(self) -> str:
        """Name for files."""
        return f"point_{self.index:0{self.front.digits}d}"

    @property
    def workload(self) -> Workload:
        """The network."""
        return self.front.session.workload

    @property
    def accelerator(self) -> Accelerator:
        """The chip."""
        return self.front.session.accelerator

    @cached_property
    def mapping(self) -> NetworkMapping:
        """The decisions."""
        return self.front.session.spec.decode(self.front.genomes[self.index])

    @cached_property
    def _model(self) -> tuple[Chip, TileBook]:
        from stream_evo.schedule import Chip, TileBook  # noqa: PLC0415  # loads the kernels, which tables of a front do not need

        return Chip(self.accelerator), TileBook(self.workload, self.accelerator)

    @cached_property
    def schedule(self) -> Schedule:
        """Every tile and transfer."""
        from stream_evo.schedule import Simulator, build_tables, choices_of_mapping, decisions_of_mapping  # noqa: PLC0415  # as above

        chip, book = self._model
        tables = build_tables(self.workload, chip, choices_of_mapping(self.mapping, self.accelerator), book)
        return Simulator(tables, chip).trace(decisions_of_mapping(self.workload, self.accelerator, self.mapping)[0])

    @cached_property
    def plan(self) -> Plan:
        """The mapping spelled out: which tile reads which."""
        from stream_evo.schedule import build_plan  # noqa: PLC0415  # as above

        return build_plan(self.workload, self.accelerator, self.mapping, self._model[1])

    @cached_property
    def energy(self) -> Energy:
        """Where the energy goes."""
        from stream_evo.explanation import explain_mapping  # noqa: PLC0415  # as above

        return explain_mapping(self.workload, self.accelerator, self.mapping, repair_trials=0).energy


def front_of(run: Result | str | Path) -> Front:
    """Return the front of a result, or of the folder of a run that has ended.

    Raises:
        RunFolderError: the folder holds no run, one that is still being written, one of another version, or damaged files.
    """
    return _of_folder(Path(run)) if isinstance(run, str | Path) else _of_result(run)


def _of_result(result: Result) -> Front:
    search, session = result.search, result.session
    genomes = result.genomes
    return Front(
        network=session.workload.name,
        hardware=session.accelerator.name,
        job=result.job,
        metrics=result.metrics,
        genomes=genomes,
        lower_bounds=result.lower_bounds,
        layer_by_layer=result.layer_by_layer,
        evaluations=search.evaluations,
        hypervolume=search.hypervolume,
        reference=None if search.reference is None else tuple(search.reference.tolist()),
        mapping_text=lambda point: mapping_to_yaml(session.spec.decode(genomes[point])),
        open_session=lambda: session,
        own=result.own,
    )


def _of_folder(path: Path) -> Front:
    saved = read_run(path)

    def mapping_text(point: int) -> str:
        return mapping_to_yaml(session().spec.decode(saved.genomes[point]))

    def session() -> Session:
        from stream_evo._run._load import load_run  # noqa: PLC0415  # loads the kernels, which tables of a front do not need

        return load_run(path).session

    return Front(
        network=saved.network,
        hardware=saved.hardware,
        job=saved.job,
        metrics=saved.metrics,
        genomes=saved.genomes,
        lower_bounds=saved.lower_bounds,
        layer_by_layer=saved.layer_by_layer,
        evaluations=saved.evaluations,
        hypervolume=saved.hypervolume,
        reference=None if saved.reference is None else tuple(saved.reference.tolist()),
        mapping_text=mapping_text,
        open_session=session,
        own=saved.own,
    )
