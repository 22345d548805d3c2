// Engines as the run sees them, and the run's own counts.
(function (sb) {
  "use strict";

  // An engine that is closed because others decide says so itself.
  const stateOf = ({ state, reason }) => (state === "closed" && /^stands by/.test(reason) ? "stands by" : state);

  // Who decides now. The newest decision tells, as long as its engine is there: after a restart
  // it may be of one that is coming up again.
  function deciding() {
    const { status, latest } = sb.model;
    if (!status || !latest) return latest ? latest.engine : null;
    const isReady = (name) => status.engines.some((one) => one.name === name && one.state === "ready");
    if (isReady(latest.engine)) return latest.engine;
    const ready = status.engines.find(({ state }) => state === "ready");
    return ready ? ready.name : latest.engine;
  }

  function engineRow(engine) {
    const { element } = sb.paint;
    const row = element("div", "engine");
    row.dataset.state = engine.state;
    const facts = [
      `${sb.format.plural(engine.workers, "worker")}`,
      engine.dispatch,
      `${sb.format.count(engine.blocks_done)} blocks`,
      engine.blocks_in_flight ? `${engine.blocks_in_flight} in flight` : "",
      engine.restarts ? sb.format.plural(engine.restarts, "restart") : "",
    ].filter(Boolean);
    row.append(
      element("span", "engine-name", engine.name), element("span", "engine-state", stateOf(engine)),
      element("span", "engine-facts", facts.join(" · ")),
    );
    if (engine.reason && engine.reason !== `is ${engine.state}`) row.append(element("span", "engine-reason", engine.reason));
    return row;
  }

  function facts(status, latest) {
    const { format } = sb;
    const rejected = Object.values(status.rejected).reduce((a, b) => a + b, 0);
    return [
      ["up", format.duration((status.time_ns - status.started_ns) / 1e6)],
      ["memory", format.bytes(status.memory_bytes)],
      ["method", latest ? `${latest.method}, ${latest.objective.replace("_", " ")}` : status.method],
      ["trigger", status.trigger],
      ["window", `${format.count(status.rows_filled)} / ${format.count(status.window_rows)} rows of ${format.interval(status.sample_interval_ns)}`],
      ["draws", latest ? (latest.n_draws ? format.count(latest.n_draws) : "none, exact") : format.NONE],
      ["decisions", format.count(status.decisions)],
      ["late", format.count(status.decisions_late)],
      ["conflated", format.count(status.decisions_conflated)],
      ["ticks a second", format.rate(status.ticks_per_s)],
      ["ticks read", format.count(status.ticks_read)],
      ["used", format.count(status.ticks_used)],
      ["late ticks", format.count(status.ticks_late)],
      ["duplicates", format.count(status.ticks_duplicate)],
      ["rejected", format.count(rejected)],
      ["lost offsets", format.count(status.lost_offsets)],
    ];
  }

  function draw() {
    const { status, latest } = sb.model;
    if (!status) return;
    const { element, text } = sb.paint;
    const box = document.getElementById("engine");
    if (!box.firstChild) box.append(element("div", "engines"), element("dl", "counts"));
    const [engines, counts] = box.children;
    const key = JSON.stringify(status.engines);
    if (engines.dataset.key !== key) {
      engines.dataset.key = key;
      engines.replaceChildren(...status.engines.map(engineRow));
    }
    const list = facts(status, latest);
    if (counts.children.length !== list.length) {
      counts.replaceChildren(...list.map(([name]) => {
        const pair = element("div");
        pair.append(element("dt", "", name), element("dd"));
        return pair;
      }));
    }
    list.forEach(([, value], i) => text(counts.children[i].lastChild, value));
    text("engine-caption", latest && latest.peers.length ? `newest decision by ${latest.peers.slice(0, 3).join(", ")}${latest.peers.length > 3 ? ` and ${latest.peers.length - 3} more` : ""}` : "");
  }

  sb.engine = { stateOf, deciding };
  (sb.parts = sb.parts || []).push([["status", "decision"], draw]);
})((window.silverbullet = window.silverbullet || {}));
