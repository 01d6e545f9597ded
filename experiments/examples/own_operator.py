"""An own operator: a mutation that fuses stacks, beside the default ones, and what it changes.

python experiments/examples/own_operator.py
"""

import argparse

import numpy as np

import stream_evo


class DeepenStack:
    """Fuse one random stack of each genome with the next, and cut all its layers into the finest tiles."""

    # The names of the parameters say what kind of operator this is; before it is used, it is tried on small spaces.
    def __call__(self, spec, genomes, rng):  # type: ignore[no-untyped-def]  # a plug-in needs no types
        """Return changed copies of `genomes`, shape ``(P, V)``."""
        cut, tile = spec.segments["cut"], spec.segments["tile"]
        changed = genomes.copy()
        layers = tile.stop - tile.start
        if layers < 2:
            return changed
        rows = np.arange(len(genomes))
        boundary = rng.integers(layers - 1, size=len(genomes))  # the only source of chance is `rng`
        changed[rows, cut.start + boundary] = 0
        stack = np.zeros((len(genomes), layers), dtype=np.int64)
        np.cumsum(changed[:, cut], axis=1, out=stack[:, 1:])
        member = stack == stack[rows, boundary][:, None]
        changed[:, tile] = np.where(member, spec.upper[tile], changed[:, tile])
        return spec.canonical(changed)  # clips to the bounds, and re-applies pins


if __name__ == "__main__":  # the search loads this file for the class above
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--population", type=int, default=50)
    parser.add_argument("--generations", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()

    # Alone it would take the place of all default mutations; after "set.default" it is added to them.
    choices = {"default": (), "with DeepenStack": ("set.default", f"{__file__}:DeepenStack")}
    for seed in range(arguments.seeds):
        results = [
            stream_evo.optimize(
                "fsrcnn", "homogeneous_quad", operators=names, population=arguments.population, generations=arguments.generations, seed=seed
            )
            for names in choices.values()
        ]
        # The same reference point for both, so that the hypervolumes compare. One seed proves nothing: look at several.
        comparison = stream_evo.compare(results, labels=list(choices))
        print(f"seed {seed}")
        print(comparison.table[["points", "unbeaten", "hypervolume", "alone", "least_edp_pj_cycles"]].to_string())
