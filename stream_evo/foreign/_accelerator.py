"""A foreign accelerator file with its core files, or a single core file that ends in its off-chip memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from stream_evo._yaml import Node, read_yaml
from stream_evo.errors import Fault, InputError
from stream_evo.foreign._connectivity import Graph, OffChip, Wire, read_graph, read_wires, wires_of_graph
from stream_evo.foreign._core import ForeignCore, read_core, read_off_chip
from stream_evo.foreign._fields import Fields, ForeignFile, Note, open_file, raise_all
from stream_evo.foreign._links import Interconnect, join
from stream_evo.hardware import Accelerator, Core, CoreSlot, Dram, SharedMemory
from stream_evo.hardware._accelerator import reachable  # the one place that knows what reaching means
from stream_evo.workload import OperatorKind

__all__ = ["ImportedHardware", "is_foreign_hardware", "read_hardware"]

_Runs = Mapping[int, Collection[OperatorKind]]


@dataclass(frozen=True)
class ImportedHardware:
    """An accelerator that was read from foreign files.

    Attributes:
        accelerator: The chip.
        core_names: Number of a core there -> its name here; the off-chip memory is among them where it has a number.
        notes: What was read differently, guessed or left out.
        sources: Core name -> the file that describes its kind.
        link_document: The links in the form of an accelerator file.
    """

    accelerator: Accelerator
    core_names: Mapping[int, str]
    notes: tuple[Note, ...]
    sources: Mapping[str, str] = field(repr=False)
    link_document: tuple[Mapping[str, object], ...] = field(repr=False)


@dataclass
class _Chip:
    """An accelerator file while it is read."""

    root: Fields
    files: list[ForeignFile]
    ids: list[int] = field(default_factory=list)
    nodes: dict[int, Node] = field(default_factory=dict)
    cores: dict[int, ForeignCore] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    known: dict[tuple[str, frozenset[OperatorKind] | None], ForeignCore | None] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        return sum(len(file.faults.found) for file in self.files)


def is_foreign_hardware(path: str | Path) -> bool:
    """Return True if a file is an accelerator or core of the reference framework and not one of this package's own; False if unreadable."""
    try:
        root = read_yaml(path, duplicates=[]).value
    except InputError:
        return False
    if not isinstance(root, dict):
        return False
    if {"operational_array", "multipliers"} & root.keys():
        return True
    return "cores" in root and bool({"core_connectivity", "graph", "bus", "offchip_core_id", "offchip_core"} & root.keys())


def read_hardware(path: str | Path, *, runs: _Runs | None = None) -> ImportedHardware:
    """Read an accelerator file of Stream or a core file of ZigZag (KULeuven-MICAS; YAML of 2024 and later).

    Args:
        path: The file; core files are looked for as the reference does: relative to it, in ``cores/`` beside it, or from a folder above.
        runs: Core number -> kinds of layers it runs, for files that do not say; see `stream_evo.foreign.kinds_of_cores`.

    Returns:
        The accelerator with a report.

    Raises:
        InputError: a file cannot be read or has faults; those of all files are listed, each with file and line.
    """
    if Path(path).suffix == ".py":
        raise InputError(
            str(path), [Fault("a Python file of 2023 cannot be read", expected="the same chip in the YAML form of 2024 or later", found="")]
        )
    node, file = open_file(path)
    root = Fields(node, file)
    raise_all(str(path), [file])
    if isinstance(node.value, dict) and {"links", "array"} & node.value.keys() and not is_foreign_hardware(path):
        raise InputError(str(path), [Fault("this is a file of this package already", hint="Use it as it is, e.g. --hardware or --core")])
    chip = _Chip(root, [file])
    if not root.has("cores"):
        return _single_core(chip, runs or {})
    return _many_cores(chip, runs or {})


# ------------------------------------------------------------------------------------------------------------ one core


