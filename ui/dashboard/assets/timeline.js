// Weights over time: all assets stacked, or the selected one with its standard deviation.
(function (sb) {
  "use strict";
  const MOST_POINTS = 240;
  const MOST_ASSETS = 12;
  const LEAST_SHARE = 0.001;
  const LABEL_PX = 14;
  const MARGIN = { l: 40, t: 8, b: 26 };

  function weightOf(item, symbol) {
    const at = sb.model.placeOf(item.symbols, symbol);
    return at === undefined ? 0 : item.weights[at];
  }

  // The assets that held most over the visible range get a colour and a layer of their own.
  function leaders(items) {
    // Records of one universe share their list of symbols: add by place, then by name.
    const totals = new Map();
    for (const { symbols, weights } of items) {
      if (!totals.has(symbols)) totals.set(symbols, new Float64Array(symbols.length));
      const total = totals.get(symbols);
      for (let i = 0; i < weights.length; i += 1) total[i] += weights[i];
    }
    const sums = new Map();
    for (const [symbols, total] of totals) {
      symbols.forEach((symbol, i) => sums.set(symbol, (sums.get(symbol) || 0) + total[i]));
    }
    return [...sums.entries()].sort((a, b) => b[1] - a[1]).slice(0, MOST_ASSETS)
      .filter(([, total]) => total > 0).map(([symbol]) => symbol);
  }

  function stack(items, x) {
    const symbols = leaders(items).sort();
    const layers = symbols.map((symbol) => ({
      name: symbol, colour: sb.theme.colour(symbol), y: items.map((item) => weightOf(item, symbol)),
    }));
    const rest = items.map((_, k) => Math.max(0, 1 - layers.reduce((sum, layer) => sum + layer.y[k], 0)));
    if (rest.some((value) => value > 0.001)) {
      layers.push({ name: "others", colour: sb.theme.surface().rest, y: rest });
    }
    return layers.map((layer) => ({
      type: "scatter", mode: "lines", stackgroup: "all", name: layer.name, x, y: layer.y,
      line: { width: 0.6, color: sb.theme.surface().panel, shape: "hv" }, fillcolor: layer.colour,
      hovertemplate: "%{y:.1%}",
    }));
  }

  function single(items, x, symbol) {
    const colour = sb.theme.colour(symbol);
    const weight = items.map((item) => weightOf(item, symbol));
    const spread = items.map((item) => item.stddev[sb.model.placeOf(item.symbols, symbol)] || 0);
    const edge = { type: "scatter", mode: "lines", x, line: { width: 0 }, hoverinfo: "skip" };
    return [
      { ...edge, y: weight.map((w, i) => Math.max(0, w - spread[i])) },
      { ...edge, y: weight.map((w, i) => w + spread[i]), fill: "tonexty", fillcolor: `${colour}33` },
      {
        type: "scatter", mode: "lines", x, y: weight, name: symbol,
        line: { color: colour, width: 1.8 }, hovertemplate: "%{y:.2%}",
      },
    ];
  }

  // A name beside its band; those of thin bands move apart, in order, rather than overlap.
  function labels(traces) {
    let base = 0;
    const named = traces.flatMap((trace) => {
      const last = trace.y[trace.y.length - 1];
      base += last;
      return last < LEAST_SHARE ? [] : [{ trace, y: base - last / 2 }];
    });
    const plot = document.getElementById("timeline-panel").querySelector(".chart").clientHeight - MARGIN.t - MARGIN.b;
    const gap = Math.min(LABEL_PX / Math.max(plot, 1), 1 / named.length);
    named.forEach((one, k) => { one.y = Math.max(one.y, k ? named[k - 1].y + gap : gap / 2); });
    for (let k = named.length - 1, top = 1 - gap / 2; k >= 0; k -= 1, top -= gap) {
      named[k].y = Math.min(named[k].y, top);
    }
    return named.map(({ trace, y }) => ({
      x: 1, xref: "paper", xanchor: "left", y, yref: "y", yanchor: "middle", xshift: 4,
      text: sb.model.shortName(trace.name, 11), showarrow: false,
      font: { size: 11, color: trace.name === "others" ? sb.theme.surface().muted : trace.fillcolor },
    }));
  }

  // Ticks from milliseconds to days: rows may be a second or a day long.
  const STOPS = [
    { dtickrange: [null, 1000], value: "%H:%M:%S.%L" }, { dtickrange: [1000, 60000], value: "%H:%M:%S" },
    { dtickrange: [60000, 86400000], value: "%H:%M" }, { dtickrange: [86400000, null], value: "%d %b" },
  ];

  function weightAxis(asset, traces) {
    if (!asset) return { range: [0, 1], tickformat: ".0%", tickvals: [0.25, 0.5, 0.75, 1] };
    const top = Math.max(0.02, ...traces[1].y) * 1.08;
    return { range: [0, top], tickformat: top < 0.1 ? ".1%" : ".0%", nticks: 5 };
  }

  function title(asset, n) {
    sb.paint.text("timeline-title", asset ? `Weight of ${asset}` : "Weights over time");
    sb.paint.text("timeline-caption", asset ? "± one standard deviation" : "");
    sb.charts.describe("timeline", `Weights over the last ${n} decisions`);
  }

  function draw() {
    const all = sb.model.visible();
    const items = sb.charts.places(all.length, MOST_POINTS).map((i) => all[i]);
    const x = items.map((item) => new Date(item.atMs).toISOString());
    const { asset } = sb.view.get();
    const traces = asset ? single(items, x, asset) : stack(items, x);
    title(asset, all.length);
    return {
      data: traces,
      layout: sb.charts.layout({
        margin: { ...MARGIN, r: asset ? 14 : 90 }, hovermode: "x unified",
        annotations: asset ? [] : labels(traces),
        xaxis: sb.charts.axis({ type: "date", nticks: 5, showgrid: false, tickformatstops: STOPS }),
        yaxis: sb.charts.axis(weightAxis(asset, traces)),
      }),
    };
  }

  const key = () => sb.model.version.decision;
  sb.timeline = { leaders };
  window.dash_clientside.silverbullet.timelineFigure = sb.charts.figure(key, draw);
})((window.silverbullet = window.silverbullet || {}));
