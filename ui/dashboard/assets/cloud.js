// The risk-return cloud with its frontier, the portfolio, where it came from, and its assets.
(function (sb) {
  "use strict";
  // SVG points drawn of a cloud; more look the same and cost frames.
  const MOST_POINTS = 700;
  const MOST_LABELS = 14;
  const TRAIL = 40;

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

  function trailTrace() {
    const root = Math.sqrt(sb.model.perYear());
    const items = sb.model.history.slice(-TRAIL);
    return {
      type: "scatter", mode: "lines", hoverinfo: "skip", opacity: 0.45,
      x: items.map((item) => item.volatility * root),
      y: items.map((item) => item.expectedReturn * root * root),
      line: { color: sb.theme.surface().warn, width: 1 },
    };
  }

  function portfolioTrace() {
    const { latest } = sb.model;
    const surface = sb.theme.surface();
    const root = Math.sqrt(sb.model.perYear());
    return {
      type: "scatter", mode: "markers+text", text: ["portfolio"], textposition: "top center",
      x: [latest.portfolio_volatility * root], y: [latest.expected_return * root * root],
      textfont: { color: surface.warn, size: 12 }, cliponaxis: false,
      marker: { symbol: "diamond", size: 12, color: surface.warn, line: { color: surface.panel, width: 2 } },
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
      const covers = taken.some(([a, b]) => Math.abs(a - place[0]) < 0.13 && Math.abs(b - place[1]) < 0.06);
      if (covers) continue;
      taken.push(place);
      shown.add(i);
    }
    return shown;
  }

  function assetTrace(box) {
    const { latest } = sb.model;
    const surface = sb.theme.surface();
    const { asset } = sb.view.get();
    const root = Math.sqrt(sb.model.perYear());
    const x = latest.volatility.map((value) => value * root);
    const real = latest.mean.map((value) => value * root * root);
    const [low, high] = box.y;
    const edge = 0.02 * (high - low);
    const y = real.map((value) => Math.min(high - edge, Math.max(low + edge, value)));
    const beyond = real.map((value) => (value > high ? "triangle-up" : value < low ? "triangle-down" : "circle"));
    const order = x.map((_, i) => i).sort((a, b) =>
      (latest.symbols[b] === asset) - (latest.symbols[a] === asset) || latest.weights[b] - latest.weights[a]);
    const shown = labelled(order, x, y, box.x[1] - box.x[0], box.y[1] - box.y[0]);
    return {
      type: "scatter", mode: "markers+text", x, y, cliponaxis: false,
      text: latest.symbols.map((symbol, i) => (shown.has(i) ? symbol : "")),
      customdata: latest.symbols.map((symbol, i) => [symbol, latest.weights[i], sb.format.percent(real[i])]),
      textposition: "middle right", textfont: { size: 11, color: surface.muted },
      marker: {
        symbol: beyond,
        size: latest.weights.map((w) => 6 + 12 * Math.sqrt(w)),
        color: latest.symbols.map((symbol) => sb.theme.colour(symbol)),
        line: {
          width: latest.symbols.map((symbol) => (symbol === asset ? 2.5 : 1)),
          color: latest.symbols.map((symbol) => (symbol === asset ? surface.text : surface.panel)),
        },
      },
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
      data: [cloudTrace(), frontierTrace(), assetTrace(box), trailTrace(), portfolioTrace()].filter(Boolean),
      layout: sb.charts.layout({
        margin: { l: 58, r: 14, t: 6, b: 36 },
        xaxis: sb.charts.axis({ range: box.x, ...sb.charts.percentTicks(box.x, 6), title: title("volatility") }),
        yaxis: sb.charts.axis({ range: box.y, ...sb.charts.percentTicks(box.y, 6), zeroline: true, zerolinecolor: surface.zero, title: title("expected return") }),
      }),
    };
  }

  const key = () => [sb.model.version.decision, sb.model.version.cloud, sb.view.get().asset].join();
  window.dash_clientside.silverbullet.cloudFigure = sb.charts.figure(key, draw);
})((window.silverbullet = window.silverbullet || {}));
