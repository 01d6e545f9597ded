"""Decisions about how a network runs on a chip, and their encoding as integers.

Mapping, LayerMapping, Priority: the decisions, with names.
GenomeSpec, GenomeOptions, TileSize: the space of mappings as integer vectors.
Pins, LayerPin, DataflowPin: decisions that are fixed.
load_mapping, mapping_to_yaml, load_pins: files.
check_mapping: whether a mapping fits a network and an accelerator.
parts_for, weight_room_bits, resolve_dataflow: how a decision is completed: weights that fit, dataflow per layer.
can_run, splittable_channels: what may be decided: cores that run a layer, channels that K-parts divide.
"""

from stream_evo.mapping._file import load_mapping, load_pins, mapping_to_yaml
from stream_evo.mapping._genome import GenomeSpec
from stream_evo.mapping._mapping import (
    LayerMapping,
    Mapping,
    Priority,
    can_run,
    check_mapping,
    part_core,
    resolve_dataflow,
    splittable_channels,
)
from stream_evo.mapping._pins import DataflowPin, LayerPin, Pins
from stream_evo.mapping._space import GenomeOptions, TileSize, parts_for, weight_room_bits

__all__ = [
    "DataflowPin",
    "GenomeOptions",
    "GenomeSpec",
    "LayerMapping",
    "LayerPin",
    "Mapping",
    "Pins",
    "Priority",
    "TileSize",
    "can_run",
    "check_mapping",
    "load_mapping",
    "load_pins",
    "mapping_to_yaml",
    "part_core",
    "parts_for",
    "resolve_dataflow",
    "splittable_channels",
    "weight_room_bits",
]
