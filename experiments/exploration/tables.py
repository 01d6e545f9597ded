"""Numbers of the study, from what is there: ``python experiments/exploration/tables.py`` prints them as Markdown."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from methods import METHODS
from study import ALL_CHIPS, CHIPS, ENERGY_PARTS, NETWORKS, OBJECTIVES, RESULTS, Found, Pair

from stream_evo.evaluation import METRICS
from stream_evo.search import hypervolume, nondominated
from stream_evo.typing import FloatArray

__all__ = ["KINDS", "all_tables", "best_of", "gain", "median_edp", "read_all", "united_front"]

Results = dict[tuple[str, str], dict[tuple[str, int], Found]]
KINDS: Final = ("one core", "cores of one kind", "cores of three kinds")
_BASELINES = ("layer_by_layer", "layer_by_layer_split", "layer_by_layer_tiled")


def read_all(results: Path) -> Results:
    """Return what is there: (network, chip) -> (method, seed) -> what was found; end the program if that is nothing."""
    pairs = itertools.product(NETWORKS, ALL_CHIPS)
    there = {(network, chip): found for network, chip in pairs if (found := Pair(network, chip).read(results))}
    if not there:
        sys.exit(f"there are no results in {results}; run.py makes them")
    return there


def _of_method(found: dict[tuple[str, int], Found], method: str) -> list[Found]:
    """Return what the seeds of a method found, in their order."""
    return [one for (name, _), one in found.items() if name == method]


def median_edp(found: dict[tuple[str, int], Found], method: str) -> float:
    """Return the median over seeds of the least energy x delay, in pJ cycles; infinite if most found nothing, NaN without results."""
    values = [one.least_edp for one in _of_method(found, method)]
    return float(np.median(values)) if values else float("nan")


def gain(found: dict[tuple[str, int], Found], method: str, baseline: str = "layer_by_layer") -> float:
    """Return how many times less energy x delay than the baseline's best a method has, as medians over seeds; NaN if one is missing."""
    ours, theirs = median_edp(found, method), median_edp(found, baseline)
    return theirs / ours if np.isfinite(ours) and np.isfinite(theirs) else float("nan")


def united_front(found: dict[tuple[str, int], Found], method: str) -> FloatArray:
    """Return the metrics of the common front of all seeds, (P, 5)."""
    metrics = [one.metrics for one in _of_method(found, method)]
    united = np.concatenate(metrics) if metrics else np.empty((0, len(METRICS)))
    columns = [METRICS.index(name) for name in OBJECTIVES]
    return united[nondominated(united[:, columns])] if len(united) else united


def best_of(found: dict[tuple[str, int], Found], method: str) -> Found | None:
    """Return the search that found the least energy x delay of its method."""
    return min(_of_method(found, method), key=lambda one: one.least_edp, default=None)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float, form: str = ".2f") -> str:
    return format(value, form) if np.isfinite(value) else "-"


def gains_table(results: Results, baseline: str) -> str:
    """Return how many times less energy x delay than `baseline` each method reaches, by chip and network."""
    methods = [name for name in METHODS if name != baseline]
    rows = []
    for group, chips in CHIPS.items():
        for chip, network in itertools.product(chips, NETWORKS):
            if found := results.get((network, chip)):
                values = (_number(gain(found, method, baseline)) for method in methods)
                rows.append([group, chip, network, _number(median_edp(found, baseline), ".3g"), *values])
    return _markdown(["group", "chip", "network", f"{baseline}, pJ cycles", *methods], rows)


def summary_table(results: Results) -> str:
    """Return the geometric mean, the least and the largest gain over networks, by chip."""
    compared = [(method, "layer_by_layer") for method in METHODS if method != "layer_by_layer"]
    compared += [("full", "layer_by_layer_split"), ("full", "layer_by_layer_tiled")]
    rows = []
    for chip in ALL_CHIPS:
        cells = []
        for method, baseline in compared:
            gains = np.array([gain(found, method, baseline) for (_, name), found in results.items() if name == chip])
            gains = gains[np.isfinite(gains)]
            cells.append(f"{np.exp(np.log(gains).mean()):.2f} ({gains.min():.2f} to {gains.max():.2f})" if gains.size else "-")
        rows.append([chip, *cells])
    return _markdown(["chip", *(f"{method} / {baseline}" for method, baseline in compared)], rows)


def factors_table(results: Results) -> str:
    """Return the gain of `full` over layer by layer as a product: spreading layers over cores, then tiling them, then fusing them."""
    steps = [("layer_by_layer_split", "layer_by_layer"), ("layer_by_layer_tiled", "layer_by_layer_split"), ("full", "layer_by_layer_tiled")]
    rows = []
    for (network, chip), found in results.items():
        cells = [_number(gain(found, method, baseline)) for method, baseline in [*steps, ("full", "layer_by_layer")]]
        rows.append([network, chip, *cells])
    return _markdown(["network", "chip", "spreading", "x tiling", "x fusing", "= full"], rows)


