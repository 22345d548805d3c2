// How figures are written. Digits are grouped with a narrow no-break space; "–" means no value.
(function (sb) {
  "use strict";
  const NONE = "–";
  const MINUS = "−";
  const YEAR_NS = 365 * 24 * 3600 * 1e9;

  function grouped(text) {
    const [whole, part] = text.split(".");
    const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
    return part === undefined ? spaced : `${spaced}.${part}`;
  }

  function fixed(value, digits) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const text = grouped(Math.abs(value).toFixed(digits));
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
  }

  // A fraction as percent: fewer decimals the larger it is; k and M beyond what a tile can hold.
  function percent(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const size = Math.abs(value) * 100;
    if (size >= 1e9) return `${(value * 100).toExponential(1).replace("-", MINUS)} %`;
    if (size >= 1e6) return `${fixed(value * 1e-4, 1)}M %`;
    if (size >= 1e5) return `${fixed(value * 0.1, 0)}k %`;
    return `${fixed(value * 100, size >= 1000 ? 0 : size >= 100 ? 1 : 2)} %`;
  }

  // A figure times a factor; without a figure there is still none.
  function scaled(value, factor) {
    return value === null || value === undefined ? null : value * factor;
  }

  function share(value) {
    return value === null || value === undefined ? NONE : `${fixed(value * 100, 2)} %`;
  }

  // A difference of shares, in percentage points, always with its sign.
  function points(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const text = fixed(value * 100, 2);
    return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
  }

  // Six significant digits, as prices from 0.00001 to 100 000 need.
  function price(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const magnitude = value > 0 ? Math.floor(Math.log10(value)) : 0;
    return fixed(value, Math.min(10, Math.max(2, 5 - magnitude)));
  }

  function count(value) {
    if (value === null || value === undefined) return NONE;
    return value >= 1e10 ? `${fixed(value / 1e9, 1)}G` : grouped(String(Math.round(value)));
  }

  // Row numbers are names, not amounts: grouped they read like prices.
  const rowNumber = (value) => (value === null || value === undefined ? NONE : String(value));

  function sharpe(value) {
    return fixed(value, Math.abs(value) < 100 ? 2 : 1);
  }

  // A Sharpe ratio of one interval with its standard deviation, where there are such.
  function ratio(value, error) {
    if (value === null || value === undefined) return NONE;
    const text = value.toPrecision(3).replace(/-/g, MINUS);
    return error === null ? text : `${text} ± ${error.toPrecision(2)}`;
  }

  // Of one interval, in percent to three digits however small: the figure before annualising.
  function perInterval(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const size = Math.abs(value * 100);
    const sign = value < 0 ? MINUS : "";
    if (size === 0 || size >= 1e-4) return `${sign}${size.toPrecision(3)} %`;
    const [digits, power] = size.toExponential(2).split("e-");
    return `${sign}${digits} × 10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")} %`;
  }

  function rate(value) {
    return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
  }

  // A latency in milliseconds, in the unit that reads best.
  function latency(ms) {
    if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
    const size = Math.abs(ms);
    // The bounds are where rounding would reach the next unit: "1.00 ms", never "1 000 µs".
    if (size < 0.9995) return `${fixed(ms * 1000, size < 0.09995 ? 1 : 0)} µs`;
    if (size < 999.5) return `${fixed(ms, size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ms`;
    return duration(ms);
  }

  function duration(ms) {
    const sign = ms < 0 ? MINUS : "";
    const s = Math.abs(ms) / 1000;
    if (s < 10) return `${sign}${s.toFixed(1)} s`;
    if (s < 60) return `${sign}${Math.floor(s)} s`;
    if (s < 3600) return `${sign}${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
    if (s < 86400) return `${sign}${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${sign}${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  }

  // A sampling interval: "1 s", "30 min", "250 ms".
  function interval(ns) {
    const s = ns / 1e9;
    if (s < 1) return `${+(s * 1000).toPrecision(3)} ms`;
    if (s % 86400 === 0) return `${s / 86400} d`;
    if (s % 3600 === 0) return `${s / 3600} h`;
    return s % 60 === 0 ? `${s / 60} min` : `${+s.toPrecision(4)} s`;
  }

  function time(ms, withMillis) {
    if (!ms) return NONE;
    return new Date(ms).toISOString().slice(11, withMillis ? 23 : 19);
  }

  function stamp(ms) {
    return ms ? new Date(ms).toISOString().replace("T", " ").slice(0, 23) : NONE;
  }

  // When a row or tick was, as finely as its rows are long: with the date from one hour on.
  function moment(ms, intervalNs, ofTick) {
    if (intervalNs >= 3600e9 && !ofTick) return stamp(ms).slice(0, 16);
    return time(ms, ofTick || intervalNs < 1e9);
  }

  function bytes(value) {
    return value >= 1e9 ? `${fixed(value / 1e9, 2)} GB` : `${fixed(value / 1e6, 0)} MB`;
  }

  sb.format = {
    NONE, fixed, scaled, percent, share, points, price, count, rowNumber, sharpe, ratio, perInterval, rate,
    latency, duration, interval, time, stamp, moment, bytes,
    plural: (n, one, many) => `${count(n)} ${n === 1 ? one : many || `${one}s`}`,
    perYear: (sampleIntervalNs) => YEAR_NS / sampleIntervalNs,
  };
})((window.silverbullet = window.silverbullet || {}));
