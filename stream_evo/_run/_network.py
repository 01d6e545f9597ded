"""Networks as a user names them, and what the program makes of them; needs no kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream_evo import registry
from stream_evo._arguments import check_arguments, path_or
from stream_evo.errors import Fault, InputError
from stream_evo.workload import Bits, Status, Workload, describe, load_onnx, operator_report

if TYPE_CHECKING:
    import onnx

__all__ = ["bits_text", "inspect", "label", "load_workload"]

_MODEL = {"network": path_or("a name, the path of an ONNX file, or an ONNX model", "onnx.ModelProto")}


def inspect(
    network: str | Path | onnx.ModelProto,
    *,
    bits: Bits | str | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
) -> dict[str, Any]:
    """Return what the program makes of a network.

    Operators that are not supported are reported, not raised; there are no layers then.

    Args:
        network: Name in the catalogue, ONNX file, or ONNX model.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Returns:
        ``totals`` (``macs``, ``weights``, ``layers``), ``layers``, ``unsupported``, and what `stream_evo.workload.describe` adds to them.

    Raises:
        UnknownNameError: an unknown network.
        InputError: arguments of wrong types, the file cannot be read, a shape cannot be resolved, or `dims` names what is not open.

    Example:
        >>> facts = stream_evo.inspect("squeezenet")
        >>> facts["totals"]["layers"], facts["totals"]["macs"], facts["unsupported"]
        (31, 349151936, [])
    """
    check_arguments("inspect", locals(), _MODEL)
    source = registry.network_source(network) if isinstance(network, str | Path) else network
    report = operator_report(source, dims=dims, host_operators=host_operators)
    if any(node.status is Status.UNSUPPORTED for node in report):
        return describe(None, report) | {"name": label(network)}
    return describe(load_workload(network, bits=bits, dims=dims, host_operators=host_operators), report)


def load_workload(
    network: str | Path | onnx.ModelProto | Workload,
    *,
    bits: Bits | str | None,
    host_operators: bool,
    dims: Mapping[str, int] | None = None,
) -> Workload:
    """Return the workload that `network` names, holds or is."""
    if isinstance(network, Workload):
        if dims:
            raise InputError(f"network {network.name}", [Fault("a workload has no open dimensions", "dims", found=", ".join(dims))])
        return network
    if isinstance(bits, str):
        from stream_evo.cost import parse_bits  # noqa: PLC0415  # loads kernels

        bits = parse_bits(bits)
    if isinstance(network, str | Path):
        return registry.load_network(network, bits=bits, dims=dims, host_operators=host_operators)
    return load_onnx(network, bits=bits, dims=dims, host_operators=host_operators)


def label(value: object) -> str:
    """Return how a job names something: what the user typed, or the name of a value in memory."""
    return str(value) if isinstance(value, str | Path) else f"<{getattr(value, 'name', '') or type(value).__name__}>"


def bits_text(bits: Bits | str | None) -> str | None:
    """Return precisions in the form that is typed and read back."""
    if bits is None or isinstance(bits, str):
        return bits
    return " ".join(f"{name}={value}" for name, value in dataclasses.asdict(bits).items())
