"""One node of an ONNX graph as the parsers see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import onnx

__all__ = ["Broken", "Node", "Unsupported", "qualified", "reads"]

_STANDARD_DOMAINS = ("", "ai.onnx")


class Unsupported(Exception):  # noqa: N818  # a verdict that parsers give and the loader collects; it never leaves this folder
    """A parser's verdict that it cannot express this node; the message says why."""


class Broken(Exception):  # noqa: N818  # like Unsupported
    """A parser's verdict that the file contradicts itself at this node, whoever reads it.

    Attributes:
        what: The fault in one sentence.
        expected: What would have been right.
        found: What stands there instead.
    """

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(what, expected, found)
        self.what = what
        self.expected = expected
        self.found = found


def qualified(domain: str, op_type: str) -> str:
    """Return the key of an operator in the parser registry: ``Conv``, or ``domain::Name`` outside the standard domain."""
    return op_type if domain in _STANDARD_DOMAINS else f"{domain}::{op_type}"


def reads(proto: onnx.NodeProto) -> Iterable[str]:
    """Yield the tensors a node reads, in its own inputs and inside its subgraphs (bodies of If, Loop, Scan)."""
    yield from (name for name in proto.input if name)
    for attribute in proto.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for node in graph.node:
                yield from reads(node)


@dataclass(frozen=True)
class Node:
    """One operator call.

    Attributes:
        name: Unique name; the file's own, or ``<Type>_<position>`` where the file has none.
        proto: The node as it stands in the file.
        opset: Version of the operator set of the node's domain.
    """

    name: str
    proto: onnx.NodeProto
    opset: int

    @property
    def operator(self) -> str:
        """Key in the parser registry."""
        return qualified(self.proto.domain, self.proto.op_type)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input tensors; an omitted optional one is the empty string."""
        return tuple(self.proto.input)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output tensors; an omitted optional one is the empty string."""
        return tuple(self.proto.output)

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Attributes by name, strings decoded."""
        values = {item.name: onnx.helper.get_attribute_value(item) for item in self.proto.attribute}
        return {name: value.decode(errors="replace") if isinstance(value, bytes) else value for name, value in values.items()}

    @property
    def data_inputs(self) -> tuple[str, ...]:
        """Names of the tensors whose values matter, subgraphs included; of CastLike's second input only the type does."""
        names = tuple(reads(self.proto))
        return names[:1] if self.proto.op_type == "CastLike" else names

    def input(self, position: int) -> str:
        """Return the name of an input, empty if it is omitted."""
        return self.inputs[position] if position < len(self.inputs) else ""

    def integers(self, attribute: str, default: Sequence[int]) -> tuple[int, ...]:
        """Return an attribute that holds a list of integers."""
        return tuple(int(value) for value in self.attributes.get(attribute, default))

    def integer(self, attribute: str, default: int) -> int:
        """Return an attribute that holds one integer."""
        return int(self.attributes.get(attribute, default))

    def text(self, attribute: str, default: str) -> str:
        """Return an attribute that holds a string."""
        return str(self.attributes.get(attribute, default))
