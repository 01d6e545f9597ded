"""Machine code on disk is used as long as nothing it was made from has changed, whichever file that stands in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "__init__.py": "",
    "entry.py": """
from stream_evo._jit import kernel
from nest.parts import twice

@kernel
def run(values):
    return twice(values[0])
""",
    "parts.py": """
from stream_evo._jit import inlined
from . import numbers

STEP = numbers.STEP

@inlined
def twice(value):
    return 2 * value + STEP
""",
    "numbers.py": "STEP = 1\n",
    "other.py": "STEP = 1\n",
}
CALL = """
import numpy as np
from nest import entry, other
print(entry.run(np.array([10])), *(sum(entry.run.stats._asdict()[what].values()) for what in ("cache_hits", "cache_misses")))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "nest").mkdir()
    for name, text in FILES.items():
        (tmp_path / "nest" / name).write_text(text)
    return tmp_path


def _call(tree: Path, **environment: str) -> tuple[int, int, int]:
    """Return the kernel's result in a fresh process, and how often its machine code was found and missed on disk."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "STREAM_EVO"))}
    run = subprocess.run([sys.executable, "-c", CALL], cwd=tree, env={**known, **environment}, capture_output=True, text=True, check=True)
    result, hits, misses = map(int, run.stdout.split())
    return result, hits, misses


def test_a_kernel_is_compiled_again_when_a_file_it_imports_has_changed(tree: Path) -> None:
    assert _call(tree) == (21, 0, 1)
    (tree / "nest" / "other.py").write_text("STEP = 2\n")
    os.utime(tree / "nest" / "numbers.py")  # a fresh checkout has other times and the same text
    assert _call(tree) == (21, 1, 0)
    (tree / "nest" / "numbers.py").write_text("STEP = 3\n")
    assert _call(tree) == (23, 0, 1)
    parts = tree / "nest" / "parts.py"
    parts.write_text(parts.read_text().replace("2 * value", "3 * value"))
    assert _call(tree) == (33, 0, 1)
    assert _call(tree) == (33, 1, 0)


def test_nothing_is_kept_of_what_is_compiled_with_bounds_checks(tree: Path) -> None:
    assert _call(tree, STREAM_EVO_BOUNDSCHECK="1")[0] == 21
    assert not list(tree.rglob("*.nbi"))


def test_kernels_compile_where_nothing_can_be_kept(tree: Path) -> None:
    nowhere = "import logging; logging.basicConfig(); from numba.core.caching import CompileResultCacheImpl as C; C._locator_classes = []"
    run = subprocess.run([sys.executable, "-c", f"{nowhere}\n{CALL}"], cwd=tree, capture_output=True, text=True, check=True)
    assert run.stdout.split()[0] == "21"
    assert run.stderr.count("NUMBA_CACHE_DIR") == 1
