"""The contract of an objective, checked on made-up numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from stream_evo.errors import PluginError
from stream_evo.search._contracts import Objective
from stream_evo.search._trial import called, global_seeds, name_of
from stream_evo.typing import FloatArray

__all__ = ["check_objective", "objective_values", "trial_metrics"]

_COUNT = 64
_SLICES = tuple(slice(start, stop) for start, stop in ((0, 1), (1, 2), (5, 8), (3, 16), (40, 57), (0, _COUNT)))
_ENERGIES = ("mac_pj", "memory_pj", "transfer_pj", "link_pj", "dram_pj")


def trial_metrics(count: int = _COUNT) -> dict[str, FloatArray]:
    """Return made-up columns of all names that an objective gets, (count,) each: from tiny to huge, some parts zero."""
    rng = np.random.default_rng(5)
    columns = {name: np.floor(10.0 ** rng.uniform(0.0, 11.0, count)) for name in ("latency_cycles", "memory_bytes", "dram_bytes")}
    parts = {name: 10.0 ** rng.uniform(0.0, 12.0, count) for name in _ENERGIES}
    for name in ("link_pj", "transfer_pj"):
        parts[name][:: 1 + len(name)] = 0.0  # a chip of one core has no links
    energy = sum(parts.values(), np.zeros(count))
    columns = {"latency_cycles": columns["latency_cycles"], "energy_pj": energy, "memory_bytes": columns["memory_bytes"]} | {
        "edp_pj_cycles": energy * columns["latency_cycles"],
        "dram_bytes": columns["dram_bytes"],
    }
    return columns | parts | {"evictions": np.floor(rng.exponential(3.0, count))}


def check_objective(objective: Objective, metrics: Mapping[str, FloatArray] | None = None) -> None:
    """Check that an objective gives one finite value of at least 0 per mapping, by its metrics alone.

    Args:
        objective: The objective.
        metrics: Columns to try it on in place of made-up ones, at least two rows.

    Raises:
        PluginError: It does not; or it depends on the rest of the batch or on chance, or writes into its argument.
    """
    name = name_of(objective)
    _check_signature(name, objective)
    columns = trial_metrics() if metrics is None else {key: np.array(values, dtype=np.float64) for key, values in metrics.items()}
    whole = _values(name, objective, columns)
    again = _values(name, objective, columns, seed=1)
    if not np.array_equal(whole, again):
        raise PluginError(f"{name}: two calls with the same metrics differ; an objective knows no chance and keeps nothing in mind")
    count = len(whole)
    backwards = _values(name, objective, {key: values[::-1] for key, values in columns.items()})[::-1]
    parts = [(part, _values(name, objective, {key: values[part] for key, values in columns.items()})) for part in _SLICES]
    for part, values in [(slice(0, count), backwards), *parts]:
        different = np.flatnonzero(values != whole[part])
        if different.size:
            row = int(different[0])
            raise PluginError(
                f"{name}: the value of a mapping depends on the batch it is in: {float(whole[part][row])!r} among {count}, "
                f"{float(values[row])!r} among {len(values)}. Use element-wise arithmetic only: no mean, maximum or order of the batch, "
                "and no @ or dot, which add up in another order for another number of rows"
            )


def objective_values(name: str, objective: Objective, columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the values of an objective, (P,); whether they are finite is for the caller to say.

    The columns are handed out read-only.

    Raises:
        PluginError: It raised something, or returned something else than P numbers.
    """
    count = len(next(iter(columns.values())))
    with np.errstate(all="ignore"):  # what comes of it is told
        try:
            found = called(name, partial(objective, columns), "on a batch of metrics")
        except PluginError as error:
            if isinstance(error.__cause__, KeyError):
                raise PluginError(f"{error}. Known metrics: {', '.join(columns)}") from error.__cause__
            raise
    plain = type(found) is np.ndarray  # a masked array is one too, and means something else
    if not plain or found.dtype.kind not in "fiu":
        what = f"an array of {found.dtype}" if plain else type(found).__name__
        raise PluginError(f"{name}: an objective must return a NumPy array of numbers, one per mapping; found {what}")
    if found.shape != (count,):
        raise PluginError(f"{name}: the shape must be ({count},), one value per mapping; found {found.shape}")
    return np.asarray(found, dtype=np.float64)


def _check_signature(name: str, objective: Any) -> None:
    if not callable(objective):
        raise PluginError(f"{objective!r} cannot be called, so it is no objective")
    try:
        names = tuple(inspect.signature(objective).parameters)
    except (TypeError, ValueError):  # a function of C that does not tell
        return
    if len(names) != 1:
        raise PluginError(f"{name}: an objective takes (metrics) alone, found ({', '.join(names)})")


def _values(name: str, objective: Objective, columns: Mapping[str, FloatArray], seed: int = 0) -> FloatArray:
    """Call on copies, which may be written to, and see whether they were."""
    given = {key: values.copy() for key, values in columns.items()}
    with global_seeds(seed) as touched:
        values = objective_values(name, objective, MappingProxyType(given))
        if touched():
            raise PluginError(f"{name}: it uses random or np.random, the global generators; an objective knows no chance")
    if not all(np.array_equal(given[key], columns[key]) for key in columns):
        raise PluginError(f"{name}: it writes into its argument; work on a copy")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0)))
    if wrong.size:
        row = int(wrong[0])
        shown = ", ".join(f"{key}={float(column[row]):.6g}" for key, column in columns.items())
        raise PluginError(
            f"{name}: every value must be finite and at least 0 where the metrics are; found {_shown(values[row])} for {shown}. "
            "It is minimised; of what is to be large, give the reciprocal"
        )
    return values


def _shown(value: float) -> str:
    return "not a number" if math.isnan(value) else f"{value:.6g}"
