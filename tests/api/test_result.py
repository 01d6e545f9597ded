"""A result in Python: its table, its points, its pictures."""

from __future__ import annotations

import numpy as np
import pytest

import stream_evo
from stream_evo._run._job import Job
from stream_evo.errors import InputError


@pytest.fixture(scope="module")
def result() -> stream_evo.Result:
    """Return a small search that was made once."""
    return stream_evo.optimize("squeezenet", "homogeneous_quad", population=10, generations=2, seed=1)


def test_the_front_is_a_table_with_units(result: stream_evo.Result) -> None:
    front = result.front
    assert front.to_numpy().tolist() == result.metrics.tolist()
    assert front.index.to_list() == list(range(len(result)))
    assert front.attrs["objectives"] == ["energy_pj", "latency_cycles", "memory_bytes"]
    assert front.attrs["units"].keys() == set(front.columns) == front.attrs["lower_bounds"].keys()
    assert (front["energy_pj"] >= front.attrs["lower_bounds"]["energy_pj"]).all()
    assert front[front["latency_cycles"] > 0].attrs == front.attrs  # pandas hands them on


def test_points_are_counted_from_both_ends(result: stream_evo.Result) -> None:
    points = list(result)
    assert [point.index for point in points] == list(range(len(result)))
    assert result[-1].index == len(result) - 1
    assert result[np.int64(0)].metrics == points[0].metrics
    assert [point.index for point in reversed(result)] == list(range(len(result)))[::-1]


@pytest.mark.parametrize("cut", [slice(0, 2), slice(None), slice(None, None, -1), slice(-1, None), slice(5, 5), slice(10**6)])
def test_slices_are_tuples_of_points(result: stream_evo.Result, cut: slice) -> None:
    found = result[cut]
    assert isinstance(found, tuple)
    assert [point.index for point in found] == list(range(len(result)))[cut]
    assert [point.metrics for point in found] == [point.metrics for point in list(result)[cut]]


def test_an_index_of_no_point_is_told_what_there_is(result: stream_evo.Result) -> None:
    count = len(result)
    for wrong in (count, -count - 1):
        with pytest.raises(
            IndexError, match=f"no point {wrong}: the front has {count} points; expected a number from -{count} to {count - 1}"
        ):
            _ = result[wrong]


@pytest.mark.parametrize("wrong", ["a", 1.5, None, (0, 1), slice("a")])
def test_what_is_no_index_is_refused(result: stream_evo.Result, wrong: object) -> None:
    with pytest.raises(TypeError, match=f"the front has {len(result)} points; expected a whole number, or a slice .*; found ") as caught:
        _ = result[wrong]  # type: ignore[call-overload]  # what is tested
    assert repr(wrong) in str(caught.value)


