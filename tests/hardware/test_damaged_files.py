"""Whatever is done to a file, the loaders return a value or report faults; they never fail in another way."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.errors import InputError
from stream_evo.hardware import load_accelerator, load_core
from stream_evo.hw_library import ACCELERATORS, CORES

CORE = yaml.safe_load(CORES["eyeriss_like"].read_text())
CHIPS = [yaml.safe_load(ACCELERATORS[name].read_text()) for name in ("tpu_quad", "diana", "simba_2x2", "aimc_4x4", "heterogeneous_quad")]
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "all", "I", "W.to_low", "1 B", "-1 pJ", "x.yaml", "dram"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "D1", "K", "type", "x"]), inner, max_size=3),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the key paths of everything below the root."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in entries for found in [(*path, key), *places(item, (*path, key))]]


@st.composite
def damaged(draw: st.DrawFn, originals: list[Any]) -> str:
    document = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(document)))
        parent = document
        for key in path:
            parent = parent[key]
        action = draw(st.sampled_from(["replace", "delete", "duplicate", "transplant"]))
        if action == "replace":
            parent[last] = draw(junk)
        elif action == "delete" and len(document) > 1:
            del parent[last]
        elif action == "duplicate" and isinstance(parent, list):
            parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[last]))
        elif action == "transplant":
            node = document
            for key in draw(st.sampled_from(places(document))):
                node = node[key]
            parent[last] = copy.deepcopy(node)
    return yaml.safe_dump(document, sort_keys=False)


@given(damaged([CORE]))
@settings(max_examples=300)
def test_a_damaged_core_file_loads_or_reports_faults(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("core") / "core.yaml"
    path.write_text(text)
    with contextlib.suppress(InputError):
        load_core(path)


@given(damaged(CHIPS))
@settings(max_examples=300)
def test_a_damaged_accelerator_file_loads_or_reports_faults(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("chip") / "chip.yaml"
    path.write_text(text)
    with contextlib.suppress(InputError):
        load_accelerator(path, cores=CORES)


@pytest.mark.parametrize("name", ["heterogeneous_quad", "diana"])
def test_a_truncated_file_reports_faults(tmp_path: Path, name: str) -> None:
    data = ACCELERATORS[name].read_bytes()
    path = tmp_path / "chip.yaml"
    for length in range(0, len(data) - 60, 7):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            load_accelerator(path, cores=CORES)
