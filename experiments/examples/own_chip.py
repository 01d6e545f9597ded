"""An own chip: two cores of the library and one of one's own on a bus, written as YAML, searched and explained.

python experiments/examples/own_chip.py --out runs/examples/own_chip
"""

import argparse
from pathlib import Path

import stream_evo

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--population", type=int, default=50)
parser.add_argument("--generations", type=int, default=20)
parser.add_argument("--out", type=Path, default=Path("runs/examples/own_chip"))
arguments = parser.parse_args()

CORE = """
name: small_array
array: {dimensions: {D1: 8, D2: 8}, operation_energy: 0.04 pJ}
operators: [conv, gemm]
dataflows: [{name: KC, unroll: {D1: {K: 8}, D2: {C: 8}}}]
memories: # from the innermost to the outermost; each serves I, W, O as its ports say
  - {name: weights, size: 64 B, operands: [W], shared_over: [], read_energy: 0.06 pJ, write_energy: 0.06 pJ, ports: [
      {name: read, kind: r, bandwidth: 8 bit/cycle, serves: [W.to_low]},
      {name: write, kind: w, bandwidth: 8 bit/cycle, serves: [W.from_high]}]}
  - {name: sram, size: 256 KiB, operands: [I, W, O], shared_over: all, read_energy: 52 pJ, write_energy: 47 pJ, ports: [
      {name: read, kind: r, bandwidth: 256 bit/cycle, serves: [I.to_low, W.to_low, O.to_low, O.to_high]},
      {name: write, kind: w, bandwidth: 256 bit/cycle, serves: [I.from_high, W.from_high, O.from_low, O.from_high]}]}
"""
CHIP = """
name: little_big
cores: {little: small_array.yaml, big: c32_k32, rest: simd} # a file beside this one, and cores of the library
dram: {size: 1 GiB, bandwidth: 64 bit/cycle, read_energy: 650 pJ, write_energy: 650 pJ}
links:
  - {type: bus, nodes: all, bandwidth: 64 bit/cycle, energy: 0.1 pJ/bit}
  - {type: dram, ports: dual, nodes: all, energy: 0 pJ/bit}
"""

arguments.out.mkdir(parents=True, exist_ok=True)
(arguments.out / "small_array.yaml").write_text(CORE, encoding="utf-8")
(arguments.out / "chip.yaml").write_text(CHIP, encoding="utf-8")

# Every fault of the files would be told at once, each with its line.
chip = stream_evo.load_hardware(arguments.out / "chip.yaml")
print(chip.name, [slot.name for slot in chip.cores])

result = stream_evo.optimize("squeezenet", chip, population=arguments.population, generations=arguments.generations, seed=1)
print(result.front.describe().to_string())

# What limits the fastest point? Its critical path says which resource would have to be faster.
path = result[0].explain().path
print(f"{path.latency_cycles:,} cycles, bound most by core {path.binding_core!r} and link {path.binding_link!r}")
busy = result[0].schedule.core_busy_cycles
print({name: f"{cycles / path.latency_cycles:.0%} busy" for name, cycles in busy.items()})
result.plot().savefig(arguments.out / "front.png")
