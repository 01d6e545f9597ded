"""Graphs that contradict themselves: tensors that are written twice, or never."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from stream_evo.errors import Fault, InputError
from stream_evo.workload._node import Node

__all__ = ["check_readers", "check_writers", "listed"]


def check_writers(nodes: Sequence[Node], source: str) -> None:
    """Check that every tensor is written once.

    Raises:
        InputError: several nodes write a tensor.
    """
    writers: dict[str, list[Node]] = {}
    for node in nodes:
        for tensor in filter(None, node.outputs):
            writers.setdefault(tensor, []).append(node)
    hint = "Give the outputs different names, or export the network again"
    faults = [
        Fault(f"several nodes write tensor {name!r}", found[-1].name, expected="one", found=listed(found), hint=hint)
        for name, found in writers.items()
        if len(found) > 1
    ]
    if faults:
        raise InputError(source, faults)


def check_readers(nodes: Sequence[Node], known: Container[str], outputs: Iterable[str], source: str) -> None:
    """Check that every tensor that is read comes from somewhere; names inside subgraphs are left to them.

    Raises:
        InputError: no node, input or initializer gives a tensor.
    """
    hint = "Correct the name, or add what is missing: no node, input or initializer gives this tensor"
    faults = [
        Fault(
            f"{node.operator}: it reads a tensor that nothing gives",
            node.name,
            expected="a tensor of the graph",
            found=repr(name),
            hint=hint,
        )
        for node in nodes
        for name in dict.fromkeys(filter(None, node.inputs))
        if name not in known
    ]
    faults += [
        Fault(
            "an output of the graph is a tensor that nothing gives",
            "graph.output",
            expected="a tensor of the graph",
            found=repr(name),
            hint=hint,
        )
        for name in outputs
        if name not in known
    ]
    if faults:
        raise InputError(source, faults)


def listed(nodes: Iterable[Node]) -> str:
    """Return the names of nodes with their operators."""
    return ", ".join(f"{node.name} ({node.operator})" for node in nodes)
