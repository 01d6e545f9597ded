"""Drawings: the parts of the program, which rows a tile reads, the memories of a core and their traffic, and the genome."""

from __future__ import annotations

from canvas import BLUE, FAINT, GREEN, GREY, ORANGE, TINTS, Canvas
from example import accelerator, workload
from matplotlib.figure import Figure

from stream_evo.cost import TileRequest, tile_cost
from stream_evo.mapping import GenomeSpec
from stream_evo.workload import LoopSizes, Operand, OperatorKind

__all__ = ["genome", "memories", "overview", "tiles"]


def overview() -> Figure:
    """From network and chip to the front."""
    paper = Canvas(8.6, 3.1)
    paper.box(0.15, 1.95, 1.35, 0.75, "network\nmodel.onnx", fill=TINTS[0])
    paper.box(0.15, 0.55, 1.35, 0.75, "chip\nchip.yaml", fill=TINTS[0])
    paper.box(2.1, 1.95, 1.45, 0.75, "layers, tiles,\nwhat reads what")
    paper.box(2.1, 0.55, 1.45, 0.75, "cost of each\ntile on each core")
    paper.box(4.15, 1.2, 1.35, 0.85, "scheduler\ncores, links,\nDRAM, memories", fill=TINTS[2])
    paper.box(6.1, 1.2, 1.2, 0.85, "search\nNSGA-II", fill=TINTS[1])
    paper.box(7.75, 1.2, 0.72, 0.85, "front", fill=TINTS[0], bold=True)
    paper.arrow((1.5, 2.33), (2.1, 2.33))
    paper.arrow((1.5, 0.93), (2.1, 0.93))
    paper.arrow((2.82, 1.95), (2.82, 1.3))
    paper.arrow((3.55, 2.33), (4.15, 1.85))
    paper.arrow((3.55, 0.93), (4.15, 1.4))
    paper.arrow((6.1, 1.82), (5.5, 1.82))
    paper.arrow((5.5, 1.42), (6.1, 1.42))
    paper.arrow((7.3, 1.63), (7.75, 1.63))
    paper.text(5.8, 2.4, "genomes: cores, stacks,\ntile sizes, ...", size=8)
    paper.text(5.8, 0.8, "latency, energy,\nmemory", size=8)
    return paper.figure


