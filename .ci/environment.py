"""Set up the project's own virtual environment, with nothing but the standard library.

``experiments/first_run/run.py`` and ``tests/run.py`` call `enter` first: it creates ``.venv``, installs the project into it, and starts
the script again inside. When nothing changed since the last time it costs a few milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def enter(*, development: bool = False) -> None:
    """Return only in a process that runs inside ``.venv`` with the project installed.

    Args:
        development: Install the ``dev`` dependency group (tests, lint, types) as well.

    Raises:
        SystemExit: the Python is too old, or the installation failed; the message says what to do.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever starts the script may have an older Python
        raise SystemExit(f"stream-evo needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})")
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    stamp = VENV / (".installed-dev" if development else ".installed")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != _fingerprint():
        _install(stamp, development=development, create=not inside)
    if inside:
        return
    command = [str(PYTHON), *sys.argv]
    if os.name == "nt":
        raise SystemExit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # the same script, in the environment just made


def _install(stamp: Path, *, development: bool, create: bool) -> None:
    started = time.monotonic()
    print(f"Setting up {VENV} (once; needs the package index) ...", flush=True)
    if create and not _works():
        _call([sys.executable, "-m", "venv", "--clear", str(VENV)], "On Debian or Ubuntu: apt install python3-venv")
    # Compiling all bytecode takes longer than everything else; what is imported is compiled then.
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "--no-compile"]
    extras = _development_group() if development else []
    _call([*pip, "--editable", str(ROOT), *extras], "Is the package index reachable? Run the command again to try again.")
    stamp.write_text(_fingerprint(), encoding="utf-8")
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)


def _works() -> bool:
    """Return True if ``.venv`` holds an interpreter of this version that can run pip."""
    probe = "import pip, sys; raise SystemExit(sys.version_info[:2] != " + repr(tuple(sys.version_info[:2])) + ")"
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", probe], capture_output=True, check=False).returncode == 0


def _call(command: list[str], hint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit(f"failed: {' '.join(command)}\n{hint}")


def _development_group() -> list[str]:
    """Return the ``dev`` group of pyproject.toml; pip reads such groups itself only since version 25.1."""
    import tomllib  # noqa: PLC0415  # absent before Python 3.11, where `enter` must still be able to say so

    with (ROOT / "pyproject.toml").open("rb") as file:
        group = tomllib.load(file)["dependency-groups"]["dev"]
    return [str(item) for item in group]


def _fingerprint() -> str:
    parts = ((ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
