"""Critical paths worked out by hand. Notation as in tests/schedule/test_by_hand.py: ``[a, b)`` a transfer, ``a-b`` a tile of 10 cycles."""

from __future__ import annotations

from stream_evo.explanation import CriticalPath, Hold
from stream_evo.explanation._path import critical_path
from stream_evo.explanation._subject import Subject
from stream_evo.hardware import WeightLoad
from tests.explanation.support import PlanTiles, scheduled
from tests.schedule.test_by_hand import chip, conv, core


def path_of(subject: Subject) -> CriticalPath:
    return critical_path(subject, PlanTiles(subject.plan))


def steps_of(path: CriticalPath) -> list[tuple[str, str, int, int, int, Hold]]:
    """Return (activity, layer, tile, start, end, hold) of each step."""
    return [(step.activity, step.layer, step.tile, step.start_cycles, step.end_cycles, step.holds) for step in path.steps]


def test_two_fused_layers_on_two_cores() -> None:
    """The schedule is worked out in the test of the same name of the scheduler.

    Back from the end: L1.2 is written [44, 45) when it has ended; its core ran L1.1 until 34 and L1.0 until 24; L1.0 starts at 14 when its
    row has come [12, 14), which L0.0 made 2-12, which waited for w0 [1, 2), behind x0 [0, 1) in the queue.
    """
    subject = scheduled([conv(0, 3), conv(1, 3)], chip(core(), core(), width=4), [0, 1])
    path = path_of(subject)
    assert steps_of(path) == [
        ("network input", "x", 0, 0, 1, Hold.DMA),
        ("weights", "L0", -1, 1, 2, Hold.OPERAND),
        ("compute", "L0", 0, 2, 12, Hold.PREDECESSOR),
        ("activations", "L0", 0, 12, 14, Hold.OPERAND),
        ("compute", "L1", 0, 14, 24, Hold.CORE),
        ("compute", "L1", 1, 24, 34, Hold.CORE),
        ("compute", "L1", 2, 34, 44, Hold.PREDECESSOR),
        ("written out", "L1", 2, 44, 45, Hold.FINISH),
    ]
    assert path.steps[3].route == ("core0", "core1")
    assert path.cycles_by_core == {"core1": 30, "core0": 10}
    assert path.cycles_by_link == {"dram0": 2, "bus": 2, "dram1": 1}
    assert path.cycles_by_layer == {"L1": 31, "L0": 13, "x": 1}
    assert path.cycles_by_activity == {"compute": 40, "activations": 2, "network input": 1, "weights": 1, "written out": 1}
    assert path.cycles_by_hold == {Hold.CORE: 20, Hold.PREDECESSOR: 20, Hold.OPERAND: 3, Hold.DMA: 1, Hold.FINISH: 1}
    assert (path.binding_core, path.binding_link) == ("core1", "dram0")
    # Busy in all: 3 tiles on each core; on link dram0 3 rows and a weight, on dram1 a weight and 3 rows written, on the bus 3 rows of
    # 2 cycles.
    assert path.core_busy_cycles == {"core0": 30, "core1": 30}
    assert path.link_busy_cycles == {"dram0": 4, "dram1": 4, "bus": 6}


def test_weights_fetched_one_tile_ahead() -> None:
    """One core; L1 has 16 outputs, so that w1 and each of its rows are 128 bits, 16 cycles. The cut lets all of L0 run first.

    x0 [0, 1), w0 [1, 2), L0.0 2-12, x1 [2, 3), L0.1 12-22. w1 is not fetched before L0.1 starts: [12, 28), though the DMA is idle
    from 3 on. L1.0 28-38, written [38, 54); L1.1 38-48, written [54, 70) behind it. So L0.0 holds up w1: the tile before the one it may
    run ahead of.
    """
    subject = scheduled([conv(0, 2), conv(1, 2, channels=(16, 1))], chip(core()), [0, 0], stacks=[0, 1])
    assert steps_of(path_of(subject)) == [
        ("network input", "x", 0, 0, 1, Hold.DMA),
        ("weights", "L0", -1, 1, 2, Hold.OPERAND),
        ("compute", "L0", 0, 2, 12, Hold.FETCH_AHEAD),
        ("weights", "L1", -1, 12, 28, Hold.OPERAND),
        ("compute", "L1", 0, 28, 38, Hold.PREDECESSOR),
        ("written out", "L1", 0, 38, 54, Hold.DMA),
        ("written out", "L1", 1, 54, 70, Hold.FINISH),
    ]


