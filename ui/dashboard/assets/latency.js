// Latency: percentiles of each stage over the visible range, and the course of the whole.
(function (sb) {
  "use strict";
  const MOST_POINTS = 300;
  // The bars' axis: 1 microsecond to 100 s, a decade each 12.5 %.
  const DECADES = [-3, 5];

  const position = (ms) => {
    const exponent = Math.log10(Math.max(ms, 1e-3));
    return Math.min(1, Math.max(0, (exponent - DECADES[0]) / (DECADES[1] - DECADES[0]))) * 100;
  };

  function buildStages(box) {
    const table = sb.paint.element("table", "stages");
    const head = table.createTHead().insertRow();
    for (const name of ["stage", "", "p50", "p99", "max"]) head.append(sb.paint.element("th", name ? "" : "bar-head", name));
    head.children[1].textContent = "1 µs … 100 s, log";
    const body = table.createTBody();
    for (const [name, , , hint] of sb.model.STAGES) {
      const row = body.insertRow();
      row.className = name === "total" ? "total" : "";
      const title = sb.paint.element("th", "", name);
      title.scope = "row";
      title.title = hint;
      row.append(title);
      const bar = row.insertCell();
      bar.append(sb.paint.element("div", "range-bar"));
      bar.firstChild.append(sb.paint.element("i", "span"), sb.paint.element("i", "max"));
      for (let i = 0; i < 3; i += 1) row.insertCell();
    }
    box.append(table);
    return table;
  }

  function drawStages() {
    const items = sb.model.visible();
    if (!items.length) return;
    const box = document.getElementById("stages");
    const table = box.querySelector("table") || buildStages(box);
    sb.paint.text("stages-caption", `over ${sb.format.plural(items.length, "decision")}`);
    sb.model.STAGES.forEach((_, k) => {
      const values = items.map((item) => item.stages[k]);
      const figures = sb.figures.quantiles(values, [0.5, 0.99, 1]);
      const cells = table.tBodies[0].rows[k].cells;
      const [p50, p99, max] = figures.map(position);
      const [span, mark] = cells[1].firstChild.children;
      cells[1].firstChild.hidden = !Number.isFinite(p50);
      span.style.left = `${p50}%`;
      span.style.width = `${Math.max(0.8, p99 - p50)}%`;
      mark.style.left = `${max}%`;
      figures.forEach((ms, i) => sb.paint.text(cells[2 + i], sb.format.latency(ms)));
    });
  }

  // Of each span the slowest decision is drawn: thinning must not hide what people look for.
  function slowest(items) {
    const span = Math.max(1, Math.ceil(items.length / MOST_POINTS));
    const kept = [];
    const total = (item) => item.stages[item.stages.length - 1];
    for (let i = 0; i < items.length; i += span) {
      kept.push(items.slice(i, i + span).reduce((a, b) => (total(b) > total(a) ? b : a)));
    }
    return kept;
  }

  function line(items, stage, name, colour, width) {
    const at = sb.model.STAGES.findIndex(([key]) => key === stage);
    return {
      type: "scatter", mode: "lines", name, line: { color: colour, width, shape: "hv" },
      x: items.map((item) => new Date(item.publishedMs).toISOString()),
      y: items.map((item) => Math.max(1e-3, item.stages[at])),
      text: items.map((item) => sb.format.latency(item.stages[at])),
      hovertemplate: "%{text}",
    };
  }

  function lateMarks(items) {
    const late = items.filter((item) => item.late);
    return {
      type: "scatter", mode: "markers", name: "late", hovertemplate: "late",
      x: late.map((item) => new Date(item.publishedMs).toISOString()),
      y: late.map((item) => Math.max(1e-3, item.stages[item.stages.length - 1])),
      marker: { size: 6, color: sb.theme.surface().warn, symbol: "circle-open" },
    };
  }

  function decade(exponent) {
    if (exponent < 0) return `${+(1000 * 10 ** exponent).toPrecision(1)} µs`;
    return exponent < 3 ? `${10 ** exponent} ms` : `${10 ** (exponent - 3)} s`;
  }

  function scale(values) {
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.ceil(Math.log10(Math.max(...values)) + 0.05);
    const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    return {
      type: "log", range: [low, high], tickvals: ticks.map((e) => 10 ** e), ticktext: ticks.map(decade),
    };
  }

  function endLabel(trace) {
    return {
      x: 1, xref: "paper", xanchor: "left", xshift: 4, showarrow: false, yanchor: "middle",
      y: Math.log10(trace.y[trace.y.length - 1]), yref: "y", text: trace.name,
      font: { size: 11, color: trace.line.color },
    };
  }

  function describe() {
    const items = sb.model.visible();
    const [p99] = sb.figures.quantiles(items.map((item) => item.stages[6]), [0.99]);
    sb.paint.text("latency-caption", "log; each decision by time of publication");
    sb.charts.describe("latency", `Tick to decision over ${items.length} decisions, p99 ${sb.format.latency(p99)}`);
  }

  function draw() {
    describe();
    const items = slowest(sb.model.visible());
    const surface = sb.theme.surface();
    const total = line(items, "total", "tick to decision", surface.accent, 1.5);
    const solve = line(items, "solve", "solve", surface.warn, 1);
    return {
      data: [total, solve, lateMarks(items)],
      layout: sb.charts.layout({
        margin: { l: 52, r: 92, t: 8, b: 26 }, hovermode: "x unified",
        annotations: [total, solve].map(endLabel),
        xaxis: sb.charts.axis({ type: "date", nticks: 5, showgrid: false, tickformat: "%H:%M:%S" }),
        yaxis: sb.charts.axis(scale([...total.y, ...solve.y])),
      }),
    };
  }

  sb.latency = { scale };
  const key = () => sb.model.version.decision;
  (sb.parts = sb.parts || []).push([["decision"], drawStages]);
  window.dash_clientside.silverbullet.latencyFigure = sb.charts.figure(key, draw);
})((window.silverbullet = window.silverbullet || {}));
