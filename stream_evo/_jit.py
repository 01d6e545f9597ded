"""The one place that decides how kernels are compiled.

Policy, with reasons:

* ``cache=True``: kernels take seconds to compile and must load from disk on the next start. Numba keys the cache by the kernel's own
  file, so a kernel and the helpers it calls live in one file.
* ``error_model="numpy"``: no Python-style zero-division check inside loops; kernels guard their divisors themselves.
* no ``fastmath``: the plain-Python reference and the kernel must agree to the last bit.
* ``nogil=True``: batches are spread over threads of one process, which shares all tables.
* bounds checks are off unless the environment variable ``STREAM_EVO_BOUNDSCHECK=1`` is set; tests run the same source both ways.
* ``buffers``: flat buffers whose indices are offsets and never negative. Their indices are converted to unsigned numbers, which spares the
  test for negative ones and makes the scheduler 1.3 to 1.4 times faster. Offsets themselves stay signed: Numba turns a mix of int64 and
  uint64 into float64.
"""

from __future__ import annotations

import ast
import copy
import inspect
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

__all__ = ["inlined", "kernel"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_BOUNDSCHECK = os.environ.get("STREAM_EVO_BOUNDSCHECK") == "1"
_UNSIGNED = "unsigned_offset"
CACHED = not _BOUNDSCHECK and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
"""True if machine code is kept on disk."""


def kernel(function: _Function, *, buffers: tuple[str, ...] = ()) -> _Function:
    """Compile `function` on first call and keep the machine code on disk.

    Args:
        function: Works on arrays and numbers only.
        buffers: Names of parameters that are only ever indexed by offsets of at least 0.
    """
    return _compile(function, buffers, inline=False)


def inlined(function: _Function, *, buffers: tuple[str, ...] = ()) -> _Function:
    """Compile a small helper that LLVM inlines into the kernels of the same file; arguments as for `kernel`.

    ``forceinline`` compiles three times faster than Numba's own ``inline="always"`` at equal speed.
    """
    return _compile(function, buffers, inline=True)


def _compile(function: _Function, buffers: tuple[str, ...], *, inline: bool) -> _Function:
    source = _with_unsigned_offsets(function, frozenset(buffers)) if buffers and not _BOUNDSCHECK else function
    return numba.njit(cache=not _BOUNDSCHECK, error_model="numpy", nogil=True, boundscheck=_BOUNDSCHECK, forceinline=inline)(source)  # type: ignore[return-value]  # a dispatcher


class _UnsignedOffsets(ast.NodeTransformer):
    """Wraps the index in ``buffer[index]`` into a conversion, for the named buffers."""

    def __init__(self, buffers: frozenset[str]) -> None:
        self.buffers = buffers

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # the name ast.NodeTransformer calls
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.buffers and not isinstance(node.slice, ast.Slice):
            node.slice = ast.Call(ast.Name(_UNSIGNED, ast.Load()), [node.slice], [])
        return node


@cache
def _definitions(file: str) -> dict[str, ast.FunctionDef]:
    """Return the functions of a file by name."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _with_unsigned_offsets(function: _Function, buffers: frozenset[str]) -> _Function:
    """Return the same function with unsigned indices into `buffers`; lines stay where they are, so errors and the cache still fit."""
    file = inspect.getfile(function)
    definition = copy.deepcopy(_definitions(file)[function.__name__])
    definition.decorator_list = []
    tree = ast.Module([_UnsignedOffsets(buffers).visit(definition)], [])
    scope = function.__globals__
    scope[_UNSIGNED] = np.uint64
    found: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True), scope, found)  # noqa: S102  # the function's own source
    rewritten = found[function.__name__]
    rewritten.__module__, rewritten.__qualname__ = function.__module__, function.__qualname__
    return rewritten  # type: ignore[no-any-return]  # it is the same function
