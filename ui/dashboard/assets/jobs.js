// How long whole jobs take each engine: now, as bars on one axis, and over this page's session.
(function (sb) {
  "use strict";
  // Points kept for the whole session; when full every second one goes, and half as many come.
  const MOST = 720;
  const LEAST_MS = 950;
  // The bars' axis: 0.1 ms to 10 s, a decade each 20 %.
  const position = (ms) => Math.min(100, Math.max(0, 20 * (Math.log10(ms) + 1)));
  let history = [];
  let strideMs = 0;
  let drawn = { key: "", at: 0, width: 0 };

  function remember(status) {
    const atMs = status.time_ns / 1e6;
    const last = history.at(-1);
    if (last && atMs - last.atMs < Math.max(1, strideMs)) return;
    const of = {};
    for (const { name, job_p50_ms: p50, job_p99_ms: p99 } of status.engines) {
      if (Number.isFinite(p50)) of[name] = [p50, p99];
    }
    history.push({ atMs, of });
    if (history.length < MOST) return;
    history = history.filter((_, i) => i % 2 === 0);
    // A little under the spacing there is, or reports that jitter would be dropped.
    strideMs = (0.9 * (history.at(-1).atMs - history[0].atMs)) / (history.length - 1);
  }

  function makeBars(engines) {
    const { element } = sb.paint;
    const table = element("table", "stages job-bars");
    const head = table.createTHead().insertRow();
    for (const title of ["engine", "0.1 ms … 10 s, log", "p50", "p99"]) head.append(element("th", title.startsWith("0") ? "bar-head" : "", title));
    const body = table.createTBody();
    for (const { name } of engines) {
      const row = body.insertRow();
      const title = element("th");
      title.scope = "row";
      title.append(element("span", "swatched", name));
      title.firstChild.dataset.engine = name;
      row.append(title);
      const bar = element("div", "range-bar");
      bar.dataset.engine = name;
      bar.append(element("i", "span"));
      row.insertCell().append(bar);
      row.insertCell();
      row.insertCell();
    }
    return table;
  }

  const seen = () => [...new Set(history.flatMap(({ of }) => Object.keys(of)))].sort();

  // Those of now in their order, then those that were compared in this session.
  function compared(status) {
    const now = status ? status.engines : [];
    const gone = seen().filter((name) => !now.some((engine) => engine.name === name));
    return [...now, ...gone.map((name) => ({ name }))];
  }

  function drawBars(status) {
    const box = document.getElementById("jobs");
    const engines = compared(status);
    const names = engines.map(({ name }) => name).join();
    if (box.dataset.names !== names) {
      box.dataset.names = names;
      box.replaceChildren(makeBars(engines));
    }
    engines.forEach((engine, i) => drawBar(box.firstChild.tBodies[0].rows[i], engine));
  }

  // A new set of engines begins without figures: until it has its own, the last ones seen stay.
  function lastOf({ name, job_p50_ms: p50, job_p99_ms: p99 }) {
    if (Number.isFinite(p50)) return { figures: [p50, p99], asOf: "" };
    const last = history.findLast(({ of }) => of[name]);
    return last ? { figures: last.of[name], asOf: `as of ${sb.format.time(last.atMs)} UTC` } : { figures: null, asOf: "" };
  }

  function drawBar(row, engine) {
    const { figures, asOf } = lastOf(engine);
    const { latest } = sb.model;
    row.toggleAttribute("data-idle", Boolean(asOf) || !latest || latest.engine !== engine.name);
    row.title = asOf;
    const [, bar, ...cells] = row.cells;
    const span = bar.firstChild.firstChild;
    span.hidden = !figures;
    if (figures) {
      const [p50, p99] = figures.map(position);
      span.style.left = `${p50}%`;
      span.style.width = `${Math.max(0.8, p99 - p50)}%`;
    }
    cells.forEach((cell, k) => sb.paint.text(cell, sb.format.latency(figures && figures[k])));
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || sb.theme.surface().muted;

  // A gap where an engine has no figure: a new set of engines begins without any.
  function line(name, which, more) {
    const figures = history.map(({ of }) => (of[name] ? of[name][which] : null));
    return {
      type: "scatter", mode: "lines", name: `${name} ${which ? "p99" : "p50"}`, connectgaps: false,
      line: { color: colour(name), shape: "hv", ...more },
      x: history.map(({ atMs }) => new Date(atMs).toISOString()), y: figures,
      text: figures.map(sb.format.latency), hovertemplate: "%{text}",
    };
  }

  function figure(names) {
    const traces = names.flatMap((name) => [line(name, 0, { width: 1.75 }), line(name, 1, { width: 1, dash: "dot" })]);
    const values = traces.flatMap((trace) => trace.y.filter(Number.isFinite));
    return {
      data: traces,
      layout: sb.charts.layout({
        margin: { l: 52, r: 12, t: 8, b: 26 }, hovermode: "x unified",
        xaxis: sb.charts.axis({ type: "date", nticks: 5, showgrid: false, tickformat: "%H:%M:%S" }),
        yaxis: sb.charts.axis(sb.latency.scale(values)),
      }),
    };
  }

  // Without Dash: its charts are put in with the other page's.
  function drawChart() {
    const names = seen();
    const box = document.getElementById("jobs-box");
    const width = box.clientWidth;
    const key = [sb.theme.name(), width, history.length, history.at(-1)?.atMs].join();
    const now = performance.now();
    if (!window.Plotly || !names.length || key === drawn.key || now - drawn.at < LEAST_MS) return;
    const { data, layout } = figure(names);
    window.Plotly.react(box, data, layout, { displayModeBar: false, showTips: false, responsive: true });
    // The window may have changed while the other page was shown.
    if (drawn.width && drawn.width !== width) window.Plotly.Plots.resize(box);
    drawn = { key, at: now, width };
    sb.charts.describe("jobs", `Job latency over this session: ${names.map((name) => `${name} p50 ${sb.format.latency(history.findLast(({ of }) => of[name]).of[name][0])}`).join(", ")}`);
  }

  function draw() {
    drawBars(sb.model.status);
    sb.paint.text("jobs-caption", "newest 100 jobs of each, faded: not now; lines: this session, dotted p99");
    drawChart();
  }

  sb.jobs = { remember, draw, kept: () => history.length };
})((window.silverbullet = window.silverbullet || {}));
