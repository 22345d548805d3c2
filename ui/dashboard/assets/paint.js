// When the page draws: at most four times a second, never while hidden, and each part only when
// what it shows has changed. Text is written by the parts themselves; charts and the grid are
// Dash's and follow the number in the store "frame".
(function (sb) {
  "use strict";
  // On a machine that cannot keep up (the timer comes late) down to one a second.
  const LEAST_MS = 250;
  const MOST_MS = 1000;
  let spacing = LEAST_MS;
  // Each part adds [topics, draw] to this list when its file is read, in whatever order.
  const parts = (sb.parts = sb.parts || []);
  let wanted = new Set();
  let last = 0;
  let timer = 0;
  let frame = 0;
  let frozenMs = 0;
  let aheadMs = 0;

  // The page's own time: it stands still while the page is paused and has something to show.
  function now() {
    if (!sb.view.get().paused || !sb.model.status) frozenMs = 0;
    else if (!frozenMs) frozenMs = Date.now() + aheadMs;
    return frozenMs || Date.now() + aheadMs;
  }

  // Ages are by the server's clock: this machine's may differ. A header's date
  // has whole seconds, so less than two says nothing.
  function setClock(ahead) {
    aheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
    frozenMs = 0;
  }

  function paint() {
    timer = 0;
    if (document.hidden) return;
    last = performance.now();
    sb.feed.drain();
    const what = wanted;
    wanted = new Set();
    const all = what.has("all");
    for (const [on, draw] of parts) if (all || on.some((topic) => what.has(topic))) draw();
    if (all || ["decision", "status", "clock"].some((topic) => what.has(topic))) {
      frame += 1;
      window.dash_clientside.set_props("frame", { data: frame });
    }
  }

  // The parts alone, at once: the charts' own scripts would hold up a timer for seconds.
  function first() {
    for (const [, draw] of parts) draw();
  }

  function request(what) {
    wanted.add(what);
    if (timer || document.hidden) return;
    const due = Math.max(performance.now(), last + spacing);
    timer = setTimeout(() => {
      const lag = performance.now() - due;
      spacing = lag > 60 ? Math.min(MOST_MS, spacing * 1.5) : Math.max(LEAST_MS, spacing * 0.95);
      requestAnimationFrame(paint);
    }, due - performance.now());
  }

  // Keyed text: writing only what differs keeps selections and screen readers undisturbed.
  function text(id, value) {
    const element = typeof id === "string" ? document.getElementById(id) : id;
    if (element && element.textContent !== value) {
      element.textContent = value;
      if (element.className === "caption") element.title = value;
    }
    return element;
  }

  function element(tag, className, content) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) request("all"); });

  sb.paint = { first, request, now, setClock, text, element };
})((window.silverbullet = window.silverbullet || {}));
