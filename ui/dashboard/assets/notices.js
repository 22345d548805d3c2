// What is wrong or worth knowing, in plain sentences, from the status and from its absence.
(function (sb) {
  "use strict";
  // `run` reports once a second; after five missed reports its figures are called old.
  const REPORT_MS = 5000;

  function ages(nowMs) {
    const { status, latest } = sb.model;
    return {
      report: status ? nowMs - status.time_ns / 1e6 : null,
      data: status && status.last_event_time_ns ? nowMs - status.last_event_time_ns / 1e6 : null,
      decision: latest ? nowMs - latest.times.published_ns / 1e6 : null,
    };
  }

  // Since the newest decision; until it decides again its own reason is that of its first moment.
  function restarted() {
    const { latest, status } = sb.model;
    return Boolean(latest) && status.started_ns > latest.times.published_ns;
  }

  // What the page was sent with may be seconds old by now and says nothing about the run.
  const loading = () => sb.feed.state === "connecting";

  // Three intervals without a decision, and never less than five seconds, are too long.
  function overdue(nowMs) {
    const { latest, status } = sb.model;
    if (!latest || !status || status.state !== "deciding") return false;
    return ages(nowMs).decision > Math.max(5000, (3 * latest.sample_interval_ns) / 1e6);
  }

  function state(nowMs) {
    const { status, latest } = sb.model;
    if (loading()) return "connecting";
    if (!status && nowMs - sb.feed.since < 3000) return "connecting";
    if (!status && !latest) return "waiting";
    if (!status || ages(nowMs).report > REPORT_MS || overdue(nowMs)) return "stale";
    return status.state;
  }

  // Each notice: key (announced once), level, text, and optionally its running part or progress.
  function link(nowMs) {
    const { feed, format } = sb;
    if (feed.state === "disconnected") {
      return [{
        key: "link", level: "bad", text: "Disconnected from the server, trying again.",
        live: `${feed.detail}; for ${format.duration(nowMs - feed.since)}`,
      }];
    }
    return [];
  }

  function freshness(nowMs) {
    const { status, latest } = sb.model;
    const { format } = sb;
    const age = ages(nowMs);
    if (loading() || (!status && nowMs - sb.feed.since < 3000)) return [];
    if (!status) return latest ? [{ key: "no-status", level: "warn", text: "No status on record: the figures may be old." }] : [];
    if (age.report > REPORT_MS) {
      return [{
        key: "silent", level: "bad",
        text: "Stale: silverbullet run does not report. The figures are the last ones known.",
        live: `last report ${format.duration(age.report)} ago`,
      }];
    }
    if (status.state === "stale" && restarted() && status.ticks_read > 0) {
      return [{
        key: "restarted", level: "warn",
        text: "Stale: silverbullet run was started again and reads what it needs to decide.",
        live: `${age.data > 0 ? `newest tick ${format.duration(age.data)} ago, ` : ""}${format.rate(status.ticks_per_s)} ticks a second`,
      }];
    }
    if (status.state === "stale") {
      return [{ key: "stale", level: "warn", text: `Stale: ${status.reason || "no new ticks"}`, live: age.data > 0 ? `newest tick ${format.duration(age.data)} ago` : "" }];
    }
    if (overdue(nowMs)) {
      return [{ key: "overdue", level: "warn", text: "Stale: no new decision.", live: `the last one ${format.duration(age.decision)} ago` }];
    }
    return [];
  }

  function warming() {
    const { status } = sb.model;
    if (!status || status.state !== "warming_up") return [];
    return [{
      key: "warming", level: "info",
      text: status.reason ? `Warming up: ${status.reason}` : "Warming up.",
      live: `${status.rows_filled} of ${status.window_rows} rows in the window`,
      progress: status.window_rows ? status.rows_filled / status.window_rows : 0,
    }];
  }

  // By how much the newest decision's tick was ahead of the clock when it was received, else 0.
  function aheadMs() {
    const { latest, AHEAD_MS } = sb.model;
    const ahead = latest ? (latest.times.event_ns - latest.times.received_ns) / 1e6 : 0;
    return ahead > AHEAD_MS ? ahead : 0;
  }

  function ahead() {
    if (!aheadMs()) return [];
    return [{
      key: "ahead", level: "info",
      text: "Ticks are ahead of the clock, as when a file is played fast: latency counts from their receipt.",
      live: sb.format.duration(aheadMs()),
    }];
  }

  const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

  // Why the portfolio is what it is, and what became of the work on engines; each joined by "; ".
  function reasons(latest) {
    const list = (text) => (text ? text.split("; ") : []);
    return { portfolio: list(latest.reason), engine: list(latest.engine_reason) };
  }

  function engineNotice(engine, standIn) {
    const { name, state, reason } = engine;
    const until = standIn && standIn !== name ? `${standIn} decides until it is ready` : "";
    const say = (level, text) => ({
      key: `engine-${name}-${state}`, level, text: [text, until].filter(Boolean).join("; "), name,
    });
    if (state === "failed") {
      // As the run words it: "failed (why); what is done about it".
      const [, why, then] = /^failed \((.*)\)(?:; (.*))?$/.exec(reason) || [null, reason || "no reason given"];
      return say("bad", [`Engine ${name} failed: ${why}`, then].filter(Boolean).join("; "));
    }
    if (state !== "starting") return null;
    if (!reason || reason === "is starting") return say("info", `Engine ${name} is starting`);
    return say("info", /^is /.test(reason) ? `Engine ${name} ${reason}` : `Engine ${name} is starting: ${reason}`);
  }

  function engines() {
    const { status, latest } = sb.model;
    const standIn = latest && latest.degraded ? latest.engine : "";
    const list = (status ? status.engines : []).map((engine) => engineNotice(engine, standIn)).filter(Boolean);
    if (!latest) return list;
    const why = reasons(latest);
    // An engine that has its own notice needs no second one for what follows from it.
    const told = (text) => / decides$/.test(text) || list.some(({ name }) => text.startsWith(`${name} `));
    const engine = why.engine.filter((text) => !told(text));
    if (latest.degraded && (engine.length || !list.length)) {
      const text = why.engine.filter((one) => one !== `${latest.engine} decides`).join("; ");
      list.push({ key: "degraded", level: "warn", text: `Degraded, decided on ${latest.engine}: ${text || "the preferred engine was not there"}` });
    } else if (!latest.degraded && why.engine.length) {
      list.push({ key: "engine-reason", level: "info", text: `Newest decision: ${why.engine.join("; ")}` });
    }
    if (why.portfolio.length) {
      const text = why.portfolio.join("; ");
      list.push({ key: `portfolio-${text}`, level: "info", text: text[0].toUpperCase() + text.slice(1) });
    }
    return list;
  }

  // What an admin asked for and what of it is still to come.
  function steered() {
    const { status } = sb.model;
    if (!status) return [];
    const list = [];
    if (status.state === "paused") {
      const why = status.reason && status.reason !== "paused" ? `: ${status.reason}` : "";
      list.push({ key: `paused${why}`, level: "warn", text: `No decisions are made${why}. Ticks are read on; Continue on the engines page, or “silverbullet continue”.` });
    }
    if (status.change) {
      const [what, ...why] = status.change.split(": ");
      list.push({ key: what, level: "info", text: `${sentence(what).slice(0, -1)}; decisions go on meanwhile.`, live: why.join(": ") });
    }
    return list;
  }

  // Decisions that come, but long after their ticks: the run cannot keep up, or ticks come late.
  function behind() {
    const { latest } = sb.model;
    if (!latest) return [];
    const tookMs = (latest.times.published_ns - latest.times.event_ns) / 1e6;
    if (tookMs <= Math.max(5000, (3 * latest.sample_interval_ns) / 1e6)) return [];
    return [{
      key: "behind", level: "warn", text: "Behind: decisions come late after their ticks.",
      live: `the newest by ${sb.format.duration(tookMs)}`,
    }];
  }

  function losses() {
    const { status } = sb.model;
    if (!status) return [];
    const { format } = sb;
    const list = [];
    if (status.lost_offsets > 0) {
      list.push({
        key: "lost", level: "warn",
        text: "Messages lost: the broker had dropped them before they were read.",
        live: format.plural(status.lost_offsets, "offset"),
      });
    }
    const rejected = Object.entries(status.rejected).filter(([, n]) => n > 0);
    if (rejected.length) {
      rejected.sort((a, b) => b[1] - a[1]);
      const total = rejected.reduce((sum, [, n]) => sum + n, 0);
      list.push({
        key: `rejected-${rejected.map(([reason]) => reason).sort().join()}`, level: "warn",
        text: `Rows rejected: ${status.last_rejection || "see the topic ticks.rejected"}`,
        spoken: "Rows rejected",
        live: `${format.count(total)} in all (${rejected.map(([reason, n]) => `${format.count(n)} ${reason}`).join(", ")})`,
      });
    }
    return list;
  }

  function universe() {
    const { status } = sb.model;
    const out = status ? status.assets.filter((asset) => asset.state !== "member") : [];
    if (!out.length || status.state === "warming_up") return [];
    const first = out[0];
    return [{
      key: `out-${out.map((asset) => asset.symbol).join()}`, level: "info",
      text: out.length === 1
        ? `${first.symbol} is not in the universe: ${first.reason || first.state}`
        : `${out.length} assets are not in the universe: ${out.slice(0, 4).map((asset) => asset.symbol).join(", ")}${out.length > 4 ? ", …" : ""}`,
    }];
  }

  function own() {
    const { status } = sb.model;
    return (status ? status.notices : []).map((text) => ({ key: `n-${text}`, level: "info", text }));
  }

  function list(nowMs) {
    const seen = new Set();
    const all = [
      ...link(nowMs), ...freshness(nowMs), ...behind(), ...ahead(), ...warming(), ...steered(), ...engines(), ...losses(), ...universe(),
      ...own(),
    ];
    const weight = { bad: 0, warn: 1, info: 2 };
    return all.filter(({ text }) => !seen.has(text) && seen.add(text))
      .sort((a, b) => weight[a.level] - weight[b.level]);
  }

  // With nothing to report the line still says what is going on, so that nothing jumps later.
  function calm() {
    const { status, latest } = sb.model;
    if (!status || !latest) return "";
    const { format } = sb;
    const members = status.assets.filter((asset) => asset.state === "member").length;
    const when = status.trigger === "tick" ? "on every tick" : `when a row of ${format.interval(latest.sample_interval_ns)} closes`;
    return `Deciding ${when}, ${latest.method === "resample" ? `resampled over ${format.count(latest.n_draws)} draws` : "exactly"}; ` +
      `${format.plural(members, "asset")}, ${format.count(latest.n_observations)} rows in the window.`;
  }

  sb.notices = { ages, aheadMs, sentence, state, list, calm };
})((window.silverbullet = window.silverbullet || {}));
