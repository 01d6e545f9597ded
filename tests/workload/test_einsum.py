"""Einsum: MACs are the product of all extents, and no access relation claims less than what is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_evo.errors import InputError
from stream_evo.workload import OperatorKind, load_onnx

Check = Callable[..., list[Any]]


def _model(net: Any, equation: str, extents: dict[str, int], constant: int | None = None) -> Any:
    n = net()
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    shapes = [[extents[letter] for letter in term.replace("...", "pq")] for term in terms]
    names = [n.weights(*shape) if place == constant else n.input(shape, f"x{place}") for place, shape in enumerate(shapes)]
    n.op("Neg", n.op("Einsum", *names, equation=equation))
    return n.model()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_products(net: Any, check: Check, data: st.DataObject) -> None:
    groups = {name: data.draw(st.integers(0, 2)) for name in ("batch", "inner", "rows", "columns")}
    letters = iter("abcdefgh")
    batch, inner, rows, columns = ("".join(next(letters) for _ in range(count)) for count in groups.values())
    if not inner or not batch + rows or not batch + columns:
        return
    extents = {letter: data.draw(st.integers(1, 3)) for letter in "abcdefgh"}
    shuffled = [
        "".join(data.draw(st.permutations(term))) for term in (batch + rows + inner, batch + inner + columns, batch + rows + columns)
    ]
    model = _model(net, f"{shuffled[0]},{shuffled[1]}->{shuffled[2]}", extents, data.draw(st.sampled_from([None, 0, 1])))
    (layer,) = load_onnx(model).layers
    assert (layer.kind, layer.macs) == (OperatorKind.GEMM, math.prod(extents[letter] for letter in batch + inner + rows + columns))
    check(model)


@pytest.mark.parametrize(
    ("equation", "kind", "macs"),
    [
        ("ij,jk", OperatorKind.GEMM, 2 * 3 * 4),
        ("...ij,...jk->...ik", OperatorKind.GEMM, 5 * 6 * 2 * 3 * 4),
        ("ij,ij->ij", OperatorKind.ELEMENTWISE, 0),
        ("i,k->ik", OperatorKind.ELEMENTWISE, 0),
        ("ijk->ik", OperatorKind.POOL, 0),
    ],
)
def test_forms(net: Any, check: Check, equation: str, kind: OperatorKind, macs: int) -> None:
    model = _model(net, equation, {"i": 2, "j": 3, "k": 4, "p": 5, "q": 6})
    (layer,) = load_onnx(model).layers
    assert (layer.kind, layer.macs) == (kind, macs)
    check(model)


def test_a_rearrangement_is_no_work(net: Any) -> None:
    n = net()
    turned = n.op("Einsum", n.op("Relu", n.input([1, 2, 3])), equation="ijk->kij")
    n.op("MatMul", n.op("Einsum", turned, equation="kij->ijk"), n.weights(3, 4))
    assert [layer.operator for layer in load_onnx(n.model()).layers] == ["Relu", "MatMul"]


@pytest.mark.parametrize(("equation", "reason"), [("ii->i", "diagonal"), ("ij,kl->il", "sum over j"), ("i,i,i->i", "3 operands")])
def test_forms_without_a_layer_are_refused_with_a_reason(net: Any, equation: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        load_onnx(_model(net, equation, dict.fromkeys("ijkl", 3)))
