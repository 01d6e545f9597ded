"""What every batch of genomes must be."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_evo.errors import PluginError
from stream_evo.search._contracts import Spec

__all__ = ["check_genomes"]


def check_genomes(name: str, genomes: Any, spec: Spec, count: int | None) -> None:
    """Refuse what is no batch of legal genomes.

    Args:
        name: Who gave it, for messages.
        genomes: What was given.
        spec: The space.
        count: How many genomes there must be; ``None`` for any number but 0.

    Raises:
        PluginError: It is no array of integers, has another shape, or leaves the bounds.
    """
    plain = type(genomes) is np.ndarray  # a masked array is one too, and means something else
    if not plain or genomes.dtype.kind not in "iu":
        found = genomes.dtype if plain else type(genomes).__name__
        raise PluginError(f"{name}: genomes must be a NumPy array of integers, found {found}")
    genes = len(spec.lower)
    if genomes.ndim != 2 or genomes.shape[1] != genes or (len(genomes) != count if count is not None else not len(genomes)):
        wanted = f"({'P' if count is None else count}, {genes}){', P >= 1' if count is None else ''}"
        raise PluginError(f"{name}: the shape must be {wanted}, found {genomes.shape}")
    outside = np.argwhere((genomes < spec.lower) | (genomes > spec.upper))
    if outside.size:
        row, gene = outside[0]
        raise PluginError(
            f"{name}: gene {gene} of genome {row} is {genomes[row, gene]}, legal is {spec.lower[gene]} to {spec.upper[gene]}; "
            f"{len(outside)} genes are outside the bounds. spec.canonical(genomes) brings them back"
        )
