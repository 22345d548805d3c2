// Starts the page once Dash has laid it out.
(function (sb) {
  "use strict";

  function pressed(id, value) {
    document.getElementById(id).setAttribute("aria-pressed", String(value));
  }

  function showView() {
    const view = sb.view.get();
    pressed("pause", view.paused);
    sb.paint.text("pause", view.paused ? "Resume" : "Pause");
    document.getElementById("page").toggleAttribute("data-paused", view.paused);
    for (const button of document.querySelectorAll("button.range")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.range) === view.range));
    }
    document.getElementById("clear-asset").hidden = !view.asset;
    showPage(view);
  }

  function showPage(view) {
    const engines = view.page === "engines";
    document.getElementById("page").dataset.view = engines ? "engines" : "portfolio";
    document.getElementById("engines").hidden = !engines;
    document.getElementById("skip").href = engines ? "#engines" : "#panels";
    for (const [id, page] of [["to-portfolio", null], ["to-engines", "engines"]]) {
      const link = document.getElementById(id);
      link.href = sb.view.address({ page });
      link.toggleAttribute("aria-current", view.page === page);
      if (view.page === page) link.setAttribute("aria-current", "page");
    }
  }

  // With a modifier the browser opens the link elsewhere.
  function goTo(page) {
    return (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      sb.view.set({ page });
    };
  }

  function follow(view, before) {
    showView();
    if (view.theme !== before.theme) sb.theme.apply();
    if (view.page !== before.page) {
      window.scrollTo(0, 0);
      if (view.page === "engines") sb.control.enter();
    }
    if (before.paused && !view.paused) sb.feed.resume();
    if (view.decision !== before.decision) sb.drawer.show(view.decision);
    sb.paint.request("all");
  }

  function onKey(event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "p") sb.view.set({ paused: !sb.view.get().paused });
    if (key === "e") sb.view.set({ page: sb.view.get().page ? null : "engines" });
    if (key === "t") sb.theme.toggle();
  }

  function bind() {
    const click = (id, act) => document.getElementById(id).addEventListener("click", act);
    click("pause", () => sb.view.set({ paused: !sb.view.get().paused }));
    click("theme", sb.theme.toggle);
    click("clear-asset", () => sb.view.set({ asset: null }));
    click("to-portfolio", goTo(null));
    click("to-engines", goTo("engines"));
    click("log-out", sb.control.logOut);
    click("more-notices", sb.header.toggleNotices);
    for (const button of document.querySelectorAll("button.range")) {
      button.addEventListener("click", () => sb.view.set({ range: Number(button.dataset.range) }));
    }
    document.addEventListener("keydown", onKey);
  }

  function start() {
    sb.theme.apply();
    bind();
    sb.drawer.bind();
    showView();
    sb.view.onChange(follow);
    sb.assets.start();
    sb.feed.start();
    // Ages run on although nothing arrives: that is how the page knows it is stale.
    setInterval(() => sb.paint.request("clock"), 1000);
    sb.paint.first();
    if (sb.view.get().page === "engines") sb.control.enter();
    if (sb.view.get().decision) sb.drawer.show(sb.view.get().decision);
    sb.paint.request("all");
  }

  // The layout arrives by one request after the scripts; its last element tells it is complete.
  const watch = new MutationObserver(() => {
    if (!document.getElementById("drawer")) return;
    watch.disconnect();
    start();
  });
  watch.observe(document.documentElement, { childList: true, subtree: true });
})((window.silverbullet = window.silverbullet || {}));
