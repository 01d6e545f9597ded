"""Every operator of the catalogue passes the contract suite; a new class joins by its line in `OPERATORS`."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream_evo.operators
from stream_evo.operators import OPERATORS, SeedHints, default_operators, generic_operators
from stream_evo.search import Conditional, OperatorSet, PluginKind, load_operator, operator_kind
from stream_evo.search.testing import SyntheticSpec, check_crossover, check_mutation, check_repair, check_sampling

_CHECKS: dict[PluginKind, Callable[[Any], None]] = {
    PluginKind.SAMPLING: check_sampling,
    PluginKind.CROSSOVER: check_crossover,
    PluginKind.MUTATION: check_mutation,
    PluginKind.REPAIR: check_repair,
}
_SINGLE = [name for name in OPERATORS if not name.startswith("set.")]
_SPECS = st.builds(
    SyntheticSpec,
    layers=st.integers(1, 8),
    cores=st.integers(1, 4),
    split=st.booleans(),
    dataflows=st.integers(1, 3),
    priority=st.booleans(),
)


@st.composite
def _pinned(draw: st.DrawFn) -> SyntheticSpec:
    """A space with any genes pinned, up to all of them."""
    spec = draw(_SPECS)
    genes = draw(st.sets(st.integers(0, len(spec.lower) - 1)))
    return dataclasses.replace(spec, pins={gene: draw(st.integers(0, int(spec.upper[gene]))) for gene in sorted(genes)})


@pytest.mark.parametrize("name", _SINGLE)
def test_operator_keeps_its_contract(name: str) -> None:
    operator = OPERATORS[name]()
    kind = operator_kind(operator)
    assert name.startswith(f"{kind}.")
    _CHECKS[kind](operator)


@pytest.mark.parametrize("name", _SINGLE)
def test_operator_is_a_frozen_dataclass_with_a_reason(name: str) -> None:
    operator = OPERATORS[name]()
    assert dataclasses.is_dataclass(operator)
    assert vars(type(operator))["__dataclass_params__"].frozen
    assert len((type(operator).__doc__ or "").splitlines()) > 2


@given(spec=_pinned(), seed=st.integers(0, 2**16), name=st.sampled_from(_SINGLE))
def test_all_genes_stay_legal_whatever_is_pinned(spec: SyntheticSpec, seed: int, name: str) -> None:
    operator: Any = OPERATORS[name]()
    if isinstance(operator, Conditional) and not operator.applies(spec):
        return
    rng = np.random.default_rng(seed)
    genomes = spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(6, len(spec.lower))))
    match operator_kind(operator):
        case PluginKind.SAMPLING:
            made = operator(spec, 6, rng)
        case PluginKind.CROSSOVER:
            made = operator(spec, genomes, genomes[::-1].copy(), rng)
        case PluginKind.MUTATION:
            made = operator(spec, genomes, rng)
        case PluginKind.REPAIR:
            made = operator(spec, genomes)
    assert made.shape == genomes.shape
    assert (made >= spec.lower).all()
    assert (made <= spec.upper).all()


@given(spec=_pinned(), seed=st.integers(0, 2**16), name=st.sampled_from([name for name in _SINGLE if name.startswith("crossover.")]))
def test_children_have_genes_of_their_parents_only(spec: SyntheticSpec, seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    first, second = (spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(6, len(spec.lower)))) for _ in range(2))
    operator: Any = OPERATORS[name]()
    if isinstance(operator, Conditional) and not operator.applies(spec):
        return
    child = operator(spec, first, second, rng)
    assert ((child == first) | (child == second)).all()


def test_the_sets_hold_operators() -> None:
    for operators in (default_operators(), generic_operators(), default_operators(SeedHints(np.ones((3, 2)), np.ones((3, 2))))):
        assert isinstance(operators, OperatorSet)
    names = {type(operator).__name__ for operator in (*default_operators().crossovers, *default_operators().mutations)}
    catalogued = {OPERATORS[name].__name__ for name in _SINGLE if not name.startswith(("sampling.", "repair."))}
    assert names == catalogued, "the default set has every crossover and mutation"


def test_every_file_has_one_operator_that_is_exported() -> None:
    folder = Path(stream_evo.operators.__file__).parent
    exported = [stream_evo.operators.__dict__[name] for name in stream_evo.operators.__all__]
    for file in sorted(folder.glob("_[a-z]*.py")):
        module = importlib.import_module(f"stream_evo.operators.{file.stem}")
        if file.stem in ("_genes", "_pipelines"):
            continue
        assert all(module.__dict__[name] in exported for name in module.__all__), file.name
    assert list(OPERATORS) == sorted(OPERATORS)


def _examples() -> list[str]:
    text = (Path(stream_evo.operators.__file__).parent / "README.md").read_text(encoding="utf-8")
    return [part.split("```")[0] for part in text.split("```python\n")[1:]]


def test_the_example_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation, its_test = _examples()
    assert len(mutation.strip().splitlines()) <= 20
    (tmp_path / "mine.py").write_text(mutation)
    kind, operator = load_operator(f"{tmp_path / 'mine.py'}:DeepenStack")
    assert kind is PluginKind.MUTATION
    spec = SyntheticSpec()
    genomes = np.repeat(spec.lower[None], 50, axis=0)
    genomes[:, spec.segments["cut"]] = 1
    changed = operator(spec, genomes, np.random.default_rng(0))
    assert (changed[:, spec.segments["cut"]].sum(axis=1) == spec.layers - 2).all()
    assert ((changed[:, spec.segments["tile"]] == spec.upper[spec.segments["tile"]]).sum(axis=1) == 2).all()
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "test_mine.py").write_text(its_test)
    importlib.import_module("test_mine").test_deepen_stack()


def test_the_readme_names_all_operators() -> None:
    text = (Path(stream_evo.operators.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in OPERATORS)
