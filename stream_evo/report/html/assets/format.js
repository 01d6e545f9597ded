// Numbers as people read them, and elements without markup in strings.

const format = (() => {
  const DECIMAL = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
  const BINARY = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
  const ENERGY = [[1e12, "J"], [1e9, "mJ"], [1e6, "µJ"], [1e3, "nJ"], [1, "pJ"]];

  const pick = (steps, value) => steps.find(([factor]) => Math.abs(value) >= factor) || steps[steps.length - 1];

  // The unit in which `value` of a metric reads as a number between 1 and 1000.
  function unit(metric, value) {
    if (metric.endsWith("_bytes")) {
      const [factor, name] = pick(BINARY, value);
      return { factor, name };
    }
    if (metric.endsWith("_pj")) {
      const [factor, name] = pick(ENERGY, value);
      return { factor, name };
    }
    if (metric.endsWith("_pj_cycles")) {
      const [factor, name] = pick(ENERGY, value);
      return { factor, name: `${name}·cycles` };
    }
    const [factor, name] = pick(DECIMAL, value);
    if (metric !== "cycles" && !metric.endsWith("_cycles")) return { factor, name }; // an objective of the user's own
    return { factor, name: `${name}${name ? " " : ""}cycles` };
  }

  const digits = (value) => {
    if (!Number.isFinite(value)) return "–";
    if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
    return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  };
  const whole = (value) => (Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : "–");
  const percent = (part, all) => (all > 0 ? `${(100 * part / all).toFixed(1)} %` : "");

  function quantity(metric, value) {
    if (value === null || value === undefined) return "–";
    const { factor, name } = unit(metric, value);
    return `${digits(value / factor)} ${name}`.trim();
  }

  // A number of whatever the heading says: 5.06 M.
  const count = (value) => {
    const [factor, name] = pick(DECIMAL, value);
    return `${digits(value / factor)}${name ? ` ${name}` : ""}`;
  };
  const cycles = (value) => quantity("cycles", value);
  const bytes = (value) => quantity("_bytes", value);
  const energy = (value) => quantity("_pj", value);

  return { unit, digits, whole, percent, quantity, count, cycles, bytes, energy };
})();

// Makes an element. Attributes that start with "on" are listeners, null ones are left out; children are elements or text, never markup.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "circle", "rect", "g", "line", "title", "polygon"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// Table of plain cells. Columns are [heading, "text" | "wrap" | "number"].
function makeTable(caption, columns, rows, className = "") {
  const kind = (index) => ({ text: "text", wrap: "text wrap" })[columns[index][1]] || null;
  const head = columns.map(([name], index) => make("th", { scope: "col", class: kind(index) }, name));
  const body = rows.map((row) => make("tr", {}, row.map((cell, index) => make("td", { class: kind(index) }, cell ?? ""))));
  return make("table", { class: className || null },
    make("caption", { class: "visually-hidden" }, caption), make("thead", {}, make("tr", {}, head)), make("tbody", {}, body));
}

function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
