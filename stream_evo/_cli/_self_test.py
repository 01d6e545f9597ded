"""A small test of the compiled kernels against the plain-Python references, for ``stream-evo doctor``."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from numba.core.registry import CPUDispatcher

from stream_evo import registry
from stream_evo.cost import TileRequest, evaluate_tiles, tile_cost
from stream_evo.evaluation import Evaluator
from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeSpec
from stream_evo.schedule import Chip, TileBook, build_plan, schedule_plan
from stream_evo.workload import LoopSizes, OperatorKind, Workload

__all__ = ["cache_folders", "differences"]

_NETWORK, _CHIP = "fsrcnn", "heterogeneous_quad"


def differences() -> list[str]:
    """Return what the kernels compute otherwise than the references, each in a few words; nothing if all agree."""
    workload, accelerator = registry.load_network(_NETWORK), registry.load_hardware(_CHIP)
    return [*_cost_differences(accelerator), *_schedule_differences(workload, accelerator)]


def cache_folders() -> set[Path]:
    """Return the folders where machine code is kept of the kernels that this process has used."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "stream_evo"]
    kernels = [value for module in modules for value in vars(module).values() if isinstance(value, CPUDispatcher)]
    used = [kernel.stats for kernel in kernels if kernel.stats.cache_hits or kernel.stats.cache_misses]
    return {Path(stats.cache_path) for stats in used if stats.cache_path is not None}


def _cost_differences(accelerator: Accelerator) -> list[str]:
    """Compare one tile of a convolution on every core that runs convolutions."""
    cores = {slot.core for slot in accelerator.cores if OperatorKind.CONV in slot.core.operators}
    sizes = LoopSizes(K=24, C=20, OY=3, OX=31, FY=3, FX=3)
    requests = [TileRequest(OperatorKind.CONV, sizes, core, core.dataflows[0].name) for core in sorted(cores, key=lambda core: core.name)]
    found = evaluate_tiles(requests)
    wrong = []
    for row, request in enumerate(requests):
        plain = tile_cost(request)
        compiled = (bool(found.feasible[row]), int(found.latency_cycles[row]), float(found.energy_pj[row]))
        if not math.isclose(compiled[2], plain.energy_pj, rel_tol=1e-12) or compiled[:2] != (plain.feasible, plain.latency_cycles):
            wrong.append(f"cost of a tile on {request.core.name}")
    return wrong


def _schedule_differences(workload: Workload, accelerator: Accelerator) -> list[str]:
    """Compare schedules of a few mappings, from layer by layer to fused."""
    spec = GenomeSpec(workload, accelerator)
    genomes = np.stack([spec.lower, *np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(2, spec.length))])
    genomes[:, spec.segments["tile"]] //= 3  # coarse tiles: the plain scheduler takes a millisecond for each
    genomes = spec.canonical(genomes)
    compiled = Evaluator(spec).evaluate(genomes).totals
    book, chip = TileBook(workload, accelerator), Chip(accelerator)
    return [
        f"schedule {row} of {workload.name}"
        for row, genome in enumerate(genomes)
        if schedule_plan(build_plan(workload, accelerator, spec.decode(genome), book), chip).totals != compiled[row]
    ]
