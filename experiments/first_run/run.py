"""The main job, from nothing: ``python3 experiments/first_run/run.py``.

Searches mappings of ResNet-18 on the heterogeneous quad-core and writes the front, its mappings and its pictures to ``runs/first_run``;
another run goes to ``runs/first_run-2`` and so on. Sets up ``.venv`` itself; needs CPython 3.11+, and the package index the first time.
Options are handed on to ``stream-evo run``, e.g. ``--network fsrcnn --generations 20``.
"""

import itertools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))
from environment import enter  # noqa: E402  # standard library only, so it runs before anything is installed


def main() -> int:
    """Set up, search, and say where the results are."""
    enter()
    from stream_evo.cli import main as stream_evo  # noqa: PLC0415  # installed by the line above

    if not any((ROOT / "stream_evo").rglob("*.nbi")):  # Numba's index of compiled kernels
        print("Compiling the kernels once; this takes about a minute.", file=sys.stderr)
    options = sys.argv[1:]
    given = {option.partition("=")[0] for option in options}
    for name, value in (("--network", "resnet18"), ("--hardware", "heterogeneous_quad"), ("--out", None)):
        if name not in given:
            options += [name, value or str(_next_folder())]
    return stream_evo(["run", *options])


def _next_folder() -> Path:
    """Return the first of runs/first_run, runs/first_run-2, ... that does not exist."""
    names = itertools.chain(["first_run"], (f"first_run-{number}" for number in itertools.count(2)))
    return next(folder for name in names if not (folder := ROOT / "runs" / name).exists())


if __name__ == "__main__":
    raise SystemExit(main())
