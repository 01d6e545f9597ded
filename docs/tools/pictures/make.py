"""Draw the pictures of the documentation: ``.venv/bin/python docs/tools/pictures/make.py [FOLDER]``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from canvas import save
from drawings import genome, memories, overview, tiles
from matplotlib.figure import Figure
from schedules import fused_stack, rules

PICTURES: Mapping[str, Callable[[], Figure]] = {
    "overview": overview,
    "tiles": tiles,
    "memories": memories,
    "fused_stack": fused_stack,
    "rules": rules,
    "genome": genome,
}


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        save(draw(), folder, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "pictures")
