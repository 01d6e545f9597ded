"""Every fault of foreign files is found at once, with file and line, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_evo.cli import main
from stream_evo.errors import InputError
from stream_evo.foreign import read_hardware
from tests.foreign.support import DATA

CORES = DATA / "hardware" / "cores"


def _chip(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Path:
    """Write a TPU-like core and the off-chip memory after `change` (of the chip, of the core); the older spelling of ports."""
    core = yaml.safe_load((CORES / "tpu_like.yaml").read_text(encoding="utf-8"))
    chip: dict[str, Any] = {
        "name": "one",
        "cores": {0: "core.yaml", 1: "offchip.yaml"},
        "offchip_core_id": 1,
        "core_connectivity": [{"type": "link", "cores": [0, 1], "bandwidth": 64}],
    }
    change(chip, core)
    (folder / "offchip.yaml").write_text((CORES / "offchip.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    for name, content in (("core.yaml", core), ("chip.yaml", chip)):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder / "chip.yaml"


def _memory(core: dict[str, Any], **entries: object) -> None:
    core["memories"]["sram_2MB"].update(entries)


def _leave_to_cacti(core: dict[str, Any]) -> None:
    _memory(core, auto_cost_extraction=True)
    core["memories"]["sram_2MB"].pop("r_cost")


FAULTS: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], tuple[str, ...]]] = {
    "no cores": (lambda chip, _: chip.update(cores={}), ("at least one core",)),
    "core number": (lambda chip, _: chip["cores"].update(a="core.yaml"), ("a core has a number", "found a")),
    "core file": (lambda chip, _: chip["cores"].update({0: "croe.yaml"}), ("no such core file", "croe.yaml")),
    "off-chip number": (lambda chip, _: chip.update(offchip_core_id=7), ("$.offchip_core_id", "there is no such core", "one of 0, 1")),
    "off-chip missing": (lambda chip, _: chip.pop("offchip_core_id"), ("missing key 'offchip_core_id'",)),
    "connectivity missing": (lambda chip, _: chip.pop("core_connectivity"), ("missing key 'core_connectivity'",)),
    "unconnected": (lambda chip, _: chip.update(core_connectivity=[]), ("no links join core 0 and the off-chip memory dram",)),
    "unknown core": (lambda chip, _: chip["core_connectivity"][0].update(cores=[0, 5]), ("there is no core 5",)),
    "link of three": (lambda chip, _: chip["core_connectivity"][0].update(cores=[0, 1, 1]), ("two different cores",)),
    "kind of link": (lambda chip, _: chip["core_connectivity"][0].update(type="ring"), ("unknown type of connection 'ring'",)),
    "no bandwidth": (lambda chip, _: chip["core_connectivity"][0].pop("bandwidth"), ("missing key 'bandwidth'",)),
    "zero bandwidth": (lambda chip, _: chip["core_connectivity"][0].update(bandwidth=0), ("at least 1 bit per cycle",)),
    "slip in a key": (
        lambda chip, _: chip.update(core_conectivity=[]),
        ("unknown key 'core_conectivity'", "Did you mean core_connectivity"),
    ),
    "sharing": (lambda chip, _: chip.update(core_memory_sharing=["0, 9"]), ("not a group of cores",)),
    "graph": (lambda chip, _: chip.update(graph={"type": "torus", "offchip_core_id": 1}), ("unknown type of graph 'torus'", "'bandwidth'")),
    "mesh": (
        lambda chip, _: chip.update(graph={"type": "2d_mesh", "nb_rows": 2, "nb_cols": 2, "bandwidth": 8, "offchip_core_id": 1}),
        ("the mesh does not hold the cores", "2 x 2"),
    ),
    "no name": (lambda _, core: core.pop("name"), ("core.yaml", "missing key 'name'")),
    "kind of core": (lambda _, core: core.update(type="aie2.compute"), ("this kind of core cannot be read", "aie2.compute")),
    "no array": (lambda _, core: core.pop("operational_array"), ("missing key 'operational_array'",)),
    "array sizes": (lambda _, core: core["operational_array"].update(sizes=[32]), ("differ in number",)),
    "array of zero": (lambda _, core: core["operational_array"].update(sizes=[32, 0]), ("out of range", "at least 1")),
    "no energy": (lambda _, core: core["operational_array"].pop("unit_energy"), ("missing key 'unit_energy'",)),
    "in-memory": (
        lambda _, core: core.update(operational_array={"is_imc": True, "dimensions": ["D1", "D2"], "sizes": [4, 4]}),
        ("energy of an in-memory array is not stated",),
    ),
    "no size": (lambda _, core: core["memories"]["sram_2MB"].pop("size"), ("$.memories.sram_2MB", "missing key 'size'")),
    "size as text": (lambda _, core: _memory(core, size="2 MB"), ("$.memories.sram_2MB.size", "wrong type", "2 MB")),
    "huge bandwidth": (lambda _, core: _memory(core, r_bw=10**12), ("$.memories.sram_2MB.r_bw", "at most 4.29497e+09")),
    "infinite energy": (lambda _, core: _memory(core, r_cost=1e300), ("$.memories.sram_2MB.r_cost", "at most 1e+12")),
    "not a number": (lambda _, core: _memory(core, w_cost=float("nan")), ("$.memories.sram_2MB.w_cost", "wrong type")),
    "huge array": (lambda _, core: core["operational_array"].update(sizes=[32, 2**40]), ("at most 1.04858e+06",)),
    "negative size": (lambda _, core: _memory(core, size=-1), ("out of range",)),
    "operand": (lambda _, core: _memory(core, operands=["I1", "I3", "O"]), ("unknown operand 'I3'",)),
    "dimension": (lambda _, core: _memory(core, served_dimensions=["D1", "D9"]), ("unknown array dimension 'D9'",)),
    "CACTI": (lambda _, core: _leave_to_cacti(core), ("left to CACTI",)),
    "too few ports": (lambda _, core: _memory(core, ports=[{"fh": "w_port_1"}]), ("the ports do not match the operands",)),
    "port name": (lambda _, core: core["memories"]["sram_2MB"]["ports"][0].update(fh="port"), ("unknown port 'port'",)),
    "port direction": (lambda _, core: core["memories"]["sram_2MB"]["ports"][0].update(fh="r_port_1"), ("r_port_1 cannot serve fh",)),
    "hierarchy": (lambda _, core: _memory(core, served_dimensions=["D1"]), ("lies outside rf_2B but serves less", "also D2")),
    "no input memory": (lambda _, core: core["memories"].pop("sram_2MB"), ("no memory holds operand I1",)),
    "unrolling": (lambda _, core: core.update(dataflows={"D1": ["K; 4"]}), ("not an unrolling", "K; 4")),
    "unrolled dimension": (lambda _, core: core.update(dataflows={"D7": ["K, 4"]}), ("unknown array dimension 'D7'",)),
    "no memories": (lambda _, core: core.update(memories={}), ("a core needs memories",)),
    "memories as a list": (lambda _, core: core.update(memories=[1]), ("$.memories", "wrong type")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_at_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str) -> None:
    change, phrases = FAULTS[fault]
    path = _chip(tmp_path, change)
    before = sorted(tmp_path.iterdir())
    assert main(["import-hardware", str(path), "-o", str(tmp_path / "out.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "line " in err
    for phrase in (path.name, *phrases):
        assert phrase in err
    assert sorted(tmp_path.iterdir()) == before


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    def break_all(chip: dict[str, Any], core: dict[str, Any]) -> None:
        for fault in ("zero bandwidth", "sharing", "no energy", "operand", "unrolling"):
            FAULTS[fault][0](chip, core)

    path = _chip(tmp_path, break_all)
    with pytest.raises(InputError) as caught:
        read_hardware(path)
    assert len(caught.value.faults) == 5
    text = str(caught.value)
    assert text.count(f"in {tmp_path / 'core.yaml'}: line ") == 3
    for fault in ("zero bandwidth", "sharing", "no energy", "operand", "unrolling"):
        assert FAULTS[fault][1][-1] in text


@pytest.mark.parametrize("bandwidth", [-1, 0, "wide"])
def test_a_bandwidth_that_cannot_be_is_told_once(tmp_path: Path, bandwidth: object) -> None:
    path = _chip(tmp_path, lambda chip, _: chip["core_connectivity"][0].update(bandwidth=bandwidth))
    with pytest.raises(InputError) as caught:
        read_hardware(path)
    assert len(caught.value.faults) == 1


NEW_PORT_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "type": ({"type": "both"}, "unknown kind of port 'both'"),
    "bandwidths": ({"bandwidth_min": 128, "bandwidth_max": 64}, "at most bandwidth_max, 64"),
    "odd words": ({"allocation": ["I1, tl", "I1"]}, "operands and directions come in pairs"),
    "direction": ({"allocation": ["I1, up"]}, "unknown direction 'up'"),
    "operand": ({"allocation": ["I9, tl"]}, "unknown operand 'I9'"),
    "wrong way": ({"allocation": ["I1, fh"]}, "cannot serve fh"),
}


@pytest.mark.parametrize("fault", NEW_PORT_FAULTS)
def test_a_fault_of_a_port_in_the_newer_spelling(tmp_path: Path, fault: str) -> None:
    entries, phrase = NEW_PORT_FAULTS[fault]
    core = yaml.safe_load((CORES / "pooling.yaml").read_text(encoding="utf-8"))
    core["memories"]["sram_128KB"]["ports"][0].update(entries)
    path = _chip(tmp_path, lambda chip, _: chip["cores"].update({0: "pooling.yaml"}))
    (tmp_path / "pooling.yaml").write_text(yaml.safe_dump(core), encoding="utf-8")
    with pytest.raises(InputError, match=phrase):
        read_hardware(path)


@pytest.mark.parametrize("content", ["", "[1, 2", "- 1\n- 2\n", "just text"])
def test_files_that_hold_no_hardware(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(content, encoding="utf-8")
    assert main(["import-hardware", str(path), "-o", str(tmp_path / "out.yaml")]) == 2
    assert "odd.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["missing/out.yaml", "there"])
def test_targets_that_cannot_be_written_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").touch()
    assert main(["import-hardware", str(DATA / "hardware" / "simba_small.yaml"), "-o", str(tmp_path / out)]) == 2
    assert "error:" in capsys.readouterr().err
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["there", "x"]


def test_nothing_that_is_imported_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip = _chip(tmp_path, lambda *_: None)
    core = tmp_path / "new_cores" / "tpu_like.yaml"  # where the core of new.yaml would be written
    core.parent.mkdir()
    (tmp_path / "core.yaml").rename(core)
    chip.write_text(chip.read_text(encoding="utf-8").replace("core.yaml", "new_cores/tpu_like.yaml"), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.yaml")}
    for out in (chip, tmp_path / "new.yaml"):
        assert main(["import-hardware", str(chip), "-o", str(out)]) == 2
        assert "would be overwritten. Choose another file" in capsys.readouterr().err
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("- {name: default, core_allocation: [0]}\n", encoding="utf-8")
    assert main(["import-mapping", str(mapping), "--network", "squeezenet", "--hardware", str(chip), "-o", str(mapping)]) == 2
    assert "would be overwritten" in capsys.readouterr().err
    mapping.unlink()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.yaml")} == before


def test_files_of_other_kinds_are_told_apart(tmp_path: Path) -> None:
    own, old = tmp_path / "own.yaml", tmp_path / "chip.py"
    own.write_text("name: mine\ncores: {left: simd}\ndram: {}\nlinks: []\n", encoding="utf-8")
    old.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a file of this package already\. Use it as it is"):
        read_hardware(own)
    with pytest.raises(InputError, match="a Python file of 2023 cannot be read; expected the same chip in the YAML form"):
        read_hardware(old)
