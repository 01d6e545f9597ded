"""The first run: search, look at the front, follow one point down to its schedule.

python experiments/examples/first_run.py --out runs/examples/first_run
"""

import argparse
from pathlib import Path

import stream_evo

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--population", type=int, default=50)
parser.add_argument("--generations", type=int, default=20)
parser.add_argument("--out", type=Path, default=Path("runs/examples/first_run"))
arguments = parser.parse_args()

# A network and a chip of the catalogue; `stream-evo list networks` and `list hardware` show all. The same seed gives the same front.
# With `out`, every evaluation is on disk as it comes: a killed run goes on with `stream-evo resume DIR`.
result = stream_evo.optimize(
    "resnet18", "heterogeneous_quad", population=arguments.population, generations=arguments.generations, seed=1, out=arguments.out
)

# The front is a pandas table: one row per point, one column per metric, the units in its attrs.
print(result.front.head(10).to_string())
print(result.front.attrs["units"])

# How far is it from what no mapping can be below, and from running one layer after the other?
for name, bound in result.lower_bounds.items():
    print(f"least {name}: {result.front[name].min() / bound:.2f} x its lower bound")
if result.layer_by_layer is not None:
    print(f"layer by layer: {result.layer_by_layer.edp_pj_cycles / result.front['edp_pj_cycles'].min():.1f} x the least energy x delay")

# One point: what runs where, what happens when, and what its latency is made of.
point = result[result.best_edp]
for entry in point.mapping.layers[:5]:
    print(f"{entry.layer}: cores {', '.join(entry.cores)}, tiles of {entry.tile_rows} x {entry.tile_columns}, stack {entry.stack}")
print(point.schedule.tiles.head().to_string())
print("cycles of the critical path:", dict(point.explain().path.cycles_by_activity))

# `optimize` has drawn the front and this schedule into the folder already; any other point is a line.
result[0].schedule.plot().savefig(arguments.out / "schedule_of_the_fastest.png")

# Later, in another process:
again = stream_evo.load_run(arguments.out)
print(again, "written to", arguments.out)
