// Puts the page together and keeps the choice: point A, and point B beside it.

(() => {
  const { title, facts, notices, points, metrics } = data.front;
  const chosen = { a: null, b: null };
  const status = document.getElementById("status");

  function fail(error) {
    document.getElementById("notices").append(make("p", { class: "notice", role: "alert" }, String(error?.message || error)));
  }

  function apply() {
    table.choose(chosen);
    front.choose(chosen);
    point.choose(chosen).then(() => {
      status.textContent = chosen.a === null ? "" : `Point ${chosen.a} is shown${chosen.b === null ? "" : ` beside point ${chosen.b}`}.`;
      document.documentElement.dataset.shown = `${chosen.a ?? ""} ${chosen.b ?? ""}`.trim();
    }, fail);
  }

  function choose(index, beside) {
    if (beside && chosen.a !== null) chosen.b = index === chosen.a ? null : index;
    else {
      chosen.a = index;
      if (chosen.b === index) chosen.b = null;
    }
    apply();
  }

  document.getElementById("title").textContent = title;
  document.getElementById("facts").append(...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  document.getElementById("notices").append(...notices.map((text) => make("p", { class: "notice" }, text)));
  table.start(choose);
  point.start(() => { chosen.b = null; apply(); });
  if (points.length) {
    // The point with the least energy x delay is where most readers begin.
    const edp = metrics.findIndex(([name]) => name === "edp_pj_cycles");
    const known = data.detailed.size ? [...data.detailed] : [0];
    chosen.a = known.reduce((best, index) => (points[index][edp] < points[best][edp] ? index : best));
    apply();
  }
  front.start(choose).then(() => { document.documentElement.dataset.ready = "true"; }, fail);
})();
