"""``stream-evo doctor``: is this installation in order, and what to do if not."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import typer

from stream_evo._cli._console import JsonOption, complain, guarded, print_json, print_table
from stream_evo.errors import StreamEvoError

__all__ = ["Finding", "State", "doctor", "findings"]

BROKEN = 1
_LEAST_MEMORY_BYTES = 1024**3
_LEAST_DISK_BYTES = 256 * 1024**2
_LOG = logging.getLogger(__name__)


class State(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        state: Whether it is in order.
        found: What was found.
        advice: What to do about it; empty if nothing.
    """

    check: str
    state: State
    found: str
    advice: str = ""


@guarded
def doctor(as_json: JsonOption = False) -> None:
    """Check this installation, and say what to do about what is wrong; ends with 1 if something is."""
    found = list(findings())
    broken = [finding for finding in found if finding.state is State.BROKEN]
    if as_json:
        print_json({"ok": not broken, "findings": [asdict(finding) for finding in found]})
    else:
        print_table("stream-evo doctor", ("check", "state", "found"), [(each.check, each.state, each.found) for each in found])
        for finding in found:
            if finding.advice:
                complain(f"{finding.check}: {finding.advice}")
    if broken:
        raise typer.Exit(BROKEN)


def findings() -> Iterator[Finding]:
    """Check everything and yield what is found; kernels that are not compiled yet are compiled on the way."""
    for check in _CHECKS:
        _LOG.info("checking %s", check.__name__.strip("_").replace("_", " "))
        yield from check()


# ------------------------------------------------------------------------------------------------------------- software


def _python() -> Iterator[Finding]:
    version = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, {sys.executable}"
    small = sys.maxsize < 2**32
    advice = "Numba and NumPy have no builds for 32 bits: install a 64-bit Python" if small else ""
    yield Finding("python", State.BROKEN if small else State.OK, version, advice)


def _packages() -> Iterator[Finding]:
    """Hold what is installed against what the project's metadata ask for."""
    from packaging.requirements import Requirement  # noqa: PLC0415  # only here

    yield Finding("stream-evo", State.OK, f"{metadata.version('stream-evo')}, {Path(__file__).resolve().parents[1]}")
    versions: list[str] = []
    wrong: list[str] = []
    for line in sorted(metadata.requires("stream-evo") or []):
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        versions.append(f"{wanted.name} {version}")
        if not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{wanted.name} {version} is installed, {wanted.specifier} is needed")
    if wrong:
        yield Finding("dependencies", State.BROKEN, "; ".join(wrong), "Install again: python -m pip install --upgrade stream-evo")
    else:
        yield Finding("dependencies", State.OK, ", ".join(versions))


def _catalogues() -> Iterator[Finding]:
    from stream_evo import registry  # noqa: PLC0415  # reads the metadata of installed packages

    counts: list[str] = []
    for kind in ("networks", "accelerators", "cores", "problems", "operators", "objectives", "engines"):
        try:
            counts.append(f"{len(getattr(registry, kind)())} {kind}")
        except StreamEvoError as error:
            yield Finding("catalogues", State.BROKEN, str(error), "A package that adds to stream-evo is at fault: repair or uninstall it")
    if counts:
        yield Finding("catalogues", State.OK, ", ".join(counts))


# -------------------------------------------------------------------------------------------------------------- machine


def _cores() -> Iterator[Finding]:
    usable, there = _usable_cores(), os.cpu_count() or 1
    note = "" if usable == there else f" of {there}; the others are not given to this process"
    yield Finding("processor cores", State.OK, f"{usable}{note}")


