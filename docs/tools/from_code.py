"""Sphinx extension: what the documentation takes from the code and from the READMEs, so that nothing is written twice.

* ``::include FILE`` on a line of its own puts in a Markdown file of the repository without its title, ``::include FILE # Heading`` only the
  section with that heading, ``::include FILE.yaml`` a file as a code block.
* ``::commands`` puts in the reference of all commands, from the command line's own declarations.
* ``::api`` puts in the reference of the package's names, under the headings of its docstring.
* ``::schema NAME`` puts in a table of all keys of a kind of file, from its JSON Schema.
* The title of a code block becomes its caption.
"""

from __future__ import annotations

import html
import inspect
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from typer.models import ArgumentInfo

import stream_evo
from stream_evo.cli import app
from stream_evo.schemas import schema

ROOT = Path(__file__).resolve().parents[2]
_DIRECTIVE = re.compile(r"^::(\w+)(?: (.+))?$", re.MULTILINE)
_TITLED = re.compile(r'^( *)```(\w+) title="([^"]+)"$', re.MULTILINE)
_HEADING = re.compile(r"^(#+) (.+)$")


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    logging.getLogger("stream_evo").setLevel(logging.WARNING)  # a theme's helper makes every library log to the console
    sphinx.connect("source-read", _replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _replace(_: Sphinx, page: str, source: list[str]) -> None:
    """Replace the directives of a page."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] not in _DIRECTIVES:
            raise ExtensionError(f"{page}: unknown directive ::{match[1]}")
        return _DIRECTIVES[match[1]](match[2] or "")

    text = _DIRECTIVE.sub(replaced, source[0])
    source[0] = _TITLED.sub(r"\1```{code-block} \2\n\1:caption: \3\n", text)


# ------------------------------------------------------------------------------------------------------------ inclusion


def _include(argument: str) -> str:
    name, _, heading = argument.partition(" # ")
    file = ROOT / name
    if not file.is_file():
        raise ExtensionError(f"::include {argument}: no such file")
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        return f"```yaml\n{text.rstrip()}\n```"
    return _section(text, heading.strip(), argument) if heading else text.partition("\n")[2]


def _section(text: str, heading: str, argument: str) -> str:
    """Return the text below a heading, up to the next one of its level."""
    found: list[str] = []
    level = 0
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        title = None if fenced else _HEADING.match(line)
        if level and title and len(title[1]) <= level:
            break
        if level:
            found.append(line)
        elif title and title[2] == heading:
            level = len(title[1])
    if not level:
        raise ExtensionError(f"::include {argument}: no such heading")
    return "\n".join(found).strip()


# ------------------------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True)
class _Parameter:
    """A parameter of a command, as its function declares it."""

    written: str
    about: str
    option: bool
    required: bool


def _commands(_: str) -> str:
    parts = []
    for command in app.registered_commands:
        function: Callable[..., Any] = command.callback or (lambda: None)
        found = [_parameter(each) for each in inspect.signature(function, eval_str=True).parameters.values()]
        found.sort(key=lambda each: each.option)
        needed = [each.written for each in found if each.required or not each.option]
        usage = " ".join(["stream-evo", str(command.name), *needed, "[options]"])
        about = _cell(inspect.getdoc(function) or "")
        rows = [f"| `{_cell(each.written)}` | {_cell(each.about)} |" for each in found]
        parts.append("\n".join([f"## {command.name}\n", f"{about}\n", f"    {usage}\n", "| | |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _parameter(parameter: inspect.Parameter) -> _Parameter:
    kind, info = get_args(parameter.annotation)
    choices = [str(each.value) for each in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
    required = parameter.default is inspect.Parameter.empty
    notes = [info.help or "", f"One of {', '.join(choices)}." if choices else ""]
    if isinstance(info, ArgumentInfo):
        name = info.metavar or parameter.name.upper()
        return _Parameter(name, " ".join(filter(None, notes)), option=False, required=required)
    words = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]
    written = ", ".join(words or ["--" + parameter.name.replace("_", "-")])
    value = "" if kind is bool or bool in get_args(kind) else f" {info.metavar or 'VALUE'}"
    default = getattr(parameter.default, "value", parameter.default)
    shown = not required and default not in (None, False, "")
    notes += ["Required." if required else "", f"Default: {default}." if shown else ""]
    return _Parameter(written + value, " ".join(filter(None, notes)), option=True, required=required)


def _cell(text: str) -> str:
    """Return a text as a cell of a table."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


# --------------------------------------------------------------------------------------------------------------- Python


def _api(_: str) -> str:
    """Return the names of the package in the order and under the headings of its docstring."""
    parts, left = [], set(stream_evo.__all__)
    for heading, text in re.findall(r"^(\w[^\n]*):\n\n((?:\* [^\n]*\n)+)", stream_evo.__doc__ or "", re.MULTILINE):
        names = [name for name in re.findall(r"`(\w+)`", text) if name in left]
        if names:
            parts.append(f"## {heading}\n\n```{{eval-rst}}")
            parts += [_documented(name) for name in names]
            parts.append("```\n")
            left -= set(names)
    if left:
        raise ExtensionError(f"the docstring of stream_evo says nothing of {', '.join(sorted(left))}")
    return "\n".join(parts)


def _documented(name: str) -> str:
    value = getattr(stream_evo, name)
    if not isinstance(value, type):
        return f".. autofunction:: stream_evo.{name}\n"
    kind = "autoexception" if issubclass(value, Exception) else "autoclass"
    return f".. {kind}:: stream_evo.{name}\n   :members:\n"


# -------------------------------------------------------------------------------------------------------------- schemas


def _schema(name: str) -> str:
    rows = ["| key | value | |", "|---|---|---|"]
    for path, value, required in _keys(schema(name), ""):
        default = f" Default: `{json.dumps(value['default'])}`." if "default" in value else ""
        need = "" if required else "*optional* "
        about = _cell(str(value.get("description", "")))
        rows.append(f"| `{path}` | {_kind(value)} | {need}{about}{default} |")
    return "\n".join(rows)


def _keys(part: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield path, schema and whether it is required of every key below a mapping, each once."""
    if isinstance(part.get("additionalProperties"), Mapping):
        below = part["additionalProperties"]
        yield from _inside(below, f"{path}NAME")
        return
    cases = [case["then"] for case in part.get("allOf", [])]
    seen: set[str] = set()
    for case in cases or [part]:
        for key, value in case.get("properties", {}).items():
            if key in seen:
                continue
            seen.add(key)
            everywhere = all(key in each.get("required", []) for each in cases or [part])
            yield f"{path}{key}", value, everywhere
            yield from _inside(value, f"{path}{key}")


def _inside(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    if value.get("type") == "object":
        yield from _keys(value, f"{path}.")
    elif isinstance(value.get("items"), Mapping) and value["items"].get("type") == "object":
        yield from _keys(value["items"], f"{path}[].")


def _kind(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value:
        return " or ".join(_kind(each) for each in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}"
    if value.get("type") == "string":
        return "quantity" if "pattern" in value and "units:" in value.get("description", "units:") else "text"
    return {"object": "mapping", "boolean": "`true` or `false`"}.get(str(value.get("type")), str(value.get("type")))


_DIRECTIVES: Mapping[str, Callable[[str], str]] = {"include": _include, "commands": _commands, "api": _api, "schema": _schema}
