"""The cost model in plain Python: what one loop order costs, formula by formula.

This is the text to read; the compiled kernel is held equal to it by the tests. After allocation (`_allocation`) come

* quantities: elements, periods and counts of the transfers between neighbouring levels;
* energy: accesses in whole granules x energy per word (ZigZag: Mei, Houshmand, Jain, Giraldo, Verhelst, IEEE TC 2021);
* latency: compute + stall of the worst port + first fill + last drain (uniform latency model: Mei et al., DATE 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stream_evo.cost._allocation import Shortage, allocate, held_precision, level_in
from stream_evo.cost._hierarchy import Channel
from stream_evo.cost._loops import IRRELEVANT, LOOPS
from stream_evo.cost._prepared import Order, PreparedTile, prefix_products, skip_irrelevant, total
from stream_evo.cost._spatial import REL_TOL

__all__ = ["MappingCost", "cost_of", "evaluate_order"]

O, W, I = range(3)  # noqa: E741  # the field's own letters
TO_LOW, FROM_LOW, TO_HIGH, FROM_HIGH = range(4)
_OUTPUT_LOOPS = ("B", "G", "K", "OY", "OX")


# --- 2. quantities ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tier:
    """What lies between two memory levels of one operand; tier 0 is between the array and level 0, tier n above the top level.

    Attributes:
        elements: Mean elements that one instance below holds (1 for the array).
        int_elements: The same with integer unrollings.
        period: Cycles between two refreshes of the data below.
        count: Number of refreshes.
        bits: Bits per element that pass here.
        returns: True if outputs pass in both directions, as partial sums do.
        window: Cycles of a period in which the next data may be transferred without disturbing what is in use.
    """

    elements: int
    int_elements: int
    period: int
    count: int
    bits: int
    returns: bool
    window: int


def _tiers(tile: PreparedTile, order: Order, bounds: list[list[int]]) -> list[list[Tier]]:
    """Return the tiers of O, W and I; sections 4 and 6."""
    request = tile.request
    products = prefix_products(order)
    prefix = [math.prod(row) for row in products]
    tiers: list[list[Tier]] = [[], [], []]
    doubled = _double_buffered(tile, order, bounds)
    for o in tile.active:
        first = 0 if o == O else skip_irrelevant(tile, order, o, 0)
        edges = [first, *bounds[o]]
        for index, edge in enumerate(edges):
            start = 0 if index == 0 else (edges[index - 1] if index > 1 else 0)
            period = prefix[edge] * request.step_cycles
            window = period
            if index:
                window = period if doubled[o][index - 1] else period // _outermost(tile, order[start:edge], o, relevant=False)
            partial = o == O and _partial_above(tile, order, 0 if index == 0 else edge, index)
            tiers[o].append(
                Tier(
                    elements=1 if index == 0 else round(tile.elements(o, index - 1, products[edge])),
                    int_elements=1 if index == 0 else tile.int_elements(o, index - 1, products[edge]),
                    period=period,
                    count=prefix[-1] // prefix[edge],
                    bits=tile.bits[o] if o != O or partial else request.bits.O_final,
                    returns=partial,
                    window=window,
                )
            )
    return tiers


def _partial_above(tile: PreparedTile, order: Order, edge: int, level: int) -> bool:
    """Return whether outputs that pass below temporal `level` (loops from `edge` on) are still partial sums."""
    return any(tile.indexed[O][loop] == IRRELEVANT for loop, _ in order[edge:]) or tile.reduces_above(level)


def _outermost(tile: PreparedTile, loops: Order, operand: int, *, relevant: bool) -> int:
    """Return the product of the outermost consecutive loops of a level that are (not) relevant to the operand."""
    found = 1
    for loop, size in reversed(loops):
        if (tile.indexed[operand][loop] != IRRELEVANT) != relevant:
            break
        found *= size
    return found


def _double_buffered(tile: PreparedTile, order: Order, bounds: list[list[int]]) -> list[list[bool]]:
    """Return for each operand and level whether there is room to fill the next data while the present is in use.

    A level needs room only for the part that its outermost relevant loops replace (effective size). There is room for all operands of a
    memory if the effective sizes fill at most half of it, else for each in turn (O, W, I) if its own fits what they leave free.
    """
    products = prefix_products(order)
    flags = [[False] * tile.levels(o) for o in range(3)]
    for store, memory in enumerate(tile.hierarchy.stores):
        sharers = [(o, level) for o in tile.active if (level := level_in(tile.hierarchy, o, store)) is not None]
        replaced: dict[int, float] = {}
        for o, level in sharers:
            edge = bounds[o][level]
            start = bounds[o][level - 1] if level else 0
            partial = o == O and _partial_above(tile, order, edge, level + 1)
            bits = tile.bits[o] if o != O or partial else tile.request.bits.O_final
            held = float(bits * round(tile.elements(o, level, products[edge])))
            replaced[o] = held / _outermost(tile, order[start:edge], o, relevant=True)
        free = memory.capacity_bits - total(replaced.values())
        ample = total(replaced.values()) <= 0.5 * memory.capacity_bits
        for o, level in sharers:
            if ample:
                flags[o][level] = True
            elif replaced[o] <= free:
                flags[o][level] = True
                free -= replaced[o]
    return flags


# --- 3. energy --------------------------------------------------------------------------------------------------------------------


def _accesses(tile: PreparedTile, tiers: list[list[Tier]]) -> list[list[tuple[int, int, int, int]]]:
    """Return accesses in words, over all instances, per operand, level and direction (section 5)."""
    found: list[list[tuple[int, int, int, int]]] = [[], [], []]
    for o in tile.active:
        for level, place in enumerate(tile.hierarchy.levels[o]):
            row = [0, 0, 0, 0]
            for direction, _ in _transfers(tile, tiers[o], o, level):
                channel = place.channels[direction]
                if channel is None:
                    continue
                tier, amount = _amount(tile, tiers[o], o, level, direction)
                granules = -(-amount * tier.bits // channel.granule_bits)
                row[direction] = granules * channel.granule_bits * tier.count * tile.units[o][level + 1] // channel.word_bits
            found[o].append((row[0], row[1], row[2], row[3]))
    return found


def _transfers(tile: PreparedTile, tiers: list[Tier], operand: int, level: int) -> list[tuple[int, Tier]]:
    """Return the directions in which `operand` passes `level`, with the tier each belongs to."""
    low, high = tiers[level], tiers[level + 1]
    top = level == tile.levels(operand) - 1
    if operand != O:
        return [(TO_LOW, low)] if top else [(TO_LOW, low), (FROM_HIGH, high)]
    found = [(TO_LOW, low), (FROM_LOW, low)] if low.returns else [(FROM_LOW, low)]
    if not top:
        found += [(TO_HIGH, high), (FROM_HIGH, high)] if high.returns else [(TO_HIGH, high)]
    return found


def _amount(tile: PreparedTile, tiers: list[Tier], operand: int, level: int, direction: int) -> tuple[Tier, int]:
    """Return the tier of a direction and the mean elements that pass one instance of `level` per refresh."""
    if direction in (TO_LOW, FROM_LOW):
        ones = [1] * 8
        multicast = round(tile.elements(operand, level, ones) / tile.elements(operand, level - 1, ones))
        return tiers[level], tiers[level].elements * multicast
    return tiers[level + 1], tiers[level + 1].elements


def _dram_bits(tile: PreparedTile, tiers: list[list[Tier]]) -> tuple[int, int]:
    """Return the bits read from and written to the DRAM level, without rounding to words."""
    moved = [0, 0]
    for o in tile.active:
        for level in range(tile.hierarchy.on_core[o], tile.levels(o)):
            for direction, _ in _transfers(tile, tiers[o], o, level):
                tier, amount = _amount(tile, tiers[o], o, level, direction)
                moved[direction == FROM_LOW] += amount * tier.bits * tier.count * tile.units[o][level + 1]
    return moved[0], moved[1]


# --- 4. latency -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """One operand through one port in one direction, with integer transfer times.

    Attributes:
        operand: O, W or I.
        level: Memory level.
        direction: One of the four.
        channel: The port.
        bits: Bits per transfer.
        cycles: Cycles one transfer takes.
        tier: Period, count and window.
    """

    operand: int
    level: int
    direction: int
    channel: Channel
    bits: int
    cycles: int
    tier: Tier


def _passages(tile: PreparedTile, tiers: list[list[Tier]]) -> list[Passage]:
    ones = [1] * 8
    found = []
    for o in tile.active:
        for level, place in enumerate(tile.hierarchy.levels[o]):
            for direction, tier in _transfers(tile, tiers[o], o, level):
                channel = place.channels[direction]
                if channel is None:
                    continue
                amount = tier.int_elements
                if direction in (TO_LOW, FROM_LOW):
                    amount *= round(tile.int_elements(o, level, ones) / tile.int_elements(o, level - 1, ones))
                bits = amount * tier.bits
                found.append(Passage(o, level, direction, channel, bits, -(-bits // channel.bits_per_cycle), tier))
    return found


def _union_of_windows(passages: list[Passage], total: int) -> int:
    """Return the cycles of the run in which at least one of the nested periodic windows is open.

    With periods P1 | P2 | ... and windows A, ``cover_j(P_j) = A_j + cover_{j-1}(P_j) - cover_{j-1}(A_j)``.
    """
    ordered = sorted(passages, key=lambda p: (p.tier.period, p.tier.window))

    def cover(index: int, span: int) -> int:
        if index < 0:
            return 0
        period, window = ordered[index].tier.period, ordered[index].tier.window
        full = window + cover(index - 1, period) - cover(index - 1, window)
        rest = span % period
        part = rest if rest <= window else window + cover(index - 1, rest) - cover(index - 1, window)
        return span // period * full + part

    return cover(len(ordered) - 1, total)


def _stall(passages: list[Passage], ports: int, cycles: int) -> int:
    """Return the cycles the array waits for the worst port (uniform latency model, step 2 and 3; section 6)."""
    worst = 0
    for port in range(ports):
        here = [p for p in passages if p.channel.port == port and p.tier.count > 1]
        if not here:
            continue
        slack = [(p.cycles - p.tier.window) * (p.tier.count - 1) for p in here]
        stall = slack[0]
        if len(here) > 1:
            open_windows = sum(p.tier.window * (p.tier.count - 1) for p in here)
            spare = sum(s for s in slack if s <= 0) + open_windows - _union_of_windows(here, cycles)
            stall = sum(s for s in slack if s > 0) + max(0, spare)
        worst = max(worst, stall)
    return worst


def _rests(tile: PreparedTile) -> int:
    """Return the cycles in which the array rests between its outputs and between rows of its inputs, in any order of the loops."""
    timing, steps = tile.request.core.timing, tile.spatial.temporal
    outputs = math.prod(steps[loop] for loop in range(8) if LOOPS[loop] in _OUTPUT_LOOPS)
    rows = math.prod(steps[loop] for loop in range(8) if LOOPS[loop] != "FX")
    return timing.output_tile_cycles * outputs + timing.input_row_cycles * rows


def _first_and_last(tile: PreparedTile, tiers: list[list[Tier]], passages: list[Passage], busy: int) -> dict[tuple[int, int, int], int]:
    """Return the cycles of the first (last) transfer of each passage that computation cannot hide.

    A transfer that happens once may use what bandwidth computation leaves on its port, the longest first; what fills the innermost
    memory stays.
    """
    visible = {(p.operand, p.level, p.direction): p.cycles for p in passages}
    for port in range(tile.hierarchy.ports):
        here = [p for p in passages if p.channel.port == port]
        taken = total(-(-p.bits // p.tier.period) / p.channel.bits_per_cycle for p in here if p.tier.count > 1)
        surplus = math.floor(max(0.0, 1.0 - taken) * busy * (1.0 + REL_TOL))
        for p in sorted((p for p in here if p.tier.count == 1), key=lambda p: (-p.cycles, -p.operand)):
            innermost = tiers[p.operand][1]
            least = -(-innermost.int_elements * innermost.bits // p.channel.bits_per_cycle)
            hidden = min(max(0, p.cycles - least), surplus)
            visible[p.operand, p.level, p.direction] -= hidden
            surplus -= hidden
    return visible


def _onload(tile: PreparedTile, visible: dict[tuple[int, int, int], int]) -> int:
    """Return the cycles of filling the hierarchy with W and I: gaps on ports of their own run in parallel, shared ports in turn."""
    shared, half, own = [0, 0], [0, 0], [0, 0]
    for index, o in enumerate((W, I)):
        if o not in tile.active:
            continue
        levels = tile.hierarchy.levels[o]
        for level in range(len(levels) - 1):
            ends = (levels[level].channels[FROM_HIGH], levels[level + 1].channels[TO_LOW])
            cycles = max(visible.get((o, level, FROM_HIGH), 0), visible.get((o, level + 1, TO_LOW), 0))
            both = [end is not None and tile.hierarchy.shared_inputs[end.port] for end in ends]
            bucket = shared if all(both) else half if any(both) else own
            bucket[index] += cycles
    return min(shared[a] + max(shared[b] + half[b] + own[b], half[a] + own[a]) for a, b in ((0, 1), (1, 0)))


def _offload(tile: PreparedTile, visible: dict[tuple[int, int, int], int]) -> int:
    """Return the cycles of draining the last outputs, gap after gap."""
    gaps = range(tile.levels(O) - 1)
    return sum(max(visible.get((O, level, TO_HIGH), 0), visible.get((O, level + 1, FROM_LOW), 0)) for level in gaps)


# --- all together -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MappingCost:
    """What one loop order costs.

    Attributes:
        order: Temporal loops, inner first, as (loop, size).
        bounds: For O, W and I: the first loop that each level no longer keeps.
        temporal_cycles: Steps of computation.
        stall_cycles: Waiting for the worst port, and the rests of the array.
        onload_cycles: First fill that computation cannot hide.
        offload_cycles: Last drain that computation cannot hide.
        mac_pj: Energy of the array.
        accesses: For O, W and I: words per level, in the directions to_low, from_low, to_high, from_high.
        memory_pj: For O, W and I: energy per level.
        core_pj: Energy of all memories on the core.
        dram_pj: Energy of the DRAM level.
        dram_bits: Bits read from and written to the DRAM level.
        held_bits: For O, W and I: bits in the outermost memory on the core, mean unrolling, unfinished outputs at their precision.
    """

    order: tuple[tuple[int, int], ...]
    bounds: tuple[tuple[int, ...], ...]
    temporal_cycles: int
    stall_cycles: int
    onload_cycles: int
    offload_cycles: int
    mac_pj: float
    accesses: tuple[tuple[tuple[int, int, int, int], ...], ...]
    memory_pj: tuple[tuple[float, ...], ...]
    core_pj: float
    dram_pj: float
    dram_bits: tuple[int, int]
    held_bits: tuple[int, int, int]

    @property
    def latency_cycles(self) -> int:
        """Cycles from the first load to the last store."""
        return self.temporal_cycles + self.stall_cycles + self.onload_cycles + self.offload_cycles

    @property
    def energy_pj(self) -> float:
        """Energy of array and memories."""
        return self.mac_pj + self.core_pj + self.dram_pj


def evaluate_order(tile: PreparedTile, order: Order) -> MappingCost | Shortage:
    """Return what `order` costs, or why it has no legal allocation."""
    bounds = allocate(tile, order)
    return bounds if isinstance(bounds, Shortage) else cost_of(tile, order, bounds)


def cost_of(tile: PreparedTile, order: Order, bounds: list[list[int]]) -> MappingCost:
    """Return what `order` costs if each level of O, W and I keeps the loops up to its boundary; they must fit."""
    request = tile.request
    tiers = _tiers(tile, order, bounds)
    accesses = _accesses(tile, tiers)
    memory_pj: list[tuple[float, ...]] = []
    for o in range(3):
        row = []
        for level, words in enumerate(accesses[o]):
            store = tile.hierarchy.stores[tile.hierarchy.levels[o][level].store]
            row.append((words[TO_LOW] + words[TO_HIGH]) * store.read_pj + (words[FROM_LOW] + words[FROM_HIGH]) * store.write_pj)
        memory_pj.append(tuple(row))
    cycles = math.prod(size for _, size in order) * request.step_cycles
    passages = _passages(tile, tiers)
    stall = _stall(passages, tile.hierarchy.ports, cycles)
    visible = _first_and_last(tile, tiers, passages, cycles + stall)
    products = prefix_products(order)
    held = [0, 0, 0]
    for o in tile.active:
        level = tile.hierarchy.on_core[o] - 1
        if level >= 0:
            start = bounds[o][level - 1] if level else 0
            bits = held_precision(tile, order, o, level, start)
            held[o] = math.ceil(bits * tile.elements(o, level, products[bounds[o][level]]) * (1.0 - REL_TOL))
    return MappingCost(
        order=tuple(order),
        bounds=tuple(tuple(row) for row in bounds),
        temporal_cycles=cycles,
        stall_cycles=stall + _rests(tile),
        onload_cycles=_onload(tile, visible),
        offload_cycles=_offload(tile, visible),
        mac_pj=request.core.operation_pj * request.sizes.product,
        accesses=tuple(tuple(row) for row in accesses),
        memory_pj=tuple(memory_pj),
        core_pj=total(energy for o in range(3) for energy in memory_pj[o][: tile.hierarchy.on_core[o]]),
        dram_pj=total(energy for o in range(3) for energy in memory_pj[o][tile.hierarchy.on_core[o] :]),
        dram_bits=_dram_bits(tile, tiers),
        held_bits=(held[0], held[1], held[2]),
    )
