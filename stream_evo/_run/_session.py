"""A network on a chip, ready to be evaluated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from stream_evo import registry
from stream_evo._run._job import METRICS, Job
from stream_evo._run._metrics import PointMetrics
from stream_evo._run._network import load_workload
from stream_evo._run._objectives import MeasuringMore, OwnObjective, measured_more
from stream_evo.bounds import lower_bounds
from stream_evo.errors import RunFolderError
from stream_evo.evaluation import Evaluator, evaluate_mapping
from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeOptions, GenomeSpec, Mapping, Pins, load_pins
from stream_evo.search import SearchProblem
from stream_evo.workload import Bits, Workload

if TYPE_CHECKING:
    import onnx

    from stream_evo.explanation import Explainer

__all__ = ["Session", "open_session", "search_problem", "session_of"]


@dataclass(frozen=True)
class Session:
    """A network, a chip, the space of mappings between them and its evaluator.

    Attributes:
        workload: The network.
        accelerator: The chip.
        spec: The space of mappings.
    """

    workload: Workload
    accelerator: Accelerator
    spec: GenomeSpec

    @property
    def title(self) -> str:
        """Network and accelerator, for headings."""
        return f"{self.workload.name} on {self.accelerator.name}"

    @cached_property
    def evaluator(self) -> Evaluator:
        """The evaluator of this space; its cost tables are made on first use."""
        return Evaluator(self.spec)

    @cached_property
    def explainer(self) -> Explainer:
        """What explains mappings of this network on this chip; it keeps what tiles cost."""
        from stream_evo.explanation import Explainer  # noqa: PLC0415  # a search needs none of it

        return Explainer(self.workload, self.accelerator)

    @cached_property
    def lower_bounds(self) -> MappingABC[str, float]:
        """Metric -> value that no mapping can be below."""
        bounds = lower_bounds(self.workload, self.accelerator, self.spec.options)
        return {name: float(getattr(bounds, name)) for name in METRICS}

    @cached_property
    def fingerprint(self) -> MappingABC[str, str]:
        """What a run is only continued with: network and chip as the program sees them, and what gene bounds do not tell of the space."""
        return {
            "forbidden_cores": ", ".join(sorted(set(self.spec.options.forbidden_cores))),
            "priority": str(self.spec.default_priority),
            "network": _sha256(self.workload),
            "hardware": _sha256(self.accelerator),
        }

    def point_of(self, mapping: Mapping, own: Sequence[OwnObjective] = ()) -> PointMetrics:
        """Return the numbers of a mapping; it need not be one of the space, which may leave out splits, dataflows or tile sizes."""
        scored = measured_more(evaluate_mapping(self.workload, self.accelerator, mapping), own)
        return PointMetrics.of(scored.metrics[0], float(scored.violation_bytes[0]), own=[each.metric for each in own])

    def layer_by_layer(self, own: Sequence[OwnObjective] = ()) -> PointMetrics | None:
        """Return the best classical layer-by-layer mapping of those tried, by energy-delay product; ``None`` if none of them fits.

        One whole map per tile, every boundary cut. Tried are the allocations that put each layer on its k-th capable core, for every k, and
        those that deal the layers out in turn. Its numbers include the values of objectives of a user's own.
        """
        segment = self.spec.segments["allocation"]
        choices = self.spec.upper[segment] + 1
        layers = np.arange(len(choices))
        genomes = np.tile(self.spec.lower, (2 * int(choices.max()), 1))
        for row in range(len(genomes)):
            shift = row // 2
            genomes[row, segment] = np.minimum(shift, choices - 1) if row % 2 == 0 else (layers + shift) % choices
        genomes[:, self.spec.segments["cut"]] = 1
        genomes[:, self.spec.segments["tile"]] = 0
        evaluator = MeasuringMore(self.evaluator, tuple(own))
        scored = evaluator.evaluate(np.unique(self.spec.canonical(genomes), axis=0))
        edp = np.where(scored.violation_bytes == 0, scored.metrics[:, METRICS.index("edp_pj_cycles")], np.inf)
        best = int(np.argmin(edp))
        return PointMetrics.of(scored.metrics[best], own=[each.metric for each in own]) if np.isfinite(edp[best]) else None


def open_session(
    network: str | Path | onnx.ModelProto | Workload,
    hardware: str | Path | Accelerator,
    *,
    bits: Bits | str | None = None,
    dims: MappingABC[str, int] | None = None,
    host_operators: bool = False,
    options: GenomeOptions | None = None,
    pin: str | Path | Pins | None = None,
    recorded: MappingABC[str, str] = MappingProxyType({}),
) -> Session:
    """Load what is named and build the space of mappings.

    With `recorded`, ``network`` and ``hardware`` -> SHA-256, both must be what they were: told before pins are compared with them.

    Raises:
        RunFolderError: network or hardware is another one than recorded.
        UnknownNameError: a name that is in no catalogue.
        InputError: a file that cannot be used, a layer that no core can run, pins that contradict the space.
    """
    accelerator = hardware if isinstance(hardware, Accelerator) else registry.load_hardware(hardware)
    pins = pin if isinstance(pin, Pins) else load_pins(pin, defer=True) if pin is not None else Pins()
    workload = load_workload(network, bits=bits, dims=dims, host_operators=host_operators)
    for part, named, value in (("network", network, workload), ("hardware", hardware, accelerator)):
        was = recorded.get(part, "")
        if was and was != (now := _sha256(value)):  # a hash of all layers is not made for nothing
            raise RunFolderError(
                f"the {part} {named} changed since the run began, or this version reads it differently (SHA-256 was {was[:16]}, is now "
                f"{now[:16]}). Put it back as it was, or start another run in another folder"
            )
    return Session(workload, accelerator, GenomeSpec(workload, accelerator, options or GenomeOptions(), pins))


def _sha256(value: Workload | Accelerator) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()


def session_of(
    job: Job,
    *,
    network: str | Path | onnx.ModelProto | Workload | None = None,
    hardware: str | Path | Accelerator | None = None,
    pin: str | Path | Pins | None = None,
    recorded: MappingABC[str, str] = MappingProxyType({}),
) -> Session:
    """Return the session that a job asks for, with network, hardware or pins in place of those it names; see `open_session`."""
    return open_session(
        job.network if network is None else network,
        job.hardware if hardware is None else hardware,
        bits=job.bits,
        dims=job.dims,
        host_operators=job.host_operators,
        options=GenomeOptions(split=job.split, dataflow=job.dataflow, priority=job.priority, forbidden_cores=job.forbidden_cores),
        pin=job.pin if pin is None else pin,
        recorded=recorded,
    )


def search_problem(job: Job, session: Session, own: Sequence[OwnObjective] = ()) -> SearchProblem:
    """Return what the search of a job is about.

    Args:
        job: What was asked.
        session: The network on the chip.
        own: The job's own objectives; without them nothing can be evaluated, but what was evaluated can be read.
    """
    return SearchProblem(
        MeasuringMore(session.evaluator, tuple(own)) if own else session.evaluator,
        metrics=job.columns,
        objectives=job.metrics,
        limits=job.metric_limits,
        fingerprint={**session.fingerprint, **{f"objective {each.metric}": each.fingerprint for each in own}},
    )
