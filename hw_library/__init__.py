"""Ready cores and accelerators as YAML files with a source for every number.

ACCELERATORS: name -> file of a whole chip, for :func:`stream_evo.hardware.load_accelerator`.
CORES: name -> file of one kind of core, for :func:`stream_evo.hardware.load_core`.

The names are those of the files; what is in them and where the numbers come from stands in this folder's README.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["ACCELERATORS", "CORES"]


def _files(folder: str) -> Mapping[str, Path]:
    # Paths, since YAML files name others next to them: this package is never run from inside a zip file (Numba caches beside it, too).
    entries = (Path(str(entry)) for entry in resources.files(__name__).joinpath(folder).iterdir())
    return MappingProxyType({path.stem: path for path in sorted(entries) if path.suffix == ".yaml"})


ACCELERATORS: Final = _files("accelerators")
CORES: Final = _files("cores")
