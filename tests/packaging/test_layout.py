"""The tree, the packaging metadata and the direction of imports agree with what the documentation says."""

import ast
import dataclasses
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAPPED = PROJECT["tool"]["setuptools"]["package-dir"]
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {"google": "protobuf", "yaml": "pyyaml"}


def _modules() -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, file) of every module that is installed."""
    for package, folder in MAPPED.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT / folder).with_suffix("")
            parts = [package, *(part for part in relative.parts if part != "__init__")]
            yield ".".join(parts), path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_package_of_the_tree_is_installed() -> None:
    found = {name for name, path in _modules() if path.name == "__init__.py"}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


def test_every_imported_distribution_is_declared() -> None:
    declared = {requirement.partition(">")[0].strip() for requirement in PROJECT["project"]["dependencies"]}
    used = {name.partition(".")[0] for _, path in _modules() for name in _imports(path)}
    outside = {DISTRIBUTIONS.get(name, name) for name in used - set(sys.stdlib_module_names) - {"stream_evo"}}
    assert outside == declared


def test_the_engine_reaches_its_content_through_the_registry_only() -> None:
    content = ("stream_evo.problems", "stream_evo.operators", "stream_evo.hw_library")
    wrong = [
        f"{name} imports {imported}"
        for name, path in _modules()
        if not name.startswith(content)
        for imported in _imports(path)
        if imported.startswith(content)
    ]
    assert not wrong


# What every part may use: it knows nothing of networks, chips and mappings.
TOOLS = {"_arguments", "_html", "_jit", "_plugin_file", "_yaml", "_yaml_forms", "_yaml_nodes", "errors", "typing"}
MODEL = {"workload", "hardware", "mapping", "cost", "schedule"}
# Part of the package -> further parts it may import; what is below knows nothing of what is above.
MAY_IMPORT = {
    "workload": set(),
    "hardware": {"registry", "workload"},  # core files by name; the loops that arrays unroll
    "mapping": {"workload", "hardware"},
    "cost": {"workload", "hardware"},
    "schedule": {"workload", "hardware", "mapping", "cost"},
    "_compulsory": {"workload", "hardware", "mapping", "cost"},
    "bounds": MODEL | {"_compulsory"},
    "evaluation": MODEL,
    "explanation": MODEL,
    "search": set(),
    "foreign": {"workload", "hardware", "mapping"},
    "report": {"workload", "hardware", "mapping", "schedule", "explanation"},
    "registry": {"workload", "hardware", "foreign"},
    "schemas": {"mapping", "registry"},
    "_run": MODEL | {"bounds", "evaluation", "explanation", "registry", "report", "search"},
    "exports": {"_run", "workload", "hardware", "mapping", "schedule", "explanation", "foreign", "report"},
    "comparison": {"_run", "workload", "hardware", "mapping", "explanation", "registry", "report", "search"},
}
FACADES = {"__init__", "__main__", "_api", "_cli", "cli"}  # the doors: they import everything, and nothing below imports them


def _parts_imported(part: str) -> set[str]:
    """Return the parts of the package that a part imports, itself left out."""
    files = [path for name, path in _modules() if name.split(".")[:2] == ["stream_evo", part]]
    assert files
    names = [name.split(".") for path in files for name in _imports(path)]
    return {name[1] for name in names if name[0] == "stream_evo" and len(name) > 1} - {part}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_arrows_point_downwards_only(part: str) -> None:
    assert _parts_imported(part) <= MAY_IMPORT[part] | TOOLS


def test_every_part_has_its_place() -> None:
    folder = ROOT / "stream_evo"
    parts = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert parts == MAY_IMPORT.keys() | TOOLS | FACADES


def test_tools_use_tools_only() -> None:
    assert set().union(*(_parts_imported(tool) for tool in TOOLS)) <= TOOLS


def test_nothing_imports_in_a_circle() -> None:
    known: set[str] = set()
    waiting = dict(MAY_IMPORT)
    waiting["hardware"] = {"workload"}  # the registry loads chips, and chips their cores by name: inside functions
    while free := [part for part, below in waiting.items() if below <= known]:
        known.update(free)
        for part in free:
            del waiting[part]
    assert not waiting


@pytest.mark.parametrize(("library", "file"), [("pymoo", "_pymoo.py"), ("deap", "_deap.py")])
def test_optimisers_of_others_are_imported_in_their_adapter_only(library: str, file: str) -> None:
    users = {path.name for _, path in _modules() for name in _imports(path) if name.partition(".")[0] == library}
    assert users == {file}


def test_entry_points_of_the_metadata_are_those_of_the_project() -> None:
    groups = PROJECT["project"]["entry-points"]
    for group, entries in groups.items():
        assert {entry.name: entry.value for entry in metadata.entry_points(group=group)}.items() >= entries.items()


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, stream_evo; print(sorted({'numpy', 'numba', 'onnx', 'matplotlib', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_public_names_are_exactly_what_all_says() -> None:
    import stream_evo

    assert stream_evo.__all__ == sorted(stream_evo.__all__)
    assert all(getattr(stream_evo, name).__doc__ for name in stream_evo.__all__)
    assert set(stream_evo.__all__) <= set(dir(stream_evo))
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = stream_evo.optimise


def test_names_of_metrics_are_the_same_everywhere() -> None:
    from stream_evo._run._job import METRICS, Job
    from stream_evo.evaluation import METRICS as EVALUATED
    from stream_evo.problems import RunSettings

    assert METRICS == EVALUATED
    asked = {field.name: field.default for field in dataclasses.fields(RunSettings) if field.name != "limits"}
    assert asked.items() <= {field.name: field.default for field in dataclasses.fields(Job)}.items()


def test_top_level_of_the_repository_is_what_the_readme_describes() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    top = {name.partition("/")[0] for name in tracked.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    folders = {"stream_evo", "problems", "operators", "hw_library", "tests", "experiments", "docs"}
    assert visible == folders | {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
