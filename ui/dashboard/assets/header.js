// Draws the bar at the top, the notices and the page shown while there is no decision.
(function (sb) {
  "use strict";
  const LABELS = {
    warming_up: "warming up", deciding: "deciding", stale: "stale", paused: "run paused",
    waiting: "waiting", connecting: "connecting",
  };
  const LINKS = {
    connecting: "connecting", live: "live", disconnected: "disconnected", resting: "resting",
  };
  // More notices than this are folded: the figures under them are what people came for.
  const MOST_NOTICES = 4;
  let spoken = new Set();
  let unfolded = false;

  const sum = (offsets) => Object.values(offsets || {}).reduce((total, n) => total + n, 0);

  function facts(nowMs) {
    const { status, latest } = sb.model;
    const { format, paint } = sb;
    const age = sb.notices.ages(nowMs);
    const decides = sb.engine.deciding();
    const engine = status && status.engines.find((one) => one.name === decides);
    paint.text("fact-engine", decides || format.NONE);
    paint.text("fact-workers", engine ? format.count(engine.workers) : format.NONE);
    paint.text("fact-row", latest ? format.rowNumber(latest.row) : format.NONE);
    paint.text("fact-age", age.data === null ? format.NONE
      : age.data < -sb.model.AHEAD_MS ? `${format.duration(-age.data)} ahead` : format.duration(Math.max(0, age.data)));
    paint.text("fact-offset", status ? format.count(sum(status.offsets)) : format.NONE);
    const behind = status && latest ? sum(status.offsets) - sum(latest.offsets) : null;
    // A decision newer than the status, which comes once a second, has read more than it says.
    paint.text("fact-lag", behind === null ? format.NONE : format.count(Math.max(0, behind)));
  }

  function badges(nowMs) {
    const state = sb.notices.state(nowMs);
    const badge = sb.paint.text("state", LABELS[state] || state);
    badge.dataset.state = state;
    const { paused } = sb.view.get();
    const held = sb.feed.held().count;
    const text = paused && sb.feed.state === "live"
      ? `paused${held ? `, ${held > 999 ? "999+" : held} newer` : ""}`
      : LINKS[sb.feed.state];
    sb.paint.text("link", text).dataset.link = paused && sb.feed.state === "live" ? "paused" : sb.feed.state;
    document.getElementById("page").dataset.state = state;
  }

  function noticeRow(notice) {
    const row = sb.paint.element("div", "notice");
    row.dataset.level = notice.level;
    row.dataset.key = notice.key;
    row.append(sb.paint.element("span", "notice-text"), sb.paint.element("span", "notice-live"));
    if (notice.progress !== undefined) {
      const bar = sb.paint.element("span", "progress");
      bar.append(sb.paint.element("span"));
      row.append(bar);
    }
    return row;
  }

  function fillRow(row, notice) {
    sb.paint.text(row.children[0], notice.text);
    row.children[0].title = notice.text;
    sb.paint.text(row.children[1], notice.live || "");
    if (notice.progress !== undefined) {
      row.children[2].firstChild.style.width = `${Math.min(1, notice.progress) * 100}%`;
    }
  }

  function notices(nowMs) {
    const box = document.getElementById("notices");
    const all = sb.notices.list(nowMs);
    const list = fold(all);
    if (!list.length) list.push({ key: "calm", level: "calm", text: sb.notices.calm() || "\u00a0" });
    const rows = new Map([...box.children].map((row) => [row.dataset.key, row]));
    const wanted = list.map((notice) => {
      const row = rows.get(notice.key) || noticeRow(notice);
      row.dataset.level = notice.level;
      fillRow(row, notice);
      return row;
    });
    if (wanted.length !== box.children.length || wanted.some((row, i) => box.children[i] !== row)) {
      box.replaceChildren(...wanted);
    }
    announce(all);
  }

  function fold(all) {
    const more = document.getElementById("more-notices");
    more.hidden = all.length <= MOST_NOTICES;
    more.setAttribute("aria-expanded", String(unfolded));
    sb.paint.text(more, unfolded ? "fewer" : `${Math.max(0, all.length - MOST_NOTICES)} more`);
    return unfolded ? [...all] : all.slice(0, MOST_NOTICES);
  }

  function announce(list) {
    const fresh = list.filter((notice) => !spoken.has(notice.key));
    spoken = new Set(list.map((notice) => notice.key));
    if (fresh.length) sb.paint.text("announce", fresh.map((n) => n.spoken || n.text).join(". "));
  }

  function waiting() {
    const { status, latest } = sb.model;
    const { feed, format, paint } = sb;
    if (!latest && feed.state === "connecting") return;
    const phase = latest ? "live" : "waiting";
    document.getElementById("page").dataset.phase = phase;
    if (latest) return;
    const bar = document.getElementById("waiting-progress");
    bar.hidden = !status || status.state !== "warming_up";
    if (!status) {
      paint.text("waiting-text", feed.state === "live"
        ? "The server is ready, its store is empty. Start everything at once with “silverbullet demo”, or its parts one by one: simulate, run, record."
        : "Connecting to the server.");
      return;
    }
    const done = status.window_rows ? status.rows_filled / status.window_rows : 0;
    document.getElementById("waiting-bar").style.width = `${Math.min(1, done) * 100}%`;
    paint.text("waiting-text",
      `${format.count(status.rows_filled)} of ${format.count(status.window_rows)} rows of ` +
      `${format.interval(status.sample_interval_ns)} are in, ${format.plural(status.assets.length, "asset")} seen, ` +
      `${format.rate(status.ticks_per_s)} ticks a second.${status.reason ? ` ${sb.notices.sentence(status.reason)}` : ""}`);
  }

  sb.header = {
    toggleNotices: () => {
      unfolded = !unfolded;
      sb.paint.request("link");
    },
  };
  (sb.parts = sb.parts || []).push([["decision", "status", "clock", "link", "held"], () => {
    const nowMs = sb.paint.now();
    facts(nowMs);
    badges(nowMs);
    notices(nowMs);
    waiting();
  }]);
})((window.silverbullet = window.silverbullet || {}));
