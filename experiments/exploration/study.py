"""What is run, and what is kept of it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from methods import METHODS

from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.operators import SeedHints, default_operators
from stream_evo.registry import load_hardware, load_network
from stream_evo.report import write_atomic
from stream_evo.search import Budget, Progress, SearchProblem, optimize
from stream_evo.typing import FloatArray, IntArray

__all__ = ["ALL_CHIPS", "BUDGET", "CHIPS", "ENERGY_PARTS", "NETWORKS", "OBJECTIVES", "RESULTS", "SEEDS", "Found", "Pair"]

NETWORKS: Final = ("resnet18", "fsrcnn", "mobilenetv2", "squeezenet", "inception_v2")
CHIPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {  # group of equal multipliers and SRAM -> chips: one core, cores of one kind, cores of three kinds
        "1,024 PEs, mesh, two DRAM ports": ("single_core_32x32", "homogeneous_quad_mesh_dual_port", "heterogeneous_quad_mesh_dual_port"),
        "4,096 PEs, bus, two DRAM ports": ("single_core_64x64", "homogeneous_16", "heterogeneous_16"),
        "16,384 PEs, bus, two DRAM ports": ("single_core_128x128", "homogeneous_64", "heterogeneous_64"),
        "1,024 PEs, bus, one DRAM port": ("single_core", "homogeneous_quad", "heterogeneous_quad"),
        "1,024 PEs, mesh, one DRAM port": ("homogeneous_quad_mesh", "heterogeneous_quad_mesh"),
        "1,024 PEs, large weight memories": ("single_core_32x32_big_weights", "homogeneous_quad_mesh_dual_port_big_weights"),
        "256 PEs": ("single_core_16x16",),
    }
)
ALL_CHIPS: Final = tuple(itertools.chain.from_iterable(CHIPS.values()))
OBJECTIVES: Final = ("energy_pj", "latency_cycles", "memory_bytes")
ENERGY_PARTS: Final = ("mac_pj", "on_core_pj", "links_pj", "dram_pj")
BUDGET: Final[Mapping[str, int]] = MappingProxyType(
    {"layer_by_layer": 5_000, "layer_by_layer_split": 5_000, "layer_by_layer_tiled": 10_000, "rows": 5_000, "rows_4": 5_000, "full": 10_000}
)
SEEDS: Final = 3
RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, eq=False)
class Found:
    """What one search found.

    Attributes:
        genomes: The front, (P, V), in the order of its objectives.
        metrics: Its metrics in the order of ``stream_evo.evaluation.METRICS``, (P, 5).
        best_energy_pj: Where the energy of the point with the least energy x delay goes, in the order of `ENERGY_PARTS`, (4,).
        evaluations: Mappings evaluated; fewer than the budget if the search found nothing new.
    """

    genomes: IntArray
    metrics: FloatArray
    best_energy_pj: FloatArray
    evaluations: int

    @property
    def best_index(self) -> int:
        """Place of the point with the least energy x delay on the front, which must not be empty."""
        return int(np.argmin(self.metrics[:, METRICS.index("edp_pj_cycles")]))

    @property
    def best(self) -> FloatArray:
        """Metrics of the point with the least energy x delay, (5,); infinite if nothing feasible was found."""
        return self.metrics[self.best_index] if len(self.metrics) else np.full(len(METRICS), np.inf)

    @property
    def least_edp(self) -> float:
        """Least energy x delay in pJ cycles; infinite if nothing feasible was found."""
        return float(self.best[METRICS.index("edp_pj_cycles")])


@dataclass(frozen=True)
class Pair:
    """A network on a chip; its results are one file, the same bytes whenever it is made anew."""

    network: str
    chip: str

    def path(self, results: Path) -> Path:
        """Return where the results are."""
        return results / f"{self.network}-{self.chip}.npz"

    def read(self, results: Path) -> dict[tuple[str, int], Found]:
        """Return what is there: (method, seed) -> what was found."""
        path = self.path(results)
        if not path.exists():
            return {}
        with np.load(path, allow_pickle=False) as stored:
            keys = sorted({tuple(name.split("/")[:2]) for name in stored.files})
            return {
                (method, int(seed)): Found(
                    stored[f"{method}/{seed}/genomes"].astype(np.int64),
                    stored[f"{method}/{seed}/metrics"],
                    stored[f"{method}/{seed}/energy"],
                    int(stored[f"{method}/{seed}/evaluations"]),
                )
                for method, seed in keys
            }

    def write(self, results: Path, found: Mapping[tuple[str, int], Found]) -> None:
        """Write all results, whole or not at all."""
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        for (method, seed), one in sorted(found.items()):
            arrays[f"{method}/{seed}/genomes"] = one.genomes.astype(np.int16)
            arrays[f"{method}/{seed}/metrics"] = one.metrics
            arrays[f"{method}/{seed}/energy"] = one.best_energy_pj
            arrays[f"{method}/{seed}/evaluations"] = np.array(one.evaluations)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes the names for an option
        results.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path(results), buffer.getvalue())

    def searcher(self, method: str) -> Searcher:
        """Return what searches the space of a method."""
        return Searcher(self, method)


@dataclass(frozen=True)
class Searcher:
    """The space of one method for one pair; cost tables are made once."""

    pair: Pair
    method: str

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(METHODS[self.method](load_network(self.pair.network), load_hardware(self.pair.chip)))

    def search(self, seed: int, evaluations: int, watch: Callable[[Progress], None] | None = None) -> Found:
        """Search energy, latency and memory with the default engine and operators."""
        evaluator = self._evaluator
        result = optimize(
            SearchProblem(evaluator, metrics=METRICS, objectives=OBJECTIVES),
            operators=default_operators(SeedHints(*evaluator.layer_costs())),
            budget=Budget(evaluations=evaluations),
            seed=seed,
            callbacks=() if watch is None else (watch,),
        )
        found = Found(result.front.genomes, result.front.metrics, np.zeros(len(ENERGY_PARTS)), result.evaluations)
        if not len(found.metrics):
            return found
        totals = evaluator.schedule(found.genomes[found.best_index]).totals
        energy = np.array([totals.mac_pj, totals.memory_pj + totals.transfer_pj, totals.link_pj, totals.dram_pj])
        return replace(found, best_energy_pj=energy)