def tiles() -> Figure:
    """Which rows of every layer one tile of the last one needs: computed from the access relations of the parsed network."""
    network = workload((1, 2, 1), 8, 24)
    first, last = 4, 6  # the tile of layer C that is followed
    bands = [(network.layers[2].name, network.layers[2].rows, 2, (first, last), (first, last))]
    wanted = (first, last)
    for layer in reversed(network.layers):
        (edge,) = layer.edges
        relation = edge.rows
        extent = network.inputs[0].rows if edge.producer < 0 else network.layers[edge.producer].rows
        low = max(0, (relation.scale * wanted[0] + relation.low) // relation.divisor)
        high = min(extent, (relation.scale * (wanted[1] - 1) + relation.high) // relation.divisor + 1)
        step = {-1: 1, 0: 4, 1: 2}[edge.producer]
        covered = (low // step * step, min(extent, -(-high // step) * step))
        name = "image" if edge.producer < 0 else network.layers[edge.producer].name
        bands.append((name, extent, step, (low, high), covered))
        wanted = covered  # whole tiles move and run
    bands.reverse()
    paper = Canvas(8.6, 4.5)
    colours = {"image": GREY, "A": BLUE, "B": ORANGE, "C": GREEN}
    soft = {"image": "#C9CDD3", "A": TINTS[0], "B": TINTS[1], "C": TINTS[2]}
    unit, top, width = 0.145, 3.85, 0.95
    corners = []
    for column, (name, rows, step, needed, covered) in enumerate(bands):
        x = 0.75 + column * 2.05
        height = unit * 24 / rows
        for row in range(rows):
            fill = colours[name] if needed[0] <= row < needed[1] else soft[name] if covered[0] <= row < covered[1] else FAINT
            paper.cell(x, top - (row + 1) * height, width, height, fill=fill, edge="white", line=0.7)
        for start in range(0, rows, step) if step > 1 else ():
            paper.cell(
                x, top - min(rows, start + step) * height, width, (min(rows, start + step) - start) * height, fill="none", edge="#5B6270"
            )
        title = {"image": "input", "A": "layer A\n3 x 3", "B": "layer B\n3 x 3, stride 2", "C": "layer C\n3 x 3"}[name]
        paper.text(x + width / 2, 4.2, title, size=9, bold=False)
        tiling = "read by rows" if step == 1 else f"tiles of {step} rows"
        paper.text(x + width / 2, 0.22, tiling, size=8)
        label = f"rows {needed[0]} to {needed[1] - 1}"
        paper.text(x - 0.08, top - (needed[0] + needed[1]) / 2 * height, label.replace(" to ", "\nto "), size=7.5, align="right")
        corners.append((x, top - needed[0] * height, top - needed[1] * height, top - covered[0] * height, top - covered[1] * height))
    for (x, _, _, upper, lower), (_, high, low, _, _) in zip(corners[1:], corners[:-1], strict=True):
        for start, end in ((upper, high), (lower, low)):
            paper.axes.plot([x - 0.62, x - 1.08], [start, end], color="#5B6270", lw=0.9, ls=":")
    return paper.figure


def memories() -> Figure:
    """Loops, words and energy at every memory level for one tile, as the cost model finds them."""
    core = accelerator().cores[0].core
    sizes = LoopSizes(K=64, C=64, OY=4, OX=56, FY=3, FX=3)
    cost = tile_cost(TileRequest(OperatorKind.CONV, sizes, core, core.dataflows[0].name))
    total = cost.energy_pj
    paper = Canvas(8.6, 5.5)
    array = " x ".join(str(dimension.size) for dimension in core.array)
    unrolled = ", ".join(f"{loop} {size:.0f}" for pairs in cost.spatial_mapping.values() for loop, size in pairs)
    figures = f"{cost.mac_pj / 1000:,.0f} nJ, {cost.mac_pj / total:.0%}"
    paper.box(0.4, 0.15, 7.8, 0.6, f"{array} multipliers, in parallel {unrolled}: {figures}", fill=TINTS[1])
    floors = {"registers": 1.3, "buffer": 2.8, "sram": 4.3}
    for column, (operand, meaning) in enumerate(((Operand.W, "W: weights"), (Operand.I, "I: input"), (Operand.O, "O: output"))):
        x, below = 0.4 + column * 2.65, 0.75
        paper.text(x + 1.25, 5.3, meaning, bold=True)
        for level, name in enumerate(cost.memories[operand]):
            y = floors[name.rpartition("_")[2]]
            loops = " ".join(f"{loop}{size}" for loop, size in cost.temporal_mapping[operand][level]) or "none"
            energy = cost.memory_energy_pj[operand][level]
            text = f"{name.replace('_', ' ')}\nloops: {loops}\n{energy / 1000:,.0f} nJ, {energy / total:.0%}"
            paper.box(x, y, 2.5, 0.86, text, fill=TINTS[0] if name.endswith("sram") else FAINT, size=8)
            down, up, _, _ = cost.accesses[operand][level]
            middle = (y + below) / 2
            paper.arrow((x + 0.95, y), (x + 0.95, below), line=1.4)
            paper.text(x + 0.87, middle, f"{down:,}", size=7.5, align="right")
            if operand is Operand.O:
                paper.arrow((x + 1.55, below), (x + 1.55, y), line=1.4)
                paper.text(x + 1.63, middle, f"{up:,}", size=7.5, align="left")
            below = y + 0.86
    return paper.figure


def genome() -> Figure:
    """One genome of the small network and what its genes decide."""
    network, chip = workload(), accelerator()
    spec = GenomeSpec(network, chip)
    genes = spec.lower.copy()
    genes[spec.segments["allocation"]] = [0, 1, 2]
    genes[spec.segments["cut"]] = [0, 1]
    genes[spec.segments["tile"]] = [3, 3, 0]
    genes = spec.canonical(genes[None])[0]
    mapping = spec.decode(genes)
    paper = Canvas(8.6, 3.35)
    about = {"allocation": "core of each layer", "cut": "boundary cut?", "tile": "tile size, coarsest first"}
    fills = {"allocation": TINTS[0], "cut": TINTS[1], "tile": TINTS[2]}
    x = 0.6
    for name, title in about.items():
        segment = spec.segments[name]
        start = x
        for index in range(segment.start, segment.stop):
            label = network.layers[index - segment.start].name if name != "cut" else ["AB", "BC"][index - segment.start]
            paper.box(x, 2.1, 0.62, 0.55, str(int(genes[index])), fill=fills[name], size=12, bold=True)
            paper.text(x + 0.31, 1.93, label, size=8)
            paper.text(x + 0.31, 2.78, f"0..{int(spec.upper[index])}", size=7.5, colour="#5B6270")
            x += 0.68
        paper.text((start + x - 0.06) / 2, 3.1, title, size=9)
        x += 0.55
    paper.arrow((4.3, 1.78), (4.3, 1.38), both=True)
    paper.text(4.42, 1.58, "decode", size=8, align="left")
    paper.text(4.18, 1.58, "encode", size=8, align="right")
    for index, layer in enumerate(mapping.layers):
        text = f"{layer.layer} on {layer.cores[0]}\ntiles of {layer.tile_rows} x {layer.tile_columns}\nstack {layer.stack}"
        paper.box(0.9 + index * 2.35, 0.3, 2.1, 0.95, text, fill=FAINT, size=9)
    return paper.figure
