"""A constrained search: limits, pinned decisions, forbidden cores, and what happens when nothing fits.

python experiments/examples/constrained_search.py
"""

import argparse
import tempfile
from pathlib import Path

import stream_evo

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--population", type=int, default=50)
parser.add_argument("--generations", type=int, default=20)
arguments = parser.parse_args()
NETWORK, CHIP = "resnet18", "heterogeneous_quad"
budget = {"objectives": ["energy", "latency"], "population": arguments.population, "generations": arguments.generations, "seed": 1}

free = stream_evo.optimize(NETWORK, CHIP, **budget)
print("free:", free)

# A limit is not an objective: points within it are not ranked by it, points beyond it rank behind all others.
memory = 1.2 * free.front["memory_bytes"].min()
limited = stream_evo.optimize(NETWORK, CHIP, limits={"memory": memory}, **budget)
print(f"at most {memory:,.0f} bytes of activations:", limited)
if len(limited):
    print(f"  the largest point has {limited.front['memory_bytes'].max():,.0f} bytes")

# A pin file has the form of a mapping file, as much of it as is to be fixed. Here: the first layer on core3, fused with the next.
with tempfile.TemporaryDirectory() as folder:
    pins = Path(folder) / "pins.yaml"
    pins.write_text("layers:\n  conv1: {core: core3, cut_after: false}\n", encoding="utf-8")
    pinned = stream_evo.optimize(NETWORK, CHIP, pin=pins, forbidden_cores=["core2"], **budget)
used = {core for point in pinned for entry in point.mapping.layers for core in entry.cores}
print("pinned and without core2:", pinned, "uses", sorted(used))

# What does the pin cost?
comparison = stream_evo.compare([free, pinned], labels=["free", "pinned"])
print(comparison.table[["points", "share_of_joint", "least_energy_pj", "least_latency_cycles"]].to_string())
for note in comparison.notes:
    print("note:", note)

# A limit that nothing can meet ends with an empty front that says what the nearest mapping misses, not with an exception.
impossible = stream_evo.optimize(NETWORK, CHIP, limits={"latency": free.lower_bounds["latency_cycles"] / 2}, **budget)
print(len(impossible), "points:", impossible.why_empty())
