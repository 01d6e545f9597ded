"""Allocations that make pipelines of fused stacks."""

from __future__ import annotations

import numpy as np

from stream_evo.operators._genes import by_value, core_table
from stream_evo.search import Spec
from stream_evo.typing import FloatArray, IntArray

__all__ = ["drawn_runs", "open_cores", "pipelined"]

_SHIFTS = 0.15
_TOLERANCES = (1.5, 3.0, np.inf)


def open_cores(table: IntArray) -> IntArray:
    """Return the cores that layers with a choice can run on, ascending, from a table of cores (L, A), -1 for none."""
    choice = table[(table >= 0).sum(axis=1) > 1]
    return np.unique(choice[choice >= 0])


def drawn_runs(table: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw how many runs a stack has, (count,): as many as there are cores to choose from in every second, else up to twice as many."""
    cores = max(len(open_cores(table)), 1)
    return np.where(rng.random(count) < 0.5, cores, rng.integers(1, 2 * cores + 1, size=count))


def pipelined(spec: Spec, latency: FloatArray | None, stacks: IntArray, runs: IntArray, rng: np.random.Generator) -> IntArray:
    """Cut every stack into runs of consecutive layers of about equal work and put each run on a core of its own.

    While one core computes a tile, the next computes the tile before, so the slowest run sets the pace: runs are balanced within a stack,
    as stacks follow each other. Tensors inside a run stay where they are made; only those between runs travel.

    Args:
        spec: The space.
        latency: Latency of each layer by core index, (L, N), infinite where it cannot run; ``None`` if all layers weigh the same.
        stacks: Number of the stack of each layer, ascending from 0, (P, L).
        runs: Runs in a stack of each genome, (P,); where there are more runs than cores, cores take turns.
        rng: Source of chance: which core is where, and where exactly runs end.

    Returns:
        Values of the allocation genes, (P, L). A layer that cannot run on the core of its run, or is much slower there, goes where it is
        fastest.
    """
    table = core_table(spec)
    count = len(stacks)
    costs = np.where(table >= 0, 1.0, np.inf) if latency is None else by_value(latency, table)
    # Of cores that are equally fast, to a hundredth, the batch takes any.
    fastest: IntArray = (costs * (1.0 + 0.01 * rng.random(costs.shape))).argmin(axis=1)
    cores = open_cores(table)
    if not cores.size:
        return np.repeat(fastest[None, :], count, axis=0)
    work = np.where((table >= 0).sum(axis=1) > 1, costs.min(axis=1), 0.0)
    # Work of a stack before the middle of each layer, in runs.
    ends = np.cumsum(work)
    width = int(stacks.max()) + 1
    flat = np.arange(count)[:, None] * width + stacks
    of_stack = np.bincount(flat.ravel(), weights=np.broadcast_to(work, stacks.shape).ravel(), minlength=count * width)
    before = np.concatenate([np.zeros((count, 1)), np.cumsum(of_stack.reshape(count, width), axis=1)[:, :-1]], axis=1)
    share = (ends - work / 2.0 - np.take_along_axis(before, stacks, axis=1)) / np.maximum(of_stack[flat], np.finfo(np.float64).tiny)
    place = share * runs[:, None] + rng.random((count, 1)) + _SHIFTS * rng.standard_normal(stacks.shape)
    turn = np.floor(place).astype(np.int64) + np.take_along_axis(rng.integers(len(cores), size=(count, width)), stacks, axis=1)
    order = np.argsort(rng.random((count, len(cores))), axis=1)
    core = cores[np.take_along_axis(order, turn % len(cores), axis=1)]
    # On chips of unlike cores some layers are many times slower on the core of their run.
    tolerable = np.isfinite(costs) & (costs <= costs.min(axis=1, keepdims=True) * rng.choice(_TOLERANCES, size=(count, 1, 1)))
    matches = (table[None, :, :] == core[:, :, None]) & tolerable
    values: IntArray = np.where(matches.any(axis=2), matches.argmax(axis=2), fastest)
    return values