def _single_core(chip: _Chip, runs: _Runs) -> ImportedHardware:
    file = chip.root.file
    found = read_core(chip.root, runs=runs.get(0), off_chip_on_top=True)
    if found is not None and found.dram is None:
        chip.root.fault(chip.root.node_at("type"), "a file without cores must describe one that computes", found=found.kind)
    raise_all(str(file.path), chip.files)
    assert found is not None  # noqa: S101  # there were no faults
    assert found.core is not None  # noqa: S101  # as above
    assert found.dram is not None  # noqa: S101  # as above
    slot, dram = _slot_name(found.name, 0), found.dram
    links = join([Wire("dram", (0,), dram.bits_per_cycle, 0.0)], {0: (0,)}, {0: slot}, dram, found.core)
    accelerator = Accelerator(found.name, (CoreSlot(slot, found.core),), dram, links.links)
    return ImportedHardware(
        accelerator, MappingProxyType({0: slot}), tuple(file.notes), MappingProxyType({slot: file.path.name}), links.document
    )


# ------------------------------------------------------------------------------------------------------------ many cores


def _many_cores(chip: _Chip, runs: _Runs) -> ImportedHardware:
    root = chip.root
    name = root.text("name")
    _list_cores(chip)
    graph = read_graph(root, chip.ids) if root.has("graph") or root.has("bus") else None
    off_chip_id = _off_chip_id(chip, graph)
    dram, port = _off_chip(chip, off_chip_id)
    for number in chip.ids:
        if number != off_chip_id:
            _read_one(chip, number, _kinds(number, graph, runs))
    if graph is not None:
        wires = wires_of_graph(graph, chip.ids, port)
    else:
        wires = read_wires(root, chip.ids, port) if not (root.has("graph") or root.has("bus")) else []
    groups = _groups(chip)
    root.left_out(_WITHOUT_COUNTERPART)
    root.has("bandwidth")
    root.close(known=("graph", "bus", "offchip_core", "offchip_core_id"))
    raise_all(str(root.file.path), chip.files)
    return _assemble(chip, name, dram, off_chip_id, wires, groups)


_WITHOUT_COUNTERPART = {
    "core_coordinates": "places of cores have no counterpart; ways follow from the links",
    "technology_node": "costs are the stated ones, whatever the technology",
    "memory_aliases": "areas are not added up here",
    "kernel_library": "code is not generated here",
    "reconfiguration": "reconfiguration between designs has no counterpart",
    "nb_shared_mem_groups": "groups follow from core_memory_sharing",
}


def _list_cores(chip: _Chip) -> None:
    """Note number and place of every core: a list counts from 0, a mapping states the numbers."""
    node = chip.root.node_at("cores")
    if isinstance(node.value, tuple):
        entries = list(enumerate(node.value))
    elif isinstance(node.value, dict):
        entries = []
        for key, place in node.value.items():
            if key.isdigit():
                entries.append((int(key), place))
            else:
                chip.root.fault(place, "a core has a number", expected="such as 0", found=key)
    else:
        chip.root.fault(node, "wrong type", expected="core numbers with their files, or a list of files")
        return
    if not entries:
        chip.root.fault(node, "an accelerator needs at least one core", found="")
    for number, place in sorted(entries, key=lambda entry: entry[0]):
        chip.ids.append(number)
        chip.nodes[number] = place


def _off_chip_id(chip: _Chip, graph: Graph | None) -> int | None:
    root = chip.root
    if graph is not None:
        return graph.off_chip
    if root.has("offchip_core"):
        return None
    if root.has("graph") or root.has("bus"):
        return None  # it has faults already
    number = root.whole("offchip_core_id")
    if root.has("offchip_core_id") and number not in chip.ids:
        root.fault(root.node_at("offchip_core_id"), "there is no such core", expected=f"one of {', '.join(map(str, chip.ids))}")
    return number


def _kinds(number: int, graph: Graph | None, runs: _Runs) -> Collection[OperatorKind] | None:
    """Return which kinds of layers a core runs, as far as the accelerator file or a mapping says."""
    if number in runs:
        return runs[number]
    if graph is None:
        return None
    if number == graph.pooling:
        return (OperatorKind.POOL,)
    if number == graph.simd:
        return (OperatorKind.ELEMENTWISE,)
    taken = {OperatorKind.POOL: graph.pooling, OperatorKind.ELEMENTWISE: graph.simd}
    return tuple(kind for kind in OperatorKind if taken.get(kind) is None)


def _off_chip(chip: _Chip, number: int | None) -> tuple[Dram, OffChip]:
    nothing = Dram("dram", 1, 1, 0.0, 0.0), OffChip(1, is_dual=False)
    if number is None:
        if not chip.root.has("offchip_core"):
            return nothing
        fields = _open(chip, chip.root.node_at("offchip_core"))
    else:
        fields = _open(chip, chip.nodes[number]) if number in chip.nodes else None
    dram = read_off_chip(fields) if fields is not None else None
    if dram is None or fields is None:
        return nothing
    return dram, OffChip(dram.bits_per_cycle, _is_dual(fields))


