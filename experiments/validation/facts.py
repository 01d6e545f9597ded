"""The description from facts with single facts or assumptions changed, to see what each is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chips import Study

from stream_evo.hardware import Accelerator, ArrayTiming
from stream_evo.workload import Bits

__all__ = ["CHANGES", "Change", "changed"]


def _same(chip: Accelerator) -> Accelerator:
    return chip


@dataclass(frozen=True)
class Change:
    """One row of the table of facts.

    Attributes:
        study: Name of the study.
        title: What is different.
        chip: Changes the accelerator.
        bits: Precisions instead of the study's.
        dataflows: Dataflows instead of the study's, by core.
    """

    study: str
    title: str
    chip: Callable[[Accelerator], Accelerator] = _same
    bits: Bits | None = None
    dataflows: Mapping[str, str] = field(default_factory=dict)


def _timed(timing: ArrayTiming, *cores: str) -> Callable[[Accelerator], Accelerator]:
    """Return a change of the timing of some cores; of all if none is named."""

    def change(chip: Accelerator) -> Accelerator:
        slots = tuple(
            replace(slot, core=replace(slot.core, timing=timing)) if not cores or slot.name in cores else slot for slot in chip.cores
        )
        return replace(chip, cores=slots)

    return change


def _drained(chip: Accelerator) -> Accelerator:
    return replace(_timed(ArrayTiming(output_tile_cycles=20))(chip), dma_channels=2)


CHANGES = (
    Change("depfin", "as described"),
    Change("depfin", "20 cycles of drain per array tile as well", _timed(ArrayTiming(output_tile_cycles=20))),
    Change("depfin", "20 cycles of drain per array tile, reads and writes overlap", _drained),
    Change("aimc_4x4", "as described"),
    Change("aimc_4x4", "9 cycles per input bit (180 MHz)", _timed(ArrayTiming(input_bit_cycles=9))),
    Change("aimc_4x4", "11 cycles per input bit (220 MHz)", _timed(ArrayTiming(input_bit_cycles=11))),
    Change("aimc_4x4", "weights stay, but a product takes one cycle", _timed(ArrayTiming())),
    Change("aimc_4x4", "two cycles to fill and drain in every step", _timed(ArrayTiming(input_bit_cycles=10, output_tile_cycles=2))),
    Change("aimc_4x4", "5 bits instead of 4", bits=Bits(I=5, W=5, O=16, O_final=5)),
    Change("aimc_4x4", "8 bits instead of 4", bits=Bits()),
    Change("diana", "as described"),
    Change("diana", "digital tile of the other source: 3 x 7 x 7 + 20", _timed(ArrayTiming(output_tile_cycles=20), "digital")),
    Change("diana", "fill and drain within the 23 cycles", _timed(ArrayTiming(output_tile_cycles=21, input_row_cycles=2), "digital")),
    Change("diana", "digital core without rests", _timed(ArrayTiming(), "digital")),
    Change("diana", "analog product of 39.6 ns (11 cycles)", _timed(ArrayTiming(step_cycles=11), "analog")),
    Change("diana", "analog core with one output column at once", dataflows={"analog": "CFXFYK"}),
)


def changed(study: Study, change: Change) -> Study:
    """Return the study with the precisions and dataflows of a change; its chip is changed by ``change.chip``."""
    return replace(study, bits=change.bits or study.bits, dataflows={**study.dataflows, **change.dataflows})
