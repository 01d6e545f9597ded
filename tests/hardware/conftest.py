"""Fixtures: a legal core file and a legal accelerator file, and a way to break them in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import load_accelerator, load_core

CORE = """\
name: tiny
array:
  dimensions: {D1: 8, D2: 4}
  operation_energy: 0.04 pJ
operators: [conv, gemm]
dataflows:
  - {name: KC, unroll: {D1: {K: 8}, D2: {C: 4}}}
  - name: G
    unroll:
      D1: {G: 8}
    depthwise_only: true
memories:
  - name: weights
    size: 64 B
    operands: [W]
    shared_over: [D2]
    read_energy: 0.06 pJ
    write_energy: 0.05 pJ
    ports:
      - {name: read, kind: r, bandwidth: 8 bit/cycle, serves: [W.to_low]}
      - {name: write, kind: w, bandwidth: 8 bit/cycle, serves: [W.from_high]}
  - name: sram
    size: 256 KiB
    operands: [I, W, O]
    shared_over: all
    read_energy: 52.0 pJ
    write_energy: 47.3 pJ
    ports:
      - name: read
        kind: r
        bandwidth: 256 bit/cycle
        min_bandwidth: 64 bit/cycle
        serves: [I.to_low, W.to_low, O.to_low, O.to_high]
      - name: write
        kind: w
        bandwidth: 256 bit/cycle
        serves: [I.from_high, W.from_high, O.from_low, O.from_high]
"""

CHIP = """\
name: chip
cores:
  a: tiny.yaml
  b: tiny.yaml
  c: tiny.yaml
dram:
  size: 1 GiB
  bandwidth: 64 bit/cycle
  read_energy: 650 pJ
  write_energy: 640 pJ
links:
  - {type: bus, name: ring, nodes: [a, b, c], bandwidth: 32 bit/cycle, energy: 0.5 pJ/bit}
  - {type: dram, ports: single, nodes: all, energy: 0 pJ/bit}
"""


@pytest.fixture
def core_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CORE)
    return path


@pytest.fixture
def chip_file(tmp_path: Path, core_file: Path) -> Path:
    path = tmp_path / "chip.yaml"
    path.write_text(CHIP)
    return path


Broken = Callable[[str, str], tuple[tuple[Fault, ...], str]]


def _break(path: Path, load: Callable[[Path], object]) -> Broken:
    def broken(old: str, new: str) -> tuple[tuple[Fault, ...], str]:
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} must stand in the file once"
        path.write_text(text.replace(old, new))
        with pytest.raises(InputError) as caught:
            load(path)
        assert caught.value.source == str(path)
        return caught.value.faults, path.read_text()

    return broken


@pytest.fixture
def broken_core(core_file: Path) -> Broken:
    """Replace one piece of the core file; return the faults and the text of the broken file."""
    return _break(core_file, load_core)


@pytest.fixture
def broken_chip(chip_file: Path) -> Broken:
    """Replace one piece of the accelerator file; return the faults and the text of the broken file."""
    return _break(chip_file, load_accelerator)
