// The front: three chosen metrics in space, their three pairs, and the hypervolume over evaluations.

const front = (() => {
  const { metrics, objectives, points, bounds, baseline, history } = data.front;
  const names = metrics.map(([name]) => name);
  const labels = Object.fromEntries(metrics);
  const MARKS = { a: "circle-open", b: "square-open" };
  const LOG_RATIO = 12; // an axis whose values span more than this is drawn logarithmically
  const shown = [...new Set([...objectives, ...names])].slice(0, 3);
  let scale = "auto";
  let chosen = { a: null, b: null };
  let onChoose = () => {};
  let Plotly = null;

  const column = (name) => {
    const index = names.indexOf(name);
    return {
      name,
      values: points.map((point) => point[index]),
      bound: bounds[index] > 0 ? bounds[index] : null,
      baseline: baseline ? baseline[index] : null,
    };
  };

  function axis(name) {
    const { values, bound, baseline: other } = column(name);
    const all = [...values, bound, other].filter((value) => value !== null && Number.isFinite(value));
    const high = all.length ? Math.max(...all) : 1;
    const low = all.length ? Math.min(...all) : 0;
    const log = low > 0 && (scale === "log" || (scale === "auto" && high / low > LOG_RATIO));
    const { factor, name: unitName } = format.unit(name, high);
    const margin = high > low ? 0.05 * (high - low) : Math.abs(high) * 0.1 || 1;
    const spread = high > low && low > 0 ? (high / low) ** 0.06 : 1.2;
    const range = log
      ? [Math.log10(low / spread / factor), Math.log10(high * spread / factor)]
      : [Math.max(low - margin, low >= 0 && low < margin ? 0 : -Infinity) / factor, (high + margin) / factor];
    return { log, factor, range, title: unitName ? `${labels[name]} (${unitName})` : labels[name] };
  }

  // 1, 2 and 5 times powers of ten; beyond two decades powers of ten only.
  function logTicks([low, high]) {
    const found = [];
    for (let power = Math.floor(low); power <= high; power += 1) {
      for (const digit of high - low > 2 ? [1] : [1, 2, 5]) {
        if (power + Math.log10(digit) >= low && power + Math.log10(digit) <= high) found.push(Number((digit * 10 ** power).toPrecision(1)));
      }
    }
    return { tickmode: "array", tickvals: found, ticktext: found.map((value) => value.toLocaleString("en-US", { maximumSignificantDigits: 2 })) };
  }

  function axisLayout(info, title = true) {
    const line = theme.colour("line");
    return {
      ...(info.log ? logTicks(info.range) : { nticks: 6 }),
      type: info.log ? "log" : "linear", range: [...info.range], title: { text: title ? info.title : "", standoff: 6, font: { size: 12 } },
      gridcolor: line, zeroline: false, linecolor: line, tickfont: { size: 11 }, exponentformat: "none", automargin: true,
    };
  }

  const FONT = "Arial, Helvetica, \"DejaVu Sans\", sans-serif"; // space is drawn on canvas, which knows no inherited font
  // The buttons of a plot lie in its upper margin: over the axes they would cover points.
  const layout = (extra) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { family: FONT, color: theme.colour("ink"), size: 12 }, margin: { l: 56, r: 10, t: 28, b: 42 },
    hoverlabel: { bgcolor: theme.colour("panel"), bordercolor: theme.colour("muted"), font: { color: theme.colour("ink"), family: FONT }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.colour("muted"), activecolor: theme.colour("ink") },
    ...extra,
  });
  // Only buttons that act on the page itself: some of the library's own would send the picture to its makers' site.
  const settings = { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const spaceSettings = { ...settings, modeBarButtons: [["toImage", "orbitRotation", "pan3d", "zoom3d", "resetCameraDefault3d"]] };

  const hover = points.map((point, index) => [`point ${index}`,
    ...names.map((name, place) => `${labels[name].replace("<", "‹")}: ${format.quantity(name, point[place])}`)].join("<br>"));

  // Traces of the front, the layer-by-layer point and the chosen points, in two or three dimensions.
  function traces(axes, flat) {
    const place = (index) => Object.fromEntries(axes.map(({ name, info }, dimension) =>
      ["xyz"[dimension], index.map((point) => points[point][names.indexOf(name)] / info.factor)]));
    const all = points.map((_, index) => index);
    const type = flat ? "scatter" : "scatter3d";
    const size = points.length > 300 ? [4, 2.5] : [7, 4];
    const found = [{
      type, mode: "markers", ...place(all), customdata: all, text: hover, hovertemplate: "%{text}<extra></extra>",
      marker: { color: theme.colour("front"), size: size[flat ? 0 : 1], opacity: flat ? 0.85 : 1, line: { width: flat ? 0.6 : 0, color: theme.colour("panel") } },
    }];
    if (baseline) {
      const where = Object.fromEntries(axes.map(({ name, info }, dimension) => ["xyz"[dimension], [column(name).baseline / info.factor]]));
      found.push({
        type, mode: "markers", ...where, hovertemplate: "layer by layer<extra></extra>",
        marker: { color: theme.colour("baseline"), size: flat ? 11 : 6, symbol: flat ? "star" : "diamond" },
      });
    }
    for (const slot of ["a", "b"]) {
      const index = chosen[slot] === null ? [] : [chosen[slot]];
      found.push({
        type, mode: "markers", ...place(index), customdata: index, text: index.map((point) => hover[point]), hovertemplate: "%{text}<extra></extra>",
        marker: flat
          ? { color: theme.colour(slot), size: 14, symbol: MARKS[slot], line: { width: 2.5, color: theme.colour(slot) } }
          : { color: theme.colour(slot), size: 10, symbol: MARKS[slot], line: { width: 3, color: theme.colour(slot) } },
      });
    }
    return found;
  }

  function drawPair(node, x, y) {
    const axes = [x, y].map((name) => ({ name, info: axis(name) }));
    const shapes = [];
    axes.forEach(({ name, info }, dimension) => {
      const { bound } = column(name);
      if (bound === null) return;
      const at = bound / info.factor;
      const along = dimension ? "x" : "y";
      const across = dimension ? "y" : "x";
      const least = info.log ? 10 ** (info.range[0] - 3) : info.range[0] - 1e3 * Math.abs(info.range[1]);
      const whole = { [`${along}ref`]: "paper", [`${along}0`]: 0, [`${along}1`]: 1 };
      shapes.push({ type: "rect", layer: "below", ...whole, [`${across}0`]: least, [`${across}1`]: at, fillcolor: theme.colour("shade"), line: { width: 0 } });
      shapes.push({ type: "line", layer: "below", ...whole, [`${across}0`]: at, [`${across}1`]: at, line: { color: theme.colour("bound"), width: 1.3, dash: "dash" } });
    });
    const picture = layout({ xaxis: axisLayout(axes[0].info), yaxis: axisLayout(axes[1].info), shapes });
    return Plotly.react(node, traces(axes, true), picture, settings);
  }

  // The corner of the lower bounds: three lines from the ideal point along the axes.
  function boundLines(axes) {
    const at = axes.map(({ name, info }) => (column(name).bound === null ? null : column(name).bound / info.factor));
    if (at.some((value) => value === null)) return [];
    const ends = axes.map(({ info }) => (info.log ? 10 ** info.range[1] : info.range[1]));
    const colour = theme.colour("bound");
    const lines = [0, 1, 2].map((dimension) => {
      const line = Object.fromEntries(["x", "y", "z"].map((letter, index) => [letter, [at[index], index === dimension ? ends[index] : at[index]]]));
      return { type: "scatter3d", mode: "lines", ...line, hoverinfo: "skip", line: { color: colour, width: 3, dash: "dash" } };
    });
    const corner = Object.fromEntries(["x", "y", "z"].map((letter, index) => [letter, [at[index]]]));
    lines.push({ type: "scatter3d", mode: "markers", ...corner, hovertemplate: "lower bounds<extra></extra>", marker: { color: colour, size: 4, symbol: "cross" } });
    return lines;
  }

  function drawSpace(node) {
    const axes = shown.map((name) => ({ name, info: axis(name) }));
    const scene = { aspectmode: "cube", camera: node.camera || { eye: { x: 1.55, y: 1.55, z: 0.85 } } };
    axes.forEach(({ info }, dimension) => {
      scene[`${"xyz"[dimension]}axis`] = {
        ...axisLayout(info), title: { text: info.title, font: { size: 12 } }, showbackground: false, showspikes: false,
        gridcolor: theme.colour("line"), linecolor: theme.colour("muted"), automargin: undefined,
      };
    });
    const picture = layout({ scene, margin: { l: 0, r: 0, t: 0, b: 0 } });
    return Plotly.react(node, [...traces(axes, false), ...boundLines(axes)], picture, spaceSettings);
  }

  function drawHistory(node) {
    const info = { log: false, range: [0, 1], title: "Evaluations", factor: 1 };
    const picture = layout({
      xaxis: { ...axisLayout(info), range: undefined, rangemode: "tozero" },
      yaxis: { ...axisLayout({ ...info, title: "Hypervolume (% of the box)" }), range: undefined, rangemode: history.evaluations.length < 3 ? "tozero" : "normal" },
    });
    const lone = history.evaluations.length < 3;
    return Plotly.react(node, [{
      type: "scatter", mode: lone ? "markers" : "lines", x: history.evaluations, y: history.hypervolume.map((value) => 100 * value),
      text: history.front_size.map((size, index) => `generation ${index + 1}, ${size} points`),
      hovertemplate: "%{x:,} evaluations: %{y:.2f} %<br>%{text}<extra></extra>", line: { color: theme.colour("a"), width: 2 }, marker: { color: theme.colour("a") },
    }], picture, settings);
  }

  function plot(label, className) {
    return make("div", { class: className, role: "img", "aria-label": label });
  }

  const nodes = {};
  const pairs = [[0, 1], [0, 2], [1, 2]];

  async function draw() {
    if (!Plotly || !points.length) return;
    const jobs = [drawSpace(nodes.space), ...pairs.map(([x, y], index) => drawPair(nodes.pairs[index], shown[x], shown[y]))];
    pairs.forEach(([x, y], index) => nodes.pairs[index].setAttribute("aria-label", `${labels[shown[y]]} against ${labels[shown[x]]} of all points`));
    nodes.space.setAttribute("aria-label", `The front in space: ${shown.map((name) => labels[name]).join(", ")}. The table below holds the same points.`);
    if (nodes.history) jobs.push(drawHistory(nodes.history));
    await Promise.all(jobs);
  }

  function chooser(place) {
    const options = names.map((name) => make("option", { value: name, selected: name === shown[place] }, labels[name]));
    return make("label", {}, `${"xyz"[place]} `, make("select", {
      onchange: (event) => {
        const other = shown.indexOf(event.target.value);
        if (other >= 0) shown[other] = shown[place];
        shown[place] = event.target.value;
        controls();
        draw();
      },
    }, options));
  }

  function controls() {
    const scales = [["auto", "scale as needed"], ["linear", "linear"], ["log", "logarithmic"]].map(([value, text]) =>
      make("option", { value, selected: value === scale }, text));
    const kind = make("select", { "aria-label": "Scale of the axes", onchange: (event) => { scale = event.target.value; draw(); } }, scales);
    document.getElementById("axes").replaceChildren(...[0, 1, 2].map(chooser), kind);
  }

  function mark(shape, text) {
    return make("span", {}, make("svg", { width: 16, height: 12, viewBox: "0 0 16 12" }, shape), text);
  }

  function legend() {
    const found = [mark(make("circle", { cx: 8, cy: 6, r: 4, style: "fill:var(--front)" }), "point of the front")];
    if (baseline) found.push(mark(make("polygon", { points: "8,0 10,4 15,4.5 11,8 12,12 8,10 4,12 5,8 1,4.5 6,4", style: "fill:var(--baseline)" }), "layer by layer"));
    found.push(mark(make("line", { x1: 0, x2: 16, y1: 6, y2: 6, style: "stroke:var(--bound);stroke-width:2;stroke-dasharray:4 3" }), "lower bound: nothing can be beyond"));
    found.push(mark(make("circle", { cx: 8, cy: 6, r: 4.5, style: "fill:none;stroke:var(--a);stroke-width:2" }), "point A"));
    found.push(mark(make("rect", { x: 3.5, y: 1.5, width: 9, height: 9, style: "fill:none;stroke:var(--b);stroke-width:2" }), "point B"));
    document.getElementById("legend").replaceChildren(...found);
  }

  function build() {
    const box = document.getElementById("plots");
    const kept = history.evaluations.length > 0;
    if (!points.length) {
      box.replaceChildren(make("p", { class: "muted" }, "There is nothing to draw: the front is empty."));
      return;
    }
    controls();
    legend();
    nodes.space = plot("", "plot tall");
    nodes.pairs = pairs.map(() => plot("", "plot"));
    if (kept) nodes.history = plot("Hypervolume over evaluations", "plot");
    box.replaceChildren(nodes.space, make("div", { class: "small-plots" }, nodes.pairs, nodes.history ?? null));
  }

  function listen(node) {
    node.on("plotly_click", (click) => {
      const index = click.points[0]?.customdata;
      if (Number.isInteger(index)) onChoose(index, click.event?.shiftKey === true);
    });
  }

  // In space the library tells of a pressed button in every frame, and not at all if the press is short: a press that does not
  // move chooses what is under the pointer.
  function listenInSpace(node) {
    let under = null;
    let from = null;
    const point = (event) => { under = Number.isInteger(event.points[0]?.customdata) ? event.points[0].customdata : null; };
    node.on("plotly_hover", point);
    node.on("plotly_click", point);
    node.on("plotly_unhover", () => { under = null; });
    node.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; }, true);
    node.addEventListener("pointerup", (event) => {
      const still = from && Math.abs(event.clientX - from[0]) + Math.abs(event.clientY - from[1]) < 5;
      if (still && under !== null) onChoose(under, event.shiftKey);
    }, true);
    node.on("plotly_relayout", (change) => { if (change["scene.camera"]) node.camera = change["scene.camera"]; });
  }

  async function start(choose) {
    onChoose = choose;
    build();
    Plotly = await data.plotly;
    if (!points.length) return;
    await draw();
    nodes.pairs.forEach(listen);
    listenInSpace(nodes.space);
    theme.onChange(draw);
  }

  function choose(next) {
    chosen = { ...next };
    draw();
  }

  return { start, choose, layout, settings };
})();
