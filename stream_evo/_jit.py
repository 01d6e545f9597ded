"""The one place that decides how kernels are compiled.

Policy, with reasons:

* ``cache=True``: kernels take seconds to compile and must load from disk on the next start. Numba keys the cache by the kernel's own
  file, so a kernel and the helpers it calls live in one file.
* ``error_model="numpy"``: no Python-style zero-division check inside loops; kernels guard their divisors themselves.
* no ``fastmath``: the plain-Python reference and the kernel must agree to the last bit.
* ``nogil=True``: batches are spread over threads of one process, which shares all tables.
* bounds checks are off unless the environment variable ``STREAM_EVO_BOUNDSCHECK=1`` is set; tests run the same source both ways.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["inlined", "kernel"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_BOUNDSCHECK = os.environ.get("STREAM_EVO_BOUNDSCHECK") == "1"


def kernel(function: _Function) -> _Function:
    """Compile `function` on first call and keep the machine code on disk."""
    # Any: the dispatcher keeps the signature, which numba's types, where it has them, do not say.
    compile_: Any = numba.njit(cache=not _BOUNDSCHECK, error_model="numpy", nogil=True, boundscheck=_BOUNDSCHECK)
    compiled: _Function = compile_(function)
    return compiled


def inlined(function: _Function) -> _Function:
    """Compile a small helper that LLVM inlines into the kernels of the same file.

    ``forceinline`` compiles three times faster than Numba's own ``inline="always"`` at equal speed.
    """
    compile_: Any = numba.njit(cache=not _BOUNDSCHECK, error_model="numpy", nogil=True, boundscheck=_BOUNDSCHECK, forceinline=True)
    compiled: _Function = compile_(function)
    return compiled
