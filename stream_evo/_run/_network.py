"""Networks as a user names them, and what the program makes of them; needs no kernel."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream_evo import registry
from stream_evo.workload import Bits, Status, Workload, describe, load_onnx, operator_report

if TYPE_CHECKING:
    import onnx

__all__ = ["bits_text", "inspect", "label", "load_workload"]


def inspect(network: str | Path | onnx.ModelProto, *, bits: Bits | str | None = None, host_operators: bool = False) -> dict[str, Any]:
    """Return what the program makes of a network.

    Operators that are not supported are reported, not raised; there are no layers then.

    Returns:
        ``totals`` (``macs``, ``weights``, ``layers``), ``layers``, ``unsupported``, and what `stream_evo.workload.describe` adds to them.

    Raises:
        UnknownNameError: an unknown network.
        InputError: the file cannot be read, or a shape cannot be resolved.

    Example:
        >>> facts = stream_evo.inspect("squeezenet")
        >>> facts["totals"]["layers"], facts["totals"]["macs"], facts["unsupported"]
        (31, 349151936, [])
    """
    source = registry.network_source(network) if isinstance(network, str | Path) else network
    report = operator_report(source, host_operators=host_operators)
    if any(node.status is Status.UNSUPPORTED for node in report):
        return describe(None, report) | {"name": label(network)}
    return describe(load_workload(network, bits=bits, host_operators=host_operators), report)


def load_workload(network: str | Path | onnx.ModelProto | Workload, *, bits: Bits | str | None, host_operators: bool) -> Workload:
    """Return the workload that `network` names, holds or is."""
    if isinstance(network, Workload):
        return network
    if isinstance(bits, str):
        from stream_evo.cost import parse_bits  # noqa: PLC0415  # loads kernels

        bits = parse_bits(bits)
    if isinstance(network, str | Path):
        return registry.load_network(network, bits=bits, host_operators=host_operators)
    return load_onnx(network, bits=bits, host_operators=host_operators)


def label(value: object) -> str:
    """Return how a job names something: what the user typed, or the name of a value in memory."""
    return str(value) if isinstance(value, str | Path) else f"<{getattr(value, 'name', '') or type(value).__name__}>"


def bits_text(bits: Bits | str | None) -> str | None:
    """Return precisions in the form that is typed and read back."""
    if bits is None or isinstance(bits, str):
        return bits
    return " ".join(f"{name}={value}" for name, value in dataclasses.asdict(bits).items())
