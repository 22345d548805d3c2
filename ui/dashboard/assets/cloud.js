// The risk-return cloud with its frontier, the portfolio and its assets.
(function (sb) {
  "use strict";
  // SVG points drawn of a cloud; more look the same and cost frames.
  const MOST_POINTS = 500;
  const MOST_LABELS = 14;
  const MARGIN = { l: 72, r: 14, t: 6, b: 36 };

  // The decision that the picture is of: the one that cloud and frontier were made with.
  const shown = () => sb.model.basis || sb.model.latest;

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
    const latest = shown();
    const surface = sb.theme.surface();
    const root = Math.sqrt(sb.model.perYear());
    return {
      type: "scatter", mode: "markers+text", text: ["portfolio"], textposition: "top center",
      x: [latest.portfolio_volatility * root], y: [latest.expected_return * root * root],
      textfont: { color: surface.text, size: 12, shadow: sb.theme.halo() }, cliponaxis: false,
      marker: { symbol: "diamond", size: 12, color: surface.mark, line: { color: surface.panel, width: 2 } },
      hovertemplate: "portfolio<br>volatility %{x:.1%}<br>return %{y:.1%}<extra></extra>",
    };
  }

  const LABEL = { height: 14, letter: 6.6, gap: 10 };

  // Pixels of the plot, for what has a size on the screen rather than on the axes.
  function pixels(box) {
    const frame = document.getElementById("cloud-box");
    const width = Math.max(100, frame.clientWidth - MARGIN.l - MARGIN.r);
    const height = Math.max(100, frame.clientHeight - MARGIN.t - MARGIN.b);
    return {
      width,
      x: (value) => ((value - box.x[0]) / (box.x[1] - box.x[0])) * width,
      y: (value) => ((value - box.y[0]) / (box.y[1] - box.y[0])) * height,
    };
  }

  function rectangle(x, y, text, side) {
    const width = text.length * LABEL.letter + LABEL.gap;
    return { left: side === "left" ? x - width : x, right: side === "left" ? x : x + width, y };
  }

  const overlap = (a, b) =>
    a.left < b.right && b.left < a.right && Math.abs(a.y - b.y) < LABEL.height;

  // Labels by weight, the selected one first, on the right if there is room, else on the left;
  // one that would cover another is left to hovering.
  function labelled(order, x, y, box) {
    const latest = shown();
    const at = pixels(box);
    const root = Math.sqrt(sb.model.perYear());
    const portfolio = rectangle(at.x(latest.portfolio_volatility * root) - 34,
      at.y(latest.expected_return * root * root) + LABEL.height, "portfolio", "right");
    const taken = [portfolio];
    const sides = new Map();
    for (const i of order) {
      if (sides.size >= MOST_LABELS) break;
      const free = ["right", "left"].find((side) => {
        const place = rectangle(at.x(x[i]), at.y(y[i]), sb.model.shortName(latest.symbols[i]), side);
        if (place.left < 0 || place.right > at.width || taken.some((one) => overlap(one, place))) return false;
        taken.push(place);
        return true;
      });
      if (free) sides.set(i, `middle ${free}`);
    }
    return sides;
  }

  // By the estimates that decide, as the cloud, the frontier and the portfolio.
  function placed(latest) {
    const year = sb.model.perYear();
    return {
      x: latest.estimated_volatility.map((value) => sb.format.scaled(value, Math.sqrt(year))),
      y: latest.estimated_mean.map((value) => sb.format.scaled(value, year)),
    };
  }

  function marker(latest) {
    const surface = sb.theme.surface();
    const { asset } = sb.view.get();
    const chosen = (yes, no) => latest.symbols.map((symbol) => (symbol === asset ? yes : no));
    return {
      size: latest.weights.map((w) => 6 + 12 * Math.sqrt(w)),
      color: latest.symbols.map((symbol) => sb.theme.colour(symbol)),
      line: { width: chosen(2.5, 1), color: chosen(surface.text, surface.panel) },
    };
  }

  function assetTrace(box) {
    const latest = shown();
    const { asset } = sb.view.get();
    const { x, y } = placed(latest);
    const order = x.map((_, i) => i).sort((a, b) =>
      (latest.symbols[b] === asset) - (latest.symbols[a] === asset) || latest.weights[b] - latest.weights[a]);
    const sides = labelled(order, x, y, box);
    return {
      type: "scatter", mode: "markers+text", x, y, cliponaxis: false, marker: marker(latest),
      text: latest.symbols.map((symbol, i) => (sides.has(i) ? sb.model.shortName(symbol) : "")),
      textposition: x.map((_, i) => sides.get(i) || "middle right"),
      textfont: { size: 11, color: sb.theme.surface().muted, shadow: sb.theme.halo() },
      customdata: latest.symbols.map((symbol, i) => [symbol, latest.weights[i], sb.format.percent(y[i])]),
      hovertemplate: "%{customdata[0]}, weight %{customdata[1]:.2%}<br>volatility %{x:.1%}<br>return %{customdata[2]}<extra></extra>",
    };
  }

  let keepX = null;
  let keepY = null;

  function extent() {
    const { cloud, frontier } = sb.model;
    const latest = shown();
    const year = sb.model.perYear();
    const root = Math.sqrt(year);
    keepX = keepX || sb.charts.steadyRange();
    keepY = keepY || sb.charts.steadyRange();
    const curves = [cloud, frontier].filter(Boolean);
    const x = [latest.estimated_volatility, [latest.portfolio_volatility], ...curves.map((c) => c.volatility)].flat();
    const y = [latest.estimated_mean, [latest.expected_return], ...curves.map((c) => c.expected_return)].flat();
    const bounds = (values, by) => {
      const finite = values.filter(Number.isFinite);
      return [Math.min(...finite) * by, Math.max(...finite) * by];
    };
    return { x: keepX(...bounds(x, root)), y: keepY(...bounds(y, year)) };
  }

  function caption() {
    const { cloud } = sb.model;
    const latest = shown();
    const when = sb.format.moment(latest.row_end_ns / 1e6, latest.sample_interval_ns);
    const curves = cloud ? `; ${sb.format.count(cloud.volatility.length)} portfolios` : "";
    sb.paint.text("cloud-caption", `a year, by the optimiser's estimates of ${when}${curves}`);
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
        margin: MARGIN,
        xaxis: sb.charts.axis({ range: box.x, ...sb.charts.percentTicks(box.x, 6), title: title("volatility") }),
        yaxis: sb.charts.axis({ range: box.y, ...sb.charts.percentTicks(box.y, 6), zeroline: true, zerolinecolor: surface.zero, title: title("expected return") }),
      }),
    };
  }

  const key = () => `${sb.model.version.decision},${sb.model.version.cloud}`;
  window.dash_clientside.silverbullet.cloudFigure = sb.charts.figure(key, draw);
})((window.silverbullet = window.silverbullet || {}));
