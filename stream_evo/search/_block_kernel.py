"""Compiled parts of `BlockPool`: taking in blocks, and putting mappings together from them.

A pool has room for K blocks. Those that end before the same layer are a linked list: `heads[behind]` is the first, `links[e, NEXT]` the one
after block e, -1 the end. Blocks that are not in use are a list as well, from `heads[0]`: no block ends before layer 0.
"""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.typing import AnyArray, FloatArray, IntArray, SingleArray

__all__ = ["BEHIND", "FIRST", "LINKS", "NEXT", "USED", "assemble", "listed", "own_genes", "place_genes", "take_in"]

FIRST, BEHIND, NEXT, USED, LINKS = range(5)
_UNUSED = 0
_GIVEN_UP = 16  # one part in so many of a full pool is given up at once: a search for the oldest each time took half of the time
_START, _INNER = range(2)  # columns of `segments`


@inlined
def _same_setting(genes: AnyArray, block: int, genome: IntArray, shared: IntArray) -> bool:
    """Return True if genes of the whole mapping are equal: a block was measured under them."""
    for gene in shared:  # noqa: SIM110  # not all(): Numba compiles no generators
        if genes[block, gene] != genome[gene]:
            return False
    return True


@inlined
def _same_genes(genes: AnyArray, block: int, genome: IntArray, first: int, behind: int, segments: IntArray) -> bool:
    """Return True if the genes of the layers from `first` to before `behind` are equal; cuts between them count, those around do not."""
    for number in range(len(segments)):
        for gene in range(segments[number, _START] + first, segments[number, _START] + behind - segments[number, _INNER]):
            if genes[block, gene] != genome[gene]:
                return False
    return True


@inlined
def _compare(values: SingleArray, block: int, found: SingleArray) -> int:
    """Return 1 if the block is at least as good as `found` in everything, -1 if `found` is as good and better in something, else 0."""
    at_least, better = True, True
    for column in range(values.shape[1]):
        at_least = at_least and values[block, column] <= found[column]
        better = better and values[block, column] >= found[column]
    return 1 if at_least else -1 if better else 0


@inlined
def _unlink(heads: IntArray, links: IntArray, behind: int, block: int, before: int) -> None:
    """Take a block out of its list, where `before` precedes it, into that of the unused ones."""
    if before < 0:
        heads[behind] = links[block, NEXT]
    else:
        links[before, NEXT] = links[block, NEXT]
    links[block, BEHIND], links[block, NEXT] = 0, heads[_UNUSED]
    heads[_UNUSED] = block


@kernel
def _give_up(heads: IntArray, links: IntArray, count: int) -> None:
    """Give up the `count` blocks that were used longest ago; of equals those that are listed first."""
    last = np.partition(links[:, USED], count - 1)[count - 1]  # all are in use
    tied = count - np.sum(links[:, USED] < last)
    for behind in range(1, len(heads)):
        before, block = -1, heads[behind]
        while block >= 0:
            following = links[block, NEXT]
            if links[block, USED] < last or (links[block, USED] == last and tied > 0):
                tied -= links[block, USED] == last
                _unlink(heads, links, behind, block, before)
            else:
                before = block
            block = following


@inlined
def _is_worth_keeping(
    heads: IntArray,
    links: IntArray,
    values: SingleArray,
    genes: AnyArray,
    genome: IntArray,
    found: SingleArray,
    first: int,
    behind: int,
    segments: IntArray,
    shared: IntArray,
) -> bool:
    """Correct a block that is there already, else tell whether none there is better."""
    worth = True
    block = heads[behind]
    while block >= 0:
        if links[block, FIRST] == first and _same_setting(genes, block, genome, shared):
            if _same_genes(genes, block, genome, first, behind, segments):
                # In other company it may take longer or hold more: what it is worth for sure is its worst.
                for column in range(values.shape[1]):
                    values[block, column] = max(values[block, column], found[column])
                return False
            worth = worth and _compare(values, block, found) != 1
        block = links[block, NEXT]
    return worth


