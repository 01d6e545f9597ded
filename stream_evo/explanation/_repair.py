"""What would make a mapping fit: changes of one layer that were tried, and a mapping that fits, if one was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from stream_evo.explanation._shortage import Shortage
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, Mapping, can_run, splittable_channels
from stream_evo.schedule import Totals
from stream_evo.workload import Layer, Workload

__all__ = ["Change", "Repair", "changes_of", "repair"]

Judge = Callable[[Mapping], Totals]
Diagnose = Callable[[Mapping], tuple[Shortage, ...]]
_MOST_PER_KIND = 6


@dataclass(frozen=True, slots=True)
class Change:
    """A change of how one layer runs, with what came of it when it was tried.

    Attributes:
        layer: Layer that changes.
        kind: ``finer tile``, ``another core``, ``more parts``, or two of them.
        before: How it ran.
        after: How it runs.
        violation_bytes: What still does not fit with this change alone.
        latency_cycles: Latency with this change alone.
        energy_pj: Energy with this change alone.
    """

    layer: str
    kind: str
    before: LayerMapping
    after: LayerMapping
    violation_bytes: float
    latency_cycles: int
    energy_pj: float


@dataclass(frozen=True, slots=True)
class Repair:
    """What was found by trying.

    Attributes:
        changes: Per kind and layer the smallest change that removes a shortage for good, by energy-delay product.
        steps: Changes that were made one after the other; each was tried on top of those before.
        mapping: The mapping with all `steps`.
        violation_bytes: What does not fit with all `steps`; 0 if `mapping` fits.
        trials: Number of mappings that were evaluated.
    """

    changes: tuple[Change, ...]
    steps: tuple[Change, ...]
    mapping: Mapping
    violation_bytes: float
    trials: int

    @property
    def fits(self) -> bool:
        """True if `mapping` fits."""
        return self.violation_bytes == 0


@dataclass
class _Trials:
    judge: Judge
    left: int
    done: int = 0

    def __call__(self, mapping: Mapping) -> Totals | None:
        if self.left <= 0:
            return None
        self.left -= 1
        self.done += 1
        return self.judge(mapping)


def repair(
    workload: Workload,
    accelerator: Accelerator,
    mapping: Mapping,
    violation_bytes: float,
    judge: Judge,
    diagnose: Diagnose,
    trials: int = 400,
) -> Repair:
    """Look for changes that make an infeasible mapping fit.

    Tried are, for the layer of each shortage and those whose tensors fill the memory: halving its tile until a single row and column, every
    other core that can run it, and more K-parts; where none of these helps, another core with a finer tile, and a finer tile with more
    parts. Changes that help are then made one after the other, the one that leaves least first, until all fits or nothing helps.

    Args:
        workload: The network.
        accelerator: The chip.
        mapping: A mapping that does not fit.
        violation_bytes: How much does not fit.
        judge: Evaluates a mapping.
        diagnose: Says what of a mapping does not fit.
        trials: Most mappings to evaluate.
    """
    budget = _Trials(judge, trials)
    violation, current = violation_bytes, mapping
    changes: list[Change] = []
    steps: list[Change] = []
    while violation > 0:
        shortages = diagnose(current)
        helpful = [
            tried
            for shortage in (shortages if not steps else shortages[:1])
            for layer in _suspects(shortage, workload)
            for tried in _try_layer(workload, accelerator, current, layer, violation, shortage, budget)
        ]
        if not steps:
            changes = list(dict.fromkeys(change for change, _ in helpful))
        if not helpful:
            break
        best, current = min(helpful, key=lambda tried: _rank(tried[0]))
        steps.append(best)
        violation = best.violation_bytes
    return Repair(tuple(sorted(changes, key=_rank)), tuple(steps), current, violation, budget.done)


def _rank(change: Change) -> tuple[float, float]:
    """Least is best: what still lacks, then the energy-delay product."""
    return change.violation_bytes, change.energy_pj * change.latency_cycles


def _suspects(shortage: Shortage, workload: Workload) -> list[int]:
    """Return the layers to change: the one that asks, then those whose tensors take most room."""
    names = {layer.name: index for index, layer in enumerate(workload.layers)}
    wanted = [shortage.layer, *(tensor.layer for tensor in shortage.held[:2])]
    return [names[name] for name in dict.fromkeys(wanted) if name in names]


def _try_layer(
    workload: Workload, accelerator: Accelerator, mapping: Mapping, index: int, violation: float, shortage: Shortage, trials: _Trials
) -> list[tuple[Change, Mapping]]:
    """Return, per kind, the first change that removes the shortage or, failing that, the one that lessens the violation most."""
    layer, entry = workload.layers[index], mapping.layers[index]
    enough = violation - shortage.missing_bits / 8
    found: list[tuple[Change, Mapping]] = []
    for kind, options in changes_of(layer, entry, accelerator):
        if kind in _SECOND and any(change.violation_bytes <= enough for change, _ in found):
            break
        best: tuple[Change, Mapping] | None = None
        for after in options:
            changed = replace(mapping, layers=(*mapping.layers[:index], after, *mapping.layers[index + 1 :]))
            totals = trials(changed)
            if totals is None:
                break
            if totals.violation_bytes >= (violation if best is None else best[0].violation_bytes):
                continue
            change = Change(layer.name, kind, entry, after, totals.violation_bytes, totals.latency_cycles, totals.energy_pj)
            best = change, changed
            if totals.violation_bytes <= enough:
                break
        if best is not None:
            found.append(best)
    return found


_SECOND = ("another core, finer tile", "finer tile, more parts")


def changes_of(layer: Layer, entry: LayerMapping, accelerator: Accelerator) -> Iterator[tuple[str, list[LayerMapping]]]:
    """Yield (kind, other ways to run a layer), the smallest change first in each kind."""
    finer, parts = _finer(entry), _more_parts(layer, entry)
    cores = [replace(entry, cores=(slot.name,)) for slot in accelerator.cores if slot.name not in entry.cores and can_run(slot.core, layer)]
    yield "finer tile", finer
    yield "another core", cores
    yield "more parts", parts
    yield _SECOND[0], [replace(small, cores=other.cores) for small in finer for other in cores]
    yield _SECOND[1], [replace(small, parts=split.parts) for small in finer for split in parts]


def _finer(entry: LayerMapping) -> list[LayerMapping]:
    """Return tiles of half the rows, a quarter, ... down to one row, then of half the columns, ..."""
    found = [entry]
    while found[-1].tile_rows > 1:
        found.append(replace(found[-1], tile_rows=found[-1].tile_rows // 2))
    while found[-1].tile_columns > 1:
        found.append(replace(found[-1], tile_columns=found[-1].tile_columns // 2))
    return found[1:]


def _more_parts(layer: Layer, entry: LayerMapping) -> list[LayerMapping]:
    """Return the next few numbers of K-parts that the layer can be cut in."""
    channels = splittable_channels(layer)
    more = (parts for parts in range(entry.parts + 1, channels + 1) if channels % parts == 0)
    return [replace(entry, parts=parts) for parts in islice(more, _MOST_PER_KIND)]
