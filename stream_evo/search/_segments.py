"""Where things lie in a genome."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream_evo.search._contracts import Spec
from stream_evo.typing import BoolArray, IntArray

__all__ = ["LAYER_SEGMENTS", "gene_layers", "layer_count", "ordered_genes", "segment"]

LAYER_SEGMENTS: Final = ("allocation", "cut", "tile", "split")
"""Segments whose gene number i belongs to layer i."""

_ORDERED_SEGMENTS: Final = ("tile", "split")


def segment(spec: Spec, name: str) -> slice:
    """Return where a segment lies; an empty slice where the space has none of that name."""
    return spec.segments.get(name, slice(0, 0))


def layer_count(spec: Spec) -> int:
    """Return the number of layers L."""
    part = segment(spec, "allocation")
    return int(part.stop - part.start)


def gene_layers(spec: Spec) -> IntArray:
    """Return the layer each gene belongs to, -1 for genes of the whole mapping, (V,)."""
    layers = np.full(len(spec.lower), -1, dtype=np.int64)
    for name in LAYER_SEGMENTS:
        part = segment(spec, name)
        layers[part] = np.arange(part.stop - part.start)
    return layers


def ordered_genes(spec: Spec) -> BoolArray:
    """Mark the genes whose neighbouring values are neighbouring decisions, (V,); of all others any value is as near as any other."""
    ordered = np.zeros(len(spec.lower), dtype=np.bool_)
    for name in _ORDERED_SEGMENTS:
        ordered[segment(spec, name)] = True
    return ordered
