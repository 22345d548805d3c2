// What the three charts share: fonts, axes, colours of the theme, and the rule when to redraw.
(function (sb) {
  "use strict";
  const FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, system-ui, sans-serif';

  function axis(more) {
    const surface = sb.theme.surface();
    return {
      gridcolor: surface.line, zeroline: false, linecolor: surface.line, showline: false,
      tickfont: { size: 11, color: surface.muted }, ticks: "", fixedrange: true, automargin: false,
      ...more,
    };
  }

  function layout(more) {
    const surface = sb.theme.surface();
    return {
      margin: { l: 52, r: 12, t: 8, b: 30 }, paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)", font: { family: FONT, size: 11, color: surface.text },
      showlegend: false, hovermode: "closest", dragmode: false, autosize: true,
      hoverlabel: {
        bgcolor: surface.panel, bordercolor: surface.zero, align: "left",
        font: { family: FONT, size: 12, color: surface.text },
      },
      ...more,
    };
  }

  // A chart takes some 60 ms to draw: of faster decisions it shows one a second.
  const LEAST_MS = 950;

  // A drawing function for Dash that answers "no update" unless what it shows has changed: at
  // once when the page's view did, else as above.
  function figure(dataKey, draw) {
    let drawn = { view: null, data: null, at: 0 };
    return () => {
      // On the other page nothing of it is seen.
      if (!sb.model.latest || sb.view.get().page) return window.dash_clientside.no_update;
      const { asset, range } = sb.view.get();
      const now = { view: [sb.theme.name(), asset, range].join(), data: dataKey(), at: performance.now() };
      const same = now.view === drawn.view;
      if (same && (now.data === drawn.data || now.at - drawn.at < LEAST_MS)) {
        return window.dash_clientside.no_update;
      }
      drawn = now;
      return draw();
    };
  }

  // An axis that holds still: it moves only when data leave it or fill less than half of it.
  function steadyRange() {
    let kept = null;
    return (low, high) => {
      const span = high - low || Math.abs(high) || 1;
      const outside = !kept || low < kept[0] || high > kept[1];
      const tooWide = kept && span < 0.5 * (kept[1] - kept[0]);
      if (outside || tooWide) kept = [low - 0.14 * span, high + 0.14 * span];
      return kept;
    };
  }

  // Evenly spaced places of at most `most` of `n` items, the newest always among them.
  function places(n, most) {
    if (n <= most) return Array.from({ length: n }, (_, i) => i);
    const step = Math.ceil(n / most);
    const list = [];
    for (let i = n - 1; i >= 0; i -= step) list.push(i);
    return list.reverse();
  }

  // Round places on an axis, written by the page's own rules: 31k %, not 31000%.
  function percentTicks([low, high], most) {
    const rough = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough);
    const values = [];
    for (let k = Math.ceil(low / step); k * step <= high; k += 1) values.push(k * step);
    const most100 = Math.max(Math.abs(low), Math.abs(high)) * 100;
    const [unit, name] = most100 >= 1e6 ? [1e6, "M %"] : most100 >= 1e4 ? [1e3, "k %"] : [1, " %"];
    // As many decimals as tell neighbours apart.
    const digits = Math.max(0, -Math.floor(Math.log10((step * 100) / unit) + 1e-9));
    const write = (value) => `${sb.format.fixed((value * 100) / unit, digits)}${name}`;
    return { tickvals: values, ticktext: values.map(write) };
  }

  function describe(id, text) {
    const box = document.getElementById(`${id}-box`);
    if (box.getAttribute("aria-label") !== text) box.setAttribute("aria-label", text);
  }

  // Reading the charts' own 5 MB of script holds the browser for a second, and many seconds on a
  // busy machine: the charts are put in when the table of assets has its rows.
  function mount() {
    for (const id of ["cloud", "timeline", "latency"]) {
      window.dash_clientside.set_props(`${id}-box`, {
        children: {
          namespace: "dash_core_components", type: "Graph",
          props: {
            id, responsive: true, className: "graph", figure: { data: [], layout: {} },
            config: { displayModeBar: false, showTips: false, doubleClick: "reset" },
          },
        },
      });
    }
  }

  sb.charts = { mount, axis, layout, figure, steadyRange, places, percentTicks, describe };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.silverbullet = window.dash_clientside.silverbullet || {};
})((window.silverbullet = window.silverbullet || {}));
