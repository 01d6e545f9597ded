// Where the energy goes: in all, per core, per layer in the order of the network.

const energy = (() => {
  const LEVELS = ["MAC arrays", "memories on cores", "memories, for transfers", "links", "DRAM"];
  const { nodes, layers, graph } = data.subject;
  const name = (row) => (row < graph.inputs.length ? graph.inputs[row] : layers[row - graph.inputs.length][0]);
  const HUES = [0, 4, 2, 3, 1];
  const colour = (level) => theme.category(HUES[level]);

  function shares(entries, total, write, colourOf) {
    const most = Math.max(...entries.map(([, value]) => value), 0);
    return make("table", { class: "shares" }, make("tbody", {}, entries.map(([label, value], index) => make("tr", {},
      make("td", { class: "text label", title: label }, label), make("td", {}, write(value)), make("td", {}, format.percent(value, total)),
      make("td", { class: "graph", "aria-hidden": "true" }, make("div", { class: "meter" },
        make("i", { style: `width:${most ? 100 * value / most : 0}%;${colourOf ? `background:${colourOf(index)}` : ""}` })))))));
  }

  function bars(node, plotly, entries, labels, most, across) {
    const factor = format.unit("_pj", most || 1);
    const place = labels.map((_, index) => index);
    const traces = LEVELS.map((level, index) => {
      const values = entries.map((entry) => entry[index] / factor.factor);
      return {
        type: "bar", name: level, orientation: across ? "h" : "v", x: across ? values : place, y: across ? place : values, text: labels, textposition: "none",
        marker: { color: colour(index) }, hovertemplate: `%{text}<br>${level}: %{${across ? "x" : "y"}:.4~g} ${factor.name}<extra></extra>`,
      };
    });
    const step = Math.ceil(labels.length / (across ? 16 : node.clientWidth / 15));
    const shown = place.filter((index) => index % step === 0);
    const plain = (text) => text.replaceAll("<", "‹"); // the library reads some markup in labels
    const short = (text) => plain(text.length > 20 ? `…${text.slice(-19)}` : text);
    const line = theme.colour("line");
    const value = { title: { text: `Energy (${factor.name})`, standoff: 6 }, range: [0, (most || 1) / factor.factor * 1.04], gridcolor: line, zerolinecolor: line, automargin: true, exponentformat: "none" };
    const category = { tickvals: shown, ticktext: shown.map((index) => short(labels[index])), tickangle: across ? 0 : -60, automargin: true, range: across ? [labels.length - 0.5, -0.5] : [-0.5, labels.length - 0.5], tickfont: { size: 10.5 }, showgrid: false, zeroline: false };
    const picture = front.layout({ barmode: "stack", bargap: labels.length > 60 ? 0 : 0.2, xaxis: across ? value : category, yaxis: across ? category : value, margin: { l: 50, r: 8, t: 6, b: 40 } });
    return plotly.react(node, traces.map((trace) => ({ ...trace, text: labels.map(plain) })), picture, { ...front.settings, displayModeBar: false });
  }

  const legend = () => make("p", { class: "keys" }, LEVELS.map((level, index) => make("span", {}, make("i", { class: "swatch", style: `background:${colour(index)}` }), level)));

  // `most` holds the largest bar per layer and per core of all points shown, so that two points have one scale.
  function create(details, most) {
    const { levels, causes } = details.energy;
    const total = levels.reduce((sum, value) => sum + value, 0);
    const parts = make("div");
    const perLayer = make("div", { class: "plot", role: "img", "aria-label": "Energy per layer; the network's table holds the shares" });
    const perCore = make("div", { class: "plot", role: "img", "aria-label": "Energy per core" });
    perCore.style.height = `${Math.min(420, 70 + 24 * details.energy.cores.length)}px`;
    const node = make("div", {}, parts, legend(), make("h4", {}, "Per layer"), perLayer, make("h4", {}, "Per core"), perCore);

    async function draw() {
      parts.replaceChildren(make("div", { class: "columns" },
        make("div", {}, make("h4", {}, "Spent in"), shares(LEVELS.map((level, index) => [level, levels[index]]), total, format.energy, colour)),
        make("div", {}, make("h4", {}, "Because of"), shares(Object.entries(causes), total, format.energy))));
      node.replaceChild(legend(), node.children[1]);
      const plotly = await data.plotly;
      if (!node.isConnected) return;
      await bars(perLayer, plotly, details.energy.layers.map(([, ...values]) => values), details.energy.layers.map(([row]) => name(row)), most.layer, false);
      await bars(perCore, plotly, details.energy.cores.map(([, ...values]) => values), details.energy.cores.map(([core]) => nodes[core]), most.core, true);
    }
    return { node, draw };
  }

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const largest = (details) => ({
    layer: Math.max(0, ...details.energy.layers.map(([, ...values]) => sum(values))),
    core: Math.max(0, ...details.energy.cores.map(([, ...values]) => sum(values))),
  });

  return { create, largest, shares };
})();
