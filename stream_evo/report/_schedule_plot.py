"""From a recorded schedule to the lanes of a Gantt chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from stream_evo.hardware import Accelerator
from stream_evo.report._gantt import Lane, MemoryTrace, plot_gantt
from stream_evo.schedule import Cause, Schedule, Transfer
from stream_evo.workload import Workload

__all__ = ["plot_schedule"]

_MOST_MEMORIES = 8  # as many as there are colours; those with the highest peaks are drawn
_CAUSES = {
    Cause.NETWORK_INPUT: "network input",
    Cause.WEIGHTS: "weights",
    Cause.ACTIVATION: "activations",
    Cause.REFETCH: "fetched again",
    Cause.OUTPUT: "network output",
    Cause.EVICTION: "written back",
    Cause.STREAMED_READ: "streamed in",
    Cause.STREAMED_WRITE: "streamed out",
}


def plot_schedule(schedule: Schedule, workload: Workload, accelerator: Accelerator, *, title: str = "Schedule") -> Figure:
    """Draw a schedule: one lane per core, per link that is used, and for the DRAM; below, the activations held on the chip.

    Args:
        schedule: A recorded schedule.
        workload: The network, for the names of the layers.
        accelerator: The chip, for the names of cores and links.
        title: Heading.

    Returns:
        A figure of its own, to be saved or embedded by the caller.
    """
    names = [layer.name for layer in workload.layers]
    lanes = [_core_lane(schedule, core, slot.name, names) for core, slot in enumerate(accelerator.cores)]
    for index, link in enumerate(accelerator.links):
        used = [transfer for transfer in schedule.transfers if index in transfer.links]
        if used:
            lanes.append(_transfer_lane(f"link {link.name}", used))
    dram = accelerator.dram_node
    lanes.append(_transfer_lane("DRAM", [t for t in schedule.transfers if dram in (t.source, t.target)]))
    causes = sorted({transfer.cause for transfer in schedule.transfers})
    largest = sorted(schedule.memories, key=lambda usage: -max(usage.activation_bits, default=0))[:_MOST_MEMORIES]
    memories = [
        MemoryTrace(usage.memory, np.array(usage.times, float), np.array(usage.activation_bits, float) / 8.0, usage.capacity_bits / 8.0)
        for usage in schedule.memories
        if usage in largest and any(usage.activation_bits)
    ]
    return plot_gantt(lanes, memories=memories, legend=[(_CAUSES[cause], int(cause)) for cause in causes], title=title)


def _core_lane(schedule: Schedule, core: int, name: str, layers: Sequence[str]) -> Lane:
    tiles = sorted((tile for tile in schedule.tiles if tile.core == core), key=lambda tile: tile.start_cycles)
    layer = np.array([tile.layer for tile in tiles], dtype=np.int64)
    start = np.array([tile.start_cycles for tile in tiles], dtype=float)
    end = np.array([tile.end_cycles for tile in tiles], dtype=float)
    return Lane(name, start, end, layer, layer, layers)


def _transfer_lane(name: str, transfers: Sequence[Transfer]) -> Lane:
    start = np.array([transfer.start_cycles for transfer in transfers], dtype=float)
    end = np.array([transfer.end_cycles for transfer in transfers], dtype=float)
    cause = np.array([int(transfer.cause) for transfer in transfers], dtype=np.int64)
    return Lane(name, start, end, cause, np.zeros_like(cause))
