"""Pages of the documentation as tests: their files are written, their commands run, and what they print must be what the page shows.

* A block with ``title="FILE"`` writes that file; a ``diff`` block changes it: its unmarked and ``-`` lines must stand there.
* A ``console`` block runs the commands after ``$`` in order; the lines below each are its standard output, ``...`` for any lines. A
  command after which ``# exit code N`` stands must end so. A line that ends in `` ...`` stands for all that begin so.
* A ``python`` block runs in one namespace per page.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stream_evo.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_EXIT = re.compile(r"\s+# exit code (\d+)$")


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        language: The word after the fence.
        title: Name of the file it is, or empty.
        text: Its lines.
        line: Number of its first line in the page.
    """

    language: str
    title: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page in order."""
    content = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(content):
        title = _TITLE.search(match[3])
        text = "".join(line.removeprefix(match[1]) for line in match[4].splitlines(keepends=True))
        found.append(Block(match[2], title[1] if title else "", text, content.count("\n", 0, match.start(4)) + 1))
    return found


def commands(block: Block) -> Iterator[tuple[str, int, list[str]]]:
    """Yield command, expected exit code and expected output of a console block."""
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start][2:]
        while command.endswith("\\"):
            start += 1  # noqa: PLW2901  # a command over several lines
            command = command[:-1] + lines[start].strip().removeprefix("> ")
        code = _EXIT.search(command)
        expected = lines[start + 1 : end]
        while expected and not expected[-1]:
            expected.pop()
        yield _EXIT.sub("", command), int(code[1]) if code else 0, expected


def run_page(page: Path) -> int:
    """Do what a page says in the current folder and return how many commands and programs that were.

    Raises:
        AssertionError: something ended or printed otherwise than the page says.
    """
    done = 0
    names: dict[str, object] = {}
    for block in blocks(page):
        place = f"{page.relative_to(DOCS)}:{block.line}"
        if block.language == "diff" and block.title:
            _apply(block, place)
        elif block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command, code, expected in commands(block):
                _run(command, code, expected, place)
                done += 1
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.text, place, "exec"), names)  # noqa: S102  # the documentation's own text
            done += 1
    return done


def _apply(block: Block, place: str) -> None:
    file = Path(block.title)
    lines = block.text.splitlines()
    old = "\n".join(line[1:] for line in lines if line[:1] in (" ", "-"))
    new = "\n".join(line[1:] for line in lines if line[:1] in (" ", "+"))
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{place}: {block.title} does not hold these lines once:\n{old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def _run(command: str, code: int, expected: list[str], place: str) -> None:
    printed = _printed(command, code, place)
    if expected:
        assert _matches(expected, printed), f"{place}: {command} printed\n" + "\n".join(printed) + "\nnot\n" + "\n".join(expected)


def _printed(command: str, code: int, place: str = "") -> list[str]:
    """Run a command and return the lines of its standard output, and of its errors if it is to fail."""
    words = shlex.split(command)
    assert words[0] == "stream-evo", f"{place}: {command}"
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = main(words[1:])
    assert found == code, f"{place}: {command} ended with {found}\n{out.getvalue()}{err.getvalue()}"
    text = out.getvalue() if code == 0 else out.getvalue() + err.getvalue()
    return [line.rstrip() for line in text.splitlines()]


def _matches(expected: list[str], printed: list[str]) -> bool:
    """Return True if the lines are the same, ``...`` standing for any number of lines."""
    parts: list[list[str]] = [[]]
    for line in expected:
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    if len(parts) == 1:
        return _same(parts[0], printed)
    first, *middle, last = parts
    position, end = len(first), len(printed) - len(last)
    if not _same(first, printed[:position]) or not _same(last, printed[end:]):
        return False
    for part in middle:
        position = next((at + len(part) for at in range(position, end - len(part) + 1) if _same(part, printed[at : at + len(part)])), -1)
        if position < 0:
            return False
    return position <= end


def _same(expected: list[str], printed: list[str]) -> bool:
    """Return True if the lines are the same; one that ends in `` ...`` stands for all that begin so, however they are spaced."""
    return len(expected) == len(printed) and all(
        " ".join(new.split()).startswith(" ".join(line.split()[:-1])) if line.endswith(" ...") else line == new
        for line, new in zip(expected, printed, strict=True)
    )


def refresh(page: Path) -> None:
    """Write into a page what its commands print now: a line becomes the next printed one that agrees with it up to the first digit."""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    for block in blocks(page):
        if block.language == "diff" and block.title:
            _apply(block, page.name)
        elif block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            at = block.line - 1
            for command, code, expected in commands(block):
                while not lines[at].startswith("$ "):
                    at += 1
                at += 1
                printed = _printed(command, code)
                for offset, line in enumerate(expected):
                    key = _key(line)
                    found = next((number for number, new in enumerate(printed) if key and key != "..." and _key(new) == key), None)
                    if found is not None:
                        lines[at + offset] = printed[found]
                        del printed[: found + 1]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _key(line: str) -> str:
    return " ".join(re.split(r"[-+]?\d", line, maxsplit=1)[0].split())


if __name__ == "__main__":  # python -m tests.docs.pages PAGE.md ...: bring the numbers of these pages up to date
    for name in sys.argv[1:]:
        found = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            refresh(found)
