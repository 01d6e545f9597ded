"""``stream-evo doctor``: what it finds in order here, and what it says of everything that can be wrong."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from stream_evo._cli import _doctor, _self_test
from stream_evo._cli._doctor import Finding, State
from stream_evo.cost import tile_cost
from stream_evo.errors import PluginError
from stream_evo.registry import load_hardware

Cli: TypeAlias = Callable[..., Any]  # runs one command; see conftest.py


def _only(check: str) -> Finding:
    found = [finding for each in _doctor._CHECKS if each is not _doctor._kernels for finding in each() if finding.check == check]
    assert len(found) == 1
    return found[0]


def test_this_installation_is_in_order(cli: Cli) -> None:
    done = cli("doctor", "--json")
    content = json.loads(done.out)
    states = {each["check"]: each["state"] for each in content["findings"]}
    assert (done.code, content["ok"]) == (0, True)
    assert {"python", "stream-evo", "dependencies", "catalogues", "processor cores", "memory", "self-test", "kernel cache"} <= set(states)
    assert states["dependencies"] == states["self-test"] == states["kernel cache"] == "ok"
    assert len(_self_test.cache_folders()) >= 1


def test_what_is_broken_comes_with_advice_and_ends_with_1(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> Iterator[Finding]:
        yield Finding("one", State.OK, "fine")
        yield Finding("two", State.BROKEN, "not fine", "Do this")

    monkeypatch.setattr(_doctor, "_CHECKS", (checks,))
    done = cli("doctor")
    assert done.code == 1
    assert "not fine" in done.out
    assert done.err == "two: Do this\n"
    assert json.loads(cli("doctor", "--json").out)["ok"] is False


def test_a_warning_is_no_failure(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_doctor, "_CHECKS", (lambda: iter([Finding("one", State.WARNING, "so so", "Mind")]),))
    assert cli("doctor").code == 0


def test_missing_and_old_dependencies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["numpy>=999", "no-such-package>=1", "onnx", 'only-on-mars>=1; sys_platform == "mars"']
    monkeypatch.setattr(metadata, "requires", lambda *_: needed)
    finding = _only("dependencies")
    assert finding.state is State.BROKEN
    assert "numpy" in finding.found
    assert ">=999 is needed" in finding.found
    assert "no-such-package is missing" in finding.found
    assert "mars" not in finding.found
    assert "pip install" in finding.advice


def test_a_broken_plug_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise PluginError("entry point theirs cannot be loaded")

    monkeypatch.setattr("stream_evo.registry.cores", broken)
    found = list(_doctor._catalogues())
    assert [finding.state for finding in found] == [State.BROKEN, State.OK]
    assert "theirs" in found[0].found


def test_limits_of_containers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"cpu.max": "150000 100000", "memory.max": "1000000", "memory.current": "400000"}
    monkeypatch.setattr(_doctor, "_first_line", lambda file: files[file.name])
    monkeypatch.setattr(os, "sched_getaffinity", lambda *_: set(range(8)), raising=False)
    assert _doctor._usable_cores() == 1
    assert _doctor._free_memory_bytes() in (600000, None)


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_doctor, "_free_memory_bytes", lambda: 10**8)
    assert _only("memory").state is State.WARNING


def test_folders_without_room_or_rights_are_warnings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda *_: shutil._ntuple_diskusage(1, 1, 1000))
    assert "Free some space" in _only("this folder").advice
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "--out" in _only("this folder").advice


def test_kernels_that_differ_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_self_test, "differences", lambda: ["cost of a tile on some_core"])
    found = {finding.check: finding for finding in _doctor._kernels()}
    assert found["self-test"].state is State.BROKEN
    assert "some_core" in found["self-test"].found


def test_states_of_the_kernel_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kernel.nbi"
    kept.write_text("")
    began = kept.stat().st_mtime
    assert "compiled now" in _doctor._cache({tmp_path}, began, 1.0, cached=True).found
    assert "up to date" in _doctor._cache({tmp_path}, began + 1, 1.0, cached=True).found
    assert "STREAM_EVO_BOUNDSCHECK" in _doctor._cache(set(), began, 1.0, cached=False).advice
    monkeypatch.setattr(os, "access", lambda *_: False)
    locked = _doctor._cache({tmp_path}, began, 1.0, cached=True)
    assert locked.state is State.WARNING
    assert "NUMBA_CACHE_DIR" in locked.advice


def test_the_self_test_sees_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*arguments: Any, **options: Any) -> Any:
        found = tile_cost(*arguments, **options)
        object.__setattr__(found, "latency_cycles", found.latency_cycles + 1)
        return found

    chip = load_hardware("heterogeneous_quad")
    assert not _self_test._cost_differences(chip)
    monkeypatch.setattr(_self_test, "tile_cost", wrong)
    assert [text.rpartition(" ")[2] for text in _self_test._cost_differences(chip)] == ["c16_k16", "ox16_k16", "ox28_fx3_fy3"]
