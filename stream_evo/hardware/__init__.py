"""A multi-core accelerator as frozen values, read from YAML.

Files (the format is in this folder's README):
    load_accelerator, load_core: read one, or raise an error with every fault and its place.

Values:
    Accelerator, CoreSlot, Link, Dram, SharedMemory, WeightLoad: the chip.
    Core, ArrayDimension, ArrayTiming, Dataflow: one kind of core.
    Memory, Port, PortKind, Direction: one level of a core's memory hierarchy.
"""

from stream_evo.hardware._accelerator import Accelerator, CoreSlot, Dram, Link, SharedMemory, WeightLoad
from stream_evo.hardware._core import ArrayDimension, ArrayTiming, Core, Dataflow
from stream_evo.hardware._load_accelerator import load_accelerator
from stream_evo.hardware._load_core import load_core
from stream_evo.hardware._memory import Direction, Memory, Port, PortKind

__all__ = [
    "Accelerator",
    "ArrayDimension",
    "ArrayTiming",
    "Core",
    "CoreSlot",
    "Dataflow",
    "Direction",
    "Dram",
    "Link",
    "Memory",
    "Port",
    "PortKind",
    "SharedMemory",
    "WeightLoad",
    "load_accelerator",
    "load_core",
]
