"""Multi-objective evolutionary optimisation of how neural networks run on multi-core accelerators.

An ONNX network and a chip description go in; the Pareto front over energy, latency and memory comes out, every point a mapping file that
evaluates to exactly the numbers of the front::

    import stream_evo

    result = stream_evo.optimize("resnet18", "heterogeneous_quad", generations=20, seed=1)
    result.save("runs/resnet18")
    stream_evo.evaluate("resnet18", "heterogeneous_quad", "runs/resnet18/mappings/point_000.yaml").latency_cycles

Functions:
    optimize: search the front.
    evaluate: the numbers of one mapping.
    explain: why a mapping has them, and what would make one fit that does not.
    inspect: layers, totals and operator support of a network.
Values:
    Result: a front with what is needed to understand and save it.
    PointMetrics: the numbers of one mapping.
    Explanation: critical path, energy, peak memory and shortages of one mapping.

The parts are in the folders, see ``stream_evo/README.md``. Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_evo._api import Explanation, PointMetrics, Result, evaluate, explain, inspect, optimize

__all__ = ["Explanation", "PointMetrics", "Result", "evaluate", "explain", "inspect", "optimize"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = "stream_evo._run._network" if name == "inspect" else "stream_evo._api"  # the latter loads the kernels
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