def test_weights_of_all_cores_come_first() -> None:
    """w0 [0, 1) on core 0; w1, 16 outputs, [0, 16) on core 1; no tile starts before 16, though x0 is there at 2.

    L0.0 16-26, its row [26, 27), L1.0 27-37, written [37, 53).
    """
    accelerator = chip(core(), core(), weight_load=WeightLoad.BEFORE_START)
    subject = scheduled([conv(0, 1), conv(1, 1, channels=(16, 1))], accelerator, [0, 1])
    assert steps_of(path_of(subject)) == [
        ("weights", "L1", -1, 0, 16, Hold.WEIGHTS),
        ("compute", "L0", 0, 16, 26, Hold.PREDECESSOR),
        ("activations", "L0", 0, 26, 27, Hold.OPERAND),
        ("compute", "L1", 0, 27, 37, Hold.PREDECESSOR),
        ("written out", "L1", 0, 37, 53, Hold.FINISH),
    ]


def test_no_room_for_the_next_row() -> None:
    """As the first case, but core 1 holds two rows only: one of L0 and one of its own.

    Row 1 of L0 is there at 22 but finds room at 24 only, when L1.0 has used row 0: [24, 26), L1.1 26-36; row 2 likewise [36, 38),
    L1.2 38-48, written [48, 49).
    """
    subject = scheduled([conv(0, 3), conv(1, 3)], chip(core(), core(maps=16), width=4), [0, 1])
    path = path_of(subject)
    assert steps_of(path)[3:] == [
        ("activations", "L0", 0, 12, 14, Hold.OPERAND),
        ("compute", "L1", 0, 14, 24, Hold.MEMORY),
        ("activations", "L0", 1, 24, 26, Hold.OPERAND),
        ("compute", "L1", 1, 26, 36, Hold.MEMORY),
        ("activations", "L0", 2, 36, 38, Hold.OPERAND),
        ("compute", "L1", 2, 38, 48, Hold.PREDECESSOR),
        ("written out", "L1", 2, 48, 49, Hold.FINISH),
    ]
    # In the chain, two rounds of row and tile are one stretch.
    repeated = [stretch for stretch in path.chain if stretch.repeats == 2]
    assert [(step.activity, step.first_tile, step.last_tile, step.cycles) for step in repeated[0].pattern] == [
        ("activations", 0, 1, 4),
        ("compute", 0, 1, 20),
    ]
    assert (repeated[0].start_cycles, repeated[0].end_cycles) == (12, 36)


def test_a_tile_that_waits_for_its_streamed_weights() -> None:
    """Weights of 8 bits do not fit a memory of 4, and are streamed: 160 bits, 20 cycles, while the tile could run in 10.

    x0 [0, 1), L0.0 from 1, its weights [1, 21), so that it ends at 21; written [21, 22).
    """
    subject = scheduled([conv(0, 1)], chip(core(weights=4)), [0], streamed_bits=(0, 160, 0))
    path = path_of(subject)
    assert steps_of(path) == [
        ("network input", "x", 0, 0, 1, Hold.OPERAND),
        ("streamed in", "L0", 0, 1, 21, Hold.STREAMING),
        ("written out", "L0", 0, 21, 22, Hold.FINISH),
    ]
    assert path.cycles_by_core == {}
    assert path.binding_core == ""
    assert path.cycles_by_link == {"dram0": 22}


def test_two_cores_share_a_bus() -> None:
    """L0 on core 0 feeds L1 on core 1 and L2 on core 2; a row takes 8 cycles on a bus of 1 bit a cycle.

    x0 [0, 1), w0 [1, 2), L0.0 2-12. L2, the deeper layer, is decided first: its row [12, 20), L2.0 20-30. The row for L1 must wait for the
    bus: [20, 28), L1.0 28-38, written [38, 39).
    """
    layers = [conv(0, 1), conv(1, 1), conv(2, 1, producer=0)]
    subject = scheduled(layers, chip(core(), core(), core(), width=1), [0, 1, 2])
    assert steps_of(path_of(subject))[2:] == [
        ("compute", "L0", 0, 2, 12, Hold.PREDECESSOR),
        ("activations", "L0", 0, 12, 20, Hold.LINK),
        ("activations", "L0", 0, 20, 28, Hold.OPERAND),
        ("compute", "L1", 0, 28, 38, Hold.PREDECESSOR),
        ("written out", "L1", 0, 38, 39, Hold.FINISH),
    ]
