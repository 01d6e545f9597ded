"""How much a command tells about what it is doing, and where that is shown.

The package logs what it starts under the logger ``stream_evo``, as any library does. On the command line these messages become one live
line on a terminal, once a command takes longer than a second, or one line each with ``--verbose``; with ``--quiet`` they are dropped.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextvars import ContextVar
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text

__all__ = ["Activity", "Verbosity", "current_activity", "verbosity"]

_SHOWN_AFTER_S = 1.0
_LOGGER = logging.getLogger("stream_evo")


class Verbosity(Enum):
    """How much is written to standard error besides errors."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


class Activity(logging.Handler):
    """Shows the messages of the package while a command runs; a context manager.

    Args:
        level: How much to show.
    """

    def __init__(self, level: Verbosity) -> None:
        super().__init__(logging.INFO)
        self.verbosity = level
        self.latest = "working"
        self._started = time.monotonic()
        self._status: Status | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        self._level_before = _LOGGER.level
        _LOGGER.addHandler(self)
        _LOGGER.setLevel(logging.INFO)
        if self.verbosity is Verbosity.NORMAL and sys.stderr.isatty():
            self._timer = threading.Timer(_SHOWN_AFTER_S, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()
        _LOGGER.removeHandler(self)
        _LOGGER.setLevel(self._level_before)
        _CURRENT.reset(self._token)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one message; called by `logging`."""
        if record.levelno >= logging.WARNING:
            self._warn(record.getMessage())
            return
        self.latest = record.getMessage()
        if self.verbosity is Verbosity.VERBOSE:
            sys.stderr.write(f"{time.monotonic() - self._started:7.2f} s  {self.latest}\n")
        elif self._status is not None:
            self._status.update(_text(self.latest))

    def _warn(self, message: str) -> None:
        """Write what should be known although the command goes on."""
        if self.verbosity is Verbosity.QUIET:
            return
        if self._status is not None:
            self._status.console.print(f"note: {message}", markup=False, highlight=False)
        else:
            sys.stderr.write(f"note: {message}\n")

    def clear(self) -> None:
        """End the live line for good: something else is written from now on."""
        with self._lock:
            self._over = True
            if self._timer is not None:
                self._timer.cancel()
            if self._status is not None:
                self._status.stop()
                self._status = None

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # takes 70 ms
        from rich.status import Status  # noqa: PLC0415  # as above

        with self._lock:
            if not self._over:
                self._status = Status(_text(self.latest), console=Console(stderr=True))
                self._status.start()


def _text(message: str) -> Text:
    """Return a message as it is: names in it are no markup."""
    from rich.text import Text  # noqa: PLC0415  # as above

    return Text(message)


_CURRENT: ContextVar[Activity | None] = ContextVar("activity", default=None)


def current_activity() -> Activity | None:
    """Return what shows the activity of the running command; ``None`` outside of one."""
    return _CURRENT.get()


def verbosity() -> Verbosity:
    """Return how much the running command is to tell."""
    activity = _CURRENT.get()
    return Verbosity.NORMAL if activity is None else activity.verbosity
