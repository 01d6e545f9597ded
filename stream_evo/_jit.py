"""The one place that decides how kernels are compiled.

Policy, with reasons:

* machine code is kept on disk: kernels take seconds to compile and must load on the next start. Numba's own cache looks at the file of
  the kernel alone; here it is stale as soon as any file has changed that the kernel's module imports from this package (`_sources`), so a
  kernel, the helpers it calls and the constants it uses may live in files of their own. Imports must stand at the top of a file.
* ``error_model="numpy"``: no Python-style zero-division check inside loops; kernels guard their divisors themselves.
* no ``fastmath``: the plain-Python reference and the kernel must agree to the last bit.
* ``nogil=True``: batches are spread over threads of one process, which shares all tables.
* bounds checks are off unless the environment variable ``STREAM_EVO_BOUNDSCHECK=1`` is set; tests run the same source both ways.
* inside a kernel, a buffer is passed on as its bare address (`pointer`): an array that is handed to a helper counts its references, by
  atomic operations that took 30 % of the scheduler's time, and tests every index for being negative.
"""

from __future__ import annotations

import ast
import hashlib
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
from numba.core import event, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.errors import TypingError
from numba.extending import intrinsic

__all__ = ["inlined", "kernel", "pointer"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Array = TypeVar("_Array")
_BOUNDSCHECK = os.environ.get("STREAM_EVO_BOUNDSCHECK") == "1"
_COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
CACHED = _COMPILED and not _BOUNDSCHECK
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


def kernel(function: _Function) -> _Function:
    """Compile `function`, which works on arrays and numbers only, on first call and keep the machine code on disk."""
    return _compile(function, inline=False)


def inlined(function: _Function) -> _Function:
    """Compile a small helper that LLVM inlines into the kernels that call it.

    ``forceinline`` compiles three times faster than Numba's own ``inline="always"`` at equal speed.
    """
    return _compile(function, inline=True)


def _compile(function: _Function, *, inline: bool) -> _Function:
    compiled: Any = numba.njit(error_model="numpy", nogil=True, boundscheck=_BOUNDSCHECK, forceinline=inline)(function)
    if CACHED:
        try:
            compiled._cache = _Cache(compiled.py_func)  # where ``enable_caching`` puts Numba's own
        except RuntimeError:  # Numba finds no folder it may write to
            _say_that_nothing_is_kept()
    return compiled  # type: ignore[no-any-return]  # a dispatcher, called like the function


@cache
def _say_that_nothing_is_kept() -> None:
    """Log, once in a process, what every start will cost."""
    advice = "set NUMBA_CACHE_DIR to a folder that can be written"
    logging.getLogger(__name__).warning("no folder to keep compiled kernels in: every start takes half a minute; %s", advice)


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


@intrinsic
def _address(_typing: Any, array: Any) -> Any:
    """Return the address of an array's first element as a typed pointer."""
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError("pointer() takes a C-contiguous array")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), generate  # type: ignore[no-untyped-call]  # Numba does not type its types


def _address_of(array: _Array) -> _Array:
    """Return what a kernel hands to its helpers for a C-contiguous array: an address, indexed in elements from 0, without any checks.

    The array itself must be an argument of the outermost kernel, which keeps it alive. Under bounds checks, and in plain Python, it is
    handed on as it is.
    """
    return _address(array)  # type: ignore[call-arg]  # Numba passes the typing context; to the checker it stays an array


def _array_itself(array: _Array) -> _Array:
    return array


pointer = inlined(_address_of if CACHED else _array_itself)
