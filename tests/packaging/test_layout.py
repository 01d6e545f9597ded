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


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("workload", ("hardware", "mapping", "cost", "schedule", "evaluation", "search", "report", "registry")),
        ("hardware", ("mapping", "cost", "schedule", "evaluation", "search", "report")),
        ("cost", ("mapping", "schedule", "evaluation", "search", "report", "registry")),
        ("mapping", ("cost", "schedule", "evaluation", "search", "report", "registry")),
        ("schedule", ("evaluation", "search", "report", "registry")),
        ("search", ("workload", "hardware", "mapping", "cost", "schedule", "evaluation", "report", "registry")),
        ("exports", ("cost", "evaluation", "search", "registry")),
        ("foreign", ("_run", "cost", "schedule", "evaluation", "explanation", "exports", "search", "report", "registry")),
        ("report", ("cost", "evaluation", "search", "registry")),
    ],
)
def test_arrows_point_downwards_only(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in _modules()
        if name.startswith(f"stream_evo.{folder}")
        for imported in _imports(path)
        if imported.split(".")[:1] == ["stream_evo"] and len(imported.split(".")) > 1 and imported.split(".")[1] in forbidden
    ]
    assert not wrong


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
