"""Two mappings layer by layer, and what their differences do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stream_evo
from stream_evo.comparison import ASPECTS, Effects, diff_mappings, effects_of
from stream_evo.errors import InputError, UnknownNameError
from stream_evo.explanation import explain_mapping
from stream_evo.mapping import LayerMapping, Mapping, mapping_to_yaml
from tests import strategies

CHIP = "homogeneous_quad"


def _changed(mapping: Mapping, layer: str, **changes: Any) -> Mapping:
    entries = [dataclasses.replace(entry, **changes) if entry.layer == layer else entry for entry in mapping.layers]
    return dataclasses.replace(mapping, layers=tuple(entries))


@pytest.fixture(scope="module")
def plain(result: stream_evo.Result) -> Mapping:
    """Return a mapping of five stacks on two cores."""
    layers = result.session.workload.layers
    capable = result.session.spec.capable
    names = result.session.spec.core_names
    entries = [
        LayerMapping(layer.name, (names[capable[index][0]],), layer.rows, layer.columns, 1, index // 7)
        for index, layer in enumerate(layers)
    ]
    return Mapping("squeezenet", CHIP, tuple(entries))


@pytest.mark.parametrize(
    ("aspect", "changes"),
    [("core", {"cores": ("core1",)}), ("tile", {"tile_rows": 1}), ("split", {"parts": 2}), ("core", {"cores": ("core2",)})],
)
def test_one_decision_changed_is_one_difference(plain: Mapping, aspect: str, changes: dict[str, Any]) -> None:
    diff = stream_evo.diff("squeezenet", plain, _changed(plain, "fire4/expand1x1", **changes))
    assert [(layer.layer, layer.changed) for layer in diff.changed_layers] == [("fire4/expand1x1", (aspect,))]
    assert diff.cuts == ((), ())
    assert diff.effects is None


def test_one_more_cut_changes_the_layers_of_its_stack_only(plain: Mapping) -> None:
    entries = [dataclasses.replace(entry, stack=entry.stack + (index >= 3)) for index, entry in enumerate(plain.layers)]
    diff = stream_evo.diff("squeezenet", plain, dataclasses.replace(plain, layers=tuple(entries)))
    assert [layer.layer for layer in diff.changed_layers] == [entry.layer for entry in plain.layers[:7]]
    assert {layer.changed for layer in diff.changed_layers} == {("stack",)}
    assert diff.cuts == ((), (plain.layers[2].layer,))
    assert diff.layers[0].second.text("stack") == f"{plain.layers[0].layer} .. {plain.layers[2].layer}"


def test_a_dataflow_differs_where_it_is_used(result: stream_evo.Result) -> None:
    workload = stream_evo.load_network("squeezenet")
    chip = stream_evo.load_hardware("eyeriss_quad")
    slot = next(slot for slot in chip.cores if len([flow for flow in slot.core.dataflows if not flow.depthwise_only]) > 1)
    flows = [flow.name for flow in slot.core.dataflows if not flow.depthwise_only]
    spec = stream_evo.optimize(workload, chip, population=4, generations=1)[0].mapping
    one, other = (dataclasses.replace(spec, dataflows={slot.name: flow}) for flow in flows[:2])
    diff = stream_evo.diff(workload, one, other, hardware=chip)
    used = [entry.layer for entry in spec.layers if slot.name in entry.cores]
    assert {layer.layer for layer in diff.changed_layers} <= set(used)
    without_chip = stream_evo.diff(workload, one, other)
    assert [layer.layer for layer in without_chip.changed_layers] == used
    assert {layer.changed for layer in without_chip.changed_layers} <= {("dataflow",)}


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Any, Mapping, Mapping]:
    spec = draw(strategies.specs())
    return spec, draw(strategies.mappings(spec)), draw(strategies.mappings(spec))


@given(_pairs())
def test_no_difference_means_the_same_schedule_and_the_other_way_round_is_the_mirror(pair: tuple[Any, Mapping, Mapping]) -> None:
    spec, one, other = pair
    chips = (spec.accelerator, spec.accelerator)
    forwards, backwards = (diff_mappings(spec.workload, a, b, accelerators=chips) for a, b in ((one, other), (other, one)))
    assert [(layer.second, layer.first, layer.changed) for layer in forwards.layers] == [
        (layer.first, layer.second, layer.changed) for layer in backwards.layers
    ]
    assert forwards.cuts == backwards.cuts[::-1]
    assert diff_mappings(spec.workload, one, one).changed_layers == ()
    if not forwards.changed_layers and one.priority is other.priority:
        from stream_evo.evaluation import evaluate_mapping

        numbers = [evaluate_mapping(spec.workload, spec.accelerator, mapping).metrics.tolist() for mapping in (one, other)]
        assert numbers[0] == numbers[1]
        assert one.layers == other.layers
    json.dumps(forwards.as_dict(), allow_nan=False)


@settings(max_examples=30)
@given(_pairs())
def test_parts_add_up_on_any_chip_whether_or_not_mappings_fit(pair: tuple[Any, Mapping, Mapping]) -> None:
    spec, one, other = pair
    explained = [explain_mapping(spec.workload, spec.accelerator, mapping, repair_trials=0) for mapping in (one, other)]
    effects = effects_of((explained[0], explained[1]))
    _assert_parts_add_up(effects)
    json.dumps(effects.as_dict(), allow_nan=False)
    assert effects.metrics_html(("a", "b"))


def _assert_parts_add_up(effects: Effects) -> None:
    before, after = effects.metrics
    exceptions = {("latency_cycles", "busy core"), ("latency_cycles", "busy link"), ("memory_bytes", "layer")}
    for breakdown in effects.breakdowns:
        if (breakdown.metric, breakdown.by) not in exceptions:
            total = getattr(after, breakdown.metric) - getattr(before, breakdown.metric)
            size = max(getattr(after, breakdown.metric), getattr(before, breakdown.metric))
            assert sum(share.change for share in breakdown.shares) == pytest.approx(total, abs=1e-9 * size + 1e-6), breakdown.by
        sizes = [abs(share.change) for share in breakdown.changes]
        assert sizes == sorted(sizes, reverse=True)


def test_the_parts_of_a_change_add_up_to_it(result: stream_evo.Result) -> None:
    diff = stream_evo.diff("squeezenet", result[0].mapping, result[-1].mapping, hardware=CHIP)
    assert diff.effects is not None
    assert diff.effects.metrics == (result[0].metrics, result[-1].metrics)
    _assert_parts_add_up(diff.effects)
    assert diff.effects.breakdown("energy_pj", "layer").metric == "energy_pj"
    with pytest.raises(KeyError, match="there are latency_cycles by activity"):
        diff.effects.breakdown("energy_pj", "moon")


def test_table_and_page(result: stream_evo.Result) -> None:
    diff = stream_evo.diff("squeezenet", result[0].mapping, result[-1].mapping, hardware=CHIP, labels=("<a>", "b"))
    columns = cast("list[tuple[str, str]]", diff.table.columns.to_list())  # of two levels
    assert columns == [(aspect, label) for aspect in ASPECTS for label in ("<a>", "b")]
    assert diff.table.index.to_list() == [layer.name for layer in result.session.workload.layers]
    assert "<a>" not in diff._repr_html_()


def test_mappings_of_two_chips(result: stream_evo.Result, plain: Mapping) -> None:
    moved = dataclasses.replace(plain, accelerator="heterogeneous_quad")
    diff = stream_evo.diff("squeezenet", plain, moved, hardware=(CHIP, "heterogeneous_quad"))
    assert diff.accelerators == (CHIP, "heterogeneous_quad")
    assert diff.effects is not None
    assert diff.effects.metrics[0] == stream_evo.evaluate("squeezenet", CHIP, plain)
    assert diff.effects.metrics[1] == stream_evo.evaluate("squeezenet", "heterogeneous_quad", moved)
    with pytest.raises(InputError, match="another accelerator"):
        stream_evo.diff("squeezenet", plain, moved, hardware=CHIP)


def test_files_of_equal_names_are_told_apart_by_their_folders(plain: Mapping, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.yaml").write_text(mapping_to_yaml(plain), encoding="utf-8")
    (tmp_path / "n.yaml").write_text(mapping_to_yaml(plain), encoding="utf-8")
    same = stream_evo.diff("squeezenet", tmp_path / "a" / "m.yaml", tmp_path / "b" / "m.yaml")
    assert same.labels == (str(tmp_path / "a" / "m.yaml"), str(tmp_path / "b" / "m.yaml"))
    assert stream_evo.diff("squeezenet", tmp_path / "a" / "m.yaml", tmp_path / "n.yaml").labels == ("m.yaml", "n.yaml")


def test_faults_of_both_files_are_told_at_once(plain: Mapping, tmp_path: Path) -> None:
    text = mapping_to_yaml(plain)
    (tmp_path / "one.yaml").write_text(text.replace("network: squeezenet", "network: resnet18"), encoding="utf-8")
    (tmp_path / "two.yaml").write_text(text.replace("  conv1:", "  conv9:"), encoding="utf-8")
    with pytest.raises(InputError) as error:
        stream_evo.diff("squeezenet", tmp_path / "one.yaml", tmp_path / "two.yaml")
    for words in ("one.yaml", "another network", "two.yaml", "conv9"):
        assert words in str(error.value)
    with pytest.raises(UnknownNameError, match="squeezenet"):
        stream_evo.diff("squezenet", plain, plain)


def test_a_tile_too_large_is_found_without_the_chip(plain: Mapping) -> None:
    with pytest.raises(InputError, match="exceeds the output"):
        stream_evo.diff("squeezenet", plain, _changed(plain, "conv1", tile_rows=1000))
