"""Print the mapping of least energy x delay that a method found, for ``stream-evo evaluate --explain``.

``python experiments/exploration/best_mapping.py fsrcnn homogeneous_16 full > mapping.yaml`` and then
``stream-evo evaluate --network fsrcnn --hardware homogeneous_16 --mapping mapping.yaml --explain`` say where cycles, energy and bytes go.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from methods import METHODS
from study import ALL_CHIPS, NETWORKS, RESULTS, Pair
from tables import best_of

from stream_evo.mapping import mapping_to_yaml
from stream_evo.registry import load_hardware, load_network


def main() -> None:
    """Print one mapping."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("chip", choices=ALL_CHIPS, metavar="chip")
    parser.add_argument("method", choices=tuple(METHODS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    pair = Pair(options.network, options.chip)
    found = best_of(pair.read(options.results), options.method)
    if found is None or not len(found.metrics):
        sys.exit(f"{options.method} has no result for {pair.network} on {pair.chip} in {options.results}: run.py makes it")
    spec = METHODS[options.method](load_network(pair.network), load_hardware(pair.chip))
    print(mapping_to_yaml(spec.decode(found.genomes[found.best_index])), end="")


if __name__ == "__main__":
    main()
