"""Problems small enough to look at every mapping: the first layers of networks, with a choice of the usual tile sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from stream_evo import registry
from stream_evo.evaluation import METRICS, Evaluation, Evaluator
from stream_evo.mapping import GenomeSpec
from stream_evo.search import BLOCK_METRICS, ParetoFront
from stream_evo.typing import FloatArray, IntArray
from stream_evo.workload import Workload

__all__ = ["CASES", "FRONTS", "OBJECTIVES", "Case", "Memory", "all_genomes", "exact_front", "front_of", "read_front"]

OBJECTIVES: Final = ("energy_pj", "latency_cycles", "memory_bytes")
FRONTS: Final = Path(__file__).parent / "fronts"
_BATCH: Final = 8192


@dataclass(frozen=True)
class Case:
    """The first `layers` layers of a network on a chip; every `tile_step`-th tile size of each layer is on offer, from the whole map on."""

    network: str
    layers: int
    hardware: str
    tile_step: int = 1

    def space(self) -> GenomeSpec:
        """Return the space of mappings."""
        whole, chip = registry.load_network(self.network), registry.load_hardware(self.hardware)
        first = Workload(f"{whole.name}_first_{self.layers}", whole.layers[: self.layers], whole.inputs)
        return GenomeSpec(first, chip, tiles=tuple(sizes[:: self.tile_step] for sizes in GenomeSpec(first, chip).tiles))


CASES: Final = {
    "bert_3": Case("bert_layer", 3, "heterogeneous_quad", 2),
    "bert_3_homogeneous": Case("bert_layer", 3, "homogeneous_quad", 2),
    "bert_4": Case("bert_layer", 4, "heterogeneous_quad", 3),
    "fsrcnn_3": Case("fsrcnn", 3, "heterogeneous_quad", 3),
    "fsrcnn_3_mesh": Case("fsrcnn", 3, "simba_2x2", 3),
    "inception_4": Case("inception_v2", 4, "heterogeneous_quad", 2),
    "mobilenet_3": Case("mobilenetv2", 3, "simba_2x2", 2),
    "mobilenet_3_all": Case("mobilenetv2", 3, "simba_2x2"),
    "resnet_3": Case("resnet18", 3, "heterogeneous_quad"),
    "resnet_4": Case("resnet18", 4, "heterogeneous_quad", 2),
    "squeezenet_4": Case("squeezenet", 4, "heterogeneous_quad", 3),
}


def _sizes(spec: GenomeSpec) -> tuple[int, ...]:
    return tuple((spec.upper - spec.lower + 1).tolist())


def all_genomes(spec: GenomeSpec) -> Iterator[IntArray]:
    """Yield every genome of the space once, in batches (P, V), the last gene running fastest."""
    sizes = _sizes(spec)
    total = int(np.prod(sizes))
    for start in range(0, total, _BATCH):
        yield np.stack(np.unravel_index(np.arange(start, min(start + _BATCH, total)), sizes), axis=1) + spec.lower


def front_of(genomes: IntArray, evaluation: Evaluation, front: ParetoFront) -> ParetoFront:
    """Return `front` with those of the genomes (P, V) that belong to it."""
    feasible = evaluation.violation_bytes <= 0.0
    metrics = evaluation.metrics[feasible]
    return front.extended(genomes[feasible], metrics[:, [METRICS.index(name) for name in OBJECTIVES]], metrics)


def exact_front(evaluator: Evaluator, workers: int) -> tuple[ParetoFront, int]:
    """Return the front of all genomes, and how many of them are feasible."""
    front = ParetoFront.empty(evaluator.spec.length, len(OBJECTIVES), len(METRICS))
    feasible = 0
    for genomes in all_genomes(evaluator.spec):
        scored = evaluator.evaluate(genomes, workers)
        feasible += int((scored.violation_bytes <= 0.0).sum())
        front = front_of(genomes, scored, front)
    return front, feasible


def read_front(name: str) -> dict[str, Any]:
    """Return a stored front: ``genomes`` in the space, ``front`` with a genome and its objectives per point."""
    content: dict[str, Any] = json.loads((FRONTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, slots=True)
class _Scores:
    metrics: FloatArray
    violation_bytes: FloatArray
    blocks: FloatArray


class Memory:
    """An evaluator that remembers: many searches of one small space evaluate each genome once. Results are the evaluator's own."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.spec = evaluator.spec
        self._sizes = _sizes(self.spec)
        genomes = int(np.prod(self._sizes))
        self._scores = np.full((genomes, len(METRICS) + 1), np.nan)
        self._blocks = np.empty((genomes, len(self.spec.capable), 1 + len(BLOCK_METRICS)), dtype=np.float32)

    def evaluate(self, genomes: IntArray, workers: int = 1) -> _Scores:
        """Return what the evaluator returns."""
        places = np.ravel_multi_index(tuple((genomes - self.spec.lower).T), self._sizes)
        new = np.isnan(self._scores[places, -1])
        if new.any():
            scored = self._evaluator.evaluate(genomes[new], workers)
            self._scores[places[new]] = np.column_stack([scored.metrics, scored.violation_bytes])
            self._blocks[places[new]] = scored.blocks
        return _Scores(self._scores[places, :-1], self._scores[places, -1], self._blocks[places])
