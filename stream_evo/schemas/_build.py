"""From what readers ask for to JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from stream_evo import registry
from stream_evo._yaml_forms import NAME, Entry, Form, Place, recording
from stream_evo.errors import UnknownNameError
from stream_evo.mapping import load_mapping, load_pins

__all__ = ["SCHEMAS", "schema", "schema_file"]

SCHEMAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accelerator": "Chips: cores, DRAM, links",
        "core": "Cores: array, dataflows, memories",
        "mapping": "Mapping files, as a run writes one for each point",
        "pins": "Decisions that are fixed: a whole or partial mapping file",
        "problem": "Problem files: network, hardware, and how to search",
    }
)
"""Name of each schema -> what files it is for."""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"  # the newest that editors' YAML servers implement in full


def schema(name: str) -> dict[str, Any]:
    """Return a JSON Schema (draft 7), made anew from the readers.

    It refuses nothing that the reader takes. What a schema cannot say, the reader alone finds: names that must exist in the same file or
    in a catalogue, memories that must follow on each other, quantities out of range.

    Args:
        name: One of `SCHEMAS`.

    Raises:
        UnknownNameError: no such schema.
    """
    if name not in SCHEMAS:
        raise UnknownNameError("schema", name, list(SCHEMAS))
    return {"$schema": _DIALECT, "title": f"stream-evo {name} file", "description": f"{SCHEMAS[name]}.", **_mapping(_forms()[name])}


def schema_file(name: str) -> Path:
    """Return the file of a schema in the installed package.

    Raises:
        UnknownNameError: no such schema.
    """
    if name not in SCHEMAS:
        raise UnknownNameError("schema", name, list(SCHEMAS))
    return _folder() / f"{name}.schema.json"


def _folder() -> Path:
    return Path(str(resources.files(__name__.rpartition(".")[0])))


@cache
def _forms() -> Mapping[str, Form]:
    """Return the form of each kind of file."""
    files = {name: _folder() / "examples" / f"{name}.yaml" for name in SCHEMAS}
    with recording() as forms:
        accelerator = registry.load_hardware(files["accelerator"])
        workload = registry.load_network("fsrcnn")
        load_mapping(files["mapping"], workload, accelerator)
        load_pins(files["pins"])
        registry.load_problem(files["problem"])
    return forms


@cache
def _lines(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines()


def _comment(place: Place | None) -> str:
    """Return what the example says of the key at `place`, at the end of its line."""
    return "" if place is None else _lines(place[0])[place[1] - 1].partition("  # ")[2].strip()


def _mapping(form: Form) -> dict[str, Any]:
    """Return the schema of a mapping."""
    if form.free is not None:
        names: dict[str, Any] = {}
        if form.choices:
            names = {"propertyNames": {"enum": list(form.choices)}}
        elif form.named:
            names = {"propertyNames": {"pattern": NAME["pattern"]}}
        known = {"properties": {key: _entry(entry) for key, entry in form.keys.items()}} if form.keys else {}
        return {"type": "object", **names, **known, "additionalProperties": _entry(form.free)}
    if form.variant:
        cases = [
            {"if": {"properties": {form.variant: {"const": value}}, "required": [form.variant]}, "then": _mapping(variant)}
            for value, variant in form.variants.items()
        ]
        deciding = {form.variant: _entry(form.keys[form.variant])}
        return {"type": "object", "properties": deciding, "required": [form.variant], "allOf": cases}
    required = [key for key, entry in form.keys.items() if entry.required]
    return {
        "type": "object",
        "properties": {key: _entry(entry) for key, entry in form.keys.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """Return the schema of the value at a key."""
    values: list[Mapping[str, Any]] = list(entry.values)
    if entry.below is not None:
        values.append(_mapping(entry.below))
    if entry.each is not None:
        values.append({"type": "array", "items": _mapping(entry.each)})
    found: dict[str, Any] = dict(values[0]) if len(values) == 1 else {"anyOf": values}
    about = _comment(entry.place)
    units = found.get("description", "")
    if about:
        found["description"] = f"{about} {units}".strip()
    if entry.default is not None:
        found["default"] = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    return found
