"""Multi-objective evolutionary optimisation of how neural networks run on multi-core accelerators.

An ONNX network and a chip description go in; the Pareto front over energy, latency and memory comes out, every point a mapping file that
evaluates to exactly the numbers of the front::

    import stream_evo

    result = stream_evo.optimize("resnet18", "heterogeneous_quad", generations=20, seed=1)
    result.front  # a pandas table, one row per point
    result[result.best_edp].schedule.plot()
    result.save("runs/resnet18")

Searching:

* `optimize`: search the front.
* `load_run`: the front of an earlier run, from its folder.
* `export`: a front, or a point of it, in the format of another tool.
* `Result`, `Point`, `PointMetrics`, `PointSchedule`: a front, one point of it, its numbers, what happens when.
* `compare`, `Comparison`: fronts of several chips or settings side by side.

One mapping:

* `evaluate`: its numbers.
* `simulate`: what happens when, as pictures and tables.
* `explain`, `Explanation`: why it has them, and what would make one fit that does not.
* `diff`, `MappingDiff`: what differs between two, layer by layer, and what that does.

Inputs:

* `load_network`, `load_hardware`, `load_mapping`: from names and files to values.
* `Workload`, `Accelerator`, `Mapping`: those values.
* `inspect`: layers, totals and operator support of a network.

What can go wrong:

* `StreamEvoError`, `InputError`, `UnknownNameError`, `RunFolderError`, `PluginError`: every error raised on purpose.

The parts are in the folders, see ``stream_evo/README.md``. Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_evo._api import evaluate, explain, optimize, simulate
    from stream_evo._run._load import load_run
    from stream_evo._run._metrics import PointMetrics
    from stream_evo._run._network import inspect
    from stream_evo._run._point import Point, PointSchedule
    from stream_evo._run._result import Result
    from stream_evo.comparison import Comparison, MappingDiff, compare, diff
    from stream_evo.errors import InputError, PluginError, RunFolderError, StreamEvoError, UnknownNameError
    from stream_evo.explanation import Explanation
    from stream_evo.exports import export
    from stream_evo.hardware import Accelerator
    from stream_evo.mapping import Mapping, load_mapping
    from stream_evo.registry import load_hardware, load_network
    from stream_evo.workload import Workload

__all__ = [
    "Accelerator",
    "Comparison",
    "Explanation",
    "InputError",
    "Mapping",
    "MappingDiff",
    "PluginError",
    "Point",
    "PointMetrics",
    "PointSchedule",
    "Result",
    "RunFolderError",
    "StreamEvoError",
    "UnknownNameError",
    "Workload",
    "compare",
    "diff",
    "evaluate",
    "explain",
    "export",
    "inspect",
    "load_hardware",
    "load_mapping",
    "load_network",
    "load_run",
    "optimize",
    "simulate",
]

_MODULES = {
    "Accelerator": "hardware",
    "Comparison": "comparison",
    "Explanation": "explanation",
    "InputError": "errors",
    "Mapping": "mapping",
    "MappingDiff": "comparison",
    "PluginError": "errors",
    "Point": "_run._point",
    "PointMetrics": "_run._metrics",
    "PointSchedule": "_run._point",
    "Result": "_run._result",
    "RunFolderError": "errors",
    "StreamEvoError": "errors",
    "UnknownNameError": "errors",
    "Workload": "workload",
    "compare": "comparison",
    "diff": "comparison",
    "evaluate": "_api",
    "explain": "_api",
    "export": "exports",
    "inspect": "_run._network",
    "load_hardware": "registry",
    "load_mapping": "mapping",
    "load_network": "registry",
    "load_run": "_run._load",
    "optimize": "_api",
    "simulate": "_api",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"stream_evo.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
