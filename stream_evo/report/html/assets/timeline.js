// A schedule from columns of small integers to bars on lanes (the other half of _timeline.py).

const timeline = (() => {
  function summed(values) {
    const found = new Float64Array(values.length);
    let total = 0;
    for (let index = 0; index < values.length; index += 1) {
      total += values[index];
      found[index] = total;
    }
    return found;
  }

  // Columns: gap, length, row, part, tile, count, critical; for transfers cause and bits follow, and gaps count from start to start.
  function bars(columns, moves, where) {
    const [gaps, lengths, rows, parts, tiles, counts, critical, causes, bits] = columns;
    const expected = new Map();
    const found = [];
    let before = 0;
    for (let index = 0; index < gaps.length; index += 1) {
      const start = before + gaps[index];
      const end = start + lengths[index];
      before = moves ? start : end;
      const key = rows[index] * 65536 + parts[index];
      const tile = tiles[index] + (expected.get(key) || 0);
      expected.set(key, tile + counts[index]);
      found.push({
        start, end, row: rows[index], part: parts[index], tile, count: counts[index], critical: critical[index] === 1,
        cause: moves ? causes[index] : -1, bits: moves ? bits[index] : 0, ...where,
      });
    }
    return found;
  }

  function decode(raw) {
    const cores = raw.cores.map((columns, core) => bars(columns, false, { source: core, target: core }));
    const moves = raw.routes.flatMap(([source, target, ...columns]) => bars(columns, true, { source, target }));
    moves.sort((one, other) => one.start - other.start);
    const memories = raw.memories.map(([times, bits, active]) => ({ times: summed(times), bits: summed(bits), active: summed(active) }));
    return { end: raw.end, resolution: raw.resolution, cores, moves, memories };
  }

  // Lanes from top to bottom: cores, the links that are used, the DRAM, the memories that ever hold anything.
  function lanes(time, subject) {
    const dram = subject.nodes.length - 1;
    const found = time.cores.map((content, core) => ({ kind: "core", name: subject.nodes[core], bars: content }));
    const onLink = subject.links.map(() => []);
    for (const move of time.moves) {
      for (const link of subject.paths[`${move.source} ${move.target}`] || []) onLink[link].push(move);
    }
    onLink.forEach((content, link) => {
      if (content.length) found.push({ kind: "link", name: `link ${subject.links[link]}`, bars: content });
    });
    const offChip = time.moves.filter((move) => move.source === dram || move.target === dram);
    if (offChip.length) found.push({ kind: "dram", name: /^dram$/i.test(subject.nodes[dram]) ? "DRAM" : `DRAM ${subject.nodes[dram]}`, bars: offChip });
    time.memories.forEach((trace, index) => {
      if (trace.bits.some((bits) => bits > 0)) {
        found.push({ kind: "memory", name: subject.memories[index].name, capacity: 8 * subject.memories[index].bytes, trace });
      }
    });
    return found;
  }

  // Index of the last entry of ascending `times` that is not after `time`; -1 if there is none.
  function lastAt(times, time) {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  return { decode, lanes, lastAt };
})();
