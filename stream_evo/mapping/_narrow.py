"""How pins narrow the bounds of genes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stream_evo._yaml import near_matches
from stream_evo.errors import Fault, InputError
from stream_evo.mapping._mapping import PRIORITIES, can_run
from stream_evo.mapping._pins import DataflowPin, LayerPin
from stream_evo.typing import IntArray

if TYPE_CHECKING:
    from stream_evo.mapping._genome import GenomeSpec

__all__ = ["narrow"]


def narrow(spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
    """Narrow the gene bounds `lower` and `upper`, shape ``(V,)``, in place to the pins of `spec`.

    Raises:
        InputError: pins name what does not exist or is not on offer, or contradict each other; all of them are listed.
    """
    narrowing = _Narrowing(spec, lower, upper)
    for key, expected, found in (
        ("network", spec.workload.name, spec.pins.network),
        ("accelerator", spec.accelerator.name, spec.pins.accelerator),
    ):
        if found and found != expected:
            narrowing.faults.append(Fault(f"these pins are for another {key}", f"$.{key}", expected=expected, found=found))
    if not narrowing.faults:
        for layer in spec.pins.layers:
            narrowing.layer(layer)
        narrowing.stacks()
        for flow in spec.pins.dataflows:
            narrowing.dataflow(flow)
        if spec.pins.priority is not None and "priority" in spec.segments:
            narrowing.gene("priority", 0, PRIORITIES.index(spec.pins.priority), "$.priority", 0)
    if narrowing.faults:
        raise InputError(spec.pins.source, sorted(narrowing.faults, key=lambda fault: fault.line))


class _Narrowing:
    """Bounds on their way to what the pins allow, with the faults met so far."""

    def __init__(self, spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
        self.spec = spec
        self.lower = lower
        self.upper = upper
        self.faults: list[Fault] = []
        self.names = [layer.name for layer in spec.workload.layers]
        self._pinned: dict[int, str] = {}

    def gene(self, segment: str, offset: int, value: int, path: str, line: int, last: int | None = None) -> None:
        """Confine gene `offset` of `segment` to `value`, or to ``value..last``."""
        position = self.spec.segments[segment].start + offset
        low = max(int(self.lower[position]), value)
        high = min(int(self.upper[position]), value if last is None else last)
        if low > high:
            self.fault(f"this contradicts {self._pinned.get(position, 'another pin')} about the {segment} gene", path, line)
            return
        self.lower[position], self.upper[position] = low, high
        self._pinned[position] = f"the pin {path}" + (f" in line {line}" if line else "")

    def fault(self, what: str, path: str, line: int, hint: str = "") -> None:
        self.faults.append(Fault(what, path, line, hint=hint))

    def layer(self, pin: LayerPin) -> None:
        path = f"$.layers.{pin.layer}"
        if pin.layer not in self.names:
            self.fault(f"{self.spec.workload.name} has no layer {pin.layer!r}", path, pin.line, near_matches(pin.layer, self.names))
            return
        index = self.names.index(pin.layer)
        if pin.cores is not None:
            self._cores(index, pin.cores, path, pin.line)
        if pin.parts is not None:
            self._parts(index, pin.parts, path, pin.line)
        if pin.tile_rows is not None or pin.tile_columns is not None:
            self._tile(index, pin, path)
        if pin.cut_after is not None:
            if index == len(self.names) - 1:
                self.fault("the last layer has no cut after it", path, pin.line)
            else:
                self.gene("cut", index, int(pin.cut_after), path, pin.line)

    def _cores(self, index: int, cores: tuple[str, ...], path: str, line: int) -> None:
        spec = self.spec
        reasons = [reason for core in cores if (reason := self._why_not(index, core))]
        for reason in reasons:
            self.fault(reason, path, line)
        if reasons:
            return
        for exponent in spec.ways[index]:
            for choice in range(len(spec.capable[index])):
                if tuple(spec.core_names[core] for core in spec.spread(index, choice, exponent)[0]) == cores:
                    if exponent and "split" not in spec.segments:
                        self.fault("several cores need the genome option split (--split)", path, line)
                        return
                    self.gene("allocation", index, choice, path, line)
                    if "split" in spec.segments:
                        self.gene("split", index, exponent, path, line)
                    return
        order = ", ".join(spec.core_names[core] for core in spec.capable[index])
        counts = ", ".join(str(2**exponent) for exponent in spec.ways[index])
        hint = f"It runs on {counts} neighbours in this circle of cores: {order}"
        self.fault(f"it cannot be spread over {', '.join(cores)}", path, line, hint)

    def _why_not(self, index: int, core: str) -> str:
        """Return why layer `index` cannot run on `core`; empty if it can."""
        if core not in self.spec.core_names:
            return f"no core is called {core!r}; the cores are {', '.join(self.spec.core_names)}"
        if core in self.spec.options.forbidden_cores:
            return f"core {core!r} is forbidden"
        position = self.spec.core_names.index(core)
        if not can_run(self.spec.accelerator.cores[position].core, self.spec.workload.layers[index]):
            capable = ", ".join(self.spec.core_names[other] for other in self.spec.capable[index])
            return f"core {core!r} cannot run this {self.spec.workload.layers[index].kind} layer; capable: {capable}"
        return ""

    def _parts(self, index: int, parts: int, path: str, line: int) -> None:
        ranges = []
        for segment in ("allocation", "split"):
            if segment in self.spec.segments:
                position = self.spec.segments[segment].start + index
                ranges.append(range(int(self.lower[position]), int(self.upper[position]) + 1))
        exponents = ranges[1] if len(ranges) > 1 else range(1)
        given = sorted({self.spec.spread(index, choice, exponent)[1] for choice in ranges[0] for exponent in exponents})
        if given != [parts]:
            numbers = " or ".join(map(str, given))
            without = "" if "split" in self.spec.segments else "; more need the genome option split (--split)"
            self.fault(f"{parts} parts cannot be had: the cores it may run on make {numbers}{without}", path, line)

    def _tile(self, index: int, pin: LayerPin, path: str) -> None:
        sizes = self.spec.tiles[index]
        fitting = [
            option for option, size in enumerate(sizes) if pin.tile_rows in (None, size.rows) and pin.tile_columns in (None, size.columns)
        ]
        wanted = f"{pin.tile_rows or 'any'} rows x {pin.tile_columns or 'any'} columns"
        if not fitting:
            offered = ", ".join(f"{size.rows} x {size.columns}" for size in sizes)
            self.fault(f"no tile of {wanted} is on offer; sizes: {offered}", path, pin.line)
        elif fitting[-1] - fitting[0] >= len(fitting):
            self.fault(f"the tiles of {wanted} are not neighbours on offer", path, pin.line, "Pin both rows and columns")
        else:
            self.gene("tile", index, fitting[0], path, pin.line, last=fitting[-1])

    def stacks(self) -> None:
        """Turn stack numbers into cuts: bounds hold a pair of layers that is cut nowhere or everywhere between."""
        numbered = sorted(
            (self.names.index(pin.layer), pin.stack, pin.line)
            for pin in self.spec.pins.layers
            if pin.stack is not None and pin.layer in self.names
        )
        for (first, stack, _), (second, next_stack, line) in pairwise(numbered):
            path = f"$.layers.{self.names[second]}"
            if not 0 <= next_stack - stack <= second - first:
                expected = f"stacks are numbered upwards, at most one more per layer; {self.names[first]} is in stack {stack}"
                self.fault(f"stack {next_stack} is out of order: {expected}", path, line)
            elif 0 < next_stack - stack < second - first:
                self.fault(
                    f"stacks {stack} of {self.names[first]} and {next_stack} here leave open where the cut lies",
                    path,
                    line,
                    "Pin the layers between too, or pin cut_after",
                )
            else:
                for boundary in range(first, second):
                    self.gene("cut", boundary, int(next_stack != stack), path, line)

    def dataflow(self, pin: DataflowPin) -> None:
        path = f"$.dataflows.{pin.core}"
        if pin.core not in self.spec.core_names:
            self.fault(f"no core is called {pin.core!r}", path, pin.line, near_matches(pin.core, self.spec.core_names))
            return
        index = self.spec.core_names.index(pin.core)
        flows = self.spec.flows[index]
        if pin.dataflow not in flows:
            self.fault(f"core {pin.core!r} has no dataflow {pin.dataflow!r} to choose", path, pin.line, near_matches(pin.dataflow, flows))
        elif "dataflow" in self.spec.segments:
            self.gene("dataflow", index, flows.index(pin.dataflow), path, pin.line)
        elif flows.index(pin.dataflow):
            self.fault("a dataflow other than the first needs the genome option dataflow (--dataflow)", path, pin.line)
