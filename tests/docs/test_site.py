"""What the site takes from the code is complete, what cannot be taken stops the build, and the pictures show what the program computes."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sphinx.errors import ExtensionError

import stream_evo
from stream_evo.cli import app
from stream_evo.schemas import SCHEMAS
from tests.docs.pages import DOCS, blocks

TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


@pytest.fixture(scope="module")
def from_code() -> ModuleType:
    """Return the site's Sphinx extension."""
    spec = importlib.util.spec_from_file_location("from_code", DOCS / "tools" / "from_code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["from_code"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _replaced(from_code: ModuleType, text: str) -> str:
    source = [text]
    from_code._replace(None, "page", source)
    return source[0]


def test_every_command_and_option_is_in_the_reference(from_code: ModuleType) -> None:
    page = _replaced(from_code, "::commands")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [command.name for command in app.registered_commands]
    assert page.count("--quiet, -q") == page.count("--verbose, -v") == len(app.registered_commands)
    assert "`--split/--no-split`" in page
    assert r"`--network NAME\|FILE.onnx` | Network: a name of 'list networks', or an ONNX file. Required. |" in page
    assert "One of networks, hardware, cores," in page


def test_every_name_of_the_package_is_in_the_reference(from_code: ModuleType) -> None:
    page = _replaced(from_code, "::api")
    assert sorted(re.findall(r":: stream_evo\.(\w+)", page)) == sorted(stream_evo.__all__)


def test_a_name_without_description_stops_the_build(from_code: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_evo, "__all__", [*stream_evo.__all__, "errors"])
    with pytest.raises(ExtensionError, match="says nothing of errors"):
        _replaced(from_code, "::api")


@pytest.mark.parametrize("name", SCHEMAS)
def test_tables_of_keys_say_what_is_required(from_code: ModuleType, name: str) -> None:
    rows = _replaced(from_code, f"::schema {name}").splitlines()[2:]
    assert len(rows) > 5
    assert all(row.count(" | ") == 2 and row.endswith(" |") for row in rows)
    assert any("*optional*" in row for row in rows)
    required = {
        "core": "| `memories[].ports[].bandwidth` | quantity | What passes in a cycle at most.",
        "accelerator": "| `cores` | mapping | The cores",
    }
    assert any(row.startswith(required.get(name, "|")) for row in rows)


def test_sections_are_taken_whole_and_alone(from_code: ModuleType) -> None:
    limits = _replaced(from_code, "::include stream_evo/README.md # 7. Limits")
    assert limits.startswith("One input at a time")
    assert "#" not in limits
    whole = _replaced(from_code, "::include stream_evo/README.md")
    assert "# Architecture and model" not in whole
    assert limits in whole
    assert _replaced(from_code, "::include stream_evo/schemas/examples/core.yaml").startswith("```yaml\nname: example_core")


@pytest.mark.parametrize("wrong", ["::includes README.md", "::include NO.md", "::include README.md # No such heading"])
def test_what_is_not_there_stops_the_build(from_code: ModuleType, wrong: str) -> None:
    with pytest.raises(ExtensionError, match=r"unknown directive|no such file|no such heading"):
        _replaced(from_code, wrong)


def test_titles_of_blocks_become_captions(from_code: ModuleType) -> None:
    assert _replaced(from_code, '```yaml title="chip.yaml"\na: 1\n```') == "```{code-block} yaml\n:caption: chip.yaml\n\na: 1\n```"


def test_pictures_show_what_the_program_computes(tmp_path: Path) -> None:
    script = DOCS / "tools" / "pictures" / "make.py"
    subprocess.run([sys.executable, "-W", "error", str(script), str(tmp_path)], check=True)
    drawn = sorted(tmp_path.glob("*.svg"))
    assert len(drawn) == 6
    for picture in drawn:
        kept = (DOCS / "pictures" / picture.name).read_text(encoding="utf-8")
        assert TEXT.findall(picture.read_text(encoding="utf-8")) == TEXT.findall(kept), f"draw anew: {script}"
        assert "http" not in re.sub(r'(xmlns(:\w+)?|rdf:resource|DOCTYPE[^>]*|rdf:about)="?http[^"]*"', "", kept.partition("<defs>")[2])


def test_the_tutorial_is_made_of_commands_that_run() -> None:
    found = [line for block in blocks(DOCS / "tutorial.md") if block.language == "console" for line in block.text.splitlines()]
    assert sum(line.startswith("$ stream-evo ") for line in found) >= 10
