"""``stream-evo evaluate``: the numbers of one mapping, and why it has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_evo._cli._console import (
    BitsOption,
    DimOption,
    HardwareOption,
    HostOpsOption,
    JsonOption,
    NetworkOption,
    guarded,
    print_json,
    print_table,
    sizes,
)

__all__ = ["evaluate"]


@guarded
def evaluate(
    network: NetworkOption,
    hardware: HardwareOption,
    mapping: Annotated[Path, typer.Option(metavar="FILE.yaml", help="Mapping file, e.g. one of a run's mappings/.", show_default=False)],
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the latency, the energy and the peak memory come from, and what would make it fit.")
    ] = False,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE.py:NAME", help="Objective beyond the metrics whose value is wanted, too; can be repeated."),
    ] = None,
    bits: BitsOption = None,
    dim: DimOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate one mapping: exactly the numbers that the run printed for it."""
    from stream_evo import _api  # noqa: PLC0415  # imports the kernels

    explanation, dims = None, sizes(dim)
    if explain:
        explanation = _api.explain(network, hardware, mapping, bits=bits, dims=dims, host_operators=host_ops)
    if explanation is None or objective:
        wanted = objective or ()
        metrics = _api.evaluate(network, hardware, mapping, objectives=wanted, bits=bits, dims=dims, host_operators=host_ops)
    else:
        metrics = _api.PointMetrics.of_totals(explanation.totals)
    record = metrics.as_dict()
    if as_json:
        print_json(record if explanation is None else {**record, "explanation": explanation.as_dict()})
        return
    rows = [(name, "infinite" if value is None else value) for name, value in record.items()]
    print_table(f"{mapping}", ("metric", "value"), rows, numeric=("value",))
    if explanation is not None:
        from stream_evo._cli._explain import print_explanation  # noqa: PLC0415  # only here

        print_explanation(explanation)
