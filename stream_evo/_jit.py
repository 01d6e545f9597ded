"""The one place that decides how kernels are compiled.

Policy, with reasons:

* machine code is kept on disk: kernels take seconds to compile and must load on the next start. Numba's own cache looks at the file of
  the kernel alone; here it is stale as soon as any file has changed that the kernel's module imports from this package (`_sources`), so a
  kernel, the helpers it calls and the constants it uses may live in files of their own. Imports must stand at the top of a file.
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
import hashlib
import inspect
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile

__all__ = ["inlined", "kernel"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_BOUNDSCHECK = os.environ.get("STREAM_EVO_BOUNDSCHECK") == "1"
_UNSIGNED = "unsigned_offset"
CACHED = not _BOUNDSCHECK and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
"""True if machine code is kept on disk."""


class _SayThatItCompiles(event.Listener):
    """Logs once in a process that kernels are being compiled: the user waits for it."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: object) -> None:  # noqa: ARG002  # the signature Numba calls
        """Log the first time."""
        if not self.said:
            self.said = True
            logging.getLogger(__name__).info("compiling kernels: once after an installation, up to half a minute")

    def on_end(self, event: object) -> None:
        """Do nothing."""


event.register("numba:compile", _SayThatItCompiles())  # type: ignore[no-untyped-call]  # Numba does not type its events


def kernel(function: _Function, *, buffers: tuple[str, ...] = ()) -> _Function:
    """Compile `function` on first call and keep the machine code on disk.

    Args:
        function: Works on arrays and numbers only.
        buffers: Names of parameters that are only ever indexed by offsets of at least 0.
    """
    return _compile(function, buffers, inline=False)


def inlined(function: _Function, *, buffers: tuple[str, ...] = ()) -> _Function:
    """Compile a small helper that LLVM inlines into the kernels that call it; arguments as for `kernel`.

    ``forceinline`` compiles three times faster than Numba's own ``inline="always"`` at equal speed.
    """
    return _compile(function, buffers, inline=True)


def _compile(function: _Function, buffers: tuple[str, ...], *, inline: bool) -> _Function:
    source = _with_unsigned_offsets(function, frozenset(buffers)) if buffers and not _BOUNDSCHECK else function
    compiled: Any = numba.njit(error_model="numpy", nogil=True, boundscheck=_BOUNDSCHECK, forceinline=inline)(source)
    if CACHED:
        compiled._cache = _Cache(compiled.py_func)  # where ``enable_caching`` puts Numba's own
    return compiled  # type: ignore[no-any-return]  # a dispatcher, called like the function


class _Cache(FunctionCache):
    """Numba's cache on disk, at Numba's places, with all sources of a kernel as the mark of what is stale."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]  # Numba does not type its caches
        stamp = _stamp(function.__module__)
        self._cache_file = IndexDataCacheFile(self.cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]  # as above


def _stamp(module: str) -> str:
    """Return a hash of all sources of a module, and of this file, which holds the policy."""
    digest = hashlib.sha256()
    for name, source in sorted({**_sources(__name__), **_sources(module)}.items()):
        digest.update(f"{name} {source.digest} ".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Source:
    """A file: the hash of its text, and the names that it imports, as modules and as what may be a module or something inside one."""

    digest: str
    imports: tuple[str, ...]


def _sources(module: str) -> dict[str, _Source]:
    """Return the sources of a module and of the modules of its own package that it imports, directly or not.

    A package's ``__init__`` counts where a name is taken from it, not where it is merely passed on the way to a module inside.
    """
    package = module.partition(".")[0]
    found: dict[str, _Source] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        loaded = sys.modules.get(name)
        if name in found or name.partition(".")[0] != package or loaded is None or loaded.__file__ is None:
            continue
        found[name] = _read(Path(loaded.__file__), loaded.__package__ or "", Path(loaded.__file__).stat().st_mtime_ns)
        waiting += (imported if imported in sys.modules else imported.rpartition(".")[0] for imported in found[name].imports)
    return found


@cache
def _read(file: Path, package: str, _changed: int) -> _Source:
    text = file.read_bytes()
    imports: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imports += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            imports += (f"{base}.{alias.name}" for alias in node.names)
    return _Source(hashlib.sha256(text).hexdigest(), tuple(imports))


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
def _definitions(file: Path, _changed: int) -> dict[str, ast.FunctionDef]:
    """Return the functions of a file by name."""
    tree = ast.parse(file.read_bytes())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _with_unsigned_offsets(function: _Function, buffers: frozenset[str]) -> _Function:
    """Return the same function with unsigned indices into `buffers`; lines stay where they are, so errors and the cache still fit."""
    file = Path(inspect.getfile(function))
    definition = copy.deepcopy(_definitions(file, file.stat().st_mtime_ns)[function.__name__])
    definition.decorator_list = []
    tree = ast.Module([_UnsignedOffsets(buffers).visit(definition)], [])
    scope = function.__globals__
    scope[_UNSIGNED] = np.uint64
    found: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), str(file), "exec", dont_inherit=True), scope, found)  # noqa: S102  # the function's own source
    rewritten = found[function.__name__]
    rewritten.__module__, rewritten.__qualname__ = function.__module__, function.__qualname__
    return rewritten  # type: ignore[no-any-return]  # it is the same function
