"""The best blocks of all mappings seen so far, and mappings put together from them."""

from __future__ import annotations

import numpy as np

from stream_evo.search._block_kernel import BEHIND, FIRST, LINKS, NEXT, USED, assemble, listed, own_genes, place_genes, take_in
from stream_evo.search._blocks import BlockTable
from stream_evo.search._contracts import EngineState, Spec
from stream_evo.search._segments import LAYER_SEGMENTS, gene_layers, layer_count, segment
from stream_evo.typing import AnyArray, FloatArray, IntArray

__all__ = ["BlockPool"]

_ROOM, _ROOM_PER_LAYER = 1024, 12
_STATE = "blocks."


class BlockPool:
    """Blocks of mappings that run one after the other, and the shortest paths through them.

    Blocks do not overlap in time, so latency, energy and traffic of a mapping are sums over its blocks and its peak memory is the highest
    of theirs (`KnowsBlocks`), nearly whatever stands before and behind. Of all mappings seen, the pool keeps the blocks that no other block
    for the same layers beats in everything. The best mapping that can be put together from them, for given weights of the sums and a cap
    on the peak, is then a shortest path through the layers, found exactly in one pass over the pool.

    This is recombination of all mappings seen at once, with credit to the part that earned it, where a crossover of two parents can only
    guess what was good in them; compare optimal mixing (Thierens and Bosman 2011), which tries parts one by one.

    A block seen again in other company counts by its worst figures. When the room is used up, the blocks that were part of no path for
    longest go. Genes of the whole mapping (dataflows, priority) stay as they are: a path takes blocks that were seen with them.

    Args:
        spec: The search space.
        sums: Number of sums A.
        room: Most blocks kept; by default 1,024, or 12 for each layer if that is more.
    """

    def __init__(self, spec: Spec, sums: int, room: int | None = None) -> None:
        layers = layer_count(spec)
        room = max(_ROOM, _ROOM_PER_LAYER * layers) if room is None else room
        per_layer = [(segment(spec, name).start, int(name == "cut")) for name in LAYER_SEGMENTS if name in spec.segments]
        self._segments = np.array(per_layer, dtype=np.int64)
        self._shared = np.flatnonzero(gene_layers(spec) < 0)
        self._heads: AnyArray = np.empty(layers + 1, dtype=np.int32)
        self._links: AnyArray = np.empty((room, LINKS), dtype=np.int32)
        # In single precision: they guide, and are stored in every checkpoint.
        self._values = np.zeros((room, sums + 1), dtype=np.float32)
        self._genes: AnyArray = np.zeros((room, len(spec.lower)), dtype=np.min_scalar_type(int(spec.upper.max())))
        self._clock = 0
        self._clear()

    @property
    def is_empty(self) -> bool:
        """True as long as no block was taken in."""
        return bool((self._heads[1:] < 0).all())

    def take_in(self, genomes: IntArray, blocks: BlockTable) -> None:
        """Learn from genomes (P, V) and their blocks, see `EngineContext.blocks`."""
        self._clock += 1
        tables = self._heads, self._links, self._values, self._genes
        rows = blocks.genomes, blocks.first, blocks.behind
        take_in(*tables, genomes, *rows, blocks.figures, self._segments, self._shared, self._clock)

    def assembled(self, genomes: IntArray, weights: FloatArray, share: FloatArray) -> IntArray:
        """Return the best mappings for some weights and caps, (P, V).

        Args:
            genomes: Where genes of the whole mapping are taken from; also the result where no path exists under them, (P, V).
            weights: Weight of each sum relative to its least possible value, (P, A).
            share: Where the cap on the peak lies between the lowest possible, 0, and that of the best mapping without cap, 1; (P,).
        """
        children = genomes.copy()
        tables = self._heads, self._links, self._values, self._genes
        assemble(*tables, children, weights, share, self._segments, self._shared, self._clock)
        return children

    def state(self) -> EngineState:
        """Return all that is needed to continue; of genes, those that belong to a block."""
        order = listed(self._heads, self._links)
        links = self._links[order]
        return {
            f"{_STATE}clock": self._clock,
            f"{_STATE}limits": links[:, [FIRST, BEHIND]].T.astype(np.int32),
            f"{_STATE}age": (self._clock - links[:, USED]).astype(np.int32),
            f"{_STATE}values": self._values[order],
            f"{_STATE}genes": own_genes(self._links, self._genes, order, self._segments, self._shared),
        }

    def restore(self, state: EngineState) -> None:
        """Continue from `state`.

        Raises:
            ValueError: The state is of another space.
        """
        first, behind = state[f"{_STATE}limits"]
        if not ((first >= 0) & (first < behind) & (behind < len(self._heads))).all():
            raise ValueError("a block lies outside the network")
        self._clock = int(state[f"{_STATE}clock"])
        count = len(state[f"{_STATE}age"])
        self._clear()
        self._links[:count, [FIRST, BEHIND]] = state[f"{_STATE}limits"].T
        self._links[:count, USED] = self._clock - state[f"{_STATE}age"]
        self._values[:count] = state[f"{_STATE}values"]
        genes = np.asarray(state[f"{_STATE}genes"], dtype=self._genes.dtype)
        if place_genes(self._links, self._genes, genes, count, self._segments, self._shared) != len(genes):
            raise ValueError("its blocks have another number of genes")
        starts = np.flatnonzero(np.diff(behind, prepend=0))  # blocks are in the order of their lists
        self._heads[behind[starts]] = starts
        self._links[[*(starts[1:] - 1), count - 1][: len(starts)], NEXT] = -1
        self._heads[0] = count if count < len(self._links) else -1

    def _clear(self) -> None:
        self._heads[:], self._links[:] = -1, 0
        self._links[:, NEXT] = [*range(1, len(self._links)), -1]
        self._heads[0] = 0
