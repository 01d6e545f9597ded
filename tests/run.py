"""Run the tests: ``python3 tests/run.py [pytest options]``. Sets up ``.venv`` itself; needs CPython 3.11+ and the package index once."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))
from environment import enter  # noqa: E402  # standard library only, so it runs before anything is installed


def main() -> int:
    """Run pytest on all processor cores, or as the arguments say."""
    enter(development=True)
    arguments = sys.argv[1:] or ["-n", str(os.cpu_count() or 1)]
    return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
