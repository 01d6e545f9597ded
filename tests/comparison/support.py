"""Run folders with fronts that are written down instead of searched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

__all__ = ["METRICS", "edit_manifest", "variant"]

METRICS = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")


def edit_manifest(folder: Path, **changes: Any) -> Path:
    """Change what the manifest of a run says; ``settings`` are merged."""
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings = manifest["settings"] | changes.pop("settings", {})
    path.write_text(yaml.safe_dump(manifest | changes | {"settings": settings}), encoding="utf-8")
    return folder


def variant(folder: Path, target: Path, points: Sequence[Sequence[float]] | None = None, **changes: Any) -> Path:
    """Copy a run without its archive, with other points and another manifest.

    Args:
        folder: The run.
        target: The copy.
        points: (latency, energy, memory) of the points of the copy; those of the run if not given.
        changes: See `edit_manifest`.
    """
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.sqlite*", "*.png"))
    if points is not None:
        record = json.loads((target / "pareto.json").read_text(encoding="utf-8"))
        genome = record["points"][0]["genome"]
        record["points"] = [
            {
                "point": number,
                **dict(zip(METRICS, (latency, energy, memory, latency * energy, memory), strict=True)),
                "genome": genome,
                "mapping": "mappings/point_000.yaml",
            }
            for number, (latency, energy, memory) in enumerate(points)
        ]
        (target / "pareto.json").write_text(json.dumps(record), encoding="utf-8")
    return edit_manifest(target, **changes) if changes else target
