"""What the shell offers after Tab, besides commands, options and files. Where these find nothing the shell completes file names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer

from stream_evo.errors import StreamEvoError

__all__ = [
    "chip_cores",
    "cores",
    "engines",
    "formats",
    "hardware",
    "networks",
    "objectives",
    "operators",
    "problems",
    "schemas",
    "tile_operators",
]


def _starting(known: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Return the names that begin so; none where the names cannot be had: no error may appear between two keystrokes."""
    try:
        return [name for name in known() if name.startswith(incomplete)]
    except StreamEvoError:
        return []


def networks(incomplete: str) -> list[str]:
    """Complete names of networks."""
    from stream_evo import registry  # noqa: PLC0415  # reads the metadata of installed packages

    return _starting(registry.networks, incomplete)


def hardware(incomplete: str) -> list[str]:
    """Complete names of accelerators."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    return _starting(registry.accelerators, incomplete)


def cores(incomplete: str) -> list[str]:
    """Complete names of the library's cores."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    return _starting(registry.cores, incomplete)


def problems(incomplete: str) -> list[str]:
    """Complete names of problems."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    return _starting(registry.problems, incomplete)


def operators(incomplete: str) -> list[str]:
    """Complete names of operators of the search."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    return _starting(registry.operators, incomplete)


def engines(incomplete: str) -> list[str]:
    """Complete names of search engines."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    return _starting(registry.engines, incomplete)


def formats(incomplete: str) -> list[str]:
    """Complete names of export formats."""
    from stream_evo.exports import FORMATS  # noqa: PLC0415  # loads what the formats need

    return _starting(lambda: FORMATS, incomplete)


def tile_operators(incomplete: str) -> list[str]:
    """Complete names of operators of a tile."""
    from stream_evo.cost import LAYER_TYPES  # noqa: PLC0415  # loads kernels

    return _starting(lambda: LAYER_TYPES, incomplete)


def schemas(incomplete: str) -> list[str]:
    """Complete names of schemas."""
    from stream_evo.schemas import SCHEMAS  # noqa: PLC0415  # imports the readers

    return _starting(lambda: SCHEMAS, incomplete)


def objectives(incomplete: str) -> list[str]:
    """Complete the last of a list of objectives."""
    from stream_evo import registry  # noqa: PLC0415  # as above
    from stream_evo._run._job import OBJECTIVES  # noqa: PLC0415  # not needed for --help

    before, comma, last = incomplete.rpartition(",")
    chosen = before.split(",")
    return [f"{before}{comma}{name}" for name in _starting(lambda: [*OBJECTIVES, *registry.objectives()], last) if name not in chosen]


def chip_cores(context: typer.Context, incomplete: str) -> list[str]:
    """Complete names of the cores of the chip that the command line names already."""
    from stream_evo import registry  # noqa: PLC0415  # as above

    chip = context.params.get("hardware")
    if not chip:
        return []
    return _starting(lambda: [slot.name for slot in registry.load_hardware(chip).cores], incomplete)
