"""Writing an export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stream_evo._arguments import check_arguments
from stream_evo.errors import RunFolderError
from stream_evo.exports._formats import format_named
from stream_evo.exports._front import front_of
from stream_evo.report import write_atomic

if TYPE_CHECKING:
    from stream_evo._run._result import Result

__all__ = ["export", "export_to_folder"]


def export(run: Result | str | Path, format: str, out: str | Path | None = None, *, point: int | None = None) -> bytes:  # noqa: A002  # the word for it
    """Return a front, or one point of it, in another tool's format.

    Args:
        run: A result, or the folder of a run that has ended.
        format: ``csv``, ``json``, ``markdown``, ``parquet``, ``perfetto``, ``stream``, ``stream-2024`` or ``yaml``.
        out: File to write, too; it is replaced whole or not at all.
        point: Number of a point. By default the whole front; formats of single points then take the one with the least energy x delay.

    Returns:
        The content of the file.

    Raises:
        UnknownNameError: an unknown format.
        InputError: arguments of wrong types, or there is no such point.
        RunFolderError: the folder holds no run, one that is still being written, one of a newer version or damaged files; or `out` cannot
            be written.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> stream_evo.export(result, "csv").decode().splitlines()[0]
        'point,latency_cycles,energy_pj,memory_bytes,edp_pj_cycles,dram_bytes,mapping'
    """
    given = check_arguments("export", locals())
    _, content = _render(given["run"], given["format"], given["point"])
    if out is not None:
        _write(Path(out), content)
    return content


def export_to_folder(
    folder: Path,
    format: str,  # noqa: A002  # as above
    out: Path | None = None,
    *,
    point: int | None = None,
    run: Result | None = None,
) -> tuple[Path, bytes]:
    """Write an export of a run's folder; by default into ``export/`` in it.

    Args:
        folder: The folder.
        format: See `export`.
        out: File to write.
        point: See `export`.
        run: The result in the folder, if it was loaded already.

    Returns:
        The file and its content.

    Raises:
        UnknownNameError, InputError, RunFolderError: as `export`.
    """
    name, content = _render(run or folder, format, point)
    if out is None:
        out = folder / "export" / name
        try:
            out.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot write into {folder}: {error.strerror}. Choose another file: -o FILE") from error
    _write(out, content)
    return out, content


def _render(run: Result | str | Path, name: str, index: int | None) -> tuple[str, bytes]:
    """Return a file name and the content."""
    kind = format_named(name)
    front = front_of(run)
    if index is None and kind.of_front is not None:
        stem, content = "front", kind.of_front(front)
    else:
        point = front.point(index)
        stem, content = point.name, kind.of_point(point)
    return f"{stem}{kind.suffix}", content.encode("utf-8") if isinstance(content, str) else content


def _write(path: Path, content: bytes) -> None:
    if path.is_dir():
        raise RunFolderError(f"{path} is a folder. Give the name of a file")
    write_atomic(path, content)
