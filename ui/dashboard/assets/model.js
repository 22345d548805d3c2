// What the page knows: a bounded history of decisions (small records), the newest decision whole,
// the newest status, cloud and frontier. Nothing here touches the document.
(function (sb) {
  "use strict";
  // The longest range of the page. 960 decisions of 100 assets take about 1 MB.
  const KEEP = 960;
  // Assets times decisions that are fetched on loading, at 150 bytes each: 24 MB at most.
  const FETCH_WEIGHTS = 160000;

  // The stages of a decision, by the names of /api/v1/latency.
  const STAGES = [
    ["kafka", "event_ns", "message_ns", "the tick's own time to its Kafka message"],
    ["ingest", "message_ns", "received_ns", "Kafka message to received"],
    ["update", "received_ns", "updated_ns", "decoded, admitted, statistics up to date"],
    ["wait", "updated_ns", "submitted_ns", "until the solve is handed over"],
    ["solve", "submitted_ns", "solved_ns", "draws and exact solves"],
    ["publish", "solved_ns", "published_ns", "merged, written down and encoded"],
    ["total", "event_ns", "published_ns", "the tick's own time to publication"],
  ];

  const model = {
    history: [], latest: null, status: null, cloud: null, frontier: null, basis: null,
    skipped: 0, version: { decision: 0, status: 0, cloud: 0 },
  };

  let symbols = [];

  function sameSymbols(given) {
    if (given.length === symbols.length && given.every((s, i) => s === symbols[i])) return symbols;
    symbols = given;
    know(symbols);
    return symbols;
  }

  const places = new WeakMap();

  function placeOf(list, symbol) {
    if (!places.has(list)) places.set(list, new Map(list.map((name, i) => [name, i])));
    return places.get(list).get(symbol);
  }

  function turnover(decision) {
    let sum = 0;
    decision.weights.forEach((w, i) => { sum += Math.abs(w - (decision.start_weights[i] ?? 0)); });
    return decision.start_weights.length ? sum / 2 : null;
  }

  // Replays faster than life have ticks from the future: from those no time is counted.
  const AHEAD_MS = 1000;

  function stagesOf(t) {
    const ahead = (t.event_ns - t.received_ns) / 1e6 > AHEAD_MS;
    return STAGES.map(([name, from, to]) => {
      if (!ahead) return (t[to] - t[from]) / 1e6;
      if (name === "total") return (t.published_ns - t.received_ns) / 1e6;
      return name === "kafka" || name === "ingest" ? NaN : (t[to] - t[from]) / 1e6;
    });
  }

  // All symbols ever seen here, and how many of them end alike after the exchange's name.
  const known = new Set();
  const alike = new Map();
  const tail = (symbol) => symbol.slice(symbol.lastIndexOf("/") + 1) || symbol;

  function know(list) {
    for (const symbol of list) {
      if (known.has(symbol)) continue;
      known.add(symbol);
      alike.set(tail(symbol), (alike.get(tail(symbol)) || 0) + 1);
    }
  }

  // The part after the exchange where it alone tells the symbol apart; cut off at its left, where
  // symbols differ less.
  function shortName(symbol, most = Infinity) {
    const name = alike.get(tail(symbol)) === 1 ? tail(symbol) : symbol;
    return name.length > most ? `…${name.slice(1 - most)}` : name;
  }

  // What charts and lists need of a past decision; the whole is fetched again when opened.
  function record(decision) {
    const t = decision.times;
    return {
      id: decision.id, row: decision.row, ofTick: decision.trigger === "tick",
      // What it is decided on: the row that has closed, or the tick within one that has not.
      atMs: (decision.trigger === "tick" ? t.event_ns : decision.row_end_ns) / 1e6,
      publishedMs: t.published_ns / 1e6,
      intervalNs: decision.sample_interval_ns,
      symbols: sameSymbols(decision.symbols),
      weights: Float32Array.from(decision.weights),
      stddev: Float32Array.from(decision.weight_stddev),
      expectedReturn: decision.expected_return, volatility: decision.portfolio_volatility,
      sharpe: decision.sharpe, gap: decision.optimality_gap, turnover: turnover(decision),
      stages: stagesOf(t),
      engine: decision.engine, degraded: decision.degraded, late: decision.late,
      reason: [decision.reason, decision.engine_reason].filter(Boolean).join("; "),
    };
  }

  function place(decision) {
    const history = model.history;
    let at = history.length;
    while (at > 0 && history[at - 1].id > decision.id) at -= 1;
    if (at > 0 && history[at - 1].id === decision.id) return false;
    if (at === 0 && history.length >= KEEP) return false;
    history.splice(at, 0, record(decision));
    if (history.length > KEEP) history.shift();
    return true;
  }

  // Curves come with a decision after the one whose estimates they are of; with assets of
  // another row they would not fit: an asset can lie above the frontier of a second before.
  const KEEP_WHOLE = 6;
  const whole = new Map();

  function keepWhole(decision) {
    whole.delete(decision.row);
    whole.set(decision.row, decision);
    if (whole.size > KEEP_WHOLE) whole.delete(whole.keys().next().value);
  }

  function addDecision(decision) {
    const isNew = place(decision);
    const isNewest = !model.latest || decision.id >= model.latest.id;
    if (isNewest) {
      model.latest = decision;
      keepWhole(decision);
    }
    for (const curve of ["cloud", "frontier"]) {
      if (decision[curve] && (!model[curve] || decision[curve].row >= model[curve].row)) {
        model[curve] = decision[curve];
        model.basis = whole.get(decision[curve].row) || decision;
        model.version.cloud += 1;
      }
    }
    if (isNew) model.version.decision += 1;
    return isNew;
  }

  function setStatus(status) {
    model.status = status;
    sb.jobs.remember(status);
    know(status.assets.map((asset) => asset.symbol));
    model.version.status += 1;
  }

  // After an absence longer than what is fetched again, older records would leave a hole.
  function startHistory(decisions) {
    const oldest = decisions.length ? decisions[decisions.length - 1].id : null;
    const newest = model.history.length ? model.history[model.history.length - 1].id : null;
    if (oldest && newest && oldest > newest) model.history = [];
    for (let i = decisions.length - 1; i >= 0; i -= 1) addDecision(decisions[i]);
  }

  function visible() {
    return model.history.slice(-sb.view.get().range);
  }

  function byId(id) {
    return model.history.findIndex((item) => item.id === id);
  }

  Object.assign(model, {
    STAGES, AHEAD_MS, stagesOf, addDecision, setStatus, startHistory, visible, byId, placeOf, shortName,
    wantsOlder: () => model.history.length < KEEP &&
      model.history.length * symbols.length < FETCH_WEIGHTS,
    perYear: () => (model.latest ? sb.format.perYear(model.latest.sample_interval_ns) : 1),
  });
  sb.model = model;
})((window.silverbullet = window.silverbullet || {}));
