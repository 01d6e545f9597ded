"""The schemas say what the readers say: good files pass, and none is refused for its form by one of the two and taken by the other."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from stream_evo._yaml import read_yaml
from stream_evo.cli import main
from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping import load_mapping, load_pins
from stream_evo.registry import accelerators, cores, load_core, load_hardware, load_network, load_problem
from stream_evo.schemas import SCHEMAS, schema, schema_file
from stream_evo.workload import Workload

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "stream_evo" / "schemas" / "examples"
FORM_FAULTS = (
    "wrong type",
    "unknown key",
    "missing key",
    "missing unit",
    "wrong unit",
    "not a quantity",
    "unknown loop",
    "too few entries",
)


@cache
def _network_and_chip() -> tuple[Workload, Accelerator]:
    return load_network("fsrcnn"), load_hardware(EXAMPLES / "accelerator.yaml")


def _load_mapping(path: Path) -> object:
    return load_mapping(path, *_network_and_chip())


READERS: dict[str, Callable[[Path], object]] = {
    "accelerator": load_hardware,
    "core": load_core,
    "mapping": _load_mapping,
    "pins": load_pins,
    "problem": load_problem,
}
VALIDATORS = {name: Draft7Validator(schema(name)) for name in SCHEMAS}


def _errors(kind: str, file: Path) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATORS[kind].iter_errors(read_yaml(file).plain())]


def test_files_of_the_package_are_current() -> None:
    for name in SCHEMAS:
        hint = "write them anew: stream-evo schema --out stream_evo/schemas"
        assert json.loads(schema_file(name).read_text(encoding="utf-8")) == schema(name), hint


def test_every_key_is_described_and_has_a_form() -> None:
    def visit(part: dict[str, Any], place: str) -> Iterator[str]:
        for key, value in part.get("properties", {}).items():
            if not value.get("description") or not {"type", "enum", "anyOf"} & set(value):
                yield f"{place}.{key}"
            yield from visit(value, f"{place}.{key}")
        for key in ("additionalProperties", "items", "then"):
            if isinstance(part.get(key), dict):
                yield from visit(part[key], place)
        for each in part.get("anyOf", []) + part.get("allOf", []):
            yield from visit(each, place)

    for name in SCHEMAS:
        Draft7Validator.check_schema(schema(name))
        assert not list(visit(schema(name), name)), "add the key, with a comment, to stream_evo/schemas/examples"


@pytest.mark.parametrize("kind", ["core", "accelerator"])
def test_the_whole_library_passes(kind: str) -> None:
    files = (cores if kind == "core" else accelerators)()
    assert len(files) > 20
    assert not {name: errors for name, file in files.items() if (errors := _errors(kind, file))}


def test_saved_mappings_pass_and_are_pins_too(tmp_path: Path) -> None:
    words = ["run", "--network", "fsrcnn", "--hardware", "heterogeneous_quad_mesh", "--out", str(tmp_path / "run"), "--split", "--dataflow"]
    assert main([*words, "--population", "8", "--generations", "1", "--quiet"]) == 0
    saved = sorted((tmp_path / "run" / "mappings").glob("*.yaml"))
    assert saved
    assert not [error for file in saved for kind in ("mapping", "pins") for error in _errors(kind, file)]


def test_the_examples_load() -> None:
    for kind, read in READERS.items():
        read(EXAMPLES / f"{kind}.yaml")
        assert not _errors(kind, EXAMPLES / f"{kind}.yaml")
    load_core(EXAMPLES / "stepped_core.yaml")


# ------------------------------------------------------------------------------------------------------- damaged files

Place = tuple[str | int, ...]
WRONG_VALUES: list[Any] = ["", "word", "12 parsec", "3", 7, -1, 8.5, True, None, [], ["word"], [1], [[]], {}, {"word": 1}, [{"word": 1}]]


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _places(below, (*place, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _places(below, (*place, index))


def _changed(content: Any, place: Place, change: Callable[[Any, str | int], None]) -> Any:
    whole = [copy.deepcopy(content)]
    holder: Any = whole
    for key in (0, *place)[:-1]:
        holder = holder[key]
    change(holder, (0, *place)[-1])
    return whole[0]


def _setter(value: Any) -> Callable[[Any, str | int], None]:
    def put(holder: Any, key: str | int) -> None:
        holder[key] = value

    return put


def _damages(kind: str) -> list[tuple[str, Any]]:
    """Return every way of dropping or renaming one key, and of putting something wrong at one place, of the example."""
    content = read_yaml(EXAMPLES / f"{kind}.yaml").plain()
    found = []
    for place in _places(content):
        if place:
            found.append((f"without {place}", _changed(content, place, lambda holder, key: holder.pop(key))))
        if place and isinstance(place[-1], str):
            found.append((f"renamed {place}", _changed(content, place, lambda holder, key: holder.update({f"{key}x": holder.pop(key)}))))
        found += [(f"{value!r} at {place}", _changed(content, place, _setter(value))) for value in WRONG_VALUES]
    return found


DAMAGES = {kind: _damages(kind) for kind in SCHEMAS}


def _faults(kind: str, content: Any, folder: Path) -> tuple[Fault, ...]:
    for other in EXAMPLES.glob("*.yaml"):
        if not (folder / other.name).exists():
            (folder / other.name).write_bytes(other.read_bytes())
    file = folder / f"damaged_{kind}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    try:
        READERS[kind](file)
    except InputError as error:
        return error.faults
    return ()


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_schema_and_reader_agree_on_damaged_files(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("damaged")

    @settings(max_examples=40, derandomize=True)
    @given(st.sampled_from(DAMAGES[kind]))
    def check(damage: tuple[str, Any]) -> None:
        name, content = damage
        faults = _faults(kind, content, folder)
        refused = not VALIDATORS[kind].is_valid(content)
        if refused:
            assert faults, f"{name}: the schema refuses what the reader takes"
        if any(fault.what.startswith(FORM_FAULTS) for fault in faults):
            assert refused, f"{name}: the schema takes what the reader refuses: {[str(fault) for fault in faults]}"

    check()


# ------------------------------------------------------------------------------------------------------------- command


def test_command_lists_prints_and_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["schema"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["name", *SCHEMAS]
    assert main(["schema", "core"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("core")
    assert main(["schema", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(SCHEMAS)
    assert main(["schema", "--out", str(tmp_path / "new")]) == 0
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [f"{name}.schema.json" for name in SCHEMAS]


def test_command_refuses_unknown_names_and_bad_folders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["schema", "cores"]) == 2
    assert "Did you mean core?" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["schema", "core", "--out", str(tmp_path / "file")]) == 2
    assert "cannot be made" in capsys.readouterr().err
