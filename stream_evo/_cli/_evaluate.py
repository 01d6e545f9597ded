"""``stream-evo evaluate``: the numbers of one mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_evo._cli._console import BitsOption, HardwareOption, HostOpsOption, JsonOption, NetworkOption, guarded, print_json, print_table

__all__ = ["evaluate"]


@guarded
def evaluate(
    network: NetworkOption,
    hardware: HardwareOption,
    mapping: Annotated[Path, typer.Option(metavar="FILE.yaml", help="Mapping file, e.g. one of a run's mappings/.", show_default=False)],
    bits: BitsOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate one mapping: exactly the numbers that the run printed for it."""
    from stream_evo import _api  # noqa: PLC0415  # imports the kernels

    record = _api.evaluate(network, hardware, mapping, bits=bits, host_operators=host_ops).as_dict()
    if as_json:
        print_json(record)
        return
    rows = [(name, "infinite" if value is None else value) for name, value in record.items()]
    print_table(f"{mapping}", ("metric", "value"), rows, numeric=("value",))
