// One decision whole, in a dialog at the side; its id is in the address, so it can be linked.
(function (sb) {
  "use strict";
  const COLUMNS = [
    ["asset"], ["weight"], ["±", "One standard deviation of the weight over the draws"],
    ["change", "Since the decision before, percentage points"], ["price"],
    ["return / y", "Sample mean of the window"], ["est. return", "The estimate that the optimiser used, a year"],
    ["vol / y", "Sample volatility of the window"], ["est. vol", "The estimate that the optimiser used, a year"],
    ["skew"], ["kurt"],
  ];
  let shown = null;
  let opener = null;

  const dialog = () => document.getElementById("drawer");

  function list(pairs) {
    const { element } = sb.paint;
    const box = element("dl", "pairs");
    for (const [name, value, wide] of pairs) {
      const pair = element("div", wide ? "wide" : "");
      pair.append(element("dt", "", name), element("dd", "", value));
      box.append(pair);
    }
    return box;
  }

  function section(title, ...children) {
    const box = sb.paint.element("section");
    box.append(sb.paint.element("h3", "", title), ...children);
    return box;
  }

  function table(className, head, rows) {
    const { element } = sb.paint;
    const made = element("table", className);
    const top = made.createTHead().insertRow();
    for (const [name, hint] of head) {
      const cell = element("th", "", name);
      cell.scope = "col";
      if (hint) cell.title = hint;
      top.append(cell);
    }
    const body = made.createTBody();
    for (const cells of rows) {
      const row = body.insertRow();
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    const scroller = element("div", "scroller");
    scroller.append(made);
    return scroller;
  }

  function result(d) {
    const { format } = sb;
    const year = format.perYear(d.sample_interval_ns);
    const root = Math.sqrt(year);
    const per = format.interval(d.sample_interval_ns);
    const spread = (by) => (d.sharpe_stddev === null ? "" : ` ± ${format.sharpe(d.sharpe_stddev * by)}`);
    return list([
      ["expected return a year", format.percent(d.expected_return * year)],
      [`per ${per}`, format.perInterval(d.expected_return)],
      ["volatility a year", format.percent(d.portfolio_volatility * root)],
      [`per ${per}`, format.perInterval(d.portfolio_volatility)],
      ["Sharpe ratio a year", d.sharpe === null ? format.NONE : format.sharpe(d.sharpe * root) + spread(root)],
      [`per ${per}`, format.ratio(d.sharpe, d.sharpe_stddev)],
      ["optimality gap", format.percent(d.optimality_gap)],
      ["observations", format.count(d.n_observations)],
    ]);
  }

  function made(d) {
    const { format } = sb;
    return list([
      ["trigger", d.trigger], ["method", d.method], ["objective", d.objective.replace("_", " ")],
      ["draws", d.n_draws ? format.count(d.n_draws) : "none"], ["seed", String(d.seed)], ["round", String(d.round)],
      ["engine", d.engine], ["degraded", d.degraded ? "yes" : "no"], ["late", d.late ? "yes" : "no"],
      ["peers", d.peers.join(", ") || format.NONE, true],
      ["input offsets", Object.entries(d.offsets).map(([key, n]) => `${key}: ${format.count(n)}`).join(", ") || format.NONE, true],
      ["digest", d.digest, true], ["id", d.id, true],
    ]);
  }

  function assets(d) {
    const { format } = sb;
    const year = format.perYear(d.sample_interval_ns);
    const root = Math.sqrt(year);
    const order = d.symbols.map((_, i) => i).sort((a, b) => d.weights[b] - d.weights[a]);
    return table("whole", COLUMNS,
      order.map((i) => [
        d.symbols[i], format.share(d.weights[i]), format.share(d.n_draws ? d.weight_stddev[i] : null),
        format.points(d.start_weights.length ? d.weights[i] - d.start_weights[i] : null),
        format.price(d.prices[i]), format.percent(format.scaled(d.mean[i], year)),
        format.percent(format.scaled(d.estimated_mean[i], year)),
        format.percent(format.scaled(d.volatility[i], root)),
        format.percent(format.scaled(d.estimated_volatility[i], root)), format.fixed(d.skewness[i], 2),
        format.fixed(d.kurtosis[i], 2),
      ]));
  }

  function stages(d) {
    return table("whole", [["stage"], ["took"], ["what it is"]],
      sb.model.stagesOf(d.times).map((ms, i) => [
        sb.model.STAGES[i][0], sb.format.latency(ms), sb.model.STAGES[i][3],
      ]));
  }

  function fill(d) {
    const { format, paint } = sb;
    paint.text("drawer-title", `Decision of row ${format.rowNumber(d.row)}`);
    const body = document.getElementById("drawer-body");
    const when = paint.element("p", "when", `Row ${d.trigger === "tick" ? "ends" : "ended"} ${format.stamp(d.row_end_ns / 1e6)} UTC, published ${format.stamp(d.times.published_ns / 1e6)} UTC`);
    const parts = [when];
    for (const why of [d.reason, d.engine_reason]) if (why) parts.push(paint.element("p", "reason", why));
    const link = paint.element("a", "", "This decision as JSON");
    link.href = `/api/v1/decisions/${encodeURIComponent(d.id)}`;
    const foot = paint.element("p", "when");
    foot.append(link);
    body.replaceChildren(...parts, section("Result", result(d)), section("Assets", assets(d)),
      section("Time by stage", stages(d)), section("How it was made", made(d)), foot);
    body.scrollTop = 0;
    neighbours();
  }

  function neighbours() {
    const at = sb.model.byId(shown);
    document.getElementById("drawer-older").disabled = at <= 0;
    document.getElementById("drawer-newer").disabled = at < 0 || at >= sb.model.history.length - 1;
  }

  function step(by) {
    const at = sb.model.byId(shown);
    const item = at < 0 ? null : sb.model.history[at + by];
    if (item) sb.view.set({ decision: item.id });
  }

  async function load(id) {
    const { latest } = sb.model;
    if (latest && latest.id === id) return latest;
    return sb.feed.getJson(`/api/v1/decisions/${encodeURIComponent(id)}`);
  }

  async function show(id) {
    shown = id;
    if (!id) {
      if (dialog().open) dialog().close();
      return;
    }
    if (!dialog().open) {
      opener = document.activeElement;
      dialog().showModal();
      document.getElementById("drawer-body").focus();
    }
    try {
      const decision = await load(id);
      if (shown === id) fill(decision);
    } catch (error) {
      if (shown !== id) return;
      sb.paint.text("drawer-title", "Decision not found");
      document.getElementById("drawer-body").replaceChildren(
        sb.paint.element("p", "reason", `${id}: ${[error.message, error.remedy].filter(Boolean).join(": ")}`));
    }
  }

  function bind() {
    const box = dialog();
    box.addEventListener("close", () => {
      sb.view.set({ decision: null });
      if (opener && opener.isConnected) opener.focus();
    });
    // A click on the backdrop hits the dialog itself; inside it hits a child.
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
    const click = (id, act) => document.getElementById(id).addEventListener("click", act);
    click("drawer-close", () => box.close());
    click("drawer-older", () => step(-1));
    click("drawer-newer", () => step(1));
  }

  (sb.parts = sb.parts || []).push([["decision"], () => { if (shown) neighbours(); }]);
  sb.drawer = { show, bind };
})((window.silverbullet = window.silverbullet || {}));
