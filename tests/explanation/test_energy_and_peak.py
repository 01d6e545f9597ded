"""Energy and peak memory of a schedule worked out by hand, and what is said of a memory that overflows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_evo.explanation import Fill, Tensor
from stream_evo.explanation._energy import energy
from stream_evo.explanation._peak import peak_memory
from stream_evo.explanation._residency import stays
from stream_evo.explanation._shortage import shortages
from stream_evo.explanation._subject import Subject
from tests.explanation.support import PlanTiles, scheduled
from tests.schedule.test_by_hand import chip, conv, core


@pytest.fixture(name="subject")
def two_fused_layers() -> Subject:
    """Two layers of 3 rows on two cores; the times are derived in the test of this name of the scheduler."""
    return scheduled([conv(0, 3), conv(1, 3)], chip(core(), core(), width=4), [0, 1])


def test_energy_of_two_fused_layers(subject: Subject) -> None:
    """Tiles cost nothing here; every transfer is 8 bits, one word of the DRAM and one unit of each memory's port.

    A unit read is 8 pJ x 8 / 64 bits = 1 pJ, a unit written 2 pJ. DRAM: 100 pJ to read, 200 to write; its links 2 pJ a bit, the
    bus 0.5. Read from DRAM: 3 rows and w0 by core 0, w1 by core 1: 500 pJ; written by core 1: 3 rows, 600 pJ. Links to DRAM: 8 x 16
    = 128 pJ, half of it on each core's; bus: 3 x 4 = 12 pJ, for core 1, which receives. Memories: 3 rows and 2 weights come, 3 rows
    come over the bus: 8 x 2 = 16 pJ; 3 rows leave over the bus, 3 to DRAM: 6 pJ.
    Core 0: 400 + 64 + (3 + 1) x 2 + 3 x 1 = 475; core 1: 700 + 64 + 12 + (1 + 3) x 2 + 3 x 1 = 787.
    """
    found = energy(subject, PlanTiles(subject.plan))
    assert found.by_level() == {"dram": 1100, "link": 140, "transfer": 22}
    assert found.by_core() == {"core1": 787, "core0": 475}
    assert found.by_cause() == {"written out": 3 * 217, "network input": 3 * 118, "weights": 2 * 118, "activations": 3 * 7}
    assert found.by_layer() == {"L1": 651 + 118, "x": 354, "L0": 118 + 21}
    assert found.by_place()["bus"] == 12
    assert found.total_pj == subject.schedule.totals.energy_pj == 1262


def test_peak_of_two_fused_layers(subject: Subject) -> None:
    """At 22-24: on core 0 L0.1 on its way out, x2 and L0.2; on core 1 L0.0, which L1.0 reads until 24, L1.0 itself, and L0.1 coming in."""
    peak = peak_memory(subject, stays(subject))
    assert (peak.begin_cycles, peak.end_cycles, peak.activation_bits, peak.bytes) == (22, 24, 48, 6.0)
    assert peak.memories == (
        Fill("core0.maps", 24, 24, 1024),
        Fill("core0.weights", 8, 0, 1024),
        Fill("core1.maps", 24, 24, 1024),
        Fill("core1.weights", 8, 0, 1024),
    )
    assert set(peak.tensors) == {
        Tensor("core0.maps", "x", "tiles", (2,), 8),
        Tensor("core0.maps", "L0", "tiles", (1, 2), 16),
        Tensor("core0.weights", "L0", "weights", (), 8),
        Tensor("core1.maps", "L0", "tiles", (0, 1), 16),
        Tensor("core1.maps", "L1", "tiles", (0,), 8),
        Tensor("core1.weights", "L1", "weights", (), 8),
    }
    assert peak.running == (("core0", "L0"), ("core1", "L1"))


def test_overflow_names_the_tile_and_what_is_in_its_way(subject: Subject) -> None:
    """With 16 bits instead of 1024 in core 1, the 24 bits at cycle 22 are 8 too many."""
    memories = tuple(replace(m, capacity_bits=16) if m.memory == "core1.maps" else m for m in subject.schedule.memories)
    tight = replace(subject, schedule=replace(subject.schedule, memories=memories))
    (found,) = shortages(tight, PlanTiles(subject.plan), stays(tight))
    assert (found.kind, found.core, found.layer, found.memory, found.at_cycles) == ("overflow", "core1", "L1", "core1.maps", 22)
    assert (found.needed_bits, found.available_bits, found.missing_bits) == (24, 16, 8)
    assert found.tensor == "output of L0"
    assert [(tensor.layer, tensor.tiles) for tensor in found.held] == [("L0", (0, 1)), ("L1", (0,))]


def test_a_copy_dropped_for_another_leaves_when_the_other_is_wanted() -> None:
    """One core that holds the weights of one layer of two; the layers take turns, so that each is dropped for the other.

    x0 [0, 1), w0 [1, 2), L0.0 2-12; w1 needs the room of w0, which L0.0 uses until 12: [12, 13), L1.0 13-23, written [23, 24). Behind it in
    the queue x1 [24, 25) and, wanted from 25 on, w0: so long w1 may stay. w0 [25, 26), L0.1 26-36; w1 when L0.1 is done with w0: [36, 37),
    L1.1 37-47.
    """
    subject = scheduled([conv(0, 2), conv(1, 2)], chip(core(weights=8)), [0, 0])
    memory = subject.chip.names.index("core0.weights")
    found = [(subject.names[stay.stream], stay.begin_cycles, stay.end_cycles) for stay in stays(subject) if stay.memory == memory]
    assert found == [("L0", 1, 12), ("L1", 12, 25), ("L0", 25, 36), ("L1", 36, 47)]