def _is_dual(fields: Fields) -> bool:
    """Return True if the outermost memory of a core file has more than one port."""
    memories = fields.below("memories")
    ports = list(memories.node.value.values())[-1].value if memories is not None and isinstance(memories.node.value, dict) else None
    nodes = ports["ports"].value if isinstance(ports, dict) and "ports" in ports else ()
    names: set[str] = set()
    for node in nodes if isinstance(nodes, tuple) else ():
        entries = node.value if isinstance(node.value, dict) else {}
        names |= {entries["name"].written} if "name" in entries else {entry.written for entry in entries.values()}
    return len(names) > 1


def _read_one(chip: _Chip, number: int, kinds: Collection[OperatorKind] | None) -> None:
    node = chip.nodes[number]
    key = (node.path if isinstance(node.value, dict) else node.written, None if kinds is None else frozenset(kinds))
    if key not in chip.known:
        fields = _open(chip, node)
        chip.known[key] = None if fields is None else read_core(fields, runs=kinds)
    found = chip.known[key]
    chip.sources[number] = chip.root.file.path.name if isinstance(node.value, dict) else Path(node.written).name
    if found is not None:
        chip.cores[number] = found


def _open(chip: _Chip, node: Node) -> Fields | None:
    """Return the root of a core's description: within the accelerator file, or a file of its own."""
    if isinstance(node.value, dict):
        return Fields(node, chip.root.file)
    if not isinstance(node.value, str):
        chip.root.fault(node, "wrong type", expected="the path of a core file, or a core")
        return None
    path = _resolve(chip.root.file.path.parent, node.written)
    if path is None:
        hint = "Looked beside the accelerator file, in cores/ there, and from the folders above"
        chip.root.fault(node, "no such core file", hint=hint)
        return None
    try:
        root, file = open_file(path)
    except InputError as error:
        for fault in error.faults:
            chip.root.fault(node, f"in {path}: {fault}", found="")
        return None
    chip.files.append(file)
    return Fields(root, file)


def _resolve(folder: Path, reference: str) -> Path | None:
    for name in (reference, f"{reference}.yaml", f"{reference}.yml"):
        places = [folder / name, folder / "cores" / name, *(above / name for above in folder.resolve().parents)]
        for place in places:
            if place.is_file():
                return place
    return None


def _groups(chip: _Chip) -> list[tuple[Node, tuple[int, ...]]]:
    found: list[tuple[Node, tuple[int, ...]]] = []
    taken: set[int] = set()
    for node in chip.root.items("core_memory_sharing", required=False, expected="a list of core numbers such as 0, 1"):
        words = [item.written for item in node.value] if isinstance(node.value, tuple) else node.written.split(",")
        numbers = [int(word) for word in words if word.strip().isdigit() and int(word) in chip.ids]
        if len(numbers) != len(words) or len(set(numbers)) < 2 or len(set(numbers)) != len(numbers):
            expected = f"two or more different core numbers of {', '.join(map(str, chip.ids))}"
            chip.root.fault(node, "not a group of cores", expected=expected)
        elif taken & set(numbers):
            chip.root.fault(node, "a core belongs to two groups", found=node.written)
        else:
            found.append((node, tuple(numbers)))
            taken |= set(numbers)
    return found


# ------------------------------------------------------------------------------------------------------------ putting together


