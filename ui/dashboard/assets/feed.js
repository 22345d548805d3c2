// History by REST, then everything by the event stream. The stream is reopened here rather than
// by EventSource itself, which gives up on 503 and cannot fill a gap longer than the history.
(function (sb) {
  "use strict";
  const PAGE = 120;
  // Most decisions parsed for one paint; of a faster stream the newest count.
  const QUEUE = 64;
  // A hidden page gives its stream back: a browser opens at most six connections to a host.
  const HIDDEN_MS = 30000;

  let source = null;
  let attempt = 0;
  let retryTimer = 0;
  let hiddenTimer = 0;
  // Counts calls of connect: one that was overtaken by another must not open a second stream.
  let turn = 0;
  let queue = [];
  let held = { decision: null, status: null, count: 0 };

  let filled = false;

  const feed = { state: "connecting", since: 0, detail: "", attempt: 0 };

  function setState(state, detail) {
    if (feed.state !== state) feed.since = sb.paint.now();
    Object.assign(feed, { state, detail: detail || "", attempt });
    document.getElementById("page").dataset.link = state;
    sb.paint.request("link");
  }

  async function getAnswer(address) {
    const answer = await fetch(address, { headers: { accept: "application/json" } });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const error = new Error(problem.detail || problem.title || `HTTP ${answer.status}`);
    error.status = answer.status;
    error.remedy = problem.remedy || "";
    throw error;
  }

  async function getJson(address) {
    return (await getAnswer(address)).json();
  }

  async function getStatus() {
    try {
      return (await getJson("/api/v1/status")).status;
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }

  // The server writes the newest decision and status into the page, to be seen at once.
  function takeFirst() {
    const { decision, status } = JSON.parse(document.querySelector("#first").textContent);
    if (decision) sb.model.addDecision(decision);
    if (status) sb.model.setStatus(status);
  }

  // All that is there before the stream, taken over at once; a paused page keeps what it shows.
  // One of the five newest decisions carries the curves, unless many are made a second, and then
  // the stream brings them within a second (their own routes answer 404 where there are none).
  async function fill() {
    if (sb.view.get().paused && filled) return null;
    const answer = await getAnswer(`/api/v1/decisions?limit=${PAGE}&curves=false`);
    const sent = Date.parse(answer.headers.get("date"));
    if (sent) sb.paint.setClock(sent + 500 - Date.now());
    const page = await answer.json();
    if (!page.decisions.length) return null;
    const [status, newest] = await Promise.all([
      getStatus(), getJson("/api/v1/decisions?limit=5&curves=true"),
    ]);
    sb.model.startHistory(page.decisions);
    newest.decisions.reverse().forEach(sb.model.addDecision);
    if (status) sb.model.setStatus(status);
    filled = true;
    sb.paint.request("all");
    return page.next;
  }

  // Back until the longest range is filled.
  async function fillOlder(next, mine) {
    let address = next;
    while (address && sb.model.wantsOlder() && mine === turn) {
      const page = await getJson(address);
      page.decisions.forEach(sb.model.addDecision);
      sb.paint.request("all");
      address = page.decisions.length ? page.next : null;
    }
  }

  function take(event) {
    if (sb.view.get().paused) {
      held.decision = event.data;
      held.count += 1;
      sb.paint.request("held");
      return;
    }
    queue.push(event.data);
    if (queue.length > QUEUE) {
      queue.shift();
      sb.model.skipped += 1;
    }
    sb.paint.request("decision");
  }

  function takeStatus(event) {
    if (sb.view.get().paused && sb.model.status) {
      held.status = event.data;
      return;
    }
    sb.model.setStatus(JSON.parse(event.data));
    sb.paint.request("status");
  }

  // Called once a paint: parsing is what costs, so what was overtaken is not parsed at all.
  function drain() {
    const taken = queue;
    queue = [];
    for (const text of taken) sb.model.addDecision(JSON.parse(text));
    return taken.length;
  }

  function openStream() {
    const after = sb.model.latest ? `?after=${encodeURIComponent(sb.model.latest.id)}` : "";
    source = new EventSource(`/api/v1/stream${after}`);
    source.addEventListener("open", () => {
      attempt = 0;
      setState("live");
    });
    source.addEventListener("decision", take);
    source.addEventListener("status", takeStatus);
    source.addEventListener("lagged", (event) => {
      sb.model.skipped += JSON.parse(event.data).dropped || 0;
    });
    source.addEventListener("error", () => retry("the stream broke or the server has no free stream"));
  }

  function close() {
    clearTimeout(retryTimer);
    turn += 1;
    if (source) source.close();
    source = null;
  }

  function retry(detail) {
    close();
    attempt += 1;
    setState("disconnected", detail);
    // 0.5, 1, 2, then every 3 s (the server is on this machine), spread so that many pages do not
    // return at once.
    const wait = Math.min(3000, 500 * 2 ** (attempt - 1)) * (0.8 + 0.4 * Math.random());
    retryTimer = setTimeout(connect, wait);
  }

  async function connect() {
    close();
    const mine = turn;
    try {
      const next = await fill();
      if (mine !== turn) return;
      openStream();
      await fillOlder(next, mine);
    } catch (error) {
      if (mine !== turn) return;
      retry(error.status ? [error.message, error.remedy].filter(Boolean).join(": ") : "the server does not answer");
    }
  }

  function resume() {
    const { decision, status } = held;
    held = { decision: null, status: null, count: 0 };
    if (decision) queue.push(decision);
    if (status) sb.model.setStatus(JSON.parse(status));
    connect();
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (!document.hidden && !source) connect();
    if (document.hidden) {
      hiddenTimer = setTimeout(() => {
        close();
        setState("resting");
      }, HIDDEN_MS);
    }
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  function start() {
    takeFirst();
    connect();
  }

  sb.feed = Object.assign(feed, { start, drain, resume, getJson, held: () => held });
})((window.silverbullet = window.silverbullet || {}));
