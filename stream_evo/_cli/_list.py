"""``stream-evo list``: what can be named."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stream_evo._cli._console import JsonOption, guarded, print_json, print_table

__all__ = ["list_names"]


class Catalogue(StrEnum):
    """What can be listed."""

    NETWORKS = "networks"
    HARDWARE = "hardware"
    CORES = "cores"
    PROBLEMS = "problems"
    OPERATORS = "operators"
    OBJECTIVES = "objectives"
    ENGINES = "engines"


@guarded
def list_names(
    catalogue: Annotated[Catalogue, typer.Argument(help="What to list.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """List networks, hardware, cores, problems, operators, objectives or engines that options can name."""
    rows = _rows(catalogue)
    if as_json:
        print_json([{"name": name, "about": about} for name, about in rows])
    else:
        print_table(str(catalogue), ("name", "about"), rows)


def _rows(catalogue: Catalogue) -> list[tuple[str, str]]:
    from stream_evo import registry  # noqa: PLC0415  # reads the metadata of installed packages

    if catalogue is Catalogue.NETWORKS:
        return [(name, _first_line(builder.__doc__)) for name, builder in registry.networks().items()]
    if catalogue is Catalogue.HARDWARE:
        return [(name, _accelerator(name)) for name in registry.accelerators()]
    if catalogue is Catalogue.CORES:
        return [(name, _core(name)) for name in registry.cores()]
    if catalogue is Catalogue.PROBLEMS:
        return [
            (name, f"{problem.network} on {problem.hardware}: {', '.join(problem.objectives)}")
            for name, problem in registry.problems().items()
        ]
    if catalogue is Catalogue.ENGINES:
        return [(name, _first_line(engine.__doc__)) for name, engine in registry.engines().items()]
    if catalogue is Catalogue.OBJECTIVES:
        from stream_evo._run._job import OBJECTIVES  # noqa: PLC0415  # not needed for --help

        own = [(name, _first_line(objective.__doc__)) for name, objective in registry.objectives().items()]
        return [(name, f"metric {metric}") for name, metric in OBJECTIVES.items()] + own
    return [(name, _first_line(operator.__doc__)) for name, operator in registry.operators().items()]


def _accelerator(name: str) -> str:
    from stream_evo import registry  # noqa: PLC0415  # as above

    chip = registry.load_hardware(name)
    kinds: dict[str, int] = {}
    for slot in chip.cores:
        kinds[slot.core.name] = kinds.get(slot.core.name, 0) + 1
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.items())


def _core(name: str) -> str:
    from stream_evo import registry  # noqa: PLC0415  # as above

    core = registry.load_core(name)
    flows = ", ".join(flow.name for flow in core.dataflows)
    return f"{core.processing_elements} processing elements; dataflows {flows}; runs {', '.join(core.operators)}"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].removeprefix("Return ")
