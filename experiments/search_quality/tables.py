"""Tables and pictures from what is in ``results``: ``python experiments/search_quality/tables.py [--pictures]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu, wilcoxon  # type: ignore[import-untyped]  # SciPy ships no types
from study import CONTENDERS, RESULTS, TIERS, Trace, read_results

from stream_evo.problems import PROBLEMS
from stream_evo.typing import FloatArray

DEFAULT = "default"
GENERIC = "generic_nsga2"
LEVEL = 0.05


@dataclass(frozen=True)
class Standing:
    """All traces, and the hypervolume of the best known front by problem, as a share of the same box.

    Attributes:
        traces: (problem, contender) -> traces by seed.
        best: Problem -> hypervolume of its best known front.
    """

    traces: dict[tuple[str, str], dict[int, Trace]]
    best: dict[str, float]

    @classmethod
    def read(cls, results: Path) -> Standing:
        """Read all results."""
        best = {
            name: problem.best_known.hypervolume / float(np.prod(problem.best_known.reference_point))
            for name, problem in PROBLEMS.items()
            if problem.best_known is not None
        }
        traces = {(problem, contender): read_results(results, problem, contender) for problem in best for contender in CONTENDERS}
        return cls({key: found for key, found in traces.items() if found}, best)

    @property
    def problems(self) -> list[str]:
        """Problems with results, in the order of the catalogue."""
        return [name for name in PROBLEMS if any(problem == name for problem, _ in self.traces)]

    def relative(self, problem: str, contender: str, evaluations: int) -> FloatArray:
        """Hypervolume after so many evaluations, in percent of the best known, one value per seed that got there."""
        values = [trace.at(evaluations) for trace in self.traces.get((problem, contender), {}).values()]
        return 100.0 * np.array([value for value in values if np.isfinite(value)]) / self.best[problem]

    def needed(self, problem: str, contender: str, share: float) -> FloatArray:
        """Evaluations until `share` of the best known was reached, per seed with the largest budget; infinite where it was not."""
        traces = self.traces.get((problem, contender), {}).values()
        longest = max((int(trace.evaluations[-1]) for trace in traces), default=0)
        return np.array([trace.needed(share * self.best[problem]) for trace in traces if trace.evaluations[-1] == longest])

    def budgets(self, problem: str) -> str:
        """Largest budgets of the contenders on a problem, from the least to the most."""
        found = [traces for (name, _), traces in self.traces.items() if name == problem]
        longest = sorted({max(int(trace.evaluations[-1]) for trace in traces.values()) for traces in found})
        return f"{longest[0]:,}" if len(longest) == 1 else f"{longest[0]:,} to {longest[-1]:,}"


def holm(values: Sequence[float]) -> FloatArray:
    """Return p-values adjusted for the number of tests (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    raw = np.asarray(values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] * (len(raw) - np.arange(len(raw)))), 1.0)
    return adjusted


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def by_budget(standing: Standing, evaluations: int) -> str:
    """Return medians at one budget. A star: the default is better with p < 0.05, adjusted over all comparisons of the table."""
    cells = {}
    for problem in standing.problems:
        for contender in CONTENDERS:
            values = standing.relative(problem, contender, evaluations)
            if len(values):
                cells[problem, contender] = values
    problems = [problem for problem in standing.problems if (problem, DEFAULT) in cells]
    if not problems:
        return ""
    pairs = [key for key in cells if key[0] in problems and key[1] != DEFAULT]
    raw = [float(mannwhitneyu(cells[problem, DEFAULT], cells[problem, other], alternative="greater").pvalue) for problem, other in pairs]
    better = {pair for pair, value in zip(pairs, holm(raw), strict=True) if value < LEVEL}

    def cell(problem: str, contender: str) -> str:
        values = cells.get((problem, contender))
        if values is None:
            return ""
        return f"{np.median(values):.1f}" + (" \\*" if (problem, contender) in better else "")

    rows = [[problem, _runs(cells, problem), *(cell(problem, contender) for contender in CONTENDERS)] for problem in problems]
    wins = sum(float(np.median(cells[problem, DEFAULT])) > float(np.median(cells[problem, other])) for problem, other in pairs)
    middle = {key: float(np.median(values)) for key, values in cells.items()}
    return (
        f"### {evaluations:,} evaluations\n\n"
        + table(["problem", "seeds", *(CONTENDERS[name].title for name in CONTENDERS)], rows)
        + f"\nThe default has the higher median in {wins} of {len(pairs)} comparisons; {len(better)} of them are significant.\n"
        + _over_problems(middle, problems)
    )