def _usable_cores() -> int:
    """Return the cores this process may use: fewer than the machine's under taskset, containers and job schedulers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _first_line(Path("/sys/fs/cgroup/cpu.max")).split()
    if len(quota) == 2 and quota[0].isdecimal():
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def _memory() -> Iterator[Finding]:
    free = _free_memory_bytes()
    if free is None:
        yield Finding("memory", State.OK, "unknown on this system")
    elif free < _LEAST_MEMORY_BYTES:
        advice = "Large networks need some hundred megabytes for each worker: close other programs, or run with --workers 1"
        yield Finding("memory", State.WARNING, f"{free / 1024**3:.1f} GiB free", advice)
    else:
        yield Finding("memory", State.OK, f"{free / 1024**3:.1f} GiB free")


def _free_memory_bytes() -> int | None:
    """Return the memory that can be had, on the machine and inside the limit of a container; ``None`` if the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    limit, used = (_first_line(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if limit.isdecimal() and used.isdecimal():
        found.append(int(limit) - int(used))
    return min(found) if found else None


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return ""


def _disk() -> Iterator[Finding]:
    for name, folder in (("this folder", Path.cwd()), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        if not os.access(folder, os.W_OK):
            yield Finding(name, State.WARNING, f"{folder} cannot be written", "Give --out a folder that can be written")
        elif free < _LEAST_DISK_BYTES:
            yield Finding(name, State.WARNING, f"{folder}: {free / 1024**2:,.0f} MiB free", "Free some space: a run keeps all it evaluates")
        else:
            yield Finding(name, State.OK, f"{folder}: {free / 1024**3:,.1f} GiB free")


def _terminal() -> Iterator[Finding]:
    encoding = (sys.stdout.encoding or "utf-8").lower()  # a stream in memory has none
    if not sys.stdout.isatty():
        look = "piped: plain tables, no colour"
    elif os.environ.get("NO_COLOR"):
        look = "terminal, no colour as NO_COLOR says"
    else:
        look = "terminal"
    if encoding.replace("-", "") == "utf8":
        yield Finding("terminal", State.OK, f"{look}, {encoding}")
    else:
        advice = "Names that are not plain ASCII may look wrong or fail: set PYTHONUTF8=1"
        yield Finding("terminal", State.WARNING, f"{look}, {encoding}", advice)


# -------------------------------------------------------------------------------------------------------------- kernels


def _kernels() -> Iterator[Finding]:
    """Import, load or compile the kernels, and hold what they compute against the plain-Python references."""
    try:
        from stream_evo import _jit  # noqa: PLC0415  # imports numba
        from stream_evo._cli import _self_test  # noqa: PLC0415  # as above; decorates the kernels
    except (ImportError, RuntimeError) as error:
        advice = "No place to keep compiled kernels? Set the environment variable NUMBA_CACHE_DIR to a folder that can be written"
        yield Finding("kernels", State.BROKEN, f"cannot be imported: {' '.join(str(error).split())}", advice)
        return
    began, started = time.time(), time.monotonic()
    wrong = _self_test.differences()
    seconds = time.monotonic() - started
    if wrong:
        advice = "Delete the kernel cache named below and run doctor again; if that does not help, install again"
        yield Finding("self-test", State.BROKEN, "kernel and reference differ: " + "; ".join(wrong), advice)
    else:
        yield Finding("self-test", State.OK, "kernels and plain-Python references agree")
    yield _cache(_self_test.cache_folders(), began, seconds, cached=_jit.CACHED)


def _cache(folders: set[Path], began: float, seconds: float, *, cached: bool) -> Finding:
    """Judge where compiled kernels are kept; what is newer than `began` was compiled by this very check."""
    if not cached:
        why = "the environment variable STREAM_EVO_BOUNDSCHECK or NUMBA_DISABLE_JIT is set"
        return Finding("kernel cache", State.WARNING, f"not used; {seconds:.1f} s", f"Every start is slow: {why}")
    places = ", ".join(sorted(map(str, folders)))
    locked = sorted(str(folder) for folder in folders if folder.is_dir() and not os.access(folder, os.W_OK))
    if locked:
        advice = f"{', '.join(locked)} cannot be written: set the environment variable NUMBA_CACHE_DIR to a folder that can"
        return Finding("kernel cache", State.WARNING, places, advice)
    if any(file.stat().st_mtime >= began for folder in folders for file in folder.glob("*.nb[ic]")):
        return Finding("kernel cache", State.OK, f"was empty or out of date, compiled now in {seconds:.1f} s; {places}")
    return Finding("kernel cache", State.OK, f"up to date, loaded and tested in {seconds:.1f} s; {places}")


_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _packages, _catalogues, _cores, _memory, _disk, _terminal, _kernels)
