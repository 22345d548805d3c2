// The state of the page that a link carries: view, theme, pause, decision, asset, range, sort.
// It lives in the address's query; everything else here is derived from it.
(function (sb) {
  "use strict";
  const RANGES = [60, 240, 960];
  const listeners = [];

  function read() {
    const query = new URLSearchParams(location.search);
    const theme = query.get("theme");
    const range = Number(query.get("range"));
    return {
      page: query.get("view") === "engines" ? "engines" : null,
      theme: theme === "dark" || theme === "light" ? theme : null,
      paused: query.get("paused") === "1",
      decision: query.get("decision"),
      asset: query.get("asset"),
      range: RANGES.includes(range) ? range : 240,
      sort: query.get("sort"),
    };
  }

  let now = read();

  function address(view) {
    const query = new URLSearchParams(location.search);
    const put = (key, value) => (value ? query.set(key, value) : query.delete(key));
    put("view", view.page);
    put("theme", view.theme);
    put("paused", view.paused ? "1" : null);
    put("decision", view.decision);
    put("asset", view.asset);
    put("range", view.range === 240 ? null : String(view.range));
    put("sort", view.sort);
    const text = query.toString();
    return location.pathname + (text ? `?${text}` : "");
  }

  function tell(before) {
    for (const listener of listeners) listener(now, before);
  }

  // A decision opened and another page get their own entry in the history, so that Back closes or
  // leaves them; the rest replaces.
  function set(changes) {
    const before = now;
    now = { ...now, ...changes };
    if (address(now) === address(before) && JSON.stringify(now) === JSON.stringify(before)) return;
    const opens = !before.decision && now.decision;
    history[opens || before.page !== now.page ? "pushState" : "replaceState"](null, "", address(now));
    tell(before);
  }

  window.addEventListener("popstate", () => {
    const before = now;
    now = read();
    tell(before);
  });

  sb.view = {
    get: () => now, set,
    address: (changes) => address({ ...now, ...changes }),
    onChange: (listener) => listeners.push(listener),
  };
})((window.silverbullet = window.silverbullet || {}));
