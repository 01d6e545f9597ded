"""The folder of one run: claimed before the search starts, every file written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stream_evo._yaml_nodes import Dumper
from stream_evo.errors import RunFolderError

__all__ = ["MANIFEST", "RunFolder", "write_atomic"]

MANIFEST = "manifest.yaml"
# Whatever a run writes at the top of its folder; any of these means that the folder holds a run already.
_RUN_NAMES = (
    MANIFEST,
    "evaluations.sqlite",
    "mappings",
    "pareto.csv",
    "pareto.json",
    "pareto.png",
    "convergence.png",
    "schedule.png",
)


def write_atomic(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a file so that a reader sees all of it or what was there before.

    What is no file is written to as it is: a device such as ``/dev/stdout``, a named pipe. Behind a symbolic link its target is written.

    Args:
        path: The file.
        content: What it holds afterwards.
        durable: Wait until it is on the disk, so that it survives a loss of power; this takes milliseconds per file.

    Raises:
        RunFolderError: the file cannot be written; the message holds the system's reason.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = ""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # before links are followed: that of a pipe leads nowhere
            path.write_bytes(data)
            return
        target = path.resolve()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # noqa: PTH101  # mkstemp makes files that nobody else may read
        os.replace(temporary, target)  # noqa: PTH105  # symmetrical with the line above
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108  # as above
        raise RunFolderError(f"cannot write {path}: {_reason(path, error)}") from error


def _reason(path: Path, error: OSError) -> str:
    """Return what went wrong when a file was to be written, and the way out."""
    if error.errno == errno.ENOENT and not path.parent.exists():
        return f"there is no folder {path.parent}"
    way_out = "Free space or choose another folder" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Choose another folder"
    return f"{error.strerror}. {way_out}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that belongs to one run.

    Attributes:
        path: The folder; it exists.
    """

    path: Path

    @staticmethod
    def check_free(path: Path) -> None:
        """Refuse a folder that holds a run, before any work is done for it.

        Raises:
            RunFolderError: `path` is a file, holds another run, or cannot be looked into.
        """
        try:
            if path.exists() and not path.is_dir():
                raise RunFolderError(f"{path} is a file, not a folder. Choose another --out")
            taken = [name for name in _RUN_NAMES if (path / name).exists()]
        except OSError as error:
            raise RunFolderError(f"cannot use {path}: {error.strerror}. Choose another --out") from error
        if taken:
            raise RunFolderError(f"{path} holds another run ({', '.join(taken)}). Choose another --out, or remove that folder first")

    @classmethod
    def claim(cls, path: Path, manifest: Mapping[str, Any]) -> RunFolder:
        """Make the folder this run's own by writing its manifest.

        Two runs that start at once cannot both get the folder: the manifest is created exclusively.

        Raises:
            RunFolderError: the folder holds another run or cannot be written.
        """
        cls.check_free(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with (path / MANIFEST).open("x", encoding="utf-8") as file:
                file.write(_dump(manifest))
        except FileExistsError as error:
            raise RunFolderError(f"{path} holds another run that has just begun. Choose another --out") from error
        except OSError as error:
            raise RunFolderError(f"cannot write into {path}: {error.strerror}. Choose another --out") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Return the folder of an earlier run.

        Raises:
            RunFolderError: there is no manifest in it.
        """
        if not (path / MANIFEST).is_file():
            raise RunFolderError(f"{path} is not the folder of a run: it has no {MANIFEST}")
        return cls(path)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest.

        Raises:
            RunFolderError: it cannot be read or is not a mapping.
        """
        try:
            content = yaml.safe_load((self.path / MANIFEST).read_text(encoding="utf-8"))
        except yaml.MarkedYAMLError as error:
            line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
            raise RunFolderError(f"{self.path / MANIFEST} is damaged: {line}{error.problem}. Restore it from a copy") from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RunFolderError(f"cannot read {self.path / MANIFEST}: {error}") from error
        if not isinstance(content, dict):
            raise RunFolderError(f"{self.path / MANIFEST} is not the manifest of a run")
        return content

    def write(self, name: str, content: str | bytes, *, durable: bool = True) -> None:
        """Write the file `name`, a path below the folder, atomically; see `write_atomic`.

        Raises:
            RunFolderError: it cannot be written.
        """
        target = self.path / name
        try:
            target.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot write into {self.path}: {error.strerror}") from error
        write_atomic(target, content, durable=durable)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest.

        Raises:
            RunFolderError: it cannot be written.
        """
        self.write(MANIFEST, _dump(manifest))

    def discard(self) -> None:
        """Remove what the run wrote, and the folder if nothing else is in it: for a run that ended before its first result."""
        for name in _RUN_NAMES:
            target = self.path / name
            if target.is_dir():
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink(missing_ok=True)
        for leftover in self.path.glob("evaluations.sqlite-*"):
            leftover.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()


def _dump(content: Mapping[str, Any]) -> str:
    text: str = yaml.dump(dict(content), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
