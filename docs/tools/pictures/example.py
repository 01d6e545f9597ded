"""The small network and the small chip that the pictures show; everything drawn of them is computed by the program."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from stream_evo import registry
from stream_evo.evaluation import schedule_mapping
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, Mapping, Priority
from stream_evo.schedule import Schedule
from stream_evo.workload import Workload, load_onnx

__all__ = ["accelerator", "schedule", "workload"]

_CHIP = """
name: pictured
cores: {left: c16_k16, right: c16_k16, third: c16_k16}
dram: {size: 1 GiB, bandwidth: 64 bit/cycle, read_energy: 650 pJ, write_energy: 650 pJ}
links:
  - {type: bus, name: bus, nodes: [left, right, third], bandwidth: 64 bit/cycle, energy: 0.1 pJ/bit}
  - {type: dram, name: dram port, ports: single, nodes: all, energy: 0 pJ/bit}
"""


@cache
def workload(strides: tuple[int, ...] = (1, 1, 1), channels: int = 32, size: int = 32) -> Workload:
    """Return a chain of 3 x 3 convolutions A, B, C, ..."""
    nodes, inputs, extent, last = [], [], size, "image"
    inputs.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, size, size]))
    for index, stride in enumerate(strides):
        name = "ABCDEFGH"[index]
        inputs.append(helper.make_tensor_value_info(f"w{name}", TensorProto.FLOAT, [channels, channels, 3, 3]))
        nodes.append(helper.make_node("Conv", [last, f"w{name}"], [f"y{name}"], name=name, pads=[1, 1, 1, 1], strides=[stride, stride]))
        last, extent = f"y{name}", -(-extent // stride)
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, channels, extent, extent])]
    model = helper.make_model(helper.make_graph(nodes, "chain", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    return load_onnx(model, name="chain")


@cache
def accelerator() -> Accelerator:
    """Return three equal cores on a bus."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chip.yaml"
        file.write_text(_CHIP, encoding="utf-8")
        return registry.load_hardware(file)


def schedule(rows: int | None, *, fused: bool) -> tuple[Workload, Schedule]:
    """Return the schedule of the chain, layer A on the left core, B on the right, C on the third.

    Args:
        rows: Output rows of a tile; ``None`` for whole maps.
        fused: One fused stack, or every layer for itself.
    """
    network, chip = workload(), accelerator()
    cores = [slot.name for slot in chip.cores]
    layers = tuple(
        LayerMapping(layer.name, (cores[index],), rows or layer.rows, layer.columns, 1, 0 if fused else index)
        for index, layer in enumerate(network.layers)
    )
    flows = {slot.name: slot.core.dataflows[0].name for slot in chip.cores}
    mapping = Mapping(network.name, chip.name, layers, flows, Priority.MEMORY)
    return network, schedule_mapping(network, chip, mapping)
