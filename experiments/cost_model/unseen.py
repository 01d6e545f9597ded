"""Hold the mapping search to every order of the loops, on tiles and cores drawn at random.

Run ``python experiments/cost_model/unseen.py [--tiles 300] [--seed 0] [--json]``; a tile takes about a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from draw import draw_request

from stream_evo.cost import Goal, TileRequest, evaluate_tiles
from stream_evo.cost._allocation import held_precision, level_in
from stream_evo.cost._loops import BASE_FACTORS, loop_factors
from stream_evo.cost._prepared import Order, PreparedTile, prefix_products, prepare
from stream_evo.cost._reference import MappingCost, cost_of, evaluate_order
from stream_evo.cost._search import search_order
from stream_evo.hardware import PortKind
from stream_evo.workload import OperatorKind


@dataclass(frozen=True)
class Case:
    """One tile that fits.

    Attributes:
        request: The tile.
        orders: Energy x delay found by the search over the least of all orders of the same factors.
        allocations: The same over what the search's own order reaches when memories may keep less than they could.
    """

    request: TileRequest
    orders: float
    allocations: float

    @property
    def text(self) -> str:
        """Loops above 1, operands streamed and memories, in a line."""
        sizes = " ".join(f"{loop}{size}" for loop, size in _sizes(self.request).items() if size > 1)
        array = " x ".join(str(dimension.size) for dimension in self.request.core.array)
        memories = ", ".join(f"{memory.name} {memory.size_bits} b" for memory in self.request.core.memories)
        streamed = "".join(sorted(self.request.streamed))
        return f"{self.request.kind} {sizes or '1'}{' + DRAM ' + streamed if streamed else ''} on {array}: {memories}"


def _sizes(request: TileRequest) -> dict[str, int]:
    return {loop: getattr(request.sizes, loop) for loop in ("B", "G", "K", "C", "OY", "OX", "FY", "FX")}


def product(cost: MappingCost) -> float:
    """Return energy x delay."""
    return cost.latency_cycles * cost.energy_pj


def every_order(tile: PreparedTile) -> float:
    """Return the least energy x delay of all orders of the factors the search permutes; infinite if none is legal."""
    factors = [(loop, size) for loop, sizes in enumerate(loop_factors(tile.spatial.temporal, BASE_FACTORS)) for size in sizes]
    costs = (evaluate_order(tile, order) for order in sorted(set(itertools.permutations(factors))))
    return min((product(cost) for cost in costs if isinstance(cost, MappingCost)), default=math.inf)


def free_allocation(tile: PreparedTile, start: MappingCost) -> float:
    """Return the least energy x delay reached from `start` by moving one boundary at a time, best first, as long as that helps."""
    best, bounds = start, [list(row) for row in start.bounds]
    while True:
        costs = [(cost_of(tile, start.order, moved), moved) for moved in _moves(tile, start.order, bounds)]
        cost, moved = min(costs, key=lambda pair: product(pair[0]), default=(best, bounds))
        if product(cost) >= product(best) * (1 - 1e-9):
            return product(best)
        best, bounds = cost, moved


def _moves(tile: PreparedTile, order: Order, bounds: list[list[int]]) -> Iterator[list[list[int]]]:
    """Yield the allocations that differ in one boundary and fit."""
    products = prefix_products(order)
    stores = range(len(tile.hierarchy.stores))
    for operand in tile.active:
        edges = [0, *bounds[operand]]
        for level in range(tile.levels(operand) - 1):
            for edge in range(edges[level], edges[level + 2] + 1):
                moved = [list(row) for row in bounds]
                moved[operand][level] = edge
                if edge != edges[level + 1] and all(_fits(tile, order, products, moved, store) for store in stores):
                    yield moved


def _fits(tile: PreparedTile, order: Order, products: list[list[int]], bounds: list[list[int]], store: int) -> bool:
    held = 0.0
    for operand in tile.active:
        level = level_in(tile.hierarchy, operand, store)
        if level is not None:
            start = bounds[operand][level - 1] if level else 0
            bits = held_precision(tile, order, operand, level, start)
            held += bits * tile.elements(operand, level, products[bounds[operand][level]])
    return held <= tile.hierarchy.stores[store].capacity_bits * (1 + 1e-9)


def study(tiles: int, seed: int) -> tuple[list[Case], int]:
    """Return `tiles` cases with at least three factors, and the number of tiles drawn meanwhile that fit under no order.

    Raises:
        RuntimeError: the search found no legal order where there is one.
    """
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    illegal = 0
    while len(cases) < tiles:
        try:
            request = draw_request(rng)
            found = evaluate_tiles([request])
        except ValueError:  # memories that form no chain, or more of them than the kernel takes
            continue
        tile = prepare(request)
        if not 3 <= sum(map(len, loop_factors(tile.spatial.temporal, BASE_FACTORS))) <= BASE_FACTORS:
            continue
        least = every_order(tile)
        if math.isinf(least):
            illegal += 1
            continue
        ours = evaluate_order(tile, search_order(tile, Goal.EDP, BASE_FACTORS))
        if not isinstance(ours, MappingCost) or not found.feasible[0]:
            raise RuntimeError(f"a legal order was missed: {request}")
        cases.append(Case(request, product(ours) / least, product(ours) / free_allocation(tile, ours)))
    return cases, illegal


FEATURES: dict[str, Callable[[TileRequest], bool]] = {
    "all": lambda _: True,
    "1-D array": lambda request: len(request.core.array) == 1,
    "2-D array": lambda request: len(request.core.array) == 2,
    "3-D or 4-D array": lambda request: len(request.core.array) > 2,
    "a memory shared by all three operands": lambda request: any(len(memory.operands) == 3 for memory in request.core.memories),
    "a memory shared by two operands": lambda request: any(len(memory.operands) == 2 for memory in request.core.memories),
    "a port for reads and writes": lambda request: any(p.kind is PortKind.READ_WRITE for m in request.core.memories for p in m.ports),
    "operands streamed": lambda request: bool(request.streamed),
    "convolution": lambda request: request.kind is OperatorKind.CONV and request.sizes.G == 1,
    "depthwise or grouped": lambda request: request.kind is OperatorKind.CONV and request.sizes.G > 1,
    "stride or dilation": lambda request: (request.stride, request.dilation) != ((1, 1), (1, 1)),
    "matrix product": lambda request: request.kind is OperatorKind.GEMM,
    "pooling, elementwise": lambda request: request.kind in (OperatorKind.POOL, OperatorKind.ELEMENTWISE),
    "batch": lambda request: request.sizes.B > 1,
    "4 or 16 bits": lambda request: request.bits.I != 8 or request.bits.W != 8,
    "steps of several cycles, or rests": lambda request: request.core.timing != type(request.core.timing)(),
}


def report(cases: list[Case], illegal: int) -> dict[str, Any]:
    """Return the tables as data."""
    rows = []
    for feature, has in FEATURES.items():
        chosen = [case for case in cases if has(case.request)]
        ratios, kept = np.array([case.orders for case in chosen]), np.array([case.allocations for case in chosen])
        if chosen:
            rows.append({"tiles": feature, "count": len(chosen), "orders": _summary(ratios), "allocations": _summary(kept)})
    worst = sorted(cases, key=lambda case: -case.orders)[:5]
    loosest = sorted(cases, key=lambda case: -case.allocations)[:5]
    return {
        "illegal": illegal,
        "rows": rows,
        "worst_orders": [{"ratio": case.orders, "tile": case.text} for case in worst if case.orders > 1 + 1e-9],
        "worst_allocations": [{"ratio": case.allocations, "tile": case.text} for case in loosest if case.allocations > 1 + 1e-9],
    }


def _summary(ratios: np.ndarray[Any, Any]) -> dict[str, float]:
    return {"median": float(np.median(ratios)), "p90": float(np.quantile(ratios, 0.9)), "max": float(ratios.max())}


def print_report(found: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"Energy x delay of the search over the best; {found['illegal']} more tiles fit under no order, as the search says\n")
    print("| tiles | count | orders: median | 90th percentile | worst | allocations: median | 90th percentile | worst |")
    print("|---|---|---|---|---|---|---|---|")
    for row in found["rows"]:
        numbers = [f"{row[key][name]:.3f}" for key in ("orders", "allocations") for name in ("median", "p90", "max")]
        print(f"| {row['tiles']} | {row['count']} | {' | '.join(numbers)} |")
    for key, title in (("worst_orders", "Furthest from the best order"), ("worst_allocations", "Furthest from what keeping less reaches")):
        print(f"\n{title}\n")
        for entry in found[key]:
            print(f"  {entry['ratio']:.3f}  {entry['tile']}")


def main() -> None:
    """Read the arguments and print tables or JSON."""
    parser = argparse.ArgumentParser(description="The mapping search against every order of the loops.")
    parser.add_argument("--tiles", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the tables as JSON")
    arguments = parser.parse_args()
    found = report(*study(arguments.tiles, arguments.seed))
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print_report(found)


if __name__ == "__main__":
    main()
