"""The catalogue on the space of a real network and a real chip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream_evo import registry
from stream_evo.mapping import GenomeOptions, GenomeSpec
from stream_evo.operators import OPERATORS, HeuristicSampling
from stream_evo.operators._genes import core_table
from stream_evo.search import Conditional, KnowsCores, PluginKind, operator_kind
from stream_evo.search.testing import check_crossover, check_mutation, check_repair, check_sampling

_CHECKS: dict[PluginKind, Callable[..., None]] = {
    PluginKind.SAMPLING: check_sampling,
    PluginKind.CROSSOVER: check_crossover,
    PluginKind.MUTATION: check_mutation,
    PluginKind.REPAIR: check_repair,
}


@pytest.fixture(scope="module")
def spec() -> GenomeSpec:
    options = GenomeOptions(split=True, dataflow=True, priority=True)
    return GenomeSpec(registry.load_network("squeezenet"), registry.load_hardware("heterogeneous_quad"), options)


@pytest.mark.parametrize("name", [name for name in OPERATORS if not name.startswith("set.")])
def test_operator_keeps_its_contract_there(spec: GenomeSpec, name: str) -> None:
    operator = OPERATORS[name]()
    if isinstance(operator, Conditional) and not operator.applies(spec):
        pytest.skip("no gene for it to change")
    _CHECKS[operator_kind(operator)](operator, [spec])


def test_cores_of_allocation_genes_are_those_of_the_decoded_mapping(spec: GenomeSpec) -> None:
    assert isinstance(spec, KnowsCores)
    genomes = HeuristicSampling()(spec, 40, np.random.default_rng(0))
    genomes[:, spec.segments["split"]] = 0
    table = core_table(spec)
    for genome in genomes:
        cores = table[np.arange(len(table)), genome[spec.segments["allocation"]]]
        assert [spec.core_names[core] for core in cores] == [layer.cores[0] for layer in spec.decode(genome).layers]


def test_the_plainest_seed_is_layer_by_layer(spec: GenomeSpec) -> None:
    mapping = spec.decode(HeuristicSampling()(spec, 10, np.random.default_rng(0))[0])
    layers = spec.workload.layers
    assert [entry.stack for entry in mapping.layers] == list(range(len(layers)))
    assert all(
        (entry.tile_rows, entry.tile_columns) == (layer.rows, layer.columns) for entry, layer in zip(mapping.layers, layers, strict=True)
    )
