// One or two chosen points, side by side: what they cost, why, when what happens, and where.

const point = (() => {
  const { front: run, subject } = data;
  const box = document.getElementById("chosen");
  const options = { colour: "layer", critical: false, lit: null, together: true, onPick: (row) => light(row) };
  let shown = []; // [{slot, index, details, gantt, network, energy}]
  let request = 0;

  function light(row) {
    options.lit = options.lit === row ? null : row;
    relight();
  }

  function relight() {
    for (const one of shown) {
      one.gantt.draw();
      one.network.light(options.lit);
    }
  }

  const section = (id, title, controls, parts) => make("section", { id, "aria-labelledby": `${id}-heading`, class: shown.length > 1 ? "two" : null },
    make("div", { class: "bar" }, make("h2", { id: `${id}-heading` }, title), make("div", { class: "controls" }, controls)),
    make("div", { class: "pair" }, parts));

  const slotted = (one, ...children) => make("div", { class: `slot-${one.slot}` }, shown.length > 1 ? make("h3", {}, tag(one), ` Point ${one.index}`) : null, children);
  const tag = (one) => make("span", { class: `tag ${one.slot}` }, one.slot.toUpperCase());

  // ------------------------------------------------------------------------------------------------ numbers

  function relation(value, other, name) {
    if (!(other > 0) || !Number.isFinite(value)) return null;
    const ratio = value / other;
    return `${ratio >= 100 ? format.whole(ratio) : ratio.toFixed(2)} × ${name}`;
  }

  // Each core's dataflow; of many cores how many have which.
  function dataflows(entries) {
    if (entries.length <= 8) return entries.map(([core, flow]) => `${core} ${flow}`).join(", ");
    const counts = new Map();
    for (const [, flow] of entries) counts.set(flow, (counts.get(flow) || 0) + 1);
    return [...counts].map(([flow, count]) => `${flow} on ${count} cores`).join(", ");
  }

  function numbers(one) {
    const values = run.points[one.index];
    const other = shown.find((two) => two !== one);
    const cells = run.metrics.map(([name, label], index) => {
      const [amount, ...unit] = format.quantity(name, values[index]).split(" ");
      const notes = [relation(values[index], run.bounds[index], "lower bound"), run.baseline ? relation(values[index], run.baseline[index], "layer by layer") : null,
        other && run.points[other.index][index] > 0 ? `${format.percent(values[index], run.points[other.index][index])} of ${other.slot.toUpperCase()}` : null];
      return make("div", {}, make("dt", {}, label), make("dd", { class: "value", title: format.whole(values[index]) }, amount, " ", make("small", {}, unit.join(" "))),
        notes.filter(Boolean).map((note) => make("dd", { class: "note" }, note)));
    });
    const stacks = one.details ? new Set(one.details.layers.stack).size : null;
    const flows = one.details ? dataflows(Object.entries(one.details.dataflows)) : "";
    const words = one.details ? [`${subject.layers.length} layers in ${stacks} ${stacks === 1 ? "stack" : "stacks"}`, `priority ${one.details.priority}`, flows ? `dataflows: ${flows}` : null] : [];
    return make("div", { class: `slot-${one.slot}` }, make("div", { class: "head" }, tag(one), make("h3", {}, `Point ${one.index}`),
      make("span", { class: "muted" }, words.filter(Boolean).join(" · ")),
      one.details ? make("button", { type: "button", onclick: () => table.saveMapping(one.index) }, "Download mapping") : null,
      one.slot === "b" ? make("button", { type: "button", onclick: () => options.onClose() }, "Close B") : null),
    make("dl", { class: "tiles" }, cells));
  }

  // ------------------------------------------------------------------------------------------------ why

  function verdict(path) {
    const largest = (values) => Object.entries(values).sort((one, other) => other[1] - one[1])[0] || ["nothing", 0];
    const [activity, spent] = largest(path.activities);
    const [hold, held] = largest(path.holds);
    const on = (list, name) => (list.find(([other]) => other === name) || ["", 0])[1];
    const places = [];
    if (path.core) places.push(`core ${path.core} is on it for ${format.percent(on(path.cores, path.core), path.cycles)}`);
    if (path.link) places.push(`link ${path.link} for ${format.percent(on(path.links, path.link), path.cycles)}`);
    return `The critical path runs from cycle 0 to the end in ${format.whole(path.steps)} steps. Most of it is ${activity} (${format.percent(spent, path.cycles)}); `
      + `what held up the next step most is “${hold}” (${format.percent(held, path.cycles)})${places.length ? `; ${places.join(", ")}` : ""}.`;
  }

  const MOST_RESOURCES = 10; // of a chip with hundreds those that are busiest are shown, the others on request

  function resourceTable(rows, cycles) {
    return make("table", { class: "shares narrow" }, make("caption", { class: "visually-hidden" }, "Cores and links: busy, and on the critical path"),
      make("thead", {}, make("tr", {}, ["", "", "busy", "on path", ""].map((text, index) => make("th", { class: index < 2 ? "text" : null, scope: "col" }, text)))),
      make("tbody", {}, rows.map(([kind, name, on, busy]) => make("tr", {}, make("td", { class: "text muted" }, kind), make("td", { class: "text label", title: name }, name),
        make("td", {}, format.percent(busy, cycles)), make("td", {}, format.percent(on, cycles)),
        make("td", { class: "graph", "aria-hidden": "true" }, make("div", { class: "meter" }, make("i", { style: `width:${100 * busy / cycles}%` }), make("i", { class: "dark", style: `width:${100 * on / cycles}%` })))))));
  }

  function resources(path) {
    const rows = [...path.cores.map((row) => ["core", ...row]), ...path.links.map((row) => ["link", ...row])];
    if (rows.length <= MOST_RESOURCES) return resourceTable(rows, path.cycles);
    rows.sort((one, other) => other[2] - one[2] || other[3] - one[3]);
    return [resourceTable(rows.slice(0, MOST_RESOURCES), path.cycles),
      make("details", {}, make("summary", {}, `${rows.length - MOST_RESOURCES} more`), resourceTable(rows.slice(MOST_RESOURCES), path.cycles))];
  }

  function chain(path) {
    const rows = path.chain.flatMap(([start, cycles, repeats, length, pattern]) => pattern.map(([activity, layer, place, first, last, hold], index) => [
      index ? "" : format.whole(start), index ? "" : (repeats > 1 ? `${repeats} ×` : ""), activity, layer, first < 0 ? "" : first === last ? String(first) : `${first}–${last}`, place,
      index ? "" : format.whole(cycles), hold, index === pattern.length - 1 && length > pattern.length ? `and ${length - pattern.length} more steps` : ""]));
    const columns = [["from cycle", "number"], ["times", "number"], ["activity", "text"], ["layer", "wrap"], ["tiles", "number"], ["where", "wrap"], ["cycles", "number"], ["then holds up by", "text"], ["", "text"]];
    return make("details", {}, make("summary", {}, `The ${path.chain.length} longest of its ${format.whole(path.stretches)} stretches`),
      make("div", { class: "scroll bordered", style: "max-height:360px" }, makeTable("Longest stretches of the critical path", columns, rows)));
  }

  function why(one) {
    const { path } = one.details;
    const cycles = (values) => Object.entries(values).sort((left, right) => right[1] - left[1]);
    return slotted(one, make("p", {}, verdict(path)), make("div", { class: "columns" },
      make("div", {}, make("h4", {}, "Its cycles are spent on"), energy.shares(cycles(path.activities), path.cycles, format.count)),
      make("div", {}, make("h4", {}, "They held up the next by"), energy.shares(cycles(path.holds), path.cycles, format.count)),
      make("div", {}, make("h4", {}, "In layers"), energy.shares(path.layers.slice(0, 8), path.cycles, format.count)),
      make("div", {}, make("h4", {}, "Cores and links"), resources(path))), chain(path));
  }

  // ------------------------------------------------------------------------------------------------ fullest moment

  function fullest(one) {
    const { peak } = one.details;
    const running = peak.running.map(([core, layer]) => `${layer} on ${core}`).join(", ") || "nothing";
    const rows = peak.tensors.map(([memory, layer, kind, tiles, size]) => [memory, layer, kind === "tiles" ? `${tiles} ${tiles === 1 ? "tile" : "tiles"}` : kind, format.bytes(size)]);
    if (peak.others[0]) rows.push([`${peak.others[0]} more`, "", "", format.bytes(peak.others[1])]);
    return slotted(one, make("p", {}, `${format.bytes(peak.bytes)} of activations lie on the chip from cycle ${format.whole(peak.begin)} to ${format.whole(peak.end)}. Running then: ${running}.`),
      make("div", { class: "scroll bordered", style: "max-height:260px;margin-top:8px", tabindex: 0, role: "region", "aria-label": "What lies where at the fullest moment" },
        makeTable("What lies where at the fullest moment", [["memory", "wrap"], ["layer", "wrap"], ["what", "text"], ["size", "number"]], rows)));
  }

  // ------------------------------------------------------------------------------------------------ schedule

  function toggle(text, pressed, act) {
    return make("button", { type: "button", "aria-pressed": String(pressed), onclick: (event) => { const next = event.currentTarget.getAttribute("aria-pressed") !== "true"; event.currentTarget.setAttribute("aria-pressed", String(next)); act(next); } }, text);
  }
  const button = (text, label, act) => make("button", { type: "button", "aria-label": label, onclick: act }, text);
  const redraw = () => shown.forEach((one) => one.gantt?.draw());

  function scheduleControls() {
    const colours = make("select", { "aria-label": "Colour of tiles", onchange: (event) => { options.colour = event.target.value; redraw(); } },
      [["layer", "tiles by layer"], ["stack", "tiles by stack"]].map(([value, text]) => make("option", { value, selected: value === options.colour }, text)));
    const together = shown.length > 1 ? toggle("Same time axis", options.together, (on) => { options.together = on; limits(); }) : null;
    return [colours, toggle("Critical path", options.critical, (on) => { options.critical = on; redraw(); }), together,
      button("+", "Zoom in", () => each((one) => one.gantt.zoom(0.5))), button("−", "Zoom out", () => each((one) => one.gantt.zoom(2))), button("All", "Show all of the schedule", () => each((one) => one.gantt.reset()))];
  }
  // With one time axis, moving the first moves the others.
  const each = (act) => (options.together ? shown.slice(0, 1) : shown).forEach(act);

  function limits() {
    const longest = Math.max(...shown.map((one) => one.gantt.end));
    for (const one of shown) one.gantt.setLimit(options.together ? longest : one.gantt.end);
  }

  function causes(one) {
    const found = [...new Set(one.details.time.moves.map((move) => move.cause))].sort((left, right) => left - right);
    const { resolution } = one.details.time;
    const keys = found.map((cause) => make("span", {}, make("i", { class: "swatch", style: `background:${theme.category(cause)}` }), subject.causes[cause]));
    const memory = [["front", "activations"], ["held", "weights and buffers"]].map(([colour, text]) =>
      make("span", {}, make("i", { class: "swatch", style: `background:var(--${colour})` }), text));
    return [make("p", { class: "keys" }, make("span", {}, "Links and DRAM:"), keys), make("p", { class: "keys" }, make("span", {}, "Memories:"), memory),
      resolution ? make("p", { class: "muted small" }, `What is closer or shorter than ${format.cycles(resolution)} is drawn as one, to keep this page small.`) : null];
  }

  function schedule(one) {
    one.gantt = gantt.create(one.details, options, (view) => {
      if (options.together) shown.filter((other) => other !== one).forEach((other) => other.gantt.show(view, true));
    });
    one.causes = make("div", {}, causes(one));
    return slotted(one, one.gantt.node, one.causes);
  }

  // ------------------------------------------------------------------------------------------------ network

  // A box that lights the next layer whose name holds what is typed.
  function finder() {
    const names = [...subject.graph.inputs, ...subject.layers.map(([name]) => name)].map((name) => name.toLowerCase());
    function find(text, after) {
      const found = names.map((name, row) => (name.includes(text) && row >= subject.graph.inputs.length ? row : -1)).filter((row) => row >= 0);
      options.lit = text ? found.find((row) => row > after) ?? found[0] ?? null : null;
      relight();
    }
    return make("input", {
      type: "search", placeholder: "Find a layer", "aria-label": "Find a layer; Enter goes on to the next",
      oninput: (event) => find(event.target.value.trim().toLowerCase(), -1),
      onkeydown: (event) => { if (event.key === "Enter") find(event.target.value.trim().toLowerCase(), options.lit ?? -1); },
    });
  }

  // ------------------------------------------------------------------------------------------------ all of it

  function build() {
    const parts = [make("section", { id: "numbers", "aria-label": "Chosen points", tabindex: -1, class: shown.length > 1 ? "two" : null }, make("div", { class: "pair" }, shown.map(numbers)))];
    const detailed = shown.every((one) => one.details);
    if (detailed && shown.length) {
      const most = shown.map((one) => energy.largest(one.details)).reduce((one, other) => ({ layer: Math.max(one.layer, other.layer), core: Math.max(one.core, other.core) }));
      parts.push(section("why", "Why it takes that long", null, shown.map(why)));
      parts.push(section("schedule", "Schedule", scheduleControls(), [...shown.map(schedule),
        make("p", { class: "muted small", style: "grid-column:1/-1" }, "Drag to zoom into a stretch, double-click for all; Shift and drag, or the bar below, to move; Ctrl and wheel to zoom. With the keyboard: arrows, +, −, 0. A click on a tile lights its layer.")]));
      parts.push(section("network", "Network, allocation, stacks", [finder()], shown.map((one) => {
        one.network = network.create(one.details, options, shown.find((other) => other !== one)?.details);
        return slotted(one, one.network.node);
      })));
      parts.push(section("energy", "Energy", null, shown.map((one) => {
        one.energy = energy.create(one.details, most);
        return slotted(one, one.energy.node);
      })));
      parts.push(section("peak", "Fullest moment", null, shown.map(fullest)));
    } else if (shown.length) {
      parts.push(make("p", { class: "notice" }, "This page holds details of some points only, to stay small. The others are in the run's folder, under mappings."));
    }
    box.replaceChildren(...parts);
    if (!detailed || !shown.length) return;
    limits();
    shown.forEach((one) => one.energy.draw());
  }

  async function choose(next) {
    const mine = ++request;
    const slots = ["a", "b"].filter((slot) => next[slot] !== null);
    const found = await Promise.all(slots.map(async (slot) => ({ slot, index: next[slot], details: data.detailed.has(next[slot]) ? await data.details(next[slot]) : null })));
    if (mine !== request) return;
    options.lit = null;
    shown = found;
    if (shown.length) build();
    else box.replaceChildren();
  }

  function start(close) {
    options.onClose = close;
    theme.onChange(() => shown.forEach((one) => {
      if (!one.details) return;
      one.gantt.draw();
      one.network.draw();
      one.energy.draw();
      one.causes.replaceChildren(...causes(one).filter(Boolean));
    }));
  }

  return { start, choose };
})();
