// The weights of now: a bar, one standard deviation over the draws, and where the weight was.
(function (sb) {
  "use strict";
  const MOST_ROWS = 40;
  // Rows keep their places this long: a list that re-sorts with every decision cannot be read.
  const SORT_MS = 15000;
  const SCALES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
  let order = [];
  let sortedMs = 0;
  let scale = 0;

  function arrange(latest, nowMs) {
    const same = order.length === Math.min(MOST_ROWS, latest.symbols.length) &&
      order.every((symbol) => latest.symbols.includes(symbol));
    const focused = document.activeElement.closest("#weights");
    if (same && (focused || nowMs - sortedMs < SORT_MS)) return;
    sortedMs = nowMs;
    const weightOf = new Map(latest.symbols.map((symbol, i) => [symbol, latest.weights[i]]));
    order = [...latest.symbols].sort((a, b) => weightOf.get(b) - weightOf.get(a)).slice(0, MOST_ROWS);
  }

  function chooseScale(latest) {
    const most = Math.max(...latest.weights.map((w, i) => w + (latest.weight_stddev[i] || 0)));
    const fits = (size) => SCALES.find((step) => step >= size) || 1;
    // It shrinks only where there is room to spare, or it would flicker between two scales.
    if (!scale || fits(most) > scale) scale = fits(most);
    else if (fits(1.15 * most) < scale) scale = fits(1.15 * most);
  }

  function makeList(box) {
    const list = box.appendChild(sb.paint.element("div", "list"));
    sb.keys.rove(list);
    return list;
  }

  function makeRow(symbol) {
    const { element } = sb.paint;
    const row = element("button", "weight");
    row.type = "button";
    row.dataset.symbol = symbol;
    const track = element("span", "track");
    track.append(element("i", "bar"), element("i", "whisker"), element("i", "before"));
    row.append(element("span", "name"), track, element("span", "number"), element("span", "error"));
    row.addEventListener("click", () => {
      sb.view.set({ asset: sb.view.get().asset === symbol ? null : symbol });
    });
    return row;
  }

  const share = (value) => `${(Math.min(1, Math.max(0, value / scale)) * 100).toFixed(2)}%`;

  function fillRow(row, latest, at) {
    const symbol = latest.symbols[at];
    const weight = latest.weights[at];
    const error = latest.weight_stddev[at] || 0;
    const [, track, number, errorText] = row.children;
    const [bar, whisker, before] = track.children;
    sb.paint.text(row.children[0], sb.model.shortName(symbol, 14));
    row.title = symbol;
    row.style.setProperty("--swatch", sb.theme.colour(symbol));
    bar.style.width = share(weight);
    whisker.style.left = share(weight - error);
    whisker.style.width = share(Math.min(weight, error) + Math.min(error, scale - weight));
    whisker.hidden = error <= 0;
    before.style.left = share(latest.start_weights[at] ?? weight);
    sb.paint.text(number, sb.format.share(weight));
    sb.paint.text(errorText, error > 0 ? `± ${sb.format.fixed(error * 100, 1)}` : "");
    row.toggleAttribute("data-none", weight < 0.00005);
    row.setAttribute("aria-pressed", String(sb.view.get().asset === symbol));
  }

  function draw() {
    const { latest } = sb.model;
    if (!latest) return;
    sb.theme.assign(sb.timeline.leaders(sb.model.visible()));
    const box = document.getElementById("weights");
    arrange(latest, sb.paint.now());
    chooseScale(latest);
    const rows = new Map([...box.querySelectorAll(".weight")].map((row) => [row.dataset.symbol, row]));
    const wanted = order.map((symbol) => rows.get(symbol) || makeRow(symbol));
    wanted.forEach((row) => fillRow(row, latest, latest.symbols.indexOf(row.dataset.symbol)));
    const list = box.querySelector(".list") || makeList(box);
    const foot = box.querySelector(".foot") || box.appendChild(sb.paint.element("div", "foot"));
    if (wanted.length !== list.children.length || wanted.some((row, i) => list.children[i] !== row)) {
      list.replaceChildren(...wanted);
    }
    sb.keys.settle(list);
    sb.paint.text("weights-caption", `bars to ${sb.format.fixed(scale * 100, 0)} %`);
    const rest = latest.symbols.length - order.length;
    sb.paint.text(foot, rest > 0 ? `${sb.format.plural(rest, "more asset")} in the table` : "bar now, line ± one standard deviation, dot before");
  }

  (sb.parts = sb.parts || []).push([["decision"], draw]);
})((window.silverbullet = window.silverbullet || {}));
