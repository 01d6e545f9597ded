"""Compiles the scheduler beside other work, where it is not compiled yet.

Numba compiles one kernel at a time in a process, and the first run of an installation needs two: the cost model's and the scheduler's.
A child process that compiles the second into the cache on disk halves the wait. ``python -m stream_evo.schedule._ahead`` is that child.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba

from stream_evo import _jit
from stream_evo.schedule._kernel import schedule_batch

__all__ = ["compiled_ahead"]

_LOG = logging.getLogger(__name__)


@contextmanager
def compiled_ahead() -> Iterator[None]:
    """Compile the scheduler in a child process while the body runs; wait for it at the end. Does nothing if it was compiled before."""
    kernel: Any = schedule_batch
    if not _jit.CACHED or any(Path(kernel.stats.cache_path).glob("*.schedule_batch-*.nbi")):
        yield
        return
    _LOG.info("compiling kernels: once after an installation, up to half a minute")
    command = [sys.executable, "-m", "stream_evo.schedule._ahead"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # this very program
    try:
        yield
        child.wait()  # if it failed, the kernel is compiled here, when it is called
    finally:
        child.kill()
        child.wait()


def _compile() -> None:
    integers, rows = numba.types.Array(numba.int64, 1, "C"), numba.types.Array(numba.int64, 2, "C")
    floats, pairs = numba.types.Array(numba.float64, 1, "C"), numba.types.Array(numba.float64, 2, "C")
    kernel: Any = schedule_batch
    kernel.compile((integers, rows, integers, integers, numba.int64, pairs, pairs, floats, floats, pairs, pairs, numba.int64))


if __name__ == "__main__":
    _compile()
