"""An imported accelerator as files of this package: one for the chip, one for each kind of core."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stream_evo._yaml_nodes import Dumper
from stream_evo.foreign._accelerator import ImportedHardware
from stream_evo.hardware import ArrayTiming, Core, Direction, Memory
from stream_evo.mapping import Pins
from stream_evo.workload import Operand

__all__ = ["hardware_files", "pins_to_yaml"]

_EXACT = 2**53


def hardware_files(imported: ImportedHardware, out: str | Path) -> dict[Path, str]:
    """Return the files that `stream_evo.hardware.load_accelerator` reads back to the same accelerator.

    Args:
        imported: The accelerator.
        out: Accelerator file; those of its cores go into a folder beside it, named after it.

    Returns:
        Path -> content, the accelerator file last.
    """
    out, chip = Path(out), imported.accelerator
    folder = out.parent / f"{out.stem}_cores"
    kinds: dict[Core, str] = {}
    for slot in chip.cores:
        if slot.core not in kinds:
            stem = re.sub(r"[^\w.-]+", "_", slot.core.name) or "core"
            number = 1
            while f"{stem}{number if number > 1 else ''}.yaml" in kinds.values():
                number += 1
            kinds[slot.core] = f"{stem}{number if number > 1 else ''}.yaml"
    sources = {slot.core: imported.sources[slot.name] for slot in reversed(chip.cores)}
    files = {folder / name: _dump(_core(core, sources[core])) for core, name in kinds.items()}
    document: dict[str, Any] = {"name": chip.name, "cores": {slot.name: f"{folder.name}/{kinds[slot.core]}" for slot in chip.cores}}
    dram = chip.dram
    document["dram"] = {
        "name": dram.name,
        "size": _size(dram.size_bits),
        "bandwidth": f"{dram.bits_per_cycle} bit/cycle",
        "read_energy": _quantity(dram.read_pj, "pJ"),
        "write_energy": _quantity(dram.write_pj, "pJ"),
    }
    document["links"] = [dict(entry) for entry in imported.link_document]
    if chip.shared_memories:
        document["shared_memories"] = {
            shared.name: [f"{chip.cores[core].name}.{memory}" for core, memory in shared.members] for shared in chip.shared_memories
        }
    return files | {out: _dump(document)}


def _core(core: Core, source: str) -> dict[str, Any]:
    array: dict[str, Any] = {"dimensions": {d.name: d.size for d in core.array}, "operation_energy": _quantity(core.operation_pj, "pJ")}
    if core.area is not None:
        array["area"] = _quantity(core.area, "arb")
    document: dict[str, Any] = {"name": core.name, "source": source, "array": array, "operators": [str(kind) for kind in core.operators]}
    if core.timing != ArrayTiming():
        timing = core.timing
        times = {"input_bit": timing.input_bit_cycles, "output_tile": timing.output_tile_cycles, "input_row": timing.input_row_cycles}
        steps = {} if timing.input_bit_cycles else {"step": timing.step_cycles}
        document["timing"] = {name: f"{cycles} cycle" for name, cycles in (steps | times).items() if cycles}
    document["dataflows"] = [
        {"name": flow.name, "unroll": {dimension: dict(loops) for dimension, loops in flow.unrolling}}
        | ({"operators": [str(kind) for kind in flow.operators]} if flow.operators else {})
        | ({"depthwise_only": True} if flow.depthwise_only else {})
        for flow in core.dataflows
    ]
    return document | {"memories": [_memory(memory, core) for memory in core.memories]}


def _memory(memory: Memory, core: Core) -> dict[str, Any]:
    everywhere = len(memory.shared_over) == len(core.array)
    found: dict[str, Any] = {
        "name": memory.name,
        "size": _size(memory.size_bits),
        "operands": [str(operand) for operand in memory.operands],
        "shared_over": "all" if everywhere else list(memory.shared_over),
        "read_energy": _quantity(memory.read_pj, "pJ"),
        "write_energy": _quantity(memory.write_pj, "pJ"),
    }
    if memory.area is not None:
        found["area"] = _quantity(memory.area, "arb")
    found["ports"] = [
        {"name": port.name, "kind": str(port.kind), "bandwidth": f"{port.max_bits_per_cycle} bit/cycle"}
        | ({"min_bandwidth": f"{port.min_bits_per_cycle} bit/cycle"} if port.min_bits_per_cycle != port.max_bits_per_cycle else {})
        | {"serves": [_served(operand, direction) for operand, direction in port.serves]}
        for port in memory.ports
    ]
    return found


def _served(operand: Operand, direction: Direction) -> str:
    return f"{operand}.{direction}"


def _quantity(value: float, unit: str) -> str:
    """Return a number with all its digits, without a fraction where it has none."""
    return f"{int(value) if float(value).is_integer() and abs(value) < _EXACT else value!r} {unit}"


def _size(bits: int) -> str:
    """Return a size in the largest unit in which it is a whole number."""
    for unit, factor in (("GiB", 8 * 1024**3), ("MiB", 8 * 1024**2), ("KiB", 8 * 1024), ("B", 8)):
        if bits % factor == 0:
            return f"{bits // factor} {unit}"
    return f"{bits} bit"


def pins_to_yaml(pins: Pins) -> str:
    """Return fixed decisions as a file that `stream_evo.mapping.load_pins` reads back; priority and dataflows are left open."""
    layers = {
        pin.layer: {
            key: value
            for key, value in (
                ("cores", None if pin.cores is None else list(pin.cores)),
                ("tile_rows", pin.tile_rows),
                ("tile_columns", pin.tile_columns),
                ("stack", pin.stack),
            )
            if value is not None
        }
        for pin in pins.layers
    }
    return _dump({"network": pins.network, "accelerator": pins.accelerator, "layers": layers})


class _Dumper(Dumper):
    """No anchors: the same value twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _dump(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140, default_flow_style=None)
    return text
