// The strip of key figures, each with the course of the visible range under it.
(function (sb) {
  "use strict";
  const WIDTH = 160;
  const HEIGHT = 22;
  const POINTS = 80;

  // The mean of each of at most 80 equal spans: what a line of this width can show.
  function thin(values) {
    if (values.length <= POINTS) return values;
    const span = values.length / POINTS;
    return Array.from({ length: POINTS }, (_, k) => {
      const part = values.slice(Math.floor(k * span), Math.floor((k + 1) * span));
      return part.reduce((total, value) => total + value, 0) / part.length;
    });
  }

  function path(values) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const scale = high > low ? (HEIGHT - 4) / (high - low) : 0;
    const step = WIDTH / Math.max(1, values.length - 1);
    return values
      .map((value, i) => {
        const y = scale ? HEIGHT - 2 - (value - low) * scale : HEIGHT / 2;
        return `${i ? "L" : "M"}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
      })
      .join("");
  }

  function spark(id, all) {
    const box = document.getElementById(`figure-${id}-spark`);
    const values = thin(all.filter(Number.isFinite));
    if (!box.firstChild) {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      svg.setAttribute("preserveAspectRatio", "none");
      svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
      box.append(svg);
    }
    box.firstChild.firstChild.setAttribute("d", values.length > 1 ? path(values) : "");
  }

  function show(id, value, note) {
    sb.paint.text(`figure-${id}`, value);
    sb.paint.text(`figure-${id}-note`, note || "\u00a0");
  }

  // By linear interpolation between order statistics, as numpy's default.
  function quantiles(values, wanted) {
    const sorted = Float64Array.from(values.filter(Number.isFinite)).sort();
    return wanted.map((q) => {
      const at = (sorted.length - 1) * q;
      const low = Math.floor(at);
      const high = Math.min(low + 1, sorted.length - 1);
      return sorted.length ? sorted[low] + (at - low) * (sorted[high] - sorted[low]) : NaN;
    });
  }

  // Of short intervals the annual figure is huge by nature, so the one it comes from stands below.
  function performance(latest) {
    const { format, model } = sb;
    const year = model.perYear();
    const root = Math.sqrt(year);
    const per = `per ${format.interval(latest.sample_interval_ns)}`;
    show("return", format.percent(latest.expected_return * year), `${format.perInterval(latest.expected_return)} ${per}`);
    show("volatility", format.percent(latest.portfolio_volatility * root), `${format.perInterval(latest.portfolio_volatility)} ${per}`);
    show("sharpe", latest.sharpe === null ? format.NONE : format.sharpe(latest.sharpe * root),
      latest.sharpe === null ? "none" : `${format.ratio(latest.sharpe, latest.sharpe_stddev)} ${per}`);
    show("gap", format.percent(latest.optimality_gap),
      latest.optimality_gap > 1 ? "its return is below zero"
        : latest.method === "resample" ? "price of robustness" : "from the exact optimum");
  }

  function draw() {
    const { format, model } = sb;
    const { latest, status } = model;
    if (!latest) return;
    performance(latest);
    const items = model.visible();
    const total = items.map((item) => item.stages[item.stages.length - 1]);
    show("rate", status ? format.rate(status.decisions_per_s) : format.NONE,
      status ? `${format.rate(status.ticks_per_s)} ticks a second` : "");
    const [p50, p99] = quantiles(total, [0.5, 0.99]);
    const since = sb.notices.aheadMs() > 0 ? ", from receipt" : "";
    show("latency", format.latency(p50), `p50; p99 ${format.latency(p99)}${since}`);
    spark("return", items.map((item) => item.expectedReturn));
    spark("volatility", items.map((item) => item.volatility));
    spark("sharpe", items.map((item) => item.sharpe));
    spark("gap", items.map((item) => item.gap));
    spark("rate", items.slice(1).map((item, i) => 1000 / Math.max(0.01, item.publishedMs - items[i].publishedMs)));
    spark("latency", total);
  }

  sb.figures = { quantiles };
  (sb.parts = sb.parts || []).push([["decision", "status"], draw]);
})((window.silverbullet = window.silverbullet || {}));
