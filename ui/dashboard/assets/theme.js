// Dark and light, and the colours that charts and lists share.
(function (sb) {
  "use strict";
  const root = document.documentElement;
  const prefersLight = matchMedia("(prefers-color-scheme: light)");

  // Twelve hues at even lightness for each theme; neighbours differ for colour-blind readers too.
  const HUES = {
    dark: ["#5b9cf5", "#f0a04b", "#4fc3a1", "#e5728f", "#a78bfa", "#c9c65a", "#58c4dc",
      "#d98ad6", "#9bb17a", "#d8836a", "#7f8fe0", "#c4a484"],
    light: ["#2f6fd6", "#c8720c", "#0f8f6c", "#c7345d", "#7350d6", "#8c8500", "#0c86a3",
      "#a9479f", "#5d7a38", "#a94f33", "#3f4fb8", "#8a6a3d"],
  };
  const SURFACE = {
    dark: { text: "#d7dee8", muted: "#8b98aa", line: "#222a36", zero: "#384455", panel: "#12171f",
      accent: "#6db1ff", rest: "#3b4656", warn: "#e5b454", mark: "#ffc857",
      scale: [[0, "#2b3a63"], [0.5, "#3f7f9e"], [1, "#b9e3a0"]] },
    light: { text: "#1c2531", muted: "#5a6777", line: "#e4e8ee", zero: "#c3cbd6", panel: "#ffffff",
      accent: "#1769d2", rest: "#c4ccd7", warn: "#96660a", mark: "#e07b00",
      scale: [[0, "#cfd6ee"], [0.5, "#6fa6c4"], [1, "#2c7a4b"]] },
  };
  const slots = new Map();
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  function name() {
    return sb.view.get().theme || (prefersLight.matches ? "light" : "dark");
  }

  // The chosen symbols get a hue each and keep it as long as they stay chosen; new ones by name,
  // so that the same assets have the same colours on every page.
  function assign(symbols) {
    const chosen = symbols.slice(0, HUES.dark.length);
    if (chosen.every((symbol) => slots.has(symbol))) return;
    for (const symbol of [...slots.keys()]) if (!chosen.includes(symbol)) slots.delete(symbol);
    const free = [...HUES.dark.keys()].filter((slot) => ![...slots.values()].includes(slot));
    for (const symbol of chosen.filter((one) => !slots.has(one)).sort()) slots.set(symbol, free.shift());
    paintSwatches();
  }

  function colour(symbol) {
    return slots.has(symbol) ? HUES[name()][slots.get(symbol)] : SURFACE[name()].rest;
  }

  // The grid re-creates its cells at will: a rule by row id colours them without touching them.
  function paintSwatches() {
    sheet.replaceSync(
      [...slots.keys()]
        .map((symbol) => `[row-id="${CSS.escape(symbol)}"]{--swatch:${colour(symbol)}}`)
        .join("\n"),
    );
  }

  function apply() {
    const theme = name();
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      const other = theme === "dark" ? "light" : "dark";
      button.textContent = other === "light" ? "Light" : "Dark";
      button.setAttribute("aria-label", `Change to the ${other} theme`);
    }
    paintSwatches();
    if (sb.paint) sb.paint.request("all");
  }

  prefersLight.addEventListener("change", apply);

  sb.theme = {
    name, apply, assign, colour,
    surface: () => SURFACE[name()],
    // Keeps a label legible over points and lines of a chart.
    halo: () => [1, 2, 3].map((px) => `0 0 ${px}px ${SURFACE[name()].panel}`).join(", "),
    toggle: () => sb.view.set({ theme: name() === "dark" ? "light" : "dark" }),
  };
})((window.silverbullet = window.silverbullet || {}));