def _over_problems(middle: dict[tuple[str, str], float], problems: Sequence[str]) -> str:
    """Say against whom the default is better over all problems: Wilcoxon's signed-rank test on medians (Demsar, JMLR 7, 2006), adjusted."""
    others = [name for name in CONTENDERS if name != DEFAULT]
    differences = {
        other: [middle[problem, DEFAULT] - middle[problem, other] for problem in problems if (problem, other) in middle] for other in others
    }
    tested = [other for other in others if len(differences[other]) > 1 and any(differences[other])]
    raw = [float(wilcoxon(differences[other], alternative="greater").pvalue) for other in tested]
    lines = [
        f"{CONTENDERS[other].title} (p = {value:.1g}, {len(differences[other])} problems)"
        for other, value in zip(tested, holm(raw), strict=True)
    ]
    return f"Over all problems it is compared with {'; '.join(lines)}.\n" if lines else ""


def _runs(cells: dict[tuple[str, str], FloatArray], problem: str) -> str:
    counts = sorted({len(values) for (name, _), values in cells.items() if name == problem})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def by_target(standing: Standing, share: float) -> str:
    """Return the median evaluations that runs with the largest budget needed; in brackets the seeds that got there, if not all."""

    def cell(problem: str, contender: str) -> str:
        values = standing.needed(problem, contender, share)
        reached = int(np.isfinite(values).sum())
        if not len(values):
            return ""
        if not reached:
            return "-"
        middle = float(np.median(values))
        return (f"{middle:,.0f}" if np.isfinite(middle) else "-") + ("" if reached == len(values) else f" ({reached} of {len(values)})")

    rows = [[problem, standing.budgets(problem), *(cell(problem, contender) for contender in CONTENDERS)] for problem in standing.problems]
    return f"### Evaluations to reach {share:.0%} of the best known hypervolume\n\n" + table(
        ["problem", "largest budgets", *(CONTENDERS[name].title for name in CONTENDERS)], rows
    )


def five_against_hundred(standing: Standing) -> str:
    """Return the default at 5,000 evaluations beside generic NSGA-II at its largest budget, and what the default needs to reach that."""
    rows = []
    for problem in standing.problems:
        ours = standing.relative(problem, DEFAULT, 5_000)
        for budget in reversed(TIERS):
            theirs = standing.relative(problem, GENERIC, budget)
            if len(theirs) and len(ours) and budget > TIERS[1]:
                middle = float(np.median(theirs))
                enough = np.median(standing.needed(problem, DEFAULT, middle / 100.0))
                row = [f"{np.median(ours):.1f} ({len(ours)})", f"{budget:,}", f"{middle:.1f} ({len(theirs)})"]
                rows.append([problem, *row, f"{enough:,.0f}" if np.isfinite(enough) else "-"])
                break
    if not rows:
        return ""
    head = ["problem", "default at 5,000 (seeds)", "budget of generic NSGA-II", "generic NSGA-II (seeds)", "the default needs"]
    return "### 5,000 evaluations against many more\n\n" + table(head, rows)


def sections(standing: Standing) -> Iterator[str]:
    """Yield all tables for which there are results."""
    budgets = [by_budget(standing, tier) for tier in TIERS]
    targets = [by_target(standing, share) for share in (0.95, 0.99)]
    yield from filter(None, (*budgets, *targets, five_against_hundred(standing)))


def main() -> None:
    """Print the tables; draw on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--pictures", action="store_true", help="also write hypervolume.png, attainment.png and surfaces.png")
    options = parser.parse_args()
    standing = Standing.read(options.results)
    if not standing.traces:
        parser.error(f"there is nothing in {options.results}; run.py fills it")
    print("\n".join(sections(standing)))
    if options.pictures:
        from pictures import draw  # noqa: PLC0415  # matplotlib is slow to import

        draw(standing, options.results)


if __name__ == "__main__":
    main()
