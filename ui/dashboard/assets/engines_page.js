// The engines page: who decides now and why, and each engine with its workers.
(function (sb) {
  "use strict";
  const FIGURES = [
    ["dispatch", "Who hands blocks to workers"], ["workers", "Workers that take blocks now"],
    ["in flight", "Blocks sent and not back yet"], ["blocks done", "Since the run began"],
    ["job p50", "Of its newest 100 whole jobs, first block sent to last one back"],
    ["job p99", "Of its newest 100 whole jobs, first block sent to last one back"],
    ["restarts", "How often its host was started again"],
    ["draws a second", "All its workers together, while they were evaluating"],
    ["same block", "Median of its newest 20 canary blocks, the same for every engine (engine.compare_interval_s)"],
  ];

  // Dispatch is always named: `resident` is not the engine's own scheduler.
  function dispatchOf({ name, dispatch }) {
    if (dispatch === "resident") return `resident: our own dispatch on workers that ${name} placed`;
    if (dispatch === "threads") return "threads: of the run itself, on this machine";
    if (dispatch !== "tasks") return dispatch;
    return name === "spark" ? "tasks: partitions of Spark jobs, scheduled by Spark" : `tasks: scheduled by ${name}`;
  }

  function pairs(box, list) {
    const { element, text } = sb.paint;
    if (box.children.length !== list.length) {
      box.replaceChildren(...list.map(([name, , hint]) => {
        const pair = element("div");
        if (hint) pair.title = hint;
        pair.append(element("dt", "", name), element("dd"));
        return pair;
      }));
    }
    list.forEach(([name, value], i) => {
      text(box.children[i].firstChild, name);
      text(box.children[i].lastChild, value);
    });
  }

  // Why this engine: what the newest decision says of it, else what made jobs go there.
  function whyNow(latest, status) {
    const now = sb.engine.deciding();
    if (latest.engine_reason && now === latest.engine) return latest.engine_reason;
    const last = (status.switches || []).at(-1);
    return last && last.new === now ? last.cause : "it is the first in order that is ready";
  }

  function wantedText(wanted) {
    if (!wanted) return sb.format.NONE;
    const { order, dispatch, workers, who } = wanted;
    const what = `${order.join(", ")}; ${dispatch}, ${sb.format.plural(workers, "worker")}`;
    return who ? `${what}: asked for by ${who}` : `${what}: as the settings say`;
  }

  function nowPairs(latest, status) {
    const { format } = sb;
    const now = sb.engine.deciding();
    const engine = status.engines.find(({ name }) => name === now);
    const last = (status.switches || []).at(-1);
    const since = last && last.new === now
      ? `${format.time(last.time_ns / 1e6)} UTC, ${format.duration((status.time_ns - last.time_ns) / 1e6)} ago` : format.NONE;
    return [
      ["dispatch", engine ? dispatchOf(engine) : format.NONE],
      ["why", whyNow(latest, status)],
      ["since", since],
      ["order", status.engines.map(({ name }) => name).join(", then ")],
      ["evaluated by", latest.peers.slice(0, 4).join(", ") + (latest.peers.length > 4 ? ` and ${latest.peers.length - 4} more` : "") || format.NONE],
      ["rate", `${format.rate(status.decisions_per_s)} decisions a second`],
      ["wanted", wantedText(status.wanted)],
      ["fingerprint", status.fingerprint || format.NONE, "Of the results of every worker that takes blocks; one of another is left out"],
      ["coming up", status.change || "nothing"],
    ];
  }

  function drawNow() {
    const { latest, status } = sb.model;
    const { element, text } = sb.paint;
    const box = document.getElementById("now");
    if (!box.firstChild) {
      const head = element("p", "now-head");
      head.append(element("strong", "now-engine"), element("span", "badge"), element("span", "badge"));
      box.append(head, element("dl", "facts-list"));
    }
    const [name, degraded, paused] = box.firstChild.children;
    const now = sb.engine.deciding();
    text(name, now || "nothing yet");
    name.dataset.engine = now || "";
    text(degraded, "degraded: not the preferred engine");
    degraded.dataset.state = "stale";
    degraded.hidden = !latest || !(now === latest.engine ? latest.degraded : now !== status.engines[0].name);
    text(paused, "decisions paused");
    paused.dataset.state = "paused";
    paused.hidden = !status || status.state !== "paused";
    pairs(box.lastChild, latest && status ? nowPairs(latest, status) : []);
  }

  function makeCard(name) {
    const { element } = sb.paint;
    const card = element("section", "panel engine-card");
    card.dataset.engine = name;
    card.setAttribute("aria-label", `Engine ${name}`);
    const head = element("div", "panel-head");
    head.append(element("h2", "swatched", name), element("span", "engine-state"), element("span", "badge decides", "decides"));
    const workers = element("div", "workers scroll");
    workers.tabIndex = 0;
    workers.setAttribute("role", "group");
    workers.setAttribute("aria-label", `Workers of ${name}`);
    card.append(head, element("p", "engine-reason"), element("dl", "engine-figures"), workers);
    return card;
  }

  function makeWorkers(peers) {
    const { element } = sb.paint;
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const title of ["worker", "blocks", "draws a second"]) head.append(element("th", "", title));
    head.lastChild.title = "While it was evaluating";
    const body = table.createTBody();
    for (const { name } of peers) {
      const row = body.insertRow();
      for (let i = 0; i < 3; i += 1) row.insertCell();
      row.cells[0].textContent = name;
      row.cells[2].append(element("span", "speed"), element("span"));
    }
    return table;
  }

  function drawWorkers(box, peers) {
    const { format, paint } = sb;
    const names = peers.map(({ name }) => name).join("\n");
    if (box.dataset.names !== names) {
      box.dataset.names = names;
      box.replaceChildren(...(peers.length ? [makeWorkers(peers)] : []));
    }
    box.hidden = !peers.length;
    const most = Math.max(1, ...peers.map((peer) => peer.draws_per_s));
    peers.forEach((peer, i) => {
      const { cells } = box.firstChild.tBodies[0].rows[i];
      paint.text(cells[1], format.count(peer.blocks_done));
      cells[2].firstChild.style.width = `${(56 * peer.draws_per_s) / most}px`;
      paint.text(cells[2].lastChild, peer.draws_per_s > 0 ? format.count(peer.draws_per_s) : format.NONE);
    });
  }

  function drawCard(card, engine, decides) {
    const { format, paint } = sb;
    const [head, reason, figures, workers] = card.children;
    card.dataset.state = engine.state;
    card.toggleAttribute("data-decides", decides);
    paint.text(head.children[1], sb.engine.stateOf(engine));
    head.children[2].hidden = !decides;
    const why = engine.reason === `is ${engine.state}` ? "" : engine.reason;
    paint.text(reason, why);
    reason.hidden = !why;
    const speed = (engine.peers || []).reduce((sum, peer) => sum + peer.draws_per_s, 0);
    const values = [
      engine.dispatch, format.count(engine.workers), format.count(engine.blocks_in_flight),
      format.count(engine.blocks_done), format.latency(engine.job_p50_ms), format.latency(engine.job_p99_ms),
      format.count(engine.restarts), speed > 0 ? format.count(speed) : format.NONE,
      format.latency(engine.canary_ms),
    ];
    const shown = Number.isFinite(engine.canary_ms) ? FIGURES : FIGURES.slice(0, -1);
    pairs(figures, shown.map(([name, hint], i) => [name, values[i], hint]));
    figures.firstChild.title = dispatchOf(engine);
    drawWorkers(workers, engine.peers || []);
  }

  function drawCards() {
    const { status } = sb.model;
    const box = document.getElementById("cards");
    const engines = status ? status.engines : [];
    const have = new Map([...box.children].map((card) => [card.dataset.engine, card]));
    const wanted = engines.map(({ name }) => have.get(name) || makeCard(name));
    if (wanted.length !== box.children.length || wanted.some((card, i) => box.children[i] !== card)) {
      box.replaceChildren(...wanted);
    }
    const now = sb.engine.deciding();
    engines.forEach((engine, i) => drawCard(wanted[i], engine, engine.name === now));
  }

  function draw() {
    if (sb.view.get().page !== "engines") return;
    drawNow();
    drawCards();
    sb.control.draw();
    sb.switches.draw();
    sb.jobs.draw();
  }

  (sb.parts = sb.parts || []).push([["status", "decision"], draw]);
})((window.silverbullet = window.silverbullet || {}));
