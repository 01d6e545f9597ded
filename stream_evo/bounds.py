r"""Lower bounds of every objective: how far from the ideal a front can be at most.

The bounds hold for every mapping of a network on an accelerator that a :class:`~stream_evo.mapping.GenomeSpec` with the same options
expresses, and for every order in which the scheduler may run it, as long as the mapping fits the chip (no violation). They follow from five
facts of the model:

(a) A core runs one tile at a time, a link carries one transfer at a time, a DMA engine issues one off-chip transfer after another.
(b) A tile takes at least the cycles of a step (``cycles_per_operation`` x the array's own) x the product over loops of
    ``ceil(size / unrolling)``, and the array rests as its core states for each step of the output loops, and of all loops but FX.
(c) Every weight, every element of a network input that some layer reads, and every network output crosses the DRAM port at least once,
    whether it comes to live in a core's memory or is streamed through it. Each crossing occupies the links of its path, and the DMA
    engine of its core, for at least bits / (narrowest bandwidth on the way) cycles, and costs whole DRAM words.
(d) A tile starts after the last tile of those it reads.
(e) While a tile runs, its output and the operands it reads occupy the memories they live in, unless they are streamed.

**Latency, resources.** Let y be any weights of the resources, not negative, with sum 1. In T cycles no resource is busy for more than
T (a), so :math:`T \ge \sum_r y_r\,\mathrm{busy}_r`. A layer is cut in equal K-parts, each on one core. By (b) a core that runs the share x
of a layer's parts is busy for at least x times the cycles c of the whole layer on it: tiles cut OY, OX and K (or G), the sum over
a grid of tiles is a product of one sum per axis (of the steps as of the rests), and
:math:`\sum_i \lceil a_i/u \rceil \ge \lceil \sum_i a_i/u \rceil` on every axis; for p equal parts
:math:`p \lceil (K/p)/u \rceil \ge \lceil K/u \rceil`. The same share of weights and outputs passes its path by (c). Spreading a job over
cores is an average of its costs on them, which is never less than the least of them, hence

.. math:: T \ge \sum_{\mathrm{jobs}\,j} \; \min_{\mathrm{cores}\,n} \; \sum_r y_r\,\mathrm{busy}(j, n, r) .

This is weak duality of the linear program that spreads jobs over cores so that the busiest resource is least busy. The y of its optimum
make the right side largest, but the right side is a bound for any y, so nothing rests on the solver's accuracy. With all y on
the cores it is the compute roofline, with all y on a shared DRAM port the DRAM roofline; mixtures are sharper than either.

**Latency, dependencies.** Let S and F be the start and the end of a layer. By (d), S(l) >= F(p) if every output of l reads all of p, and
S(l) >= S(p) if every output of l reads something of p, because then so does every tile. F(l) >= S(l) + c(l) / w with c on the best
core and w the most cores the options let a layer have. Fused layers overlap, so nothing more can be said of them.

**Energy.** Every operation costs the array's energy on some capable core; by (c) compulsory bits cost DRAM words and the links of the
cheapest path. Rounding a tensor up to words once is at most the sum of the roundings of its pieces. On-core memories are left out.

**Memory.** By (e), when a tile of layer l runs, the chip holds at least what that tile keeps in those memories of its core in which
everything fits. The least over all cores, numbers of K-parts and tile sizes on offer is a bound for each layer, the largest of them
one for the network. What fits is judged with whole producers, padded inputs and unfinished precision, so that "fits" is certain.

**EDP** is at least the product of the bounds of its factors.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_evo._compulsory import axis_extent, axis_relations, compulsory_tensors, map_shape, touched_elements
from stream_evo.hardware import Accelerator, Core, Dataflow
from stream_evo.mapping import GenomeOptions, GenomeSpec, TileSize
from stream_evo.typing import FloatArray, IntArray
from stream_evo.workload import Axis, Edge, Layer, Operand, OperatorKind, Workload

__all__ = ["Bounds", "lower_bounds"]

_SAFETY = 1e-9
"""Relative share taken off sums of fractions, far above their rounding errors."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no mapping can go below.

    Attributes:
        latency_cycles: Cycles until the last tile or transfer has ended.
        energy_pj: Energy in pJ.
        memory_bytes: Peak of activation bytes in all on-chip memories.
        edp_pj_cycles: Energy-delay product in pJ x cycles.
        dram_bytes: Bytes from and to DRAM.
    """

    latency_cycles: float
    energy_pj: float
    memory_bytes: float
    edp_pj_cycles: float
    dram_bytes: float


def lower_bounds(workload: Workload, accelerator: Accelerator, options: GenomeOptions | None = None) -> Bounds:
    """Return lower bounds of all objectives for `workload` on `accelerator`; the module's text proves them.

    Args:
        workload: The network.
        accelerator: The chip.
        options: The space of mappings: cores that are forbidden, and whether a layer may be spread over several cores.

    Raises:
        InputError: as `GenomeSpec`: a forbidden core that does not exist, or a layer that no core can run.
    """
    spec = GenomeSpec(workload, accelerator, options or GenomeOptions())
    cycles = _cycles(spec)
    latency = max(_busiest_resource(spec, cycles), _dependencies(spec, cycles))
    energy = _energy_pj(spec)
    return Bounds(
        latency_cycles=float(latency),
        energy_pj=energy,
        memory_bytes=_held_bits(spec) / 8,
        edp_pj_cycles=latency * energy,
        dram_bytes=sum(tensor.bits for tensor in compulsory_tensors(spec)) / 8,
    )


# ------------------------------------------------------------------------------------------------------------- compute


def _cycles(spec: GenomeSpec) -> IntArray:
    """Return the least cycles each core can spend on all operations of each layer, over its dataflows (fact b), shape ``(L, N)``."""
    cores = [slot.core for slot in spec.accelerator.cores]
    kinds = list(dict.fromkeys(cores))
    table = np.array(
        [[min(_least_cycles(kind, layer, flow) for flow in kind.dataflows) for kind in kinds] for layer in spec.workload.layers],
        dtype=np.int64,
    )
    found: IntArray = table[:, [kinds.index(core) for core in cores]]
    return found


def _least_cycles(core: Core, layer: Layer, dataflow: Dataflow) -> int:
    widths = {dimension.name: dimension.size for dimension in core.array}
    limits: dict[str, int] = {}
    for dimension, loops in dataflow.unrolling:
        for loop, size in loops:
            limits[loop] = limits.get(loop, 1) * min(size, widths[dimension])
    steps = {loop: -(-int(size) // limits.get(loop, 1)) for loop, size in dataclasses.asdict(layer.sizes).items()}
    busy = max(math.prod(steps.values()), -(-layer.operations // core.processing_elements))
    outputs = math.prod(steps[loop] for loop in ("B", "G", "K", "OY", "OX"))
    rows = math.prod(count for loop, count in steps.items() if loop != "FX")
    rests = core.timing.output_tile_cycles * outputs + core.timing.input_row_cycles * rows
    return busy * layer.cycles_per_operation * core.timing.step(layer.bits.I) + rests


# ------------------------------------------------------------------------------------------------------------- latency


def _busiest_resource(spec: GenomeSpec, cycles: IntArray) -> int:
    """Return the bound by resources: the best of the dual value for the y of the solver and of those for each resource alone."""
    jobs = _jobs(spec, cycles)
    weights = _resource_weights(jobs)
    mixed = sum(float((job @ weights).min()) for job in jobs)
    alone = np.sum([job.min(axis=0) for job in jobs], axis=0).max()  # exact where the solver is within its tolerance
    return math.ceil(max(mixed, float(alone)) * (1 - _SAFETY))


def _jobs(spec: GenomeSpec, cycles: IntArray) -> list[FloatArray]:
    """Return per job the busy cycles of every resource for each of its choices, shape ``(choices, resources)``.

    Jobs are layers, with their weights and outputs, and network inputs; choices are cores. Resources are cores, links, and two DMA engines
    per core, of which a chip with one channel uses the first.
    """
    chip, cores = spec.accelerator, len(spec.accelerator.cores)
    resources = cores + len(chip.links) + 2 * cores
    jobs = {index: np.zeros((len(capable), resources)) for index, capable in enumerate(spec.capable)}
    inputs = []
    for index, capable in enumerate(spec.capable):
        jobs[index][np.arange(len(capable)), list(capable)] = cycles[index, list(capable)]
    for tensor in compulsory_tensors(spec):
        table = jobs[tensor.layer] if tensor.layer >= 0 else np.zeros((len(tensor.cores), resources))
        for row, core in enumerate(tensor.cores):
            path = _path(chip, core, tensor.to_dram)
            busy = tensor.bits / min([chip.dram.bits_per_cycle, *(chip.links[link].bits_per_cycle for link in path)])
            engine = int(tensor.to_dram and chip.dma_channels == 2)
            for resource in (*(cores + link for link in set(path)), resources - 2 * cores + 2 * core + engine):
                table[row, resource] += busy
        if tensor.layer < 0:
            inputs.append(table)
    return [*jobs.values(), *inputs]


def _path(chip: Accelerator, core: int, to_dram: bool) -> tuple[int, ...]:
    ends = (core, chip.dram_node) if to_dram else (chip.dram_node, core)
    return chip.path(*ends) or ()


def _resource_weights(jobs: Sequence[FloatArray]) -> FloatArray:
    """Return weights of the resources, with sum 1, that make the bound large: the dual solution of the spreading problem.

    Variables are the share of each job on each choice, and the cycles of the busiest resource, in units of the largest entry.
    """
    # Importing them takes half a second, and a search starts without the bounds.
    from scipy.optimize import linprog  # type: ignore[import-untyped]  # noqa: PLC0415  # scipy ships no types
    from scipy.sparse import coo_array  # type: ignore[import-untyped]  # noqa: PLC0415  # as above

    table = np.concatenate(jobs)
    choices, resources = table.shape
    job_of = np.repeat(np.arange(len(jobs)), [len(job) for job in jobs])
    scale = float(table.max())
    row, column = np.nonzero(table.T)
    busy = coo_array(
        (
            np.concatenate([table.T[row, column] / scale, np.full(resources, -1.0)]),
            (np.concatenate([row, np.arange(resources)]), np.concatenate([column, np.full(resources, choices)])),
        ),
        shape=(resources, choices + 1),
    )
    shares = coo_array((np.ones(choices), (job_of, np.arange(choices))), shape=(len(jobs), choices + 1))
    cost = np.zeros(choices + 1)
    cost[-1] = 1.0
    found = linprog(cost, busy.tocsr(), np.zeros(resources), shares.tocsr(), np.ones(len(jobs)), method="highs")
    weights = np.maximum(0.0, -found.ineqlin.marginals) if found.status == 0 else np.ones(resources)
    normalised: FloatArray = weights / weights.sum()
    return normalised


def _dependencies(spec: GenomeSpec, cycles: IntArray) -> int:
    """Return the bound by dependencies: the latest end of a layer."""
    layers = spec.workload.layers
    start, end = [0] * len(layers), [0] * len(layers)
    for index, layer in enumerate(layers):
        for edge in layer.edges:
            if edge.producer >= 0:
                always, whole = _reach(edge, layer, spec.workload)
                known = end[edge.producer] if whole else start[edge.producer] if always else 0
                start[index] = max(start[index], known)
        alone = int(cycles[index, list(spec.capable[index])].min())
        ways = 2 ** spec.ways[index][-1] if spec.options.split else 1
        end[index] = start[index] + -(-alone // ways)
    return max(end)


def _reach(edge: Edge, layer: Layer, workload: Workload) -> tuple[bool, bool]:
    """Return whether every single output of `layer` reads something of the producer, and whether it reads all of it.

    Windows move upwards, so the first and the last output tell for all.
    """
    _, *extents = map_shape(workload, edge.producer)
    always = whole = True
    for relation, extent in zip(axis_relations(edge), extents, strict=True):
        if relation.source is not None:
            last = axis_extent(layer, relation.source) - 1
            begins, ends = relation.interval(last, last + 1, extent)[0], relation.interval(0, 1, extent)[1]
            always = always and begins < extent and ends > 0
            whole = whole and begins == 0 and ends == extent
    return always, whole


# ------------------------------------------------------------------------------------------------------------- energy


def _energy_pj(spec: GenomeSpec) -> float:
    chip = spec.accelerator
    total = 0.0
    for layer, capable in zip(spec.workload.layers, spec.capable, strict=True):
        total += layer.operations * min(chip.cores[core].core.operation_pj for core in capable)
    for tensor in compulsory_tensors(spec):
        words = -(-tensor.bits // chip.dram.bits_per_cycle)
        total += words * (chip.dram.write_pj if tensor.to_dram else chip.dram.read_pj)
        paths = (_path(chip, core, tensor.to_dram) for core in tensor.cores)
        total += tensor.bits * min(sum(chip.links[link].pj_per_bit for link in path) for path in paths)
    return total * (1 - _SAFETY)


# ------------------------------------------------------------------------------------------------------------- memory


_Rooms = tuple[tuple[frozenset[Operand], int], ...]


def _held_bits(spec: GenomeSpec) -> int:
    """Return the activation bits that the chip certainly holds at some time, whatever the mapping."""
    rooms = _rooms(spec.accelerator)
    most = 0
    for index, capable in enumerate(spec.capable):
        exponents = spec.ways[index] if spec.options.split else (0,)
        spreads = [spec.spread(index, choice, exponent) for choice in range(len(capable)) for exponent in exponents]
        choices = {(parts, rooms[core]) for cores, parts in spreads for core in cores}
        held = (_held_by_tile(spec.workload, index, size, parts, room) for parts, room in choices for size in spec.tiles[index])
        most = max(most, min(held))
    return most


def _rooms(chip: Accelerator) -> tuple[_Rooms, ...]:
    """Return, per core, its top memories as (operands of the core that live there, bits), in order of first use."""
    found: list[list[tuple[frozenset[Operand], int]]] = [[] for _ in chip.cores]
    for _, users in chip.memory_instances():
        sizes = [memory.size_bits for core, operand in users if (memory := chip.cores[core].core.top_memory(operand)) is not None]
        for core in dict.fromkeys(core for core, _ in users):
            found[core].append((frozenset(operand for user, operand in users if user == core), min(sizes)))
    return tuple(map(tuple, found))


def _held_by_tile(workload: Workload, index: int, size: TileSize, parts: int, rooms: _Rooms) -> int:
    """Return what a tile of one of `parts` K-parts of layer `index` certainly holds in those `rooms` where all of it fits."""
    layer = workload.layers[index]
    share = layer.channels // parts
    output = layer.sizes.B * share * size.rows * size.columns
    most = {Operand.O: output * max(layer.bits.O, layer.bits.O_final), Operand.I: 0, Operand.W: layer.weight_bits // parts}
    for operand in (Operand.I, Operand.W):
        edges = [edge for edge in layer.edges if edge.operand is operand]
        if edges:
            whole = sum(math.prod(map_shape(workload, edge.producer)) * _bits(workload, edge.producer) for edge in edges)
            most[operand] = max(whole, _padded(layer, operand) * getattr(layer.bits, operand))
    held = 0
    for operands, room in rooms:
        if sum(most[operand] for operand in operands) <= room:
            held += output * layer.bits.O_final if Operand.O in operands else 0
            held += max(_window_bits(workload, layer, share, size, operands, step) for step in (0, 1))
    return held


def _bits(workload: Workload, producer: int) -> int:
    return workload.inputs[-1 - producer].bits if producer < 0 else workload.layers[producer].bits.O_final


def _padded(layer: Layer, operand: Operand) -> int:
    """Return the elements of an input operand of the whole layer as the cost model counts them at most, padding included."""
    s = layer.sizes
    if layer.kind in (OperatorKind.CONV, OperatorKind.POOL) and operand is Operand.I:
        rows = min(s.OY * s.FY, (s.OY - 1) * layer.stride[0] + (s.FY - 1) * layer.dilation[0] + 1)
        columns = min(s.OX * s.FX, (s.OX - 1) * layer.stride[1] + (s.FX - 1) * layer.dilation[1] + 1)
        return s.B * s.G * s.C * (s.K if layer.kind is OperatorKind.POOL else 1) * rows * columns
    return touched_elements(layer, operand)


def _window_bits(workload: Workload, layer: Layer, share: int, size: TileSize, operands: frozenset[Operand], step: int) -> int:
    """Return the bits that the tile at grid position (`step`, `step`) of the first K-part reads of the `operands`, each producer once."""
    spans = {}
    for axis, extent, length in ((Axis.ROWS, layer.rows, size.rows), (Axis.COLUMNS, layer.columns, size.columns)):
        begin = step * length if (step + 1) * length <= extent else 0  # a second tile that is smaller says less
        spans[axis] = begin, begin + length
    spans[Axis.CHANNELS] = 0, share
    read: dict[int, int] = {}
    for edge in layer.edges:
        if edge.operand in operands:
            batch, *extents = map_shape(workload, edge.producer)
            count = batch
            for relation, extent in zip(axis_relations(edge), extents, strict=True):
                low, high = relation.interval(*spans[relation.source or Axis.ROWS], extent)
                count *= max(0, high - low)
            read[edge.producer] = max(read.get(edge.producer, 0), count * _bits(workload, edge.producer))
    return sum(read.values())
