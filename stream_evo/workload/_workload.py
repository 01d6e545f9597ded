"""A network as a directed acyclic graph of layers."""

from __future__ import annotations

from dataclasses import dataclass

from stream_evo._html import card, text_table
from stream_evo.workload._layer import Layer

__all__ = ["NetworkInput", "Workload"]


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """An activation that comes from outside: it lies in DRAM when the run starts."""

    name: str
    channels: int
    rows: int = 1
    columns: int = 1
    batch: int = 1
    bits: int = 8

    def __post_init__(self) -> None:
        if min(self.channels, self.rows, self.columns, self.batch, self.bits) < 1:
            raise ValueError(f"network input {self.name}: every extent must be at least 1")

    @property
    def total_bits(self) -> int:
        """Bits of the whole input."""
        return self.batch * self.channels * self.rows * self.columns * self.bits


@dataclass(frozen=True, slots=True)
class Workload:
    """Layers in topological order, the inputs they read, and which of them are outputs of the network.

    Attributes:
        name: Name of the network.
        layers: Layers; every edge points to an earlier layer or to an input.
        inputs: Network inputs; edge producer ``-1 - i`` is ``inputs[i]``.
        outputs: Indices of layers whose output leaves the network, ascending. A layer without consumers is always one.
        host_operators: Graph nodes treated as zero work on the host, as ``"name (Type)"``.

    Example:
        >>> workload = stream_evo.load_network("squeezenet")
        >>> workload.layers[0].name, len(workload.layers)
        ('conv1', 31)
        >>> workload.consumers(workload.index("fire2/squeeze1x1"))
        (3, 4)
    """

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[NetworkInput, ...] = ()
    outputs: tuple[int, ...] = ()
    host_operators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        if not self.layers:
            raise ValueError(f"workload {self.name}: a network needs at least one layer with work")
        if len(set(names)) != len(names):
            raise ValueError(f"workload {self.name}: layer names must be unique")
        for index, layer in enumerate(self.layers):
            for edge in layer.edges:
                if not -len(self.inputs) <= edge.producer < index:
                    raise ValueError(f"layer {layer.name}: producer {edge.producer} is neither an earlier layer nor an input")
        consumed = {edge.producer for layer in self.layers for edge in layer.edges}
        sinks = {index for index in range(len(self.layers)) if index not in consumed}
        object.__setattr__(self, "outputs", tuple(sorted(sinks | set(self.outputs))))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weights(self) -> int:
        """Constant weights of the network."""
        return sum(layer.weights for layer in self.layers)

    def consumers(self, producer: int) -> tuple[int, ...]:
        """Return the layers that read `producer` (a layer index or ``-1 - input``), ascending."""
        return tuple(i for i, layer in enumerate(self.layers) if any(edge.producer == producer for edge in layer.edges))

    def index(self, name: str) -> int:
        """Return the index of the layer called `name`.

        Raises:
            KeyError: no layer has that name.
        """
        for index, layer in enumerate(self.layers):
            if layer.name == name:
                return index
        raise KeyError(name)

    def _repr_html_(self) -> str:
        columns = ("layer", "operator", "output", "MACs", "weights")
        rows = [
            (layer.name, layer.operator, f"{layer.channels} x {layer.rows} x {layer.columns}", layer.macs, layer.weights)
            for layer in self.layers
        ]
        title = f"{self.name}: {len(self.layers)} layers, {self.macs:,} MACs, {self.weights:,} weights"
        return card(title, text_table(columns, rows, numeric=columns[2:]))
