// What the page knows: the run at once, everything large when it is asked for.

const data = (() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const known = new Map();

  async function inflate(text) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("This browser cannot unpack the page's data. Browsers from 2023 on can.");
    }
    const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  async function read(index) {
    const [facts, times] = document.getElementById(`point-${index}`).textContent.split(" ");
    const [first, second] = await Promise.all([inflate(facts), inflate(times)]);
    return { ...JSON.parse(first), time: timeline.decode(JSON.parse(second)) };
  }

  // Details of a point; the last few are kept.
  function details(index) {
    if (!known.has(index)) {
      known.set(index, read(index));
      if (known.size > 6) known.delete(known.keys().next().value);
    }
    return known.get(index);
  }

  async function loadPlotly() {
    const text = await inflate(document.getElementById("plotly").textContent);
    document.head.append(make("script", {}, text));
    return window.Plotly;
  }

  return {
    front: run.front, subject: run.subject, detailed: new Set(run.detailed), details,
    plotly: new Promise((resolve, reject) => { setTimeout(() => loadPlotly().then(resolve, reject)); }),
  };
})();
