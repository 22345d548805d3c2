// The list of recent decisions. It holds still while a pointer or the keyboard is in it.
(function (sb) {
  "use strict";
  const ROWS = 60;
  const COLUMNS = ["time", "row", "Sharpe / y", "turnover", "latency", "engine"];
  let busy = false;
  let shownNewest = null;

  function build(box) {
    const table = sb.paint.element("table", "decisions");
    const head = table.createTHead().insertRow();
    for (const name of COLUMNS) {
      const cell = sb.paint.element("th", "", name);
      cell.scope = "col";
      head.append(cell);
    }
    table.createTBody();
    box.append(table);
    sb.keys.rove(box);
    const hold = (value) => () => {
      busy = value;
      if (!value) draw();
    };
    box.addEventListener("pointerenter", hold(true));
    box.addEventListener("pointerleave", hold(box.contains(document.activeElement)));
    box.addEventListener("focusin", hold(true));
    box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) hold(false)(); });
    box.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-id]");
      if (row) sb.view.set({ decision: row.dataset.id });
    });
    return table;
  }

  function makeRow() {
    const row = document.createElement("tr");
    COLUMNS.forEach((_, i) => row.insertCell().append(i ? "" : sb.paint.element("button")));
    row.cells[0].firstChild.type = "button";
    return row;
  }

  function fillRow(row, item) {
    const { format, paint } = sb;
    if (row.dataset.id !== item.id) {
      row.dataset.id = item.id;
      const root = Math.sqrt(format.perYear(item.intervalNs));
      const time = format.moment(item.atMs, item.intervalNs, item.ofTick);
      paint.text(row.cells[0].firstChild, time);
      row.cells[0].firstChild.setAttribute("aria-label", `Decision of row ${item.row}, ${time}`);
      paint.text(row.cells[1], format.rowNumber(item.row));
      paint.text(row.cells[2], item.sharpe === null ? format.NONE : format.sharpe(item.sharpe * root));
      paint.text(row.cells[3], item.turnover === null ? format.NONE : format.share(item.turnover));
      paint.text(row.cells[4], format.latency(item.stages[item.stages.length - 1]));
      const marks = [item.degraded && "degraded", item.late && "late"].filter(Boolean);
      paint.text(row.cells[5], [item.engine, ...marks].join(", "));
      row.classList.toggle("marked", marks.length > 0);
      row.title = item.reason;
    }
    row.toggleAttribute("data-open", item.id === sb.view.get().decision);
  }

  function caption() {
    const { history, skipped } = sb.model;
    const at = history.findIndex((item) => item.id === shownNewest);
    const newer = at < 0 ? 0 : history.length - 1 - at;
    const parts = [];
    if (busy && newer) parts.push(`${newer} newer, held while you are here`);
    if (skipped) parts.push(`${sb.format.count(skipped)} left out, too fast to draw`);
    sb.paint.text("decisions-caption", parts.join("; ") || "a click shows one whole");
  }

  function draw() {
    const { history } = sb.model;
    if (!history.length) return;
    const box = document.getElementById("decisions");
    const table = box.querySelector("table") || build(box);
    const body = table.tBodies[0];
    if (!busy || !shownNewest) {
      const items = history.slice(-ROWS).reverse();
      shownNewest = items[0].id;
      while (body.rows.length < items.length) body.append(makeRow());
      while (body.rows.length > items.length) body.lastChild.remove();
      items.forEach((item, i) => fillRow(body.rows[i], item));
      sb.keys.settle(box);
    }
    caption();
  }

  (sb.parts = sb.parts || []).push([["decision"], draw]);
})((window.silverbullet = window.silverbullet || {}));
