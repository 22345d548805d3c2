// Rows of the table of assets, and what its grid calls by name.
(function (sb) {
  "use strict";
  const grid = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const PHASES = { member: "member", filling: "filling", stale: "stale", missing_rows: "missing rows" };

  function stateText(asset) {
    if (!asset) return "member";
    const name = PHASES[asset.state] || asset.state;
    return asset.reason ? `${name}: ${asset.reason}` : name;
  }

  function decided(latest, at, asset) {
    const year = sb.model.perYear();
    const weight = latest.weights[at];
    const before = latest.start_weights[at];
    return {
      symbol: latest.symbols[at], weight, stddev: latest.n_draws ? latest.weight_stddev[at] : null,
      change: before === undefined || before === null ? null : weight - before,
      price: asset && asset.price > 0 ? asset.price : latest.prices[at],
      mean: sb.format.scaled(latest.mean[at], year),
      volatility: sb.format.scaled(latest.volatility[at], Math.sqrt(year)),
      skewness: latest.skewness[at], kurtosis: latest.kurtosis[at],
    };
  }

  function rows() {
    const { latest, status } = sb.model;
    const { asset: selected } = sb.view.get();
    const states = new Map((status ? status.assets : []).map((asset) => [asset.symbol, asset]));
    const list = latest.symbols.map((symbol, at) => decided(latest, at, states.get(symbol)));
    const decidedOn = new Set(latest.symbols);
    for (const asset of states.values()) {
      if (!decidedOn.has(asset.symbol)) {
        list.push({ symbol: asset.symbol, weight: 0, price: asset.price > 0 ? asset.price : null });
      }
    }
    for (const row of list) {
      const asset = states.get(row.symbol);
      row.state = stateText(asset);
      row.phase = asset ? asset.state : "member";
      row.selected = row.symbol === selected;
    }
    return list;
  }

  function caption(count) {
    const { latest } = sb.model;
    sb.paint.text("assets-caption",
      `${sb.format.plural(count, "asset")} of row ${sb.format.rowNumber(latest.row)}; sample return and volatility a year, ` +
      "skew and excess kurtosis of ticks");
  }

  let last = null;
  let sorted = false;

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.silverbullet = window.dash_clientside.silverbullet || {};
  window.dash_clientside.silverbullet.assetRows = () => {
    if (!sb.model.latest) return window.dash_clientside.no_update;
    const { version } = sb.model;
    const key = [version.decision, version.status, sb.view.get().asset].join();
    if (key === last) return window.dash_clientside.no_update;
    last = key;
    const list = rows();
    caption(list.length);
    return list;
  };

  // The order of the address is restored once the grid is there; only then do changes count.
  function restoreSort(api) {
    const [colId, sort] = (sb.view.get().sort || "weight.desc").split(".");
    api.applyColumnState({
      state: [{ colId, sort: sort === "asc" ? "asc" : "desc" }], defaultState: { sort: null },
    });
    sorted = true;
  }

  // Text and colour in one: the grid's own class rules come a frame after the text, and gains
  // flashed red with every decision.
  const components = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  components.Signed = ({ valueFormatted }) => {
    const text = valueFormatted || "";
    const sign = !/[1-9]/.test(text) ? "" : text.startsWith("−") ? "down" : "up";
    return window.React.createElement("span", { className: sign }, text);
  };

  // On a phone what matters fits without a swipe: the first five share the 382 px of its panel.
  const narrow = window.matchMedia("(max-width: 760px)");
  const NARROW = {
    symbol: 96, weight: 72, change: 64, price: 75, state: 74,
    stddev: 62, mean: 82, volatility: 68, skewness: 56, kurtosis: 56,
  };

  function fit(api) {
    if (!narrow.matches) return;
    const state = Object.entries(NARROW).map(([colId, width]) => ({ colId, width, flex: null }));
    api.applyColumnState({ state, applyOrder: true });
  }

  async function start() {
    const api = await window.dash_ag_grid.getApiAsync("assets");
    restoreSort(api);
    fit(api);
    narrow.addEventListener("change", () => {
      sorted = false;
      api.resetColumnState();
      restoreSort(api);
      fit(api);
    });
    if (!sb.model.latest || api.getDisplayedRowCount()) sb.charts.mount();
    else api.addEventListener("firstDataRendered", sb.charts.mount);
  }

  // The state, and why where the column has the room.
  components.State = ({ value, data }) => {
    const phase = PHASES[data.phase] || data.phase;
    const why = (value || "").slice(phase.length);
    const { createElement } = window.React;
    return createElement("span", { className: "stated" }, phase, createElement("span", { className: "why" }, why));
  };

  sb.assets = { start };
  Object.assign(grid, {
    shortName: (value) => sb.model.shortName(value, 14),
    share: (value) => sb.format.share(value),
    points: (value) => sb.format.points(value),
    price: (value) => sb.format.price(value),
    percent: (value) => sb.format.percent(value),
    ratio: (value) => sb.format.fixed(value, 2),
    assetClicked: (params) => {
      const { symbol } = params.data;
      sb.view.set({ asset: sb.view.get().asset === symbol ? null : symbol });
    },
    assetKey: (params) => {
      if (params.event.key === "Enter") grid.assetClicked(params);
    },
    // False: the browser moves the focus on, rather than the grid from cell to cell.
    leaveGrid: () => false,
    assetsSorted: (params) => {
      const column = params.api.getColumnState().find((one) => one.sort);
      const sort = column ? `${column.colId}.${column.sort}` : null;
      if (sorted) sb.view.set({ sort: sort === "weight.desc" ? null : sort });
    },
    // Colours are the page's own variables, so that the grid follows the theme by itself.
    gridTheme: (base) => base.withParams({
      backgroundColor: "var(--panel)", foregroundColor: "var(--text)", headerTextColor: "var(--muted)",
      headerBackgroundColor: "var(--panel)", borderColor: "var(--line)", rowHoverColor: "var(--hover)",
      selectedRowBackgroundColor: "var(--hover)", accentColor: "var(--accent)", fontFamily: "inherit",
      headerFontFamily: "inherit", cellFontFamily: "inherit",
      fontSize: 12, headerFontSize: 11, headerFontWeight: 500, cellHorizontalPadding: 7, spacing: 4,
      wrapperBorder: false, wrapperBorderRadius: 0, headerColumnBorder: false, rowBorder: { color: "var(--line)" },
      headerColumnResizeHandleDisplay: "none", browserColorScheme: "inherit",
    }),
  });
})((window.silverbullet = window.silverbullet || {}));
