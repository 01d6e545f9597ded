"""How pins narrow the bounds of genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream_evo._yaml import near_matches
from stream_evo.errors import Fault, InputError
from stream_evo.mapping._mapping import PRIORITIES, can_run, why_not
from stream_evo.mapping._pins import DataflowPin, LayerPin
from stream_evo.typing import IntArray

if TYPE_CHECKING:
    from stream_evo.mapping._genome import GenomeSpec

__all__ = ["narrow"]


def narrow(spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
    """Narrow the gene bounds `lower` and `upper`, shape ``(V,)``, in place to the pins of `spec`.

    Raises:
        InputError: pins could not be read, name what does not exist or is not on offer, contradict each other, or leave open where cuts
            lie; all of them are listed.
    """
    narrowing = _Narrowing(spec, lower, upper)
    others = [
        Fault(f"these pins are for another {key}", f"$.{key}", expected=expected, found=found)
        for key, expected, found in (
            ("network", spec.workload.name, spec.pins.network),
            ("accelerator", spec.accelerator.name, spec.pins.accelerator),
        )
        if found and found != expected
    ]
    narrowing.faults += others
    if not others:
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
        self.faults = list(spec.pins.faults)
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
        found, layer = self.spec.accelerator.cores[position].core, self.spec.workload.layers[index]
        if not can_run(found, layer):
            capable = ", ".join(self.spec.core_names[other] for other in self.spec.capable[index])
            return f"{why_not(core, found, layer)}; capable: {capable}"
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
        """Turn stack numbers into cuts: between two numbers, bounds hold that every open boundary is cut, or that none is."""
        pinned = [(pin.layer, pin.stack, pin.line) for pin in self.spec.pins.layers if pin.stack is not None]
        numbered = sorted((self.names.index(layer), stack, line) for layer, stack, line in pinned if layer in self.names)
        # What is missing may say where the cuts lie: only what is wrong in any case is told then.
        whole = not self.spec.pins.faults and all(pin.layer in self.names for pin in self.spec.pins.layers)
        before, reached, sure = 0, 0, whole
        for index, stack, line in numbered:
            part = self._boundaries(before, index)
            least, most = reached + int(self.lower[part].sum()), reached + int(self.upper[part].sum())
            if not least <= stack <= most:
                self._impossible(before, reached, index, stack, line)
                sure = False
                continue
            if stack == least:
                self.upper[part] = self.lower[part]
            elif stack == most:
                self.lower[part] = self.upper[part]
            elif sure:
                cuts = "cut lies" if stack - least == 1 else f"{stack - least} cuts lie"
                what = f"stacks {reached} of {self.names[before]} and {stack} here leave open where the {cuts}"
                hint = f"Pin stack or cut_after of layers from {self.names[before]} to here, or leave this stack out"
                self.fault(what, f"$.layers.{self.names[index]}", line, hint)
            before, reached, sure = index, stack, whole

    def _impossible(self, before: int, reached: int, index: int, stack: int, line: int) -> None:
        """Note that layer `index` cannot be in `stack` when layer `before` is in stack `reached`."""
        part = self._boundaries(before, index)
        lower, upper = self.lower[part], self.upper[part]
        least, most = reached + int(lower.sum()), reached + int(upper.sum())
        anchor = f"{self.names[before]} is in stack {reached}"
        if reached <= stack <= reached + index - before:
            decided = (lower == 1) if stack < least else (upper == 0)
            ways = [self._pinned[part.start + offset] for offset in np.flatnonzero(decided).tolist()]
            more = f" and {len(ways) - 3} more" if len(ways) > 3 else ""
            what = f"this contradicts {', '.join(ways[:3])}{more} about the cut gene" + (f", as {anchor}" if before else "")
        else:
            what = "no such stack here: stacks are counted from 0 at the first layer, at most one more per layer"
            what += f", and {anchor}" if before else ""
        expected = f"stack {least}" if least == most else f"a stack from {least} to {most}"
        self.faults.append(Fault(what, f"$.layers.{self.names[index]}", line, expected, str(stack)))

    def _boundaries(self, first: int, last: int) -> slice:
        """Return where the genes of the boundaries between two layers lie."""
        start: int = self.spec.segments["cut"].start
        return slice(start + first, start + last)

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
