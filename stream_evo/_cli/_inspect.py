"""``stream-evo inspect``: what the program makes of a network."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stream_evo._cli import _complete
from stream_evo._cli._console import BitsOption, DimOption, HostOpsOption, JsonOption, guarded, print_json, print_line, print_table, sizes
from stream_evo.errors import Fault, InputError

__all__ = ["inspect"]


@guarded
def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.onnx", help="Network: a name of 'list networks', or an ONNX file.", autocompletion=_complete.networks
        ),
    ],
    bits: BitsOption = None,
    dim: DimOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a network's layers, its totals, and which of its operators are supported."""
    from stream_evo._run._network import inspect as inspect_network  # noqa: PLC0415  # imports onnx

    report = inspect_network(model, bits=bits, dims=sizes(dim), host_operators=host_ops)
    if as_json:
        print_json(report)
    elif report["layers"]:
        _print_report(report)
    if report["unsupported"]:
        from stream_evo.workload._load import NO_PARSER  # noqa: PLC0415  # imports onnx

        nodes = report["unsupported"]
        last = max((place for place, node in enumerate(nodes) if node["reason"] == NO_PARSER), default=-1)
        hint = "Operators without compute meaning can be work of the host: --host-ops"
        raise InputError(
            model,
            [
                Fault(f"operator {node['operator']} is not supported: {node['reason']}", node["name"], hint=hint if place == last else "")
                for place, node in enumerate(nodes)
            ],
        )


def _print_report(report: dict[str, Any]) -> None:
    columns = ("layer", "operator", "dims", "MACs", "weights", "activations", "predecessors")
    rows = [
        (
            layer["name"],
            layer["operator"],
            " ".join(f"{loop}={size}" for loop, size in layer["dims"].items() if size > 1),
            layer["macs"],
            layer["weights"],
            layer["activations"],
            ", ".join(layer["predecessors"]),
        )
        for layer in report["layers"]
    ]
    print_table(report["name"], columns, rows, numeric=("MACs", "weights", "activations"))
    totals = report["totals"]
    layers = "1 layer" if totals["layers"] == 1 else f"{totals['layers']:,} layers"
    print_line(f"\n{layers}, {totals['macs']:,} MACs, {totals['weights']:,} weights")
    for layer in report["layers"]:
        if layer["kind"] == "conv" and layer["operations"] > layer["macs"]:
            print_line(f"{layer['name']}: {layer['operations']:,} operations are computed for its {layer['macs']:,} MACs (sub-pixel form)")
    if report["host_operators"]:
        print_line("work of the host, at no cost: " + ", ".join(report["host_operators"]))
    for status, operators in report["operators"].items():
        print_line(f"{status}: " + ", ".join(f"{count} {operator}" for operator, count in operators.items()))
