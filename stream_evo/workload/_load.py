"""From an ONNX file to a workload, and what became of every node on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from stream_evo.errors import Fault, InputError
from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._graph import Graph, read_graph
from stream_evo.workload._layer import Bits
from stream_evo.workload._node import Broken, Node, Unsupported
from stream_evo.workload._regions import find_regions
from stream_evo.workload._workload import Workload
from stream_evo.workload.parsers import PARSERS, Parser, parse_region

__all__ = ["NO_PARSER", "NodeReport", "Status", "load_onnx", "operator_report"]

NO_PARSER = "no parser for this operator"
_OUT_OF_REACH = "its shape depends on an operator without parser"


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What became of one node of the graph.

    Attributes:
        name: Name of the node.
        operator: Its type, with the domain in front outside the standard one.
        status: supported (is work), folded (into another layer), view (moves data), removed (no effect, or computed from constants only),
            host (zero work, on request), unsupported.
        reason: Why it is unsupported or on the host; else empty.
    """

    name: str
    operator: str
    status: Status
    reason: str = ""


def load_onnx(
    path_or_model: str | Path | onnx.ModelProto,
    *,
    name: str | None = None,
    bits: Bits | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
    parsers: Mapping[str, Parser] = PARSERS,
) -> Workload:
    """Read a network from ONNX.

    Weight data are never read, so their file may be missing. Open dimensions of inputs take their size from `dims`; an open first one
    (the batch) is else 1. Every other shape must follow from the inputs' or be stated in the file. Constants are computed, branches that
    lead to no output are dropped.

    Precisions follow the element types of the graph (int8 8 bits, float16 16 bits, ...), except that float32 counts as 8 bits: networks are
    published in float32 and run on the target chips in 8 bits. Partial sums have the width of a product, at least that of the output.

    Args:
        path_or_model: An ONNX file or a model in memory (which is not changed).
        name: Name of the network; the file's stem or the graph's name by default.
        bits: Precision of every layer, overriding the graph's.
        dims: Sizes of dimensions that the model leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without parser as zero work on the host; they are listed in `Workload.host_operators`.
        parsers: Parser of each operator; pass ``{**PARSERS, "domain::Type": parse}`` to add one.

    Returns:
        The network's layers with their data dependencies.

    Raises:
        InputError: the file is unreadable, truncated or no ONNX model, or contradicts itself; operators are not supported (all are
            listed); a shape cannot be resolved; `dims` names what is not open; or nothing in the graph is work.
    """
    graph = read_graph(path_or_model, name, dims)
    builder, reports = _translate(graph, bits, parsers, host_operators=host_operators)
    if missing := _unsupported_faults(reports):
        raise InputError(graph.source, missing)
    if not builder.has_layers:
        raise InputError(graph.source, [Fault("nothing in the graph is work for an accelerator", expected="at least one layer")])
    hosts = [f"{report.name} ({report.operator})" for report in reports if report.status is Status.HOST]
    return builder.finish(graph.name, hosts)


def operator_report(
    path_or_model: str | Path | onnx.ModelProto,
    *,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
    parsers: Mapping[str, Parser] = PARSERS,
) -> tuple[NodeReport, ...]:
    """Tell what `load_onnx` makes of every node, without failing on those it does not support.

    Raises:
        InputError: the file cannot be read or contradicts itself, a shape cannot be resolved, or `dims` names what is not open.
    """
    return _translate(read_graph(path_or_model, dims=dims), None, parsers, host_operators=host_operators)[1]


def _translate(
    graph: Graph, bits: Bits | None, parsers: Mapping[str, Parser], *, host_operators: bool
) -> tuple[Builder, tuple[NodeReport, ...]]:
    """Parse all nodes.

    Raises:
        InputError: shapes cannot be resolved, or nodes contradict themselves; they are listed together with all operators that are not
            supported.
    """
    builder = Builder(graph, bits)
    reasons: dict[str, str] = {}
    faults: list[Fault] = []
    regions = find_regions(graph)
    for node in graph.nodes:
        region = regions.get(node.name)
        if region is not None:
            if node is region.nodes[-1]:
                parse_region(region, builder)
            continue
        try:
            reason = _parse(node, builder, parsers)
        except InputError as error:
            faults += error.faults
            reason = _OUT_OF_REACH
        if reason:
            reasons[node.name] = reason
            builder.opaque(node, Status.HOST if host_operators else Status.UNSUPPORTED)
    reports = [NodeReport(node.name, node.operator, builder.status[node.name], reasons.get(node.name, "")) for node in graph.nodes]
    reports += [NodeReport(node.name, node.operator, Status.REMOVED) for node in graph.removed]
    told = {fault.path for fault in faults}
    faults += [fault for fault in graph.contradictions if fault.path not in told]
    if faults:
        raise InputError(graph.source, [*faults, *_unsupported_faults(reports)])
    return builder, tuple(reports)


def _parse(node: Node, builder: Builder, parsers: Mapping[str, Parser]) -> str:
    """Translate one node; return why that is impossible, or an empty string.

    Raises:
        InputError: the node contradicts itself, or a shape cannot be resolved.
    """
    parser = parsers.get(node.operator)
    if parser is None:
        return NO_PARSER
    if builder.is_out_of_reach(node):
        return _OUT_OF_REACH
    try:
        parser(node, builder)
    except Unsupported as error:
        return str(error)
    except Broken as error:
        hint = "Correct the node, or export the network again"
        fault = Fault(f"{node.operator}: {error.what}", node.name, expected=error.expected, found=error.found, hint=hint)
        raise InputError(builder.graph.source, [fault]) from error
    except (ArithmeticError, LookupError, TypeError, ValueError):
        shapes = ", ".join(str(builder.graph.known_shape(name) or "unknown") for name in node.inputs if name)
        return f"its attributes do not fit its inputs, whose shapes are {shapes}"
    return ""


def _unsupported_faults(reports: Iterable[NodeReport]) -> list[Fault]:
    """Return a fault for every operator that is not supported, leaving out those that only follow from others.

    Only operators that nobody here knows are offered as work of the host: the others mean computation.
    """
    causes = [report for report in reports if report.status is Status.UNSUPPORTED and report.reason != _OUT_OF_REACH]
    last = next((report for report in reversed(causes) if report.reason == NO_PARSER), None)
    hint = "Operators without compute meaning can be work of the host at no cost: --host-ops (host_operators=True)"
    return [
        Fault(f"operator {report.operator} is not supported: {report.reason}", report.name, hint=hint if report is last else "")
        for report in causes
    ]
