// Which engine jobs went to over time and why, and what admins asked for.
(function (sb) {
  "use strict";
  const EMPTY_SWITCHES = "No switch on record.";
  const EMPTY_ASKED = "Nobody has asked for anything.";

  // From each switch to the next, the last one until now.
  function spans(status) {
    const { switches } = status;
    return switches.map((one, i) => ({
      ...one, endNs: i + 1 < switches.length ? switches[i + 1].time_ns : Math.max(status.time_ns, one.time_ns),
    }));
  }

  function segment(span, beginNs, wholeNs) {
    const made = sb.paint.element("i", "segment");
    made.dataset.engine = span.new;
    made.style.left = `${(100 * (span.time_ns - beginNs)) / wholeNs}%`;
    made.style.width = `${(100 * (span.endNs - span.time_ns)) / wholeNs}%`;
    const share = (span.endNs - span.time_ns) / wholeNs;
    made.textContent = share > 0.12 ? span.new : "";
    made.title = `${span.new} for ${sb.format.duration((span.endNs - span.time_ns) / 1e6)} from ${sb.format.time(span.time_ns / 1e6)} UTC: ${span.cause}`;
    return made;
  }

  function makeLine(list) {
    const { element } = sb.paint;
    const { format } = sb;
    const beginNs = list[0].time_ns;
    const wholeNs = Math.max(1, list.at(-1).endNs - beginNs);
    const box = element("div", "time-line");
    const strip = element("div", "strip");
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `Engines from ${format.time(beginNs / 1e6)} UTC until now: ${list.map((span) => `${span.new} ${format.duration((span.endNs - span.time_ns) / 1e6)}`).join(", ")}`);
    strip.append(...list.map((span) => segment(span, beginNs, wholeNs)));
    const ends = element("div", "ends");
    ends.append(element("span", "", `${format.time(beginNs / 1e6)} UTC`), element("span", "", "now"));
    box.append(strip, ends);
    return box;
  }

  // Without an engine before: the run began, or later a new set of engines did.
  function named(engine, isFirst) {
    const made = sb.paint.element("span", "swatched", engine || (isFirst ? "start" : "new engines"));
    made.dataset.engine = engine;
    return made;
  }

  function makeTable(className, titles) {
    const { element } = sb.paint;
    const table = element("table", `log ${className}`);
    const head = table.createTHead().insertRow();
    for (const title of titles) {
      const cell = element("th", "", title);
      cell.scope = "col";
      head.append(cell);
    }
    table.createTBody();
    return table;
  }

  function switchTable(list) {
    const { format } = sb;
    const table = makeTable("switch-log", ["time (UTC)", "jobs went", "for", "cause"]);
    for (const span of [...list].reverse()) {
      const row = table.tBodies[0].insertRow();
      row.insertCell().textContent = format.time(span.time_ns / 1e6);
      row.insertCell().append(named(span.old, span === list[0]), " → ", named(span.new));
      row.insertCell().textContent = format.duration((span.endNs - span.time_ns) / 1e6);
      row.insertCell().textContent = span.cause;
      row.cells[0].title = format.stamp(span.time_ns / 1e6);
    }
    return table;
  }

  function fill(box, key, make) {
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    box.replaceChildren(...make());
  }

  const KEPT = 20; // as many as a status holds

  function drawSwitches(status) {
    const box = document.getElementById("switches");
    const list = status && status.switches ? spans(status) : [];
    sb.paint.text("switches-caption", list.length < KEPT ? "" : `the newest ${KEPT}`);
    if (!list.length) {
      fill(box, "none", () => [sb.paint.element("p", "empty", EMPTY_SWITCHES)]);
      return;
    }
    // The last span grows: its length and the line are drawn anew each second, the rest is kept.
    const key = list.map((span) => span.time_ns).join();
    fill(box, key, () => [makeLine(list), switchTable(list)]);
    box.firstChild.replaceWith(makeLine(list));
    const { cells } = box.querySelector("tbody").rows[0];
    const last = list.at(-1);
    sb.paint.text(cells[2], sb.format.duration((last.endNs - last.time_ns) / 1e6));
  }

  function askedTable(controls) {
    const table = makeTable("asked-log", ["time (UTC)", "who", "asked for", "state"]);
    for (const control of [...controls].reverse()) {
      const row = table.tBodies[0].insertRow();
      row.insertCell().textContent = sb.format.time(control.time_ns / 1e6);
      row.cells[0].title = sb.format.stamp(control.time_ns / 1e6);
      row.insertCell().textContent = control.who || sb.format.NONE;
      row.insertCell().textContent = control.wish || sb.format.NONE;
      const state = row.insertCell();
      const badge = sb.paint.element("span", "badge phase", control.state);
      badge.dataset.phase = control.state;
      state.append(badge);
      if (control.reason) state.append(sb.paint.element("span", "why", control.reason));
    }
    return table;
  }

  function drawAsked(status) {
    const controls = (status && status.controls) || [];
    const key = JSON.stringify(controls);
    fill(document.getElementById("asked"), key, () => [
      controls.length ? askedTable(controls) : sb.paint.element("p", "empty", EMPTY_ASKED),
    ]);
    sb.paint.text("asked-caption", controls.length ? "on this page and at the command line, newest first" : "");
  }

  function draw() {
    drawSwitches(sb.model.status);
    drawAsked(sb.model.status);
  }

  sb.switches = { draw };
})((window.silverbullet = window.silverbullet || {}));
