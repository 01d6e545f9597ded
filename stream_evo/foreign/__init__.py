"""Hardware and mapping files of the reference framework, Stream and ZigZag of KULeuven-MICAS, read into this package's values.

Hardware:
    read_hardware, ImportedHardware: accelerator and core files of 2024 and later, old and new spellings.
    hardware_files: the same as files of this package.
    is_foreign_hardware: whether a file is one of theirs.
Mappings:
    read_mapping, ImportedMapping: mapping files of the same years; pins_to_yaml: what they fix as a file of this package.
    kinds_of_cores, Found: which layers each core runs, according to a mapping file.
    loop_position, derived_tiles: how they count loops, and which tiles follow from others.
Both:
    Note: something that was read differently, guessed, or has no counterpart.
"""

from stream_evo.foreign._accelerator import ImportedHardware, is_foreign_hardware, read_hardware
from stream_evo.foreign._fields import Note
from stream_evo.foreign._mapping import Found, ImportedMapping, kinds_of_cores, read_mapping
from stream_evo.foreign._tiling import derived_tiles, loop_position
from stream_evo.foreign._write import hardware_files, pins_to_yaml

__all__ = [
    "Found",
    "ImportedHardware",
    "ImportedMapping",
    "Note",
    "derived_tiles",
    "hardware_files",
    "is_foreign_hardware",
    "kinds_of_cores",
    "loop_position",
    "pins_to_yaml",
    "read_hardware",
    "read_mapping",
]