@kernel
def take_in(
    heads: IntArray,
    links: IntArray,
    values: SingleArray,
    genes: AnyArray,
    genomes: IntArray,
    numbers: IntArray,
    firsts: IntArray,
    behinds: IntArray,
    figures: SingleArray,
    segments: IntArray,
    shared: IntArray,
    clock: int,
) -> None:
    """Let the blocks of genomes (P, V) into the pool, as far as no block for the same layers is better.

    Args:
        heads: First block of each list, (L + 1,).
        links: First layer, layer behind the last (0: not in use), next block, time of the last use, (K, LINKS).
        values: Sums and peak, (K, A + 1).
        genes: Genome that each block was seen in, (K, V).
        genomes: What was evaluated.
        numbers: Genome of each block, (N,).
        firsts: First layer of each, (N,).
        behinds: Layer behind the last of each, (N,).
        figures: Sums and peak of each, float32 (N, A + 1).
        segments: First gene of each segment that has a gene per layer, and 1 for cuts, which lie between layers, else 0, (S, 2).
        shared: Genes of the whole mapping, (G,).
        clock: The time.
    """
    for row in range(len(numbers)):
        genome, first, behind, found = genomes[numbers[row]], firsts[row], behinds[row], figures[row]
        if not _is_worth_keeping(heads, links, values, genes, genome, found, first, behind, segments, shared):
            continue
        before, block = -1, heads[behind]
        while block >= 0:
            following = links[block, NEXT]
            same = links[block, FIRST] == first and _same_setting(genes, block, genome, shared)
            if same and _compare(values, block, found) == -1:
                _unlink(heads, links, behind, block, before)
            else:
                before = block
            block = following
        if heads[_UNUSED] < 0:
            _give_up(heads, links, 1 + len(links) // _GIVEN_UP)
        block = heads[_UNUSED]
        heads[_UNUSED] = links[block, NEXT]
        links[block, FIRST], links[block, BEHIND], links[block, NEXT], links[block, USED] = first, behind, heads[behind], clock
        heads[behind] = block
        values[block] = found
        genes[block] = genome


@kernel
def listed(heads: IntArray, links: IntArray) -> IntArray:
    """Return all blocks in use by the layer behind them, in the order of their lists, (N,)."""
    found = np.empty(len(links), dtype=np.int64)
    count = 0
    for behind in range(1, len(heads)):
        block = heads[behind]
        while block >= 0:
            found[count] = block
            count += 1
            block = links[block, NEXT]
    return found[:count]


@inlined
def _own(links: IntArray, block: int, segments: IntArray, number: int) -> tuple[int, int]:
    """Return the first gene of a block in a segment, and the one behind its last."""
    start, inner = segments[number, _START], segments[number, _INNER]
    first, behind = links[block, FIRST], links[block, BEHIND]
    return start + first, start + behind - inner


@kernel
def own_genes(links: IntArray, genes: AnyArray, order: IntArray, segments: IntArray, shared: IntArray) -> AnyArray:
    """Return those genes of blocks `order` (N,) that belong to them, segment by segment and then the shared ones, block by block, (C,)."""
    count = 0
    for block in order:
        for number in range(len(segments)):
            begin, end = _own(links, block, segments, number)
            count += end - begin
    found = np.empty(count + len(order) * len(shared), dtype=genes.dtype)
    place = 0
    for block in order:
        for number in range(len(segments)):
            begin, end = _own(links, block, segments, number)
            for gene in range(begin, end):
                found[place] = genes[block, gene]
                place += 1
        for gene in shared:
            found[place] = genes[block, gene]
            place += 1
    return found


@kernel
def place_genes(links: IntArray, genes: AnyArray, found: AnyArray, count: int, segments: IntArray, shared: IntArray) -> int:
    """Put genes (C,) from `own_genes` into the first `count` blocks; return how many there should be, of which none is read beyond C."""
    place = 0
    for block in range(count):
        for number in range(len(segments)):
            begin, end = _own(links, block, segments, number)
            for gene in range(begin, end):
                if place < len(found):
                    genes[block, gene] = found[place]
                place += 1
        for gene in shared:
            if place < len(found):
                genes[block, gene] = found[place]
            place += 1
    return place


@inlined
def _cheapest(begins: IntArray, first: IntArray, terms: FloatArray, peaks: FloatArray, cap: float, cost: FloatArray, via: IntArray) -> bool:
    """Find the chain of blocks with the least sum of terms whose peaks stay below `cap`; False if there is none.

    A shortest path through the layers: ``cost[l]`` is that of the layers before l, ``via[l]`` the block that ends there. Blocks that end
    before layer l are those from ``begins[l]`` to before ``begins[l + 1]``; ``terms`` (A, N) are their weighted sums.
    """
    cost[0] = 0.0
    for behind in range(1, len(cost)):
        best, chosen = np.inf, -1
        for block in range(begins[behind], begins[behind + 1]):
            total = cost[first[block]]
            for column in range(len(terms)):
                total += terms[column, block]
            if total < best and peaks[block] <= cap:
                best, chosen = total, block
        cost[behind], via[behind] = best, chosen
    return bool(cost[len(cost) - 1] < np.inf)


@inlined
def _lowest_peak(begins: IntArray, first: IntArray, peaks: FloatArray, peak: FloatArray) -> float:
    """Return the least cap below which there is a chain."""
    peak[0] = 0.0
    for behind in range(1, len(peak)):
        peak[behind] = np.inf
        for block in range(begins[behind], begins[behind + 1]):
            peak[behind] = min(peak[behind], max(peak[first[block]], peaks[block]))
    return float(peak[len(peak) - 1])


@inlined
def _highest(first: IntArray, peaks: FloatArray, via: IntArray) -> float:
    """Return the peak of a chain."""
    peak, behind = 0.0, len(via) - 1
    while behind > 0:
        peak = max(peak, peaks[via[behind]])
        behind = first[via[behind]]
    return peak


@inlined
def _weigh(sums: FloatArray, weights: FloatArray, terms: FloatArray) -> None:
    """Write the weighted sums (A, N) of blocks."""
    for column in range(len(weights)):
        for block in range(sums.shape[1]):
            terms[column, block] = weights[column] * sums[column, block]


@inlined
def _write(
    links: IntArray, first: IntArray, order: IntArray, genes: AnyArray, via: IntArray, segments: IntArray, clock: int, child: IntArray
) -> None:
    """Write the genes of a chain into a genome, with cuts where blocks meet, and note that its blocks were used."""
    behind = len(via) - 1
    while behind > 0:
        block = order[via[behind]]
        begin = first[via[behind]]
        links[block, USED] = clock
        for number in range(len(segments)):
            start, inner = segments[number, _START], segments[number, _INNER]
            for gene in range(start + begin, start + behind - inner):
                child[gene] = genes[block, gene]
            if inner and begin > 0:
                child[start + begin - 1] = 1
        behind = begin


@inlined
def _spread_out(
    links: IntArray, values: SingleArray, order: IntArray, begins: IntArray, first: IntArray, figures: FloatArray, peaks: FloatArray
) -> None:
    """Write what blocks are in arrays of their own, block by block in the given order (N,), by the layers behind them."""
    sums, behind = values.shape[1] - 1, 0
    for place, block in enumerate(order):
        while behind < links[block, BEHIND]:
            behind += 1
            begins[behind] = place
        first[place], peaks[place] = links[block, FIRST], values[block, sums]
        figures[:, place] = values[block, :sums]
    begins[behind + 1 :] = len(order)


@kernel
def assemble(
    heads: IntArray,
    links: IntArray,
    values: SingleArray,
    genes: AnyArray,
    genomes: IntArray,
    weights: FloatArray,
    share: FloatArray,
    segments: IntArray,
    shared: IntArray,
    clock: int,
) -> None:
    """Replace genomes (P, V) by the best chains of blocks that were seen with their genes of the whole mapping; others stay.

    Each minimises its own weighted sum (P, A) of the sums, each taken relative to the least possible (or as it is if that is 0); peaks stay
    below a cap at `share` (P,) of the way, on a logarithmic scale, from the lowest possible to the peak of the best chain without cap.

    Other arguments: see `take_in`.
    """
    every = listed(heads, links)
    layers, sums = len(heads) - 1, weights.shape[1]
    order, first = np.empty(len(every), dtype=np.int64), np.empty(len(every), dtype=np.int64)
    figures, terms, peaks = np.empty((sums, len(every))), np.empty((sums, len(every))), np.empty(len(every))
    begins = np.zeros(layers + 2, dtype=np.int64)
    cost, via = np.empty(layers + 1), np.zeros(layers + 1, dtype=np.int64)
    least, scaled = np.ones(sums), np.empty(sums)
    lowest, known = 0.0, -1
    for number in range(len(genomes)):
        if known < 0 or not _same_setting(genomes, known, genomes[number], shared):
            known = number
            usable = 0
            for block in every:
                if _same_setting(genes, block, genomes[number], shared):
                    order[usable] = block
                    usable += 1
            _spread_out(links, values, order[:usable], begins, first, figures, peaks)
            for column in range(sums):
                scaled[:] = 0.0
                scaled[column] = 1.0
                _weigh(figures, scaled, terms)
                _cheapest(begins, first, terms, peaks, np.inf, cost, via)
                least[column] = cost[layers] if cost[layers] > 0.0 else 1.0
            lowest = _lowest_peak(begins, first, peaks, cost)
        scaled[:] = weights[number] / least
        _weigh(figures, scaled, terms)
        if not _cheapest(begins, first, terms, peaks, np.inf, cost, via):
            continue
        highest = _highest(first, peaks, via)
        if 0.0 < lowest < highest:
            cap = max(lowest, lowest * (highest / lowest) ** share[number])
            if not _cheapest(begins, first, terms, peaks, cap, cost, via):
                continue
        _write(links, first, order, genes, via, segments, clock, genomes[number])
