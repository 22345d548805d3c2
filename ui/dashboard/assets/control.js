// Asks the pipeline for something: choices are put together first and sent as one control, since
// each change of engines brings a whole set of them up.
(function (sb) {
  "use strict";
  const ENGINES = ["ray", "spark", "local"];
  const DISPATCHES = ["tasks", "resident"];
  const MOST_WORKERS = 256;
  const TAKEN_MS = 10000;
  let access = null;
  let staged = {};
  let sent = null;
  let problem = null;
  let busy = false;
  let asking = false;
  let turn = 0;

  function current() {
    const engines = (sb.model.status || { engines: [] }).engines;
    const others = engines.filter(({ name }) => name !== "local");
    const up = others.find(({ workers }) => workers > 0) || engines.find(({ name }) => name === "local");
    return {
      order: engines.map(({ name }) => name),
      dispatch: others.length ? others[0].dispatch : null,
      workers: up ? up.workers : 1,
    };
  }

  const entry = () => (sent && ((sb.model.status || {}).controls || []).find(({ id }) => id === sent.id)) || null;

  // What is asked for and has not come yet counts as there: the next wish builds on it.
  function there() {
    const taken = entry();
    return { ...current(), ...(sent && (!taken || taken.state === "waiting") ? sent.wish : {}) };
  }

  const chosen = () => ({ ...there(), ...staged });

  // What is there already needs no asking.
  function stage(changes) {
    const before = there();
    staged = { ...staged, ...changes };
    for (const key of Object.keys(staged)) if (String(staged[key]) === String(before[key])) delete staged[key];
    problem = null;
    draw();
  }

  // The others keep their order; `local` is the last resort unless it is preferred.
  function prefer(name) {
    const { order } = there();
    const rest = [...new Set([...order, ...ENGINES])].filter((one) => one !== name && one !== "local");
    const wanted = name === "local" ? ["local", ...rest] : [name, ...rest, "local"];
    stage({ order: order[0] === name ? order : wanted });
  }

  const moreWorkers = (by) => stage({ workers: Math.min(MOST_WORKERS, Math.max(1, chosen().workers + by)) });

  function words(wish) {
    return [
      wish.order ? `engines ${wish.order.join(", ")}` : "", wish.dispatch ? `dispatch ${wish.dispatch}` : "",
      wish.workers ? sb.format.plural(wish.workers, "worker") : "",
    ].filter(Boolean).join("; ");
  }

  async function refusal(answer) {
    const { detail, title, remedy } = await answer.json().catch(() => ({}));
    return { text: detail || title || `HTTP ${answer.status}`, remedy: remedy || "" };
  }

  const post = (address, body) => fetch(address, {
    method: "POST", body: JSON.stringify(body || {}), headers: { "Content-Type": "application/json", accept: "application/json" },
  });

  // One request at a time; what goes wrong is said where the user looks.
  async function once(act) {
    if (busy) return;
    busy = true;
    problem = null;
    draw();
    try {
      await act();
    } catch {
      problem = { text: "the server does not answer", remedy: "try again when it does" };
    }
    busy = false;
    draw();
  }

  const send = (wish) => once(async () => {
    const answer = await post("/api/v1/control", wish);
    if (answer.status === 202) {
      const taken = await answer.json();
      sent = { id: taken.id, words: taken.wish, wish, atMs: Date.now() };
      staged = {};
      return;
    }
    problem = await refusal(answer);
    if ([401, 403].includes(answer.status)) await learn();
  });

  // Of two questions under way the later one's answer counts: the session may have changed.
  async function learn() {
    turn += 1;
    const mine = turn;
    const answer = await fetch("/api/v1/access", { headers: { accept: "application/json" } });
    const found = answer.ok ? await answer.json() : { name: null, scope: null, controls: true };
    if (mine === turn) access = found;
  }

  // Whether the server answers at all is said by the notices, and asked again once it does.
  async function enter() {
    asking = true;
    await learn().catch(() => { access = null; });
    asking = false;
    draw();
  }

  const logIn = (token) => once(async () => {
    const answer = await post("/login", { token });
    if (!answer.ok) problem = await refusal(answer);
    await learn();
  });

  const logOut = () => once(async () => {
    await post("/logout");
    await learn();
  });

  function outcome() {
    if (problem) return { level: "bad", text: [problem.text, problem.remedy].filter(Boolean).join(": ") };
    if (busy) return { level: "info", text: "asking …" };
    if (!sent) return { level: "", text: "" };
    const taken = entry();
    if (!taken) {
      const held = sb.view.get().paused ? " This page is held still: Resume shows what becomes of it." : "";
      const long = Date.now() - sent.atMs > TAKEN_MS;
      return { level: long ? "warn" : "info", text: `Sent: ${sent.words}. ${long ? "The pipeline has not taken it yet: does it run, with this broker?" : "The pipeline takes it within a second."}${held}` };
    }
    const change = (sb.model.status.change || "").split(": ").slice(1).join(": ");
    if (taken.state === "waiting") return { level: "info", text: `Coming up: ${taken.wish}; decisions go on meanwhile.${change ? ` ${change}` : ""}` };
    const level = { applied: "good", refused: "bad", replaced: "warn" }[taken.state] || "";
    const state = taken.state[0].toUpperCase() + taken.state.slice(1);
    return { level, text: `${state}: ${taken.wish}${taken.reason ? ` (${taken.reason})` : ""}` };
  }

  function state() {
    const status = sb.model.status || {};
    return {
      access, busy, staged, chosen: chosen(), words: words(staged), outcome: outcome(),
      paused: status.state === "paused", most: MOST_WORKERS,
    };
  }

  function draw() {
    if (sb.view.get().page === "engines") sb.controlForm.draw(state());
  }

  (sb.parts = sb.parts || []).push([["clock", "held"], () => {
    const isShown = sb.view.get().page === "engines";
    if (isShown && !access && !asking && sb.feed.state === "live") enter();
    draw();
  }]);
  sb.control = {
    ENGINES, DISPATCHES, draw, enter, logIn, logOut, prefer, moreWorkers,
    dispatch: (name) => stage({ dispatch: name }),
    apply: () => send(staged),
    discard: () => {
      staged = {};
      problem = null;
      draw();
    },
    pause: (paused) => send({ paused }),
    reset: () => send({ reset: true }),
  };
})((window.silverbullet = window.silverbullet || {}));
