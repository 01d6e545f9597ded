"""Best known fronts of the problems that come with the package, as files in ``best_known/``.

``index.json`` holds, by problem, the reference point, the hypervolume and where both come from; ``NAME.csv`` the points: their
objectives, all digits, the genome with one character per gene (0-9, then a-z) and the run that found it.
``experiments/search_quality/best_known.py`` writes both.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from stream_evo._arguments import check_arguments
from stream_evo.errors import UnknownNameError
from stream_evo.problems._problem import BestKnown
from stream_evo.typing import FloatArray, IntArray

__all__ = ["DIGITS", "FOLDER", "BestFront", "best_front", "best_known"]

FOLDER: Final = Path(__file__).parent / "best_known"
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, eq=False)
class BestFront:
    """The points of a best known front, mutually non-dominated, in ascending order of their objectives.

    Attributes:
        genomes: Genomes of the problem's space without optional segments, int64 (P, V).
        objectives: Objectives in the problem's order, (P, F).
        sources: The run that found each point.
    """

    genomes: IntArray
    objectives: FloatArray
    sources: tuple[str, ...]


@cache
def _index() -> dict[str, dict[str, Any]]:
    file = FOLDER / "index.json"
    content: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return content


def best_known(problem: str) -> BestKnown | None:
    """Return what is stored of a problem's best known front, ``None`` if nothing is."""
    entry = _index().get(problem)
    return None if entry is None else BestKnown(tuple(entry["reference_point"]), entry["hypervolume"], entry["provenance"])


def best_front(problem: str) -> BestFront | None:
    """Return the points of a shipped problem's best known front, ``None`` if none are stored.

    Raises:
        UnknownNameError: no problem of this name is shipped.
        InputError: `problem` is no text.
    """
    from stream_evo.problems._catalogue import PROBLEMS  # noqa: PLC0415  # which reads from here what is known of each problem

    check_arguments("best_front", {"problem": problem})
    if problem not in PROBLEMS:
        raise UnknownNameError("problem", problem, list(PROBLEMS))
    file = FOLDER / f"{problem}.csv"
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    genomes = np.array([list(_genes(row[-2])) for row in rows], dtype=np.int64)
    return BestFront(genomes, np.array([[float(value) for value in row[:-2]] for row in rows]), tuple(row[-1] for row in rows))


def _genes(text: str) -> Iterator[int]:
    return (int(character, len(DIGITS)) for character in text)
