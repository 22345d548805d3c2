// The risk-return cloud with its frontier, the portfolio and its assets.
(function (sb) {
  "use strict";
  // SVG points drawn of a cloud; more look the same and cost frames.
  const MOST_POINTS = 500;
  const MOST_LABELS = 14;

  function annual(curve) {
    const year = sb.model.perYear();
    const root = Math.sqrt(year);
    const at = sb.charts.places(curve.volatility.length, MOST_POINTS);
    return {
      x: at.map((i) => curve.volatility[i] * root),
      y: at.map((i) => curve.expected_return[i] * year),
    };
  }

  function cloudTrace() {
    if (!sb.model.cloud) return null;
    const { x, y } = annual(sb.model.cloud);
    return {
      type: "scatter", mode: "markers", x, y, hoverinfo: "skip",
      marker: {
        size: 4, opacity: 0.55, color: x.map((vol, i) => y[i] / vol),
        colorscale: sb.theme.surface().scale, showscale: false,
      },
    };
  }

  function frontierTrace() {
    if (!sb.model.frontier) return null;
    return {
      type: "scatter", mode: "lines", ...annual(sb.model.frontier),
      line: { color: sb.theme.surface().accent, width: 1.5, shape: "spline", smoothing: 0.4 },
      hovertemplate: "frontier<br>volatility %{x:.1%}<br>return %{y:.1%}<extra></extra>",
    };
  }

  function portfolioTrace() {
    const { latest } = sb.model;
    const surface = sb.theme.surface();
    const root = Math.sqrt(sb.model.perYear());
    return {
      type: "scatter", mode: "markers+text", text: ["portfolio"], textposition: "top center",
      x: [latest.portfolio_volatility * root], y: [latest.expected_return * root * root],
      textfont: { color: surface.text, size: 12 }, cliponaxis: false,
      marker: { symbol: "diamond", size: 12, color: surface.mark, line: { color: surface.panel, width: 2 } },
      hovertemplate: "portfolio<br>volatility %{x:.1%}<br>return %{y:.1%}<extra></extra>",
    };
  }

  // Labels by weight, the selected one first; one that would cover another is left to hovering.
  function labelled(order, x, y, spanX, spanY) {
    const taken = [];
    const shown = new Set();
    for (const i of order) {
      if (shown.size >= MOST_LABELS) break;
      const place = [x[i] / spanX, y[i] / spanY];
      const covers = taken.some(([a, b]) => Math.abs(a - place[0]) < 0.16 && Math.abs(b - place[1]) < 0.06);
      if (covers) continue;
      taken.push(place);
      shown.add(i);
    }
    return shown;
  }

  // Where each asset is drawn, and on which side of the axis it would be (1 above, -1 below).
  function placed(latest, box) {
    const root = Math.sqrt(sb.model.perYear());
    const [low, high] = box.y;
    const edge = 0.02 * (high - low);
    const real = latest.mean.map((value) => sb.format.scaled(value, root * root));
    return {
      real,
      x: latest.volatility.map((value) => sb.format.scaled(value, root)),
      y: real.map((value) => value === null ? null : Math.min(high - edge, Math.max(low + edge, value))),
      side: real.map((value) => (value > high ? 1 : value !== null && value < low ? -1 : 0)),
    };
  }

  function labelSide(side, x, range) {
    if (side) return side > 0 ? "bottom center" : "top center";
    return x - range[0] > 0.8 * (range[1] - range[0]) ? "middle left" : "middle right";
  }

  function marker(latest, side) {
    const surface = sb.theme.surface();
    const { asset } = sb.view.get();
    const chosen = (yes, no) => latest.symbols.map((symbol) => (symbol === asset ? yes : no));
    return {
      symbol: side.map((at) => (at > 0 ? "triangle-up" : at < 0 ? "triangle-down" : "circle")),
      size: latest.weights.map((w) => 6 + 12 * Math.sqrt(w)),
      color: latest.symbols.map((symbol) => sb.theme.colour(symbol)),
      line: { width: chosen(2.5, 1), color: chosen(surface.text, surface.panel) },
    };
  }

  function assetTrace(box) {
    const { latest } = sb.model;
    const { asset } = sb.view.get();
    const { x, y, real, side } = placed(latest, box);
    const order = x.map((_, i) => i).sort((a, b) =>
      (latest.symbols[b] === asset) - (latest.symbols[a] === asset) || latest.weights[b] - latest.weights[a]);
    const shown = labelled(order, x, y, box.x[1] - box.x[0], box.y[1] - box.y[0]);
    return {
      type: "scatter", mode: "markers+text", x, y, cliponaxis: false, marker: marker(latest, side),
      text: latest.symbols.map((symbol, i) => (shown.has(i) ? symbol : "")),
      textposition: side.map((at, i) => labelSide(at, x[i], box.x)),
      textfont: { size: 11, color: sb.theme.surface().muted },
      customdata: latest.symbols.map((symbol, i) => [symbol, latest.weights[i], sb.format.percent(real[i])]),
      hovertemplate: "%{customdata[0]}, weight %{customdata[1]:.2%}<br>volatility %{x:.1%}<br>return %{customdata[2]}<extra></extra>",
    };
  }

  let keepX = null;
  let keepY = null;

  function extent() {
    const { latest, cloud, frontier } = sb.model;
    const year = sb.model.perYear();
    const root = Math.sqrt(year);
    keepX = keepX || sb.charts.steadyRange();
    keepY = keepY || sb.charts.steadyRange();
    const curves = [cloud, frontier].filter(Boolean);
    const x = [latest.volatility, [latest.portfolio_volatility], ...curves.map((c) => c.volatility)].flat();
    // Not the assets' own means: samples scatter far wider than the estimates that decide, and
    // would squeeze the cloud to a line. Those beyond are drawn at the edge, as triangles.
    const y = [[latest.expected_return], ...curves.map((c) => c.expected_return)].flat();
    const bounds = (values, by) => {
      const finite = values.filter(Number.isFinite);
      return [Math.min(...finite) * by, Math.max(...finite) * by];
    };
    return { x: keepX(...bounds(x, root)), y: keepY(...bounds(y, year)) };
  }

  function caption() {
    const { cloud, latest } = sb.model;
    sb.paint.text("cloud-caption", cloud
      ? `a year; ${sb.format.count(cloud.volatility.length)} random portfolios, frontier, assets by sample mean (triangles: beyond the axis)`
      : "a year");
    const year = sb.model.perYear();
    sb.charts.describe("cloud",
      `Risk and return a year: the portfolio at volatility ${sb.format.percent(latest.portfolio_volatility * Math.sqrt(year))}, ` +
      `expected return ${sb.format.percent(latest.expected_return * year)}`);
  }

  function draw() {
    caption();
    const box = extent();
    const surface = sb.theme.surface();
    const title = (text) => ({ text, font: { size: 11, color: surface.muted }, standoff: 6 });
    return {
      data: [cloudTrace(), frontierTrace(), assetTrace(box), portfolioTrace()].filter(Boolean),
      layout: sb.charts.layout({
        margin: { l: 58, r: 14, t: 6, b: 36 },
        xaxis: sb.charts.axis({ range: box.x, ...sb.charts.percentTicks(box.x, 6), title: title("volatility") }),
        yaxis: sb.charts.axis({ range: box.y, ...sb.charts.percentTicks(box.y, 6), zeroline: true, zerolinecolor: surface.zero, title: title("expected return") }),
      }),
    };
  }

  const key = () => `${sb.model.version.decision},${sb.model.version.cloud}`;
  window.dash_clientside.silverbullet.cloudFigure = sb.charts.figure(key, draw);
})((window.silverbullet = window.silverbullet || {}));
