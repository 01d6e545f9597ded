"""Bytes of batches and states."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stream_evo.search._blocks import BlockTable
from stream_evo.search._codec import pack_batch, pack_state, unpack_batch, unpack_state
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._rng import restore_rng, rng_state


@given(st.integers(0, 9), st.integers(1, 9), st.sampled_from(["u1", "u2", "u4"]), st.data())
def test_batches_come_back_exactly(count: int, genes: int, kind: str, data: st.DataObject) -> None:
    gene_type = np.dtype(kind)
    genomes = data.draw(hnp.arrays(np.int64, (count, genes), elements=st.integers(0, int(np.iinfo(gene_type).max))))
    metrics = data.draw(hnp.arrays(np.float64, (count, 3)))
    violation = data.draw(hnp.arrays(np.float64, count, elements=st.floats(0, allow_nan=False)))
    blocks = data.draw(st.none() | _tables(count)) if count else None
    *back, table = unpack_batch(pack_batch(genomes, metrics, violation, blocks, gene_type), count, genes, 3, gene_type)
    for found, given_values in zip(back, (genomes, metrics, violation), strict=True):
        assert found.dtype == given_values.dtype
        np.testing.assert_array_equal(found, given_values)
    assert (table is None) == (blocks is None)
    if table is not None and blocks is not None:
        for name in ("genomes", "first", "behind", "figures"):
            found, given_values = getattr(table, name), getattr(blocks, name)
            assert found.dtype == given_values.dtype
            np.testing.assert_array_equal(found, given_values)


@st.composite
def _tables(draw: st.DrawFn, count: int) -> BlockTable:
    genomes = np.array(sorted(draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=8))), dtype=np.int64)
    layers = draw(hnp.arrays(np.int64, (2, len(genomes)), elements=st.integers(0, 10**6)))
    figures = draw(hnp.arrays(np.float32, (len(genomes), 4), elements=st.floats(0, 2.0**40, width=32)))
    return BlockTable(genomes, layers[0], layers[1], figures)


def test_damaged_bytes_are_told() -> None:
    blob = pack_batch(np.ones((2, 3), dtype=np.int64), np.ones((2, 1)), np.ones(2), None, np.dtype("u1"))
    with pytest.raises(ValueError, match="damaged batch"):
        unpack_batch(blob[:-3], 2, 3, 1, np.dtype("u1"))
    with pytest.raises(ValueError, match="a batch of 3 genomes needs"):
        unpack_batch(blob, 3, 3, 1, np.dtype("u1"))
    with pytest.raises(ValueError, match="damaged checkpoint"):
        unpack_state(zlib.compress(b"nothing"))
    with pytest.raises(ValueError, match="damaged checkpoint"):
        unpack_state(b"nothing")


def test_states_come_back_exactly_and_equal_states_are_equal_bytes() -> None:
    rng = np.random.default_rng(5)
    rng.random(3)
    rng.integers(7, size=3, dtype=np.int32)  # leaves half a word in the generator
    state = {"rng": rng_state(rng), "array": np.array([[1.5, np.inf]]), "ints": np.arange(3), "flag": True, "nothing": None}
    blob = pack_state(state)
    back = unpack_state(blob)
    assert set(back) == set(state)
    np.testing.assert_array_equal(back["array"], state["array"])
    assert back["flag"] is True
    assert back["nothing"] is None
    other = np.random.default_rng(6)
    restore_rng(other, back["rng"])
    assert other.integers(7, size=9, dtype=np.int32).tolist() == rng.integers(7, size=9, dtype=np.int32).tolist()
    assert other.random(5).tolist() == rng.random(5).tolist()
    assert pack_state(back) == blob


def test_a_state_of_objects_is_refused() -> None:
    with pytest.raises(TypeError, match="plain numbers"):
        pack_state({"objects": np.array([object()])})
    with pytest.raises(TypeError):
        pack_state({"rng": np.random.default_rng()})


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.integers(-3, 3)))
def test_keys_are_equal_exactly_for_equal_genomes(genomes: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    keys = genome_keys(genomes)
    for a, key in enumerate(keys):
        assert [other == key for other in keys] == (genomes == genomes[a]).all(axis=1).tolist()


def test_the_ledger_grows_and_finds() -> None:
    ledger = Ledger(2)
    genomes = np.arange(9000, dtype=np.int64).reshape(3000, 3)
    for part in np.split(np.arange(3000), 7 * np.arange(1, 400)):
        ledger.add(genome_keys(genomes[part]), np.repeat(genomes[part, :1].astype(float), 2, axis=1), genomes[part, 1].astype(float))
    assert len(ledger) == 3000
    rows = ledger.rows(genome_keys(genomes[[2999, 0, 17]]))
    metrics, violation = ledger.scores(rows)
    assert metrics[:, 0].tolist() == genomes[[2999, 0, 17], 0].tolist()
    assert violation.tolist() == genomes[[2999, 0, 17], 1].tolist()
    assert ledger.contains(np.array([[0, 1, 2], [0, 1, 3]])).tolist() == [True, False]
    with pytest.raises(ValueError, match="added twice"):
        ledger.add(genome_keys(genomes[:1]), np.zeros((1, 2)), np.zeros(1))
