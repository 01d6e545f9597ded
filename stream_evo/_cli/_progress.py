"""How a running search is shown: one live line on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stream_evo._cli._activity import Verbosity, current_activity, verbosity
from stream_evo._cli._console import say, stderr_console

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from stream_evo._run._job import Job
    from stream_evo.search import Progress

__all__ = ["ProgressView"]

_LOG_EVERY_S = 5.0
_WIDTH_FOR_BAR = 124  # of a terminal; below, the words matter more


class ProgressView:
    """Shows the progress of a search on standard error; a context manager, and the callback of the search.

    Args:
        job: What is searched; its budgets decide what the bar counts.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._bar: Bar | None = None
        self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        console = stderr_console() if verbosity() is not Verbosity.QUIET else None
        activity = current_activity()
        if activity is not None:
            activity.clear()  # the bar takes its place
        if console is not None and console.is_terminal:
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415  # takes 90 ms
            from rich.progress import Progress as Bar  # noqa: PLC0415  # as above
            from rich.table import Column  # noqa: PLC0415  # as above

            bar = [BarColumn(bar_width=24)] if console.width >= _WIDTH_FOR_BAR else []
            time_column = TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True))
            state_column = TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True, overflow="ellipsis"))
            columns = (SpinnerColumn(), time_column, *bar, state_column)
            self._bar = Bar(*columns, console=console, transient=True, refresh_per_second=8)
            self._task = self._bar.add_task("search", total=1.0, state="preparing")
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where the search stands."""
        if self._bar is not None:
            self._bar.update(self._task, completed=_share(progress, self._job), state=_line(progress))
        elif time.monotonic() - self._shown_at >= _LOG_EVERY_S:
            self._shown_at = time.monotonic()
            say(_line(progress))


def _share(progress: Progress, job: Job) -> float:
    """Return how much of the budget that ends first is used."""
    used = [0.0]
    if job.generations is not None:
        used.append(progress.generation / job.generations)
    if job.evaluations is not None:
        used.append(progress.evaluations / job.evaluations)
    if job.time_limit_s is not None:
        used.append(progress.elapsed_seconds / job.time_limit_s)
    return min(1.0, max(used))


def _line(progress: Progress) -> str:
    left = progress.remaining_seconds
    return (
        f"generation {progress.generation}, {progress.evaluations:,} evaluations ({progress.evaluations_per_second:,.0f}/s), "
        f"front {progress.front_size}, hypervolume {progress.hypervolume:.4f}, "
        + (f"{left:.0f} s left" if left < float("inf") else "time left unknown")
    )
