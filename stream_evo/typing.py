"""Array aliases and the letters used for shapes in every docstring.

========  ==========================================================
letter    meaning
========  ==========================================================
``L``     layers of the workload, in topological order
``N``     compute cores of the accelerator
``M``     memory instances on the chip
``S``     streams of one mapping: (layer, K-part) pairs and inputs
``T``     computation nodes (tiles) of one mapping
``P``     genomes in a batch (population)
``V``     genes in a genome
``F``     objectives
========  ==========================================================
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["AnyArray", "BoolArray", "FloatArray", "IntArray", "SingleArray"]

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
SingleArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
AnyArray: TypeAlias = npt.NDArray[Any]