def test_arrays_of_a_result_are_read_only(result: stream_evo.Result) -> None:
    for array in (result.metrics, result.genomes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_point_has_its_mapping_schedule_and_reasons(result: stream_evo.Result) -> None:
    for point in (result[0], result[-1]):
        assert stream_evo.evaluate("squeezenet", "homogeneous_quad", point.mapping) == point.metrics
        assert point.schedule is point.schedule
        assert point.schedule.totals.energy_pj == point.metrics.energy_pj
        assert point.explain().totals == point.schedule.totals
        assert point.genome.tolist() == result.session.spec.encode(point.mapping).tolist()


def test_the_tables_of_a_schedule_tell_all_of_it(result: stream_evo.Result) -> None:
    schedule = result[0].schedule
    tiles, transfers = schedule.tiles, schedule.transfers
    assert max(tiles["end_cycles"].max(), transfers["end_cycles"].max()) == schedule.totals.latency_cycles
    assert (tiles["start_cycles"] >= tiles["ready_cycles"]).all()
    assert tiles["start_cycles"].is_monotonic_increasing
    busy = (tiles["end_cycles"] - tiles["start_cycles"]).groupby(tiles["core"]).sum()
    assert {name: cycles for name, cycles in schedule.core_busy_cycles.items() if cycles} == busy[busy > 0].to_dict()
    assert set(tiles["layer"]) == {layer.name for layer in result.session.workload.layers}
    nodes = {slot.name for slot in result.session.accelerator.cores} | {result.session.accelerator.dram.name}
    assert set(transfers["source"]) | set(transfers["target"]) <= nodes
    off_chip = transfers[(transfers["source"] == "dram") | (transfers["target"] == "dram")]
    assert off_chip["bits"].sum() / 8 == result[0].metrics.dram_bytes
    loaded = transfers[transfers["cause"] == "weights"].groupby("layer")["bits"].sum()
    weights = {layer.name: layer.weight_bits for layer in result.session.workload.layers if layer.weights}
    assert set(loaded.index) == set(weights)
    assert all(bits >= weights[str(layer)] for layer, bits in loaded.items()), "each is loaded once, and again after it was evicted"
    assert schedule.totals.evictions or loaded.to_dict() == weights
    pieces = transfers[transfers["cause"] == "network_input"]
    assert set(pieces["layer"]) == {source.name for source in result.session.workload.inputs}


def test_pictures_show_themselves_in_notebooks(result: stream_evo.Result) -> None:
    for figure in (result.plot(), result.plot_convergence(), result[0].schedule.plot()):
        assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]  # what a notebook asks for


def test_values_show_themselves_in_notebooks(result: stream_evo.Result) -> None:
    point = result[0]
    session = result.session
    pages = {
        "result": (result, f"{len(result)} points on the front"),
        "point": (point, f"{point.metrics.latency_cycles:,.0f}"),
        "metrics": (point.metrics, f"{point.metrics.memory_bytes:,.0f}"),
        "schedule": (point.schedule, f"{len(point.schedule.record.tiles):,}"),
        "mapping": (point.mapping, "fire9/expand3x3"),
        "workload": (session.workload, "349,151,936 MACs"),
        "accelerator": (session.accelerator, "bits per cycle"),
    }
    for name, (value, words) in pages.items():
        page = value._repr_html_()  # type: ignore[attr-defined]  # as above
        assert words in page, name
        assert page.count("<tr>") == page.count("</tr>") > 1
    assert repr(result) == f"<Result: squeezenet on homogeneous_quad, {len(result)} points, minimised energy, latency, memory>"


def test_names_are_escaped_and_long_tables_are_cut() -> None:
    layer = stream_evo.load_network("squeezenet").layers[0]
    import dataclasses

    layers = tuple(dataclasses.replace(layer, name=f"</script><b>{number}") for number in range(1000))
    page = stream_evo.Workload("<i>näme</i>", layers, stream_evo.load_network("squeezenet").inputs)._repr_html_()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt;näme" in page
    assert page.count("<tr>") == 41
    assert "and 960 more" in page


def test_a_mapping_that_does_not_fit_says_so_in_notebooks() -> None:
    metrics = stream_evo.PointMetrics(np.inf, np.inf, 1.0, np.inf, 1.0, violation_bytes=12.0)
    assert "violation_bytes" in metrics._repr_html_()
    assert metrics.as_dict()["latency_cycles"] is None


def test_everything_public_is_in_the_reference_of_the_package() -> None:
    text = stream_evo.__doc__ or ""
    assert [name for name in stream_evo.__all__ if name not in text] == []
    assert list(stream_evo._MODULES) == stream_evo.__all__


def test_objectives_and_limits_go_by_the_names_of_their_metrics_too() -> None:
    job = Job(network="n", hardware="h", objectives=("edp_pj_cycles", "dram"), limits={"latency_cycles": 10.0})
    assert job == Job(network="n", hardware="h", objectives=("edp", "dram_bytes"), limits={"latency": 10.0})
    assert job.as_dict()["objectives"] == ["edp", "dram"]
    assert job.metric_limits == {"latency_cycles": 10.0}
    with pytest.raises(InputError, match="an objective is named twice"):
        Job(network="n", hardware="h", objectives=("energy", "energy_pj"))
