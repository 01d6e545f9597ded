"""The three measured chips: with the tile runtimes of the framework that modelled them, the rules give exactly the totals found in trials.

Networks, mappings, tile runtimes and measured cycles are those of the study `experiments/validation`, with their source. The exact totals
below are those of these rules, from a scheduler written for the trials that shares no code with this package.
"""

from __future__ import annotations

import pytest

from experiments.validation.chips import BUILDERS, Study
from stream_evo.hardware import Accelerator, load_accelerator
from stream_evo.hw_library import ACCELERATORS
from stream_evo.schedule import Chip, Schedule, build_plan, schedule_plan
from tests.schedule.support import FixedBook, same_schedule, trace_mapping


def accelerator_of(study: Study) -> Accelerator:
    return load_accelerator(ACCELERATORS[study.chip])


def book_of(study: Study) -> FixedBook:
    return FixedBook(study.workload, accelerator_of(study), cycles=[time.total for time in study.tile_times])


def fast(study: Study) -> Schedule:
    return trace_mapping(study.workload, accelerator_of(study), study.mapping, book_of(study))


def plain(study: Study) -> Schedule:
    chip = accelerator_of(study)
    return schedule_plan(build_plan(study.workload, chip, study.mapping, book_of(study)), Chip(chip))


LATENCY_CYCLES = {"depfin": 6_107_779, "aimc_4x4": 64_180, "diana": 791_832}

PEAK_BYTES = {
    "depfin": {"core0.activation_sram": 283_200, "core0.weight_sram": 15_992},
    "aimc_4x4": {
        "cimu_0_1.io_buffer": 16_384,
        "cimu_2_3.io_buffer": 7_936,
        "cimu_4_11.io_buffer": 1_152,
        "cimu_12_13.io_buffer": 4_480,
        "cimu_14_15.io_buffer": 7_808,
        "cimu_0_1.weight_memory": 16_384,
        "cimu_2_3.weight_memory": 36_864,
        "cimu_4_11.weight_memory": 16_384,
        "cimu_12_13.weight_memory": 16_384,
        "cimu_14_15.weight_memory": 36_864,
    },
    "diana": {"l1": 117_574, "digital.weight_sram": 9_408, "analog.weight_memory": 151_552},
}


@pytest.mark.parametrize("name", BUILDERS)
def test_totals_and_peaks_of_the_trials(name: str) -> None:
    schedule = fast(BUILDERS[name]())
    assert schedule.totals.latency_cycles == LATENCY_CYCLES[name]
    assert {usage.memory: usage.peak_bits / 8 for usage in schedule.memories} == PEAK_BYTES[name]
    assert schedule.totals.evictions == 0
    assert schedule.totals.violation_bytes == 0


@pytest.mark.parametrize("name", BUILDERS)
def test_agreement_with_silicon(name: str) -> None:
    """98.8, 96.8 and 97.5 %."""
    assert abs(LATENCY_CYCLES[name] / BUILDERS[name]().measured_cycles - 1) < 0.0325


@pytest.mark.parametrize(("name", "rows"), [("depfin", 20), ("aimc_4x4", 6), ("diana", 6)])
def test_the_plain_scheduler_agrees_on_a_strip(name: str, rows: int) -> None:
    study = BUILDERS[name](rows)
    same_schedule(plain(study), fast(study))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDERS)
def test_the_plain_scheduler_agrees_in_full(name: str) -> None:
    schedule = plain(BUILDERS[name]())
    assert schedule.totals.latency_cycles == LATENCY_CYCLES[name]
    same_schedule(schedule, fast(BUILDERS[name]()))


def test_depfin_by_hand() -> None:
    """All rows of all layers one after another, each row of output written before the next transfer, and one new row of input per row.

    540 x 9,293 cycles of compute, 540 x 1,920 of writing 16 x 960 bytes through 64 bits, and 540 x 120 of reading 960 bytes make 6,119,820;
    the schedule hides 0.2 % of that, at the start and at the end.
    """
    study = BUILDERS["depfin"]()
    serial = 540 * (sum(time.total for time in study.tile_times) + 16 * 960 * 8 // 64 + 960 * 8 // 64)
    assert serial == 6_119_820
    assert 0.997 < fast(study).totals.latency_cycles / serial < 1


def test_aimc_by_hand() -> None:
    """The slowest stage runs 1,568 tiles of 38 cycles; 2,304 cycles load its weights, 2,292 fill and drain the pipeline."""
    schedule = fast(BUILDERS["aimc_4x4"]())
    weights = max(move.end_cycles for move in schedule.transfers if move.tile == -1)
    assert weights == 64 * 64 * 9 * 8 // 128 == 2_304
    assert schedule.totals.latency_cycles == 56 * 28 * 38 + weights + 2_292
