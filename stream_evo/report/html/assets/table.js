// The points as a table: sorted by any column, chosen by click or key, each with its mapping to download.

const table = (() => {
  const { metrics, points, bounds, baseline } = data.front;
  const columns = metrics.map(([name, label], index) => {
    const values = [...points.map((point) => point[index]), baseline ? baseline[index] : 0, bounds[index] || 0];
    const unit = format.unit(name, Math.max(...values.filter(Number.isFinite)));
    return { name, label, unit, value: (point) => points[point][index], least: Math.min(...points.map((point) => point[index])) };
  });
  const order = points.map((_, index) => index);
  const rows = new Map();
  let sorted = { column: -1, down: false };
  let onChoose = () => {};
  let body = null;

  const cell = (column, value) => (value === null || value === undefined ? "–" : format.digits(value / column.unit.factor));

  function row(index) {
    const cells = columns.map((column) => {
      const value = column.value(index);
      return make("td", { title: `${value.toLocaleString("en-US", { maximumFractionDigits: 3 })}`, class: value === column.least ? "best" : null }, cell(column, value));
    });
    const second = make("button", { type: "button", tabindex: -1, "aria-label": `Set point ${index} beside`, onclick: (event) => { event.stopPropagation(); onChoose(index, true); } }, "B");
    const detailed = data.detailed.has(index);
    const mapping = make("button", {
      type: "button", tabindex: -1, disabled: !detailed, "aria-label": `Download the mapping of point ${index}`,
      title: detailed ? data.front.mapping_files[index] : "only in the run's folder", onclick: (event) => { event.stopPropagation(); saveMapping(index); },
    }, "YAML");
    return make("tr", {
      tabindex: -1, "data-point": index,
      onclick: (event) => onChoose(index, event.shiftKey), onkeydown: (event) => key(event, index), onfocus: () => rove(index),
    }, make("td", {}, String(index)), cells, make("td", {}, second), make("td", {}, mapping));
  }

  function rove(index) {
    for (const [other, node] of rows) node.tabIndex = other === index ? 0 : -1;
  }

  function key(event, index) {
    if (event.target !== rows.get(index)) return;
    const place = order.indexOf(index);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: order.length - 1 }[event.key];
    if (to !== undefined && order[to] !== undefined) rows.get(order[to]).focus();
    else if (event.key === "Enter") onChoose(index, event.shiftKey);
    else if (event.key === "b") onChoose(index, true);
    else if (event.key === "d" && data.detailed.has(index)) saveMapping(index);
    else return;
    event.preventDefault();
  }

  async function saveMapping(index) {
    const { yaml } = await data.details(index);
    download(data.front.mapping_files[index], yaml, "application/yaml");
  }

  function saveCsv() {
    const head = ["point", ...columns.map((column) => column.name), "mapping"];
    const lines = order.map((index) => [index, ...points[index].map(String), `mappings/${data.front.mapping_files[index]}`]);
    download("pareto.csv", [head, ...lines].map((line) => `${line.join(",")}\n`).join(""), "text/csv");
  }

  function sort(column) {
    sorted = { column, down: sorted.column === column && !sorted.down };
    const value = column < 0 ? (index) => index : columns[column].value;
    const sign = sorted.down ? -1 : 1;
    order.sort((one, other) => sign * (value(one) - value(other)) || one - other);
    body.append(...order.map((index) => rows.get(index)));
    document.querySelectorAll("#table th[data-column]").forEach((head) => {
      const mine = Number(head.dataset.column) === sorted.column;
      head.setAttribute("aria-sort", mine ? (sorted.down ? "descending" : "ascending") : "none");
      head.querySelector("span").textContent = mine ? (sorted.down ? " ↓" : " ↑") : "";
    });
  }

  function heading(index, label, unit) {
    return make("th", { scope: "col", "data-column": index, "aria-sort": index < 0 ? "ascending" : "none" },
      make("button", { type: "button", class: "sort", onclick: () => sort(index) }, label, unit ? ` (${unit})` : "", make("span", { "aria-hidden": "true" }, index < 0 ? " ↑" : "")));
  }

  function reference(label, values) {
    return make("tr", {}, make("th", { scope: "row" }, label), columns.map((column, index) => make("td", {}, cell(column, values[index]))), make("td", {}), make("td", {}));
  }

  function start(choose) {
    onChoose = choose;
    const head = make("tr", {}, heading(-1, "Point", ""), columns.map((column, index) => heading(index, column.label, column.unit.name)),
      make("th", { scope: "col" }, "Beside"), make("th", { scope: "col" }, "Mapping"));
    order.forEach((index) => rows.set(index, row(index)));
    body = make("tbody", {}, order.map((index) => rows.get(index)));
    sorted = { column: -1, down: false };
    const foot = [baseline ? reference("layer by layer", baseline) : null, reference("lower bound", bounds)];
    document.getElementById("table").replaceChildren(make("table", { class: "points" },
      make("caption", { class: "visually-hidden" }, "Points of the front"), make("thead", {}, head), body, make("tfoot", {}, foot)));
    document.getElementById("hint").textContent = points.length
      ? "Click or Enter: point A. Shift with either, or B: set beside. Arrows move."
      : "There are none.";
    const csv = document.getElementById("csv");
    csv.disabled = !points.length;
    csv.addEventListener("click", saveCsv);
    if (order.length) rove(order[0]);
  }

  function choose(next) {
    for (const [index, node] of rows) {
      node.classList.toggle("chosen-a", index === next.a);
      node.classList.toggle("chosen-b", index === next.b);
      if (index === next.a || index === next.b) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
    const row = rows.get(next.a);
    if (!row) return;
    const box = document.getElementById("table");
    const above = row.offsetTop - 30;
    if (above < box.scrollTop || row.offsetTop + 90 > box.scrollTop + box.clientHeight) box.scrollTop = above - box.clientHeight / 3;
  }

  return { start, choose, saveMapping };
})();
