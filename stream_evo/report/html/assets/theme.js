// Light or dark: as the system says, or as the reader chose. Drawings ask here for colours and are told when they change.

const theme = (() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = new Set();
  const chooser = document.getElementById("theme");
  let choice = "auto";
  try {
    choice = localStorage.getItem("stream-evo-theme") || "auto";
  } catch { /* pages that may not store anything follow the system */ }

  const isDark = () => choice === "dark" || (choice === "auto" && dark.matches);

  function apply() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    for (const listener of listeners) listener();
  }

  chooser.value = choice;
  chooser.addEventListener("change", () => {
    choice = chooser.value;
    try {
      localStorage.setItem("stream-evo-theme", choice);
    } catch { /* as above */ }
    apply();
  });
  dark.addEventListener("change", apply);
  apply();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Categories get hues as far apart as possible: a fixed set that the colour-blind can tell apart, then steps of the golden angle.
  const SET = [[240, 0.13], [60, 0.14], [162, 0.12], [345, 0.13], [215, 0.1], [30, 0.16], [100, 0.13], [300, 0.13]];
  function category(index, strength = "strong") {
    const [hue, chroma] = index < SET.length ? SET[index] : [(index * 137.508) % 360, index % 2 ? 0.13 : 0.08];
    const later = index < SET.length ? 0 : 0.05;
    const light = { strong: isDark() ? 0.72 : 0.6, soft: isDark() ? 0.46 : 0.83 }[strength] + later;
    return `oklch(${light} ${strength === "soft" ? chroma * 0.75 : chroma} ${hue})`;
  }

  return { colour, category, isDark, onChange: (listener) => { listeners.add(listener); return () => listeners.delete(listener); } };
})();
