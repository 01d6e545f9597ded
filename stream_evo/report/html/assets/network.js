// The network of one point: a row per layer, tensors as lines beside it, cores as colours, fused stacks as bands.

const network = (() => {
  const { graph, layers, nodes, outputs } = data.subject;
  const inputs = graph.inputs.length;
  const HEAD = 26;
  const STACK = 34;

  // A layer on several cores has a sector of each.
  function mark(row, cores) {
    const [x, y] = [graph.x[row], graph.row_height * (row + 0.5)];
    const radius = Math.min(6, Math.max(3, graph.width / 2 - 1));
    if (!cores.length) return [make("rect", { x: x - radius + 1, y: y - radius + 1, width: 2 * radius - 2, height: 2 * radius - 2, style: "fill:var(--panel);stroke:var(--muted);stroke-width:1.5" })];
    const whole = make("circle", { cx: x, cy: y, r: radius, style: `fill:${theme.category(cores[0])};stroke:var(--panel);stroke-width:1.5` });
    if (cores.length === 1) return [whole];
    const at = (share) => `${x + radius * Math.sin(2 * Math.PI * share)} ${y - radius * Math.cos(2 * Math.PI * share)}`;
    const sectors = cores.slice(1).map((core, index) => {
      const [from, to] = [(index + 1) / cores.length, (index + 2) / cores.length];
      return make("path", { d: `M${x} ${y}L${at(from)}A${radius} ${radius} 0 ${to - from > 0.5 ? 1 : 0} 1 ${at(to)}Z`, style: `fill:${theme.category(core)}` });
    });
    return [whole, ...sectors];
  }

  function picture(details) {
    const rows = inputs + layers.length;
    const found = make("svg", { width: graph.width + 8, height: graph.row_height * rows, style: `left:${STACK}px;top:${HEAD}px`, "aria-hidden": "true" });
    found.append(...graph.paths.map((d) => make("path", { class: "edge", d })));
    for (let row = 0; row < rows; row += 1) found.append(...mark(row, row < inputs ? [] : details.layers.cores[row - inputs]));
    for (const output of outputs) {
      found.append(make("circle", { cx: graph.x[inputs + output], cy: graph.row_height * (inputs + output + 0.5), r: 8.5, style: "fill:none;stroke:var(--muted);stroke-width:1.2" }));
    }
    return found;
  }

  const core = (index) => make("span", { class: "core" }, make("i", { class: "swatch", style: `background:${theme.category(index)}` }), nodes[index]);

  function stackCell(details, index) {
    const { stack } = details.layers;
    if (index && stack[index] === stack[index - 1]) return null;
    let last = index;
    while (last + 1 < stack.length && stack[last + 1] === stack[index]) last += 1;
    const size = last - index + 1;
    return make("td", { class: size > 1 ? "stack fused" : "stack", rowspan: size, title: size > 1 ? `stack ${stack[index]}: ${size} layers fused` : `stack ${stack[index]}` }, String(stack[index]));
  }

  // `other` is the point beside, if there is one: what differs from it is marked.
  function create(details, options, other) {
    const { tile_rows: rows, tile_columns: columns, parts, cores, busy_cycles: busy } = details.layers;
    const energy = new Map(details.energy.layers.map(([row, ...levels]) => [row, levels.reduce((sum, value) => sum + value, 0)]));
    const most = Math.max(0, ...energy.values());
    const total = details.energy.levels.reduce((sum, value) => sum + value, 0);
    const lit = new Map();
    const pad = `padding-left:${graph.width + 14}px`;

    const differs = (index, ...names) => (other && names.some((name) => String(details.layers[name][index]) !== String(other.layers[name][index])) ? "differs" : null);

    function row(index) {
      const [name, operator, macs, weights, [channels, height, width]] = layers[index];
      const at = inputs + index;
      const grid = Math.ceil(height / rows[index]) * Math.ceil(width / columns[index]);
      const node = make("tr", { class: "row", onclick: () => options.onPick(at) }, stackCell(details, index),
        make("th", { class: "name", scope: "row", style: pad, title: `${name}: ${operator}, output ${channels} × ${height} × ${width}, ${format.whole(macs)} MACs, ${format.whole(weights)} weights` }, name),
        make("td", { class: differs(index, "cores") ? "text differs" : "text" }, cores[index].map((one, place) => [place ? " " : "", core(one)])),
        make("td", { class: differs(index, "tile_rows", "tile_columns") }, `${rows[index]} × ${columns[index]}`),
        make("td", {}, format.whole(grid * parts[index])),
        make("td", { class: differs(index, "parts") }, parts[index] > 1 ? String(parts[index]) : ""),
        make("td", {}, format.count(busy[index])),
  make("td", { class: "share" }, format.percent(energy.get(at) || 0, total),
          make("div", { class: "meter", "aria-hidden": "true" }, make("i", { style: `width:${most ? 100 * (energy.get(at) || 0) / most : 0}%` }))));
      lit.set(at, node);
      return node;
    }

    const head = [["Stack", ""], ["Layer", "name"], ["Core", "text"], ["Tile", ""], ["Tiles", ""], ["Parts", ""], ["Cycles", ""], ["Energy", ""]];
    const first = graph.inputs.map((name) => make("tr", { class: "row" }, make("td", { class: "stack" }), make("td", { class: "name muted", style: pad, title: `input of the network: ${name}` }, name), make("td", { colspan: 6 })));
    const table = make("table", {}, make("caption", { class: "visually-hidden" }, "Layers with their cores, tiles and stacks"),
      make("thead", {}, make("tr", {}, head.map(([text, className]) => make("th", { scope: "col", class: className || null, style: text === "Layer" ? pad : text === "Stack" ? "padding:0;text-align:center;font-size:11.5px" : null }, text)))),
      make("tbody", {}, first, layers.map((_, index) => row(index))));
    const sheet = make("div", { class: "sheet" }, picture(details), table);
    const node = make("div", { class: "scroll network", tabindex: 0, role: "region", "aria-label": "Network with allocation and stacks" }, sheet);

    // Lights one row, or none, and brings it into view.
    function light(at) {
      for (const [index, one] of lit) one.classList.toggle("lit", index === at);
      const row = lit.get(at);
      if (!row) return;
      const above = graph.row_height * at;
      if (above < node.scrollTop || above + 2 * graph.row_height + HEAD > node.scrollTop + node.clientHeight) node.scrollTop = above - node.clientHeight / 3;
    }
    function draw() {
      sheet.replaceChild(picture(details), sheet.firstChild);
      node.querySelectorAll("span.core").forEach((span) => {
        span.firstChild.style.background = theme.category(nodes.indexOf(span.textContent));
      });
    }
    return { node, light, draw };
  }

  return { create };
})();
