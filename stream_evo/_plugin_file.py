"""Objects from a user's own Python file, named ``FILE.py:NAME``: operators, objectives, engines, problems.

The file is run, so it must be one the user trusts; nothing is ever run that was not named. It stands alone: it may import what is
installed, but nothing that lies beside it.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from importlib import abc, util
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from stream_evo.errors import PluginError, UnknownNameError

__all__ = ["FAILURES", "failure", "is_reference", "load_reference", "made", "source_of"]

FAILURES = (Exception, SystemExit)
"""Whatever a user's code raises has to be told as a fault of it; also its attempt to end the program."""

_SOURCE = "__stream_evo_source__"


def is_reference(text: str) -> bool:
    """Return True for ``FILE.py:NAME``, whatever file and name are, and for a file whose name was forgotten."""
    return text.endswith(".py") or text.rpartition(":")[0].endswith(".py")


def load_reference(reference: str) -> Any:
    """Run the file of ``FILE.py:NAME`` and return the named object.

    Raises:
        PluginError: The file is missing, cannot be run or has no such name.
    """
    file, _, name = reference.rpartition(":")
    if not file or not name.isidentifier():
        raise PluginError(f"{reference!r} must be FILE.py:NAME")
    path = Path(file)
    if not path.is_file():
        raise PluginError(f"{reference}: there is no file {path.absolute()}")
    module = _module(reference, path.resolve())
    if not hasattr(module, name):
        known = [key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == module.__name__]
        raise PluginError(f"{reference}: " + str(UnknownNameError(f"name in {path.name}", name, known)))
    return getattr(module, name)


def made(reference: str, found: Any) -> Any:
    """Return what was found, or one of it if it is a class.

    Raises:
        PluginError: The class cannot be made without arguments.
    """
    if not isinstance(found, type):
        return found
    try:
        return found()
    except FAILURES as error:
        raise PluginError(f"{reference}: it must be made without arguments; {failure(error, 'as it was made')}") from error


def failure(error: BaseException, when: str) -> str:
    """Return what a user's code raised, when, and in which line of its file, if it came from one."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _SOURCE in frame.f_globals]
    place = f" ({Path(frames[-1][0].f_code.co_filename).name}, line {frames[-1][1]})" if frames else ""
    return f"{type(error).__name__} {when}: {error}{place}"


def source_of(module: str) -> str:
    """Return name and SHA-256 of the file that a module of a plug-in was run from; empty for other modules."""
    return str(getattr(sys.modules.get(module), _SOURCE, ""))


def _module(reference: str, path: Path) -> ModuleType:
    # Named by its place, so two files of one name do not meet, and registered, as dataclasses look their module up.
    name = f"stream_evo_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    try:
        loader = _SourceLoader(path)
    except OSError as error:
        raise PluginError(f"{reference}: cannot read {path}: {error.strerror}") from error
    found = util.spec_from_file_location(name, path, loader=loader)
    if found is None:
        raise PluginError(f"{reference}: {path} is not a Python file")
    module = util.module_from_spec(found)
    setattr(module, _SOURCE, f"{path.name} {loader.sha256[:16]}")
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except FAILURES as error:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        hint = ". A file stands alone: it may import what is installed, nothing beside it" if isinstance(error, ImportError) else ""
        raise PluginError(f"{reference}: {failure(error, 'while the file was run')}{hint}") from error
    return module


class _SourceLoader(abc.InspectLoader):
    """Runs a file as it is now; the usual loader takes byte code from a cache that does not see two changes within a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()

    @property
    def sha256(self) -> str:
        """The contents, as hexadecimal digits."""
        return hashlib.sha256(self._data).hexdigest()

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002  # the import system's signature
        """Return False: it is one file."""
        return False

    def get_source(self, fullname: str) -> str:  # noqa: ARG002  # as above
        """Return the text, which tracebacks show."""
        return util.decode_source(self._data)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # as above
        """Return the compiled file."""
        return self.source_to_code(self._data, str(self._path))
