"""The README tells the truth: its tables and its example are what the code gives."""

from __future__ import annotations

import math
import re
from pathlib import Path

import onnx
import pytest

from stream_evo import registry
from stream_evo.problems import PROBLEMS, RunSettings, load_problem
from stream_evo.problems.networks import NETWORKS
from tests.problems.conftest import Count

README = (Path(__file__).parents[2] / "problems" / "README.md").read_text(encoding="utf-8")
ROWS = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| `")]
NETWORK_ROWS = {row[0]: row[1:] for row in ROWS if len(row) == 7}
PROBLEM_ROWS = {row[0]: row[1:] for row in ROWS if len(row) == 3}


def largest_tensor(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]]) -> int:
    constants = {tensor.name for tensor in model.graph.initializer}
    largest = 0
    for node in model.graph.node:
        if all(name in constants for name in node.input if name):
            constants.update(node.output)
        else:
            largest = max([largest, *(math.prod(shapes[name]) for name in node.output)])
    return largest


@pytest.mark.parametrize("name", NETWORKS)
def test_network_table(name: str, count: Count) -> None:
    model = NETWORKS[name]()
    counts = count(model)
    inputs = ", ".join("x".join(map(str, shape)) for shape in counts.inputs.values())
    products = counts.operators["Gemm"] + counts.operators["MatMul"]
    largest = largest_tensor(model, counts.shapes)
    expected = [inputs, str(counts.operators["Conv"]), str(products)]
    expected += [f"{counts.macs / 1e6:,.2f}", f"{counts.weights / 1e3:,.1f}", f"{largest / 1e3:,.1f}"]
    assert NETWORK_ROWS[name] == expected


def test_problem_table() -> None:
    assert {name: [problem.network, problem.hardware] for name, problem in PROBLEMS.items()} == PROBLEM_ROWS


def test_example_of_a_problem_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads, and what it calls a default is one."""
    monkeypatch.setattr(registry, "accelerators", lambda: {"heterogeneous_quad": Path("chip.yaml")})
    path = tmp_path / "first_try.yaml"
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    path.write_text(example[1], encoding="utf-8")
    problem = load_problem(path)
    assert (problem.network, problem.hardware) == ("resnet18", "heterogeneous_quad")
    assert problem.settings == RunSettings(
        generations=200, evaluations=5000, time_limit_s=600.0, bits="I=8 W=8 O=16 O_final=8", limits={"latency": 5e6, "memory": 2e6}
    )
    assert problem.metrics == ("energy_pj", "latency_cycles", "memory_bytes")
