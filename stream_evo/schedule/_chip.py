"""An accelerator as the scheduler sees it: memory instances, ports, paths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stream_evo.hardware import Accelerator, Direction, Memory, Port, WeightLoad
from stream_evo.schedule._figures import OPERANDS
from stream_evo.workload import Operand

__all__ = ["Chip", "TransferPort"]


@dataclass(frozen=True, slots=True)
class TransferPort:
    """How a memory takes part in transfers, in one direction.

    Attributes:
        bits_per_cycle: Bandwidth of the port.
        unit_bits: Granularity: an access moves a multiple of it.
        unit_pj: Energy of one unit.
    """

    bits_per_cycle: int
    unit_bits: int
    unit_pj: float


@dataclass(frozen=True)
class Chip:
    """Derived facts of an accelerator; everything is indexed by core, by memory instance or by link.

    Args:
        accelerator: The chip.
    """

    accelerator: Accelerator

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the memory instances."""
        return tuple(name for name, _ in self.accelerator.memory_instances())

    @cached_property
    def core_memories(self) -> tuple[tuple[int, int, int], ...]:
        """Per core the memory instance of operands I, W, O; -1 for none."""
        table = [[-1, -1, -1] for _ in self.accelerator.cores]
        for memory, (_, users) in enumerate(self.accelerator.memory_instances()):
            for core, operand in users:
                table[core][OPERANDS.index(operand)] = memory
        return tuple((row[0], row[1], row[2]) for row in table)

    @cached_property
    def capacities(self) -> tuple[int, ...]:
        """Capacity of each memory instance in bits."""
        return tuple(memory.size_bits for memory, _ in self._instances)

    @cached_property
    def read_ports(self) -> tuple[TransferPort, ...]:
        """Per memory how data leave it: through the drain port of outputs, else the port that serves the array."""
        return tuple(
            _transfer_port(
                memory.port(Operand.O, Direction.TO_HIGH) if Operand.O in operands else memory.port(operands[0], Direction.TO_LOW),
                memory.read_pj,
            )
            for memory, operands in self._instances
        )

    @cached_property
    def write_ports(self) -> tuple[TransferPort, ...]:
        """Per memory how data arrive: through the fill port of its first operand, I before W before O."""
        return tuple(_transfer_port(memory.port(operands[0], Direction.FROM_HIGH), memory.write_pj) for memory, operands in self._instances)

    @cached_property
    def paths(self) -> tuple[tuple[tuple[int, ...] | None, ...], ...]:
        """Links from node to node; the last node is the DRAM; ``None`` if there is no way but through the DRAM."""
        nodes = range(len(self.accelerator.cores) + 1)
        return tuple(tuple(self.accelerator.path(a, b) for b in nodes) for a in nodes)

    def entry(self, core: int, memory: int) -> int:
        """Return the core through which a transfer from `core` reaches `memory`; -1 if there is no way but through the DRAM.

        Of the cores that hold the memory it is `core` itself, else the one to which the fewest links lead; among those the widest way wins,
        then the one of least energy, then the first core.
        """
        return self.entries[core][memory]

    @cached_property
    def entries(self) -> tuple[tuple[int, ...], ...]:
        """Per core and memory instance: the value of `entry`."""
        users = [tuple(dict.fromkeys(core for core, _ in users)) for _, users in self.accelerator.memory_instances()]
        return tuple(tuple(self._nearest(start, cores) for cores in users) for start in range(len(self.accelerator.cores)))

    def _nearest(self, start: int, cores: tuple[int, ...]) -> int:
        """Return that of `cores` with the shortest way from core `start`; see `entry`."""
        ways = {core: way for core in cores if (way := self.paths[start][core]) is not None}

        def length(core: int) -> tuple[int, int, float, int]:
            links = [self.accelerator.links[link] for link in ways[core]]
            return len(links), -min((link.bits_per_cycle for link in links), default=0), sum(link.pj_per_bit for link in links), core

        return min(ways, key=length, default=-1)

    def stream_cycles(self, bits: int, source: int, target: int) -> int:
        """Return how long streamed operands occupy the way between a core and the DRAM."""
        widths = [self.accelerator.links[link].bits_per_cycle for link in self.paths[source][target] or ()]
        return -(-bits // min([*widths, self.accelerator.dram.bits_per_cycle]))

    @property
    def loads_weights_first(self) -> bool:
        """True if weights that all fit are loaded before the first tile."""
        return self.accelerator.weight_load is WeightLoad.BEFORE_START

    def transfer_cycles(self, bits: int, source: int, target: int, sender: int, receiver: int) -> int:
        """Return the duration of a transfer: bits over the narrowest of links, sender port and receiver port, rounded up.

        `source` and `target` are nodes; `sender` and `receiver` are memory instances, -1 for the DRAM.
        """
        widths = [self.accelerator.links[link].bits_per_cycle for link in self.paths[source][target] or ()]
        widths.append(self.read_ports[sender].bits_per_cycle if sender >= 0 else self.accelerator.dram.bits_per_cycle)
        widths.append(self.write_ports[receiver].bits_per_cycle if receiver >= 0 else self.accelerator.dram.bits_per_cycle)
        return -(-bits // min(widths))

    @cached_property
    def _instances(self) -> tuple[tuple[Memory, tuple[Operand, ...]], ...]:
        found = []
        for _, users in self.accelerator.memory_instances():
            core, operand = users[0]
            memory = self.accelerator.cores[core].core.top_memory(operand)
            if memory is None:
                raise LookupError("a memory instance without memory")
            found.append((memory, tuple(sorted({operand for _, operand in users}, key=OPERANDS.index))))
        return tuple(found)


def _transfer_port(port: Port, word_pj: float) -> TransferPort:
    share = port.min_bits_per_cycle / port.max_bits_per_cycle
    return TransferPort(port.max_bits_per_cycle, port.min_bits_per_cycle, word_pj * share)
