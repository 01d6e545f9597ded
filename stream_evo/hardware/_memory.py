"""Memories of a core and their ports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stream_evo.workload import Operand

__all__ = ["Direction", "Memory", "Port", "PortKind"]


class PortKind(StrEnum):
    """What a port can do."""

    READ = "r"
    WRITE = "w"
    READ_WRITE = "rw"


class Direction(StrEnum):
    """The four ways data of one operand pass a memory; low is towards the processing elements.

    ``TO_LOW`` serves the level below, ``FROM_LOW`` takes results from it, ``FROM_HIGH`` is filled from above, ``TO_HIGH`` drains upwards.
    """

    TO_LOW = "to_low"
    FROM_LOW = "from_low"
    FROM_HIGH = "from_high"
    TO_HIGH = "to_high"

    @property
    def reads(self) -> bool:
        """True if this direction reads the memory."""
        return self in (Direction.TO_LOW, Direction.TO_HIGH)


@dataclass(frozen=True, slots=True)
class Port:
    """One physical port; what it serves competes for its bandwidth.

    Attributes:
        name: Name, unique in the memory.
        kind: Reading, writing or both.
        min_bits_per_cycle: Granularity of an access.
        max_bits_per_cycle: Bandwidth; the word that an access energy refers to.
        serves: The (operand, direction) pairs that pass through this port.
    """

    name: str
    kind: PortKind
    min_bits_per_cycle: int
    max_bits_per_cycle: int
    serves: tuple[tuple[Operand, Direction], ...]

    def __post_init__(self) -> None:
        if not 0 < self.min_bits_per_cycle <= self.max_bits_per_cycle:
            raise ValueError(f"port {self.name}: bandwidth must satisfy 0 < minimum <= maximum")
        for operand, direction in self.serves:
            if self.kind is not PortKind.READ_WRITE and direction.reads != (self.kind is PortKind.READ):
                raise ValueError(f"port {self.name}: a {self.kind} port cannot serve {operand} {direction}")


@dataclass(frozen=True, slots=True)
class Memory:
    """One level of a core's memory hierarchy.

    Attributes:
        name: Name, unique in the core.
        size_bits: Capacity of one instance.
        operands: Operands it holds.
        shared_over: Array dimensions that one instance serves; none = one instance per processing element.
        ports: Physical ports.
        read_pj: Energy of reading one word of the port's full bandwidth.
        write_pj: Energy of writing one word of the port's full bandwidth.
        area: Area in the unit of the source; ``None`` where it is not known.
    """

    name: str
    size_bits: int
    operands: tuple[Operand, ...]
    shared_over: tuple[str, ...]
    ports: tuple[Port, ...]
    read_pj: float
    write_pj: float
    area: float | None = None

    def __post_init__(self) -> None:
        if self.size_bits < 1:
            raise ValueError(f"memory {self.name}: size must be at least 1 bit")
        if not self.operands:
            raise ValueError(f"memory {self.name}: it must hold at least one operand")
        if min(self.read_pj, self.write_pj) < 0:
            raise ValueError(f"memory {self.name}: energies cannot be negative")
        for operand in self.operands:
            needed = [Direction.TO_LOW, Direction.FROM_HIGH]
            if operand is Operand.O:
                needed += [Direction.FROM_LOW, Direction.TO_HIGH]
            for direction in needed:
                if sum((operand, direction) in port.serves for port in self.ports) != 1:
                    raise ValueError(f"memory {self.name}: exactly one port must serve {operand} {direction}")

    def port(self, operand: Operand, direction: Direction) -> Port:
        """Return the port through which `operand` passes in `direction`."""
        return next(port for port in self.ports if (operand, direction) in port.serves)
