"""Two mappings of one network, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from stream_evo._html import card, text_table
from stream_evo.comparison._effects import Effects
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping, resolve_dataflow
from stream_evo.workload import Workload

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ASPECTS", "Decisions", "LayerDiff", "MappingDiff", "diff_mappings"]

ASPECTS = ("core", "stack", "tile", "split", "dataflow")
"""What is decided for a layer, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """How one layer runs, as it is compared.

    Attributes:
        core: Names of its cores.
        stack: Layers of its fused stack: the first and the last.
        tile: Rows and columns of a tile.
        split: Number of K-parts.
        dataflow: Dataflow on each of its cores; empty where a core's default is meant and the chip is not known.
    """

    core: tuple[str, ...]
    stack: tuple[str, str]
    tile: tuple[int, int]
    split: int
    dataflow: tuple[str, ...]

    def text(self, aspect: str) -> str:
        """Return one of `ASPECTS` for people."""
        if aspect == "core":
            return " ".join(self.core)
        if aspect == "stack":
            first, last = self.stack
            return first if first == last else f"{first} .. {last}"
        if aspect == "tile":
            return f"{self.tile[0]} x {self.tile[1]}"
        if aspect == "split":
            return f"{self.split} parts" if self.split > 1 else "whole"
        return " ".join(dict.fromkeys(name or "default" for name in self.dataflow))


@dataclass(frozen=True, slots=True)
class LayerDiff:
    """One layer in two mappings.

    Attributes:
        layer: Its name.
        first: How it runs in the first mapping.
        second: How it runs in the second.
        changed: Which of `ASPECTS` differ.
    """

    layer: str
    first: Decisions
    second: Decisions
    changed: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MappingDiff:
    """What differs between two mappings of one network.

    Stacks are compared by their layers, not by their numbers: one more cut early in the network renumbers all later stacks, but changes
    only the one that it divides.

    Attributes:
        network: Name of the network.
        labels: What the mappings are called.
        accelerators: Names of their accelerators.
        priorities: Their scheduling priorities.
        layers: All layers, in the network's order.
        cuts: Layers after which a fused stack ends in the first mapping only, and in the second only.
        effects: What the differences do to latency, energy and memory; ``None`` if the chip is not known.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=6, generations=1)
        >>> diff = stream_evo.diff("squeezenet", result[0].mapping, result[-1].mapping, hardware="homogeneous_quad")
        >>> all(layer.changed for layer in diff.changed_layers)
        True
        >>> diff.effects.metrics[0] == result[0].metrics
        True
        >>> diff.table.index.name
        'layer'
    """

    network: str
    labels: tuple[str, str]
    accelerators: tuple[str, str]
    priorities: tuple[str, str]
    layers: tuple[LayerDiff, ...]
    cuts: tuple[tuple[str, ...], tuple[str, ...]]
    effects: Effects | None = None

    @property
    def changed_layers(self) -> tuple[LayerDiff, ...]:
        """The layers in which something differs."""
        return tuple(layer for layer in self.layers if layer.changed)

    @property
    def table(self) -> pd.DataFrame:
        """One row per layer, two columns per aspect: as it is in the first and in the second mapping."""
        import pandas as pd  # noqa: PLC0415  # takes half a second to import

        rows = [[side.text(aspect) for aspect in ASPECTS for side in (layer.first, layer.second)] for layer in self.layers]
        columns = pd.MultiIndex.from_product([ASPECTS, self.labels], names=["aspect", "mapping"])
        return pd.DataFrame(rows, index=pd.Index([layer.layer for layer in self.layers], name="layer"), columns=columns)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, strings and finite numbers: what JSON can hold."""
        return {
            "network": self.network,
            "labels": list(self.labels),
            "accelerators": list(self.accelerators),
            "priorities": list(self.priorities),
            "cuts_in_one_only": [list(layers) for layers in self.cuts],
            "changed_layers": len(self.changed_layers),
            "layers": [
                {
                    "layer": layer.layer,
                    "changed": list(layer.changed),
                    **{aspect: [_plain(getattr(side, aspect)) for side in (layer.first, layer.second)] for aspect in ASPECTS},
                }
                for layer in self.layers
            ],
            "effects": None if self.effects is None else self.effects.as_dict(),
        }

    def _repr_html_(self) -> str:
        rows = [
            (layer.layer, aspect, layer.first.text(aspect), layer.second.text(aspect))
            for layer in self.changed_layers
            for aspect in layer.changed
        ]
        title = f"{self.network}: {len(self.changed_layers)} of {len(self.layers)} layers differ"
        changes = text_table(("layer", "what", *self.labels), rows, numeric=())
        return card(title, changes, "" if self.effects is None else self.effects.metrics_html(self.labels))


def diff_mappings(
    workload: Workload,
    first: Mapping,
    second: Mapping,
    *,
    accelerators: tuple[Accelerator | None, Accelerator | None] = (None, None),
    labels: tuple[str, str] = ("first", "second"),
    effects: Effects | None = None,
) -> MappingDiff:
    """Compare two mappings of `workload`, decision by decision.

    Args:
        workload: The network.
        first: A mapping of it; its layers are those of the network, in that order.
        second: Another.
        accelerators: Their chips, as far as they are known; these name the default dataflows.
        labels: What to call the mappings.
        effects: What the differences do, if it was evaluated.
    """
    sides = [_decisions(workload, mapping, chip) for mapping, chip in zip((first, second), accelerators, strict=True)]
    layers = []
    for layer, one, other in zip(workload.layers, *sides, strict=True):
        changed = tuple(aspect for aspect in ASPECTS if getattr(one, aspect) != getattr(other, aspect))
        layers.append(LayerDiff(layer.name, one, other, changed))
    cuts = [_cuts(mapping) for mapping in (first, second)]
    return MappingDiff(
        network=workload.name,
        labels=labels,
        accelerators=(first.accelerator, second.accelerator),
        priorities=(str(first.priority), str(second.priority)),
        layers=tuple(layers),
        cuts=(_missing_in(cuts[0], cuts[1]), _missing_in(cuts[1], cuts[0])),
        effects=effects,
    )


def _decisions(workload: Workload, mapping: Mapping, accelerator: Accelerator | None) -> list[Decisions]:
    cores = {} if accelerator is None else {slot.name: slot.core for slot in accelerator.cores}
    stacks: dict[int, tuple[str, str]] = {}
    for number, members in groupby(mapping.layers, key=lambda entry: entry.stack):
        names = [entry.layer for entry in members]
        stacks[number] = (names[0], names[-1])
    found = []
    for layer, entry in zip(workload.layers, mapping.layers, strict=True):
        chosen = [mapping.dataflows.get(core) for core in entry.cores]
        flows = [
            resolve_dataflow(cores[core], layer, flow).name if core in cores else flow or ""
            for core, flow in zip(entry.cores, chosen, strict=True)
        ]
        found.append(Decisions(entry.cores, stacks[entry.stack], (entry.tile_rows, entry.tile_columns), entry.parts, tuple(flows)))
    return found


def _cuts(mapping: Mapping) -> list[str]:
    return [before.layer for before, after in pairwise(mapping.layers) if after.stack != before.stack]


def _missing_in(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in set(others))


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
