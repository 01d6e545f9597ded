"""What operators may know of costs beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stream_evo.typing import FloatArray

__all__ = ["LayerCosts", "SeedHints"]


class LayerCosts(Protocol):
    """Anything that tells the cost of each layer on each core; `SeedHints` is one that checks itself."""

    @property
    def latency_cycles(self) -> FloatArray:
        """Latency by layer and core index, (L, N); infinite where the layer cannot run."""

    @property
    def energy_pj(self) -> FloatArray:
        """Energy by layer and core index, (L, N); infinite at the same places."""

    @property
    def weight_share(self) -> FloatArray | None:
        """Weights of each layer as share of what each core's memory holds, (L, N); ``None`` if not known."""


@dataclass(frozen=True, eq=False)
class SeedHints:
    """Rough cost of each layer on each core, e.g. of its whole output as one tile.

    Hints guide where the search starts and what it tries first; wrong ones cost time, not truth.

    Attributes:
        latency_cycles: (L, N), by core index; infinite where the layer cannot run.
        energy_pj: (L, N), infinite at the same places.
        weight_share: Weights of each layer as share of what each core's memory holds, (L, N); ``None`` if not known.

    Raises:
        ValueError: The shapes differ, or a layer has no finite cost.
    """

    latency_cycles: FloatArray
    energy_pj: FloatArray
    weight_share: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("latency_cycles", "energy_pj", "weight_share"):
            if getattr(self, name) is None:
                continue
            values = np.array(getattr(self, name), dtype=np.float64)
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        shapes = {values.shape for values in (self.latency_cycles, self.energy_pj, self.weight_share) if values is not None}
        if self.latency_cycles.ndim != 2 or len(shapes) > 1:
            raise ValueError(f"hints must have equal shapes (L, N), got {', '.join(map(str, sorted(shapes)))}")
        if not (np.isfinite(self.latency_cycles).any(axis=1) & np.isfinite(self.energy_pj).any(axis=1)).all():
            raise ValueError("every layer needs a core with finite hints")
