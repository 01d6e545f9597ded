"""From names and files to the difference of two mappings."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from stream_evo import registry
from stream_evo._arguments import ARGUMENTS, check_arguments
from stream_evo._run._network import load_workload
from stream_evo.comparison._diff import MappingDiff, diff_mappings
from stream_evo.comparison._effects import effects_of
from stream_evo.errors import Fault, InputError
from stream_evo.explanation import explain_mapping
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping, check_mapping, load_mapping
from stream_evo.workload import Bits, Workload

if TYPE_CHECKING:
    import onnx

__all__ = ["diff"]

_Chip: TypeAlias = str | Path | Accelerator


def diff(
    network: str | Path | onnx.ModelProto | Workload,
    first: str | Path | Mapping,
    second: str | Path | Mapping,
    *,
    hardware: _Chip | tuple[_Chip, _Chip] | None = None,
    labels: tuple[str, str] | None = None,
    bits: Bits | str | None = None,
    dims: MappingABC[str, int] | None = None,
    host_operators: bool = False,
) -> MappingDiff:
    """Compare two mappings of a network, layer by layer; with the chip, also what the differences do.

    Args:
        network: Name in the catalogue, ONNX file, ONNX model, or workload.
        first: Mapping file or value.
        second: Another.
        hardware: The accelerator of both, or one of each: name in the catalogue, YAML file, or accelerator. Without it nothing is
            evaluated.
        labels: What to call the mappings; by default the names of the files.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Raises:
        UnknownNameError: an unknown network or accelerator.
        InputError: arguments of wrong types, files with faults, or mappings of another network or accelerator; both files are checked.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=6, generations=1)
        >>> diff = stream_evo.diff("squeezenet", result[0].mapping, result[0].mapping)
        >>> diff.changed_layers, diff.effects
        ((), None)
    """
    given = check_arguments("diff", locals(), {"hardware": ARGUMENTS["hardware_or_pair"]})
    pair: tuple[_Chip | None, ...] = given["hardware"] if isinstance(given["hardware"], tuple) else (given["hardware"],) * 2
    names: tuple[str, ...] = _labels(first, second) if given["labels"] is None else given["labels"]
    faults = []
    if len(pair) != 2:
        faults.append(Fault("give one accelerator for both mappings, or one for each", "hardware", found=f"{len(pair)} accelerators"))
    if len(names) != 2:
        faults.append(Fault("the mappings need one label each", "labels", expected="2 labels", found=", ".join(names)))
    if faults:
        raise InputError("diff", faults)
    workload = load_workload(given["network"], bits=given["bits"], dims=given["dims"], host_operators=given["host_operators"])
    chips = tuple(_load_chip(chip) for chip in pair)
    one, other = _load_mappings((given["first"], given["second"]), workload, chips)
    effects = None
    if chips[0] is not None and chips[1] is not None:
        explained = [explain_mapping(workload, chip, mapping, repair_trials=0) for mapping, chip in ((one, chips[0]), (other, chips[1]))]
        effects = effects_of((explained[0], explained[1]))
    return diff_mappings(workload, one, other, accelerators=(chips[0], chips[1]), labels=(names[0], names[1]), effects=effects)


def _load_chip(chip: _Chip | None) -> Accelerator | None:
    return chip if chip is None or isinstance(chip, Accelerator) else registry.load_hardware(chip)


def _load_mappings(
    given: Sequence[str | Path | Mapping], workload: Workload, chips: Sequence[Accelerator | None]
) -> tuple[Mapping, Mapping]:
    found: list[Mapping] = []
    errors: list[InputError] = []
    for mapping, chip in zip(given, chips, strict=True):
        try:
            found.append(_load_mapping(mapping, workload, chip))
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InputError("diff", [Fault(f"{error.source}: {fault}") for error in errors for fault in error.faults])
    return found[0], found[1]


def _load_mapping(mapping: str | Path | Mapping, workload: Workload, chip: Accelerator | None) -> Mapping:
    if not isinstance(mapping, Mapping):
        return load_mapping(mapping, workload, chip)
    faults = check_mapping(mapping, workload, chip)
    if faults:
        raise InputError(f"mapping of {mapping.network}", faults)
    return mapping


def _labels(first: str | Path | Mapping, second: str | Path | Mapping) -> tuple[str, str]:
    """Return the names of two files, with their folders where the names are equal, or which is which."""
    if isinstance(first, Mapping) or isinstance(second, Mapping):
        return ("first", "second")
    names = Path(first).name, Path(second).name
    if names[0] != names[1]:
        return names
    return (str(first), str(second)) if str(first) != str(second) else ("first", "second")
