"""Three chips for one network: which is best where, and how the best mappings of two of them differ.

python experiments/examples/compare_chips.py --out runs/examples/compare_chips
"""

import argparse
from pathlib import Path

import stream_evo

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--network", default="squeezenet")
parser.add_argument("--population", type=int, default=50)
parser.add_argument("--generations", type=int, default=20)
parser.add_argument("--out", type=Path, default=Path("runs/examples/compare_chips"))
arguments = parser.parse_args()
CHIPS = ("homogeneous_quad", "heterogeneous_quad", "tpu_quad")

# The same budget and seed for each chip, so that only the chips differ.
for chip in CHIPS:
    stream_evo.optimize(
        arguments.network, chip, population=arguments.population, generations=arguments.generations, seed=1, out=arguments.out / chip
    )

# `stream-evo compare DIR DIR DIR` prints the same.
comparison = stream_evo.compare([arguments.out / chip for chip in CHIPS])
print(comparison.table.T.to_string())

# For a given budget of energy, which chip is fastest?
for region in comparison.regions:
    if (region.budget, region.least) == ("energy_pj", "latency_cycles"):
        end = "on" if region.end is None else f"to below {region.end / 1e6:,.0f} uJ"
        names = " and ".join(comparison.labels[place] for place in region.winners)
        print(f"from {region.begin / 1e6:,.0f} uJ {end}: {names}, {region.at_begin:,.0f} to {region.at_end:,.0f} cycles")
comparison.plot().savefig(arguments.out / "comparison.png")

# Where does the difference come from? The points of least energy x delay of two chips, layer by layer.
first, second = CHIPS[0], CHIPS[1]
points = [result[result.best_edp] for result in (stream_evo.load_run(arguments.out / chip) for chip in (first, second))]
diff = stream_evo.diff(arguments.network, points[0].mapping, points[1].mapping, hardware=(first, second), labels=(first, second))
print(f"{len(diff.changed_layers)} of {len(diff.layers)} layers differ")
if diff.effects is not None:
    for share in diff.effects.breakdown("energy_pj", "layer").changes[:5]:
        print(f"{share.name}: {share.first / 1e6:,.1f} uJ on {first}, {share.second / 1e6:,.1f} uJ on {second}")