def _assemble(
    chip: _Chip, name: str, dram: Dram, off_chip_id: int | None, wires: list[Wire], groups: list[tuple[Node, tuple[int, ...]]]
) -> ImportedHardware:
    root = chip.root
    computing: dict[int, Core] = {number: found.core for number, found in chip.cores.items() if found.core is not None}
    if not computing:
        root.fault(root.node_at("cores"), "no core computes", found="")
    names = {number: _slot_name(chip.cores[number].name, number) for number in computing}
    if dram.name in names.values():
        dram = Dram("off_chip", dram.size_bits, dram.bits_per_cycle, dram.read_pj, dram.write_pj)
    shared = _shared_memories(chip, groups, computing, names)
    homes = _homes(chip, groups, computing, wires)
    if off_chip_id is not None:
        homes[off_chip_id] = (off_chip_id,)
    places = dict(names) if off_chip_id is None else {**names, off_chip_id: dram.name}
    joined = join(wires, homes, places, dram, *computing.values()) if computing else Interconnect((), (), ())
    for note in joined.notes:
        root.file.note(root.node_at("core_connectivity"), note)
    _check_reach(chip, joined, names, dram)
    raise_all(str(root.file.path), chip.files)
    index = {number: position for position, number in enumerate(computing)}
    accelerator = Accelerator(
        name,
        tuple(CoreSlot(names[number], core) for number, core in computing.items()),
        dram,
        joined.links,
        tuple(SharedMemory(title, tuple((index[number], memory) for number, memory in members)) for title, members in shared),
    )
    notes = tuple(note for file in chip.files for note in file.notes)
    sources = {names[number]: chip.sources[number] for number in computing}
    return ImportedHardware(accelerator, MappingProxyType(places), notes, MappingProxyType(sources), joined.document)


def _slot_name(core: str, number: int) -> str:
    """Return a name for a core at its place: it must be neither empty nor hold what separates names in files."""
    plain = re.sub(r"[.,\s]+", "_", core) or "core"
    return f"{plain}_{number}"


def _shared_memories(
    chip: _Chip, groups: list[tuple[Node, tuple[int, ...]]], computing: Mapping[int, Core], names: Mapping[int, str]
) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return per shared instance its name and (core number, memory) of its members."""
    found: list[tuple[str, list[tuple[int, str]]]] = []
    for node, numbers in groups:
        members = [number for number in numbers if number in computing]
        if len(members) < 2:
            continue
        tops = {number: _tops(computing[number]) for number in members}
        common = [memory for memory in tops[members[0]] if all(memory in tops[number] for number in members)]
        if not common:
            listed = "; ".join(f"{number}: {', '.join(tops[number])}" for number in members)
            chip.root.fault(node, "these cores have no outermost memory in common", expected="one of the same name", found=listed)
        for memory in common:
            sizes = {tops[number][memory] for number in members}
            if len(sizes) > 1:
                chip.root.fault(
                    node, f"memory {memory} differs between the cores that share it", expected="equal sizes", found=f"{sorted(sizes)} bit"
                )
            title = memory if all(memory != other for other, _ in found) else f"{memory}_{names[members[0]]}"
            found.append((title, [(number, memory) for number in members]))
    return found


def _tops(core: Core) -> dict[str, int]:
    """Return name and size of the memories that are the outermost of all their operands."""
    return {
        memory.name: memory.size_bits for memory in core.memories if all(core.top_memory(operand) is memory for operand in memory.operands)
    }


def _homes(
    chip: _Chip, groups: list[tuple[Node, tuple[int, ...]]], computing: Mapping[int, Core], wires: list[Wire]
) -> dict[int, tuple[int, ...]]:
    """Return which computing cores stand for each core where links end.

    A core that only holds memory stands for the cores that share this memory; without such cores it has no counterpart. A computing core
    without links of its own uses those of the cores it shares memory with.
    """
    homes: dict[int, tuple[int, ...]] = {number: ((number,) if number in computing else ()) for number in chip.cores}
    linked = {number for wire in wires for number in wire.cores}
    for _, numbers in groups:
        members = tuple(number for number in numbers if number in computing)
        cut_off = tuple(number for number in members if number not in linked)
        for number in numbers:
            if number not in computing:
                homes[number] = members
            elif number in linked:
                homes[number] = (number, *cut_off)
    for number, found in chip.cores.items():
        if found.core is None:
            node = chip.nodes[number]
            if homes[number]:
                chip.root.file.note(node, f"core {number} only holds memory; its links are those of the cores that share it")
            else:
                chip.root.file.note(node, f"core {number} only holds memory that no computing core shares; it was left out with its links")
    return homes


def _check_reach(chip: _Chip, joined: Interconnect, names: Mapping[int, str], dram: Dram) -> None:

    node = len(names)
    filled, drained = reachable(joined.links, node), reachable(joined.links, node, backwards=True)
    for index, number in enumerate(names):
        if index not in filled or index not in drained:
            what = f"no links join core {number} and the off-chip memory {dram.name} in both directions"
            chip.root.fault(chip.nodes[number], what, found="", hint="Add a link or a bus to core_connectivity")
