// Cores, links, DRAM and memories over time, on canvas: thousands of bars, zoomed by pointer or keys.

const gantt = (() => {
  const LABEL = 164; // room for the names of lanes
  const BAR = 18;
  const TRACE = 34;
  const GAP = 4;
  const AXIS = 22;
  const FONT = "11px system-ui, sans-serif";
  const tip = make("div", { class: "tip", hidden: true });
  document.body.append(tip);

  function showTip(event, lines) {
    tip.replaceChildren(...lines.map((line, index) => make("div", { style: index ? null : "font-weight:600" }, line)));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - box.width - 6)}px`;
    tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18}px`;
  }
  const hideTip = () => { tip.hidden = true; };

  // Steps of 1, 2 or 5 times a power of ten, about `count` of them in `span`.
  function ticks(from, to, count) {
    const raw = (to - from) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= raw);
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
    return found;
  }

  // A drawing of one point. `options` says how bars are coloured: by "layer", "stack" or "cause" (moves always by cause), and what is lit.
  function create(details, options, onView) {
    const lanes = timeline.lanes(details.time, data.subject);
    const end = details.time.end || 1;
    const inputs = data.subject.graph.inputs.length;
    const name = (row) => (row < inputs ? data.subject.graph.inputs[row] : data.subject.layers[row - inputs][0]);
    let top = 0;
    for (const lane of lanes) {
      lane.top = top;
      lane.height = lane.kind === "memory" ? TRACE : BAR;
      top += lane.height + GAP;
    }
    let view = [0, end];
    let limit = end; // what is seen of time at most; another point's end, if they share an axis
    let brush = null;
    let size = { width: 0, ratio: 1 };

    const axis = make("canvas", { "aria-hidden": "true" });
    const canvas = make("canvas", { class: "lanes", tabindex: 0, role: "img", "aria-label": describe() });
    const shade = make("div", { class: "brush", hidden: true });
    const handle = make("i");
    const bar = make("div", { class: "window", "aria-hidden": "true" }, handle);
    const box = make("div", { class: "lane-box" }, make("div", { style: "position:relative" }, canvas, shade));
    const node = make("div", { class: "gantt" }, axis, box, bar);

    function describe() {
      const busy = details.path.cores.map(([core, , cycles]) => `${core} ${format.percent(cycles, end)}`);
      return `Schedule of ${format.cycles(end)}; busy cores: ${busy.join(", ")}. Left and right arrows move, plus and minus zoom, 0 shows all.`;
    }

    const x = (time) => LABEL + (time - view[0]) / (view[1] - view[0]) * (size.width - LABEL - 8);
    const timeAt = (pixel) => view[0] + (pixel - LABEL) / (size.width - LABEL - 8) * (view[1] - view[0]);

    function colourOf(item, kind) {
      if (kind !== "core") return theme.category(item.cause, "strong");
      if (options.colour === "stack") return theme.category(item.row < inputs ? 0 : details.layers.stack[item.row - inputs], "soft");
      return theme.category(item.row, "soft");
    }

    function fit(target, height) {
      const [width, tall] = [Math.round(size.width * size.ratio), Math.round(height * size.ratio)];
      if (target.width !== width || target.height !== tall) {
        target.width = width;
        target.height = tall;
        target.style.height = `${height}px`;
      }
      const pen = target.getContext("2d");
      pen.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
      pen.clearRect(0, 0, size.width, height);
      pen.font = FONT;
      pen.textBaseline = "middle";
      return pen;
    }

    function fitted(pen, text, width) {
      if (pen.measureText(text).width <= width) return text;
      const share = Math.floor(text.length * width / pen.measureText(text).width) - 1;
      return share >= 2 ? `${text.slice(0, share)}…` : "";
    }

    function drawAxis() {
      const pen = fit(axis, AXIS);
      const span = view[1] - view[0];
      const { factor, name: unitName } = format.unit("cycles", view[1]);
      const found = ticks(view[0], view[1], Math.max(3, size.width / 130));
      const places = Math.max(0, Math.ceil(-Math.log10((found[1] - found[0] || span) / factor) - 1e-9));
      pen.fillStyle = theme.colour("muted");
      pen.textAlign = "right";
      pen.fillText(unitName, LABEL - 8, AXIS / 2);
      pen.textAlign = "center";
      for (const at of found) {
        const text = (at / factor).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
        const half = pen.measureText(text).width / 2;
        pen.fillText(text, Math.min(Math.max(x(at), LABEL + half - 4), size.width - half - 2), AXIS / 2);
        pen.fillRect(x(at), AXIS - 4, 1, 4);
      }
      return found;
    }

    function drawBars(pen, lane) {
      const dark = theme.isDark();
      const ink = theme.colour("ink");
      const wide = size.width - LABEL;
      for (const item of lane.bars) {
        if (item.end <= view[0] || item.start >= view[1]) continue;
        const left = Math.max(x(item.start), LABEL);
        const right = Math.min(x(item.end), LABEL + wide);
        const width = Math.max(right - left, 1);
        const lit = options.lit === null || options.lit === item.row;
        pen.globalAlpha = (lit ? 1 : 0.15) * (options.critical && !item.critical ? 0.25 : 1);
        pen.fillStyle = colourOf(item, lane.kind);
        pen.fillRect(left, lane.top, width, lane.height);
        if (width > 4) {
          pen.fillStyle = dark ? "rgb(0 0 0 / 45%)" : "rgb(255 255 255 / 80%)";
          pen.fillRect(right - 0.6, lane.top, 0.6, lane.height);
        }
        if (options.critical && item.critical) {
          pen.fillStyle = ink;
          pen.fillRect(left, lane.top + lane.height - 3, width, 3);
        }
      }
      pen.globalAlpha = 1;
      if (lane.kind === "core") drawNames(pen, lane, ink);
    }

    // One name per run of bars of one layer that is wide enough to hold some of it.
    function drawNames(pen, lane, ink) {
      pen.fillStyle = ink;
      pen.textAlign = "center";
      const { bars } = lane;
      for (let first = 0; first < bars.length;) {
        let last = first;
        while (last + 1 < bars.length && bars[last + 1].row === bars[first].row) last += 1;
        const left = Math.max(x(bars[first].start), LABEL);
        const right = Math.min(x(bars[last].end), size.width - 8);
        if (right - left > 24) {
          const text = fitted(pen, name(bars[first].row), right - left - 6);
          if (text) pen.fillText(text, (left + right) / 2, lane.top + lane.height / 2 - (options.critical ? 1 : 0));
        }
        first = last + 1;
      }
    }

    function drawTrace(pen, lane) {
      const { times, bits, active } = lane.trace;
      const peak = bits.reduce((most, value) => Math.max(most, value), 1);
      lane.peak = peak;
      const base = lane.top + lane.height;
      pen.fillStyle = theme.colour("soft");
      pen.fillRect(LABEL, lane.top, size.width - LABEL - 8, lane.height);
      for (const [values, colour] of [[bits, theme.colour("held")], [active, theme.colour("front")]]) {
        pen.fillStyle = colour;
        pen.beginPath();
        pen.moveTo(LABEL, base);
        let index = Math.max(timeline.lastAt(times, view[0]), -1);
        let height = index < 0 ? 0 : values[index] / peak * (lane.height - 2);
        pen.lineTo(LABEL, base - height);
        for (index += 1; index < times.length && times[index] < view[1]; index += 1) {
          const at = x(times[index]);
          pen.lineTo(at, base - height);
          height = values[index] / peak * (lane.height - 2);
          pen.lineTo(at, base - height);
        }
        pen.lineTo(Math.min(x(end), size.width - 8), base - height);
        pen.lineTo(Math.min(x(end), size.width - 8), base);
        pen.fill();
      }
    }

    function drawLabel(pen, lane) {
      pen.textAlign = "right";
      pen.fillStyle = theme.colour("ink");
      if (lane.kind !== "memory") {
        pen.fillText(fitted(pen, lane.name, LABEL - 14), LABEL - 8, lane.top + lane.height / 2);
        return;
      }
      pen.fillText(fitted(pen, lane.name, LABEL - 14), LABEL - 8, lane.top + lane.height / 2 - 7);
      pen.fillStyle = theme.colour("muted");
      pen.fillText(fitted(pen, `${format.bytes(lane.peak / 8)} of ${format.bytes(lane.capacity / 8)}`, LABEL - 10), LABEL - 8, lane.top + lane.height / 2 + 7);
    }

    let planned = 0;
    function draw() {
      cancelAnimationFrame(planned);
      planned = requestAnimationFrame(() => {
        if (!node.isConnected) return;
        size = { width: box.clientWidth || node.clientWidth, ratio: window.devicePixelRatio || 1 };
        if (size.width < LABEL + 60) return;
        const found = drawAxis();
        const pen = fit(canvas, top);
        pen.fillStyle = theme.colour("line");
        for (const at of found) pen.fillRect(x(at), 0, 1, top);
        pen.save();
        pen.beginPath();
        pen.rect(LABEL, 0, size.width - LABEL - 8, top);
        pen.clip();
        for (const lane of lanes) {
          if (lane.kind === "memory") drawTrace(pen, lane);
          else drawBars(pen, lane);
        }
        pen.restore();
        for (const lane of lanes) drawLabel(pen, lane);
        handle.style.left = `${100 * view[0] / limit}%`;
        handle.style.width = `${100 * (view[1] - view[0]) / limit}%`;
      });
    }

    function show(next, quiet = false) {
      const least = Math.min(limit, 20);
      const span = Math.min(Math.max(next[1] - next[0], least), limit);
      const start = Math.min(Math.max(next[0], 0), limit - span);
      view = [start, start + span];
      draw();
      if (!quiet) onView(view);
    }

    const zoom = (factor, at) => show([at - (at - view[0]) * factor, at + (view[1] - at) * factor]);
    const pan = (share) => show([view[0] + share * (view[1] - view[0]), view[1] + share * (view[1] - view[0])]);

    function itemAt(event) {
      const area = canvas.getBoundingClientRect();
      const [left, down] = [event.clientX - area.left, event.clientY - area.top];
      const lane = lanes.find((one) => down >= one.top && down <= one.top + one.height);
      if (!lane || left < LABEL) return { lane };
      const time = timeAt(left);
      if (lane.kind === "memory") return { lane, time };
      const slack = 2 * (view[1] - view[0]) / size.width;
      const near = lane.bars.filter((item) => item.start <= time + slack && item.end >= time - slack);
      return { lane, time, item: near.find((item) => item.start <= time && item.end >= time) || near[0] };
    }

    function lines({ lane, time, item }) {
      if (!lane) return null;
      if (lane.kind === "memory") {
        if (time === undefined) return [lane.name, `at most ${format.bytes(lane.peak / 8)} of ${format.bytes(lane.capacity / 8)}`];
        const at = timeline.lastAt(lane.trace.times, time);
        const held = at < 0 ? [0, 0] : [lane.trace.bits[at] / 8, lane.trace.active[at] / 8];
        return [lane.name, `cycle ${format.whole(time)}`, `${format.bytes(held[1])} of activations`, `${format.bytes(held[0])} in all, of ${format.bytes(lane.capacity / 8)}`];
      }
      if (!item) return time === undefined ? [lane.name] : null;
      const what = item.cause < 0 ? "tile" : data.subject.causes[item.cause];
      const tile = item.tile < 0 ? "" : ` ${item.tile}`;
      const several = item.count > 1 ? `${item.count} ${item.cause < 0 ? "tiles" : "transfers"} drawn as one, first ` : "";
      const part = item.row >= inputs && details.layers.parts[item.row - inputs] > 1 ? `, part ${item.part}` : "";
      const where = item.cause < 0 ? data.subject.nodes[item.source] : `${data.subject.nodes[item.source]} → ${data.subject.nodes[item.target]}, ${format.bytes(item.bits / 8)}`;
      const found = [name(item.row), `${several}${what}${item.cause < 0 || item.tile < 0 ? tile : `, tile${tile}`}${part}`, where,
        `cycles ${format.whole(item.start)} to ${format.whole(item.end)} (${format.whole(item.end - item.start)})`];
      return item.critical ? [...found, "on the critical path"] : found;
    }

    function hover(event) {
      const found = itemAt(event);
      const text = lines(found);
      if (text && !brush) showTip(event, text);
      else hideTip();
    }

    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      brush = { from: event.offsetX, last: event.offsetX, pan: event.shiftKey };
    });
    canvas.addEventListener("pointermove", (event) => {
      hover(event);
      if (!brush) return;
      if (brush.pan) show([view[0] - timeAt(event.offsetX) + timeAt(brush.last), view[1] - timeAt(event.offsetX) + timeAt(brush.last)]);
      brush.last = event.offsetX;
      if (brush.pan) return;
      const [left, right] = [Math.max(LABEL, Math.min(brush.from, brush.last)), Math.max(brush.from, brush.last)];
      shade.hidden = right - left < 4;
      shade.style.left = `${left}px`;
      shade.style.width = `${right - left}px`;
    });
    canvas.addEventListener("pointerup", () => {
      const done = brush;
      brush = null;
      shade.hidden = true;
      if (!done || done.pan) return;
      const ends = [done.from, done.last].map((pixel) => timeAt(Math.max(pixel, LABEL))).sort((one, other) => one - other);
      if (Math.abs(done.from - done.last) >= 4) show(ends);
    });
    canvas.addEventListener("pointercancel", () => { brush = null; shade.hidden = true; });
    canvas.addEventListener("pointerleave", hideTip);
    canvas.addEventListener("click", (event) => {
      const { item } = itemAt(event);
      if (item && options.onPick && Math.abs(event.movementX || 0) < 2) options.onPick(item.row);
    });
    canvas.addEventListener("dblclick", () => show([0, limit]));
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(Math.exp(Math.max(-0.6, Math.min(0.6, event.deltaY / 200))), timeAt(event.offsetX));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        pan((event.deltaX || event.deltaY) / size.width);
      }
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const middle = (view[0] + view[1]) / 2;
      const act = {
        ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.6, middle), "=": () => zoom(0.6, middle),
        "-": () => zoom(1 / 0.6, middle), 0: () => show([0, limit]), Home: () => show([0, view[1] - view[0]]), End: () => show([limit - view[1] + view[0], limit]),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      act();
    });
    bar.addEventListener("pointerdown", (event) => bar.setPointerCapture(event.pointerId));
    bar.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const middle = (event.clientX - bar.getBoundingClientRect().left) / bar.clientWidth * limit;
      show([middle - (view[1] - view[0]) / 2, middle + (view[1] - view[0]) / 2]);
    });
    new ResizeObserver(draw).observe(box);
    box.addEventListener("scroll", hideTip);

    return {
      node, draw, end, show,
      zoom: (factor) => zoom(factor, (view[0] + view[1]) / 2),
      reset: () => show([0, limit]),
      setLimit: (value) => { limit = value; show([0, value], true); },
    };
  }

  return { create };
})();