def kinds_table(results: Results) -> str:
    """Return the least energy x delay on cores of one and of three kinds, with that of one equal core as 1, by method."""
    methods = ("layer_by_layer_split", "layer_by_layer_tiled", "full")
    rows = []
    for group, chips in CHIPS.items():
        for network in NETWORKS if len(chips) == len(KINDS) else ():
            cells = []
            for method in methods:
                one, *others = (median_edp(results.get((network, chip), {}), method) for chip in chips)
                cells += [_number(other / one) for other in others]
            rows.append([group, network, *cells])
    head = [f"{method}, {kind}" for method in methods for kind in KINDS[1:]]
    return _markdown(["group", "network", *head], rows)


def spread_table(results: Results) -> str:
    """Return by how much the least energy x delay of the worst seed exceeds that of the best, median and largest over pairs."""
    rows = []
    for method in METHODS:
        spreads = []
        for found in results.values():
            edps = [one.least_edp for one in _of_method(found, method)]
            if edps and np.isfinite(edps).all():
                spreads.append(max(edps) / min(edps) - 1.0)
        rows.append([method, *(f"{value:.1%}" for value in (np.median(spreads), max(spreads)))] if spreads else [method, "-", "-"])
    return _markdown(["method", "median", "largest"], rows)


def ratios_table(results: Results) -> str:
    """Return what of the gain of `full` over each baseline is latency, energy and DRAM traffic, at the best point of the best seed."""
    parts = {"latency": "latency_cycles", "energy": "energy_pj", "DRAM bytes": "dram_bytes", "memory": "memory_bytes"}
    rows = []
    for (network, chip), found in results.items():
        ours = _best_metrics(found, "full")
        ratios = [_best_metrics(found, baseline) / ours for baseline in _BASELINES]
        rows.append([network, chip, *(_number(ratio[METRICS.index(name)]) for ratio in ratios for name in parts.values())])
    return _markdown(["network", "chip", *(f"{part}, {baseline} / full" for baseline in _BASELINES for part in parts)], rows)


def _best_metrics(found: dict[tuple[str, int], Found], method: str) -> FloatArray:
    """Return the metrics of the best point of the best seed, (5,); not numbers if there is none."""
    one = best_of(found, method)
    return one.best if one is not None and len(one.metrics) else np.full(len(METRICS), np.nan)


def points_table(results: Results) -> str:
    """Return the metrics of the point with the least energy x delay, and where its energy goes."""
    rows = []
    for (network, chip), found in results.items():
        for method in METHODS:
            one = best_of(found, method)
            if one is not None and len(one.metrics):
                latency, energy, memory, edp, dram = one.best
                parts = (f"{share:.0%}" for share in one.best_energy_pj / one.best_energy_pj.sum())
                rows.append([network, chip, method, *(f"{value:.4g}" for value in (latency, energy, edp, memory, dram)), *parts])
    head = ["network", "chip", "method", "latency cycles", "energy pJ", "EDP", "memory bytes", "DRAM bytes"]
    return _markdown([*head, *(name.removesuffix("_pj").replace("_", "-") for name in ENERGY_PARTS)], rows)


def hypervolume_table(results: Results) -> str:
    """Return the share of the box between the origin and the worst of all fronts of a pair that each method's seeds dominate, medians."""
    rows = []
    columns = [METRICS.index(name) for name in OBJECTIVES]
    for (network, chip), found in results.items():
        fronts = [one.metrics[:, columns] for one in found.values() if len(one.metrics)]
        if not fronts:
            continue
        reference = 1.1 * np.concatenate(fronts).max(axis=0)
        cells = []
        for method in METHODS:
            volumes = [hypervolume(one.metrics[:, columns], reference) for one in _of_method(found, method)]
            cells.append(_number(float(np.median(volumes)), ".4f") if volumes else "-")
        rows.append([network, chip, *cells])
    return _markdown(["network", "chip", *METHODS], rows)


TABLES: dict[str, Callable[[Results], str]] = {
    "Least energy x delay against layer by layer, each layer on one core": lambda results: gains_table(results, "layer_by_layer"),
    "Least energy x delay against layer by layer, layers spread over cores": lambda results: gains_table(results, "layer_by_layer_split"),
    "Least energy x delay against layer by layer, layers spread and tiled": lambda results: gains_table(results, "layer_by_layer_tiled"),
    "Geometric mean over networks (least to largest)": summary_table,
    "Factors of the gain": factors_table,
    "Least energy x delay with one core of equal resources as 1": kinds_table,
    "How far seeds are apart": spread_table,
    "What the gain consists of": ratios_table,
    "The points of least energy x delay": points_table,
    "Hypervolume": hypervolume_table,
}


def all_tables(results: Results) -> str:
    """Return all tables under their titles."""
    return "\n\n".join(f"## {title}\n\n{table(results)}" for title, table in TABLES.items()) + "\n"


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    print(all_tables(read_all(parser.parse_args().results)), end="")


if __name__ == "__main__":
    main()
