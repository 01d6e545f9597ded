"""Accelerator files: YAML to :class:`Accelerator`, with every fault at its place. The format is shown in this folder's README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from stream_evo._yaml import BANDWIDTH, ENERGY, SIZE, Node, Section, near_matches, open_section
from stream_evo.errors import InputError
from stream_evo.hardware._accelerator import Accelerator, CoreSlot, Dram, Link, SharedMemory, WeightLoad, reachable
from stream_evo.hardware._core import Core
from stream_evo.hardware._interconnect import read_links
from stream_evo.hardware._load_core import load_core, read_identity
from stream_evo.hardware._memory import Memory

__all__ = ["load_accelerator"]

_NO_NAME: Final = ""
"""Stands for the DRAM where its own name cannot be used."""
_MEMBER: Final = {"type": "string", "pattern": r"^[^.]+\..+$", "examples": ["core0.sram"]}


def load_accelerator(path: str | Path, *, cores: Mapping[str, Path] | None = None) -> Accelerator:
    """Read an accelerator file and the core files it names.

    Args:
        path: YAML file. A core in it is a path (ends in ``.yaml`` or ``.yml``), relative to this file, or a name in `cores`.
        cores: Catalogue of core files; ``None`` for all that are installed (:func:`stream_evo.registry.cores`).

    Returns:
        The accelerator; its name is the file's ``name``.

    Raises:
        InputError: a file cannot be read or holds faults; all of them are listed, each with line and key path.
    """
    root, faults = open_section(path, "accelerator")
    name = read_identity(root)
    slots = _read_cores(root, Path(path).parent, cores)
    dram = _read_dram(root, slots)
    nodes = {slot: index for index, slot in enumerate((*slots, dram.name))}
    before = len(faults.found)
    named = bool(slots) and len(nodes) == len(slots) + 1
    links = read_links(root, nodes if named else _stand_ins(root, slots), dram.bits_per_cycle)
    links_sound = len(faults.found) == before and not root.node_at("links").doubtful
    dma_channels = root.integer("dma_channels", default=1, minimum=1, maximum=2)
    weight_load = WeightLoad(root.text("weight_load", default=WeightLoad.BEFORE_START, choices=tuple(WeightLoad)))
    shared = _read_shared_memories(root, slots)
    root.close()
    if links_sound and named:  # faulty links would make every core look cut off
        _check_reach(root, slots, links, dram)
    faults.check()
    places = tuple(CoreSlot(slot, core) for slot, core in slots.items() if core is not None)
    return Accelerator(name, places, dram, links, shared, dma_channels, weight_load)


def _stand_ins(root: Section, slots: Iterable[str]) -> dict[str, int]:
    """Return nodes for links whose own names are at fault: links are read for their form, and do not echo the faults of the names.

    The last one stands for the DRAM, whose name may be that of a core. Where no core is known, every text in the links may be one's name.
    """
    names = dict.fromkeys(slots) or dict.fromkeys(_texts(root.node_at("links")))
    names.pop(_NO_NAME, None)
    return {name: index for index, name in enumerate((*names, _NO_NAME))}


def _texts(node: Node) -> Iterator[str]:
    """Return every text at and below `node`."""
    if isinstance(node.value, str):
        yield node.value
    below = node.value if isinstance(node.value, tuple) else node.value.values() if isinstance(node.value, dict) else ()
    for item in below:
        yield from _texts(item)


def _read_cores(root: Section, folder: Path, catalogue: Mapping[str, Path] | None) -> dict[str, Core | None]:
    """Return the core at each place, ``None`` where it could not be read or two are named."""
    section = root.section("cores")
    if section is None:
        return {}
    if not section.keys(named=True):
        root.faults.add(section.node, "an accelerator needs at least one core", found="")
    slots: dict[str, Core | None] = {}
    files: dict[Path, Core | None] = {}
    for name in section:
        slots[name] = None
        reference = section.text(name)
        file = _core_file(section.node_at(name), section, folder, catalogue) if reference else None
        if file is None:
            continue
        if file not in files:
            files[file] = _try_core(file, section.node_at(name), section)
        slots[name] = None if section.node_at(name).doubtful else files[file]
    return slots


def _core_file(node: Node, section: Section, folder: Path, catalogue: Mapping[str, Path] | None) -> Path | None:
    if node.written.endswith((".yaml", ".yml")):
        return folder / node.written
    if catalogue is None:
        from stream_evo.registry import cores  # noqa: PLC0415  # the registry's content is read with this package

        catalogue = cores()
    if node.written in catalogue:
        return catalogue[node.written]
    hint = near_matches(node.written, sorted(catalogue)) + ". A file's path must end in .yaml"
    section.faults.add(node, f"unknown core {node.written!r}", found="", hint=hint)
    return None


def _try_core(file: Path, node: Node, section: Section) -> Core | None:
    try:
        return load_core(file)
    except InputError as error:
        for fault in error.faults:
            section.faults.add(node, f"in {error.source}, {fault}", found="")
    return None


def _read_dram(root: Section, slots: Mapping[str, Core | None]) -> Dram:
    section = root.section("dram")
    if section is None:
        return Dram("dram", 1, 1, 0.0, 0.0)
    section.text("source", default="-")
    name = section.text("name", default="dram", named=True)
    size_bits = section.whole_quantity("size", SIZE)
    bits_per_cycle = section.whole_quantity("bandwidth", BANDWIDTH)
    read_pj, write_pj = section.quantity("read_energy", ENERGY), section.quantity("write_energy", ENERGY)
    section.close()
    if name in slots:
        section.faults.add(section.node_at("name"), f"duplicate name {name!r}", found="", hint="A core has that name already")
    return Dram(name, size_bits, bits_per_cycle, read_pj, write_pj)


def _read_shared_memories(root: Section, slots: Mapping[str, Core | None]) -> tuple[SharedMemory, ...]:
    section = root.section("shared_memories", optional=True)
    if section is None:
        return ()
    indices = {slot: index for index, slot in enumerate(slots)}
    groups: list[SharedMemory] = []
    taken: set[str] = set()
    for group in section.keys(named=True):
        members: list[tuple[int, str]] = []
        sizes: dict[str, int] = {}
        unseen = False
        for node in section.items(group, each=_MEMBER, expected="a list of members such as [core0.l1, core1.l1]"):
            slot, dot, wanted = node.written.partition(".")
            if not isinstance(node.value, str) or not (slot and dot and wanted):
                section.faults.add(node, "wrong type", expected="a core and its memory, such as core0.l1")
                continue
            if slots and slot not in slots:
                section.faults.add(node, f"unknown core {slot!r}", found="", hint=near_matches(slot, list(slots)))
                continue
            if node.written in taken:
                section.faults.add(node, f"{node.written} belongs to a group already", found="")
            taken.add(node.written)
            core = slots.get(slot)
            if core is None:  # its faults are told where it is named
                unseen = True
                continue
            memory = _shared_memory(node, section, core, wanted)
            if memory is not None:
                members.append((indices[slot], wanted))
                sizes[node.written] = memory.size_bits
        if len(set(sizes.values())) > 1:
            found_sizes = ", ".join(f"{name}: {size} bit" for name, size in sizes.items())
            section.faults.add(section.node_at(group), "members of one memory differ in size", expected="equal sizes", found=found_sizes)
        written = section.node_at(group).value
        if isinstance(written, tuple) and (len(written) < 2 or (len(members) < 2 and not unseen and not section.at_fault(group))):
            section.faults.add(section.node_at(group), "too few members", expected="at least two")
        groups.append(SharedMemory(group, tuple(members)))
    return tuple(groups)


def _shared_memory(node: Node, section: Section, core: Core, wanted: str) -> Memory | None:
    """Return the memory `wanted` of the core that a member written ``core.memory`` names."""
    slot = node.written.partition(".")[0]
    memory = next((memory for memory in core.memories if memory.name == wanted), None)
    if memory is None:
        known = [memory.name for memory in core.memories]
        section.faults.add(node, f"core {slot} has no memory {wanted!r}", found="", hint=near_matches(wanted, known))
    elif any(core.top_memory(operand) is not memory for operand in memory.operands):
        section.faults.add(node, f"memory {wanted} is not the outermost of its operands, so it cannot be shared", found="")
        return None
    return memory


def _check_reach(root: Section, slots: Mapping[str, Core | None], links: tuple[Link, ...], dram: Dram) -> None:
    """Note every core that the DRAM cannot send to or that cannot send to the DRAM."""
    node = len(slots)
    filled, drained = reachable(links, node), reachable(links, node, backwards=True)
    section = root.section("cores")
    for index, slot in enumerate(slots):
        if section is None or (index in filled and index in drained):
            continue
        if index not in filled and index not in drained:
            what = f"no link reaches core {slot}"
        else:
            what = f"no link leads {f'from {dram.name} to core {slot}' if index in drained else f'from core {slot} to {dram.name}'}"
        root.faults.add(section.node_at(slot), what, found="", hint=f"Every core needs a way from {dram.name} and back")
