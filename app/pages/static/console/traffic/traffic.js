/** Traffic of the service, live: figures of the last minute and charts of ten. */

import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { asTable } from "../figures.js";
import { clock, duration, percent, short, whole } from "../numbers.js";
import { chart } from "./chart.js";
import { follow } from "./event_stream.js";

const [LEAST, MOST] = [120_000, 600_000]; // ms that are shown
const MINUTE = 60_000;
const STATUSES = { 400: "invalid input", 401: "no valid key", 403: "no permission", 404: "not found", 405: "wrong method", 406: "no such format", 409: "conflict", 413: "too large", 415: "unknown format", 429: "rate limited", 500: "failed", 503: "no model, or overloaded" };
const REASONS = { rate_limit: "rate limited", overloaded: "overloaded", authentication: "no valid key", permission: "no permission", payload_too_large: "too large", other: "other" };

/** @type {any[]} */
let intervals = [];
let stop = null;

const CHARTS = [
  figure("Requests a second", requests),
  figure("Response time", latency),
  figure("Errors in 5 s, by type", errors),
  figure("Cache and refusals in 5 s", cache),
];

/** Follow the traffic, or stop when the view is left. */
export function showTraffic(visible) {
  stop?.();
  stop = null;
  if (!visible) return;
  intervals = [];
  stop = follow("api/traffic", arrived, (failure) => fill(byId("traffic-status"), failureBlock(failure, "metrics")));
}

/** Make the charts, and draw them again in the width that there is when it changes. */
export function setUpTraffic() {
  fill(byId("charts"), CHARTS.map(({ element }) => element));
  addEventListener("resize", () => stop && draw());
}

function arrived(events) {
  intervals = [...intervals, ...events.map((event) => ({ ...event, at: Date.parse(event.time) }))];
  const newest = intervals.at(-1)?.at ?? Date.now();
  intervals = intervals.filter(({ at }) => at > newest - MOST);
  byId("traffic-status").textContent = intervals.length ? "" : "Counting: the first figures are here in a few seconds.";
  draw();
}

function draw() {
  const newest = intervals.at(-1)?.at ?? Date.now();
  const minute = intervals.filter(({ at }) => at > newest - MINUTE);
  fill(byId("traffic-figures"), figures(minute));
  const region = byId("charts");
  const [columns, gap] = getComputedStyle(region).gridTemplateColumns.includes(" ") ? [2, 32] : [1, 0];
  const width = Math.max(240, Math.floor((region.clientWidth - gap) / columns));
  const first = Math.min(intervals[0]?.at ?? newest, newest - LEAST);
  for (const { show } of CHARTS) show({ span: [first, newest], width });
}

const sum = (list, read) => list.reduce((total, each) => total + read(each), 0);
const totals = (object) => sum(Object.values(object), Number);
const points = (read) => intervals.map((interval) => [interval.at, read(interval)]);

function figures(minute) {
  const number = sum(minute, ({ requests: each }) => each);
  const seconds = sum(minute, ({ seconds: each }) => each);
  const failed = sum(minute, ({ errors: each }) => totals(each));
  const [hits, misses] = [sum(minute, (each) => each.cache_hits), sum(minute, (each) => each.cache_misses)];
  const last = minute.filter((each) => each.p95_response_time !== null).at(-1);
  return [
    ["Requests/s", seconds ? short(Number((number / seconds).toPrecision(3))) : "–"],
    ["Half within", duration(last?.p50_response_time)],
    ["95 % within", duration(last?.p95_response_time)],
    ["99 % within", duration(last?.p99_response_time)],
    ["Errors", number ? percent(failed / number) : "–"],
    ["Refused", whole(sum(minute, ({ rejected }) => totals(rejected)))],
    ["From the cache", hits + misses ? percent(hits / (hits + misses)) : "–"],
  ].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

/** What each chart shows of the intervals: its lines, their unit, a legend, and all of it in words. */
function requests() {
  const now = short(intervals.at(-1)?.requests_per_second ?? 0);
  const series = [{ name: "requests/s", points: points((each) => each.requests_per_second) }];
  return { series, format: short, least: 1, label: `Requests a second, now ${now}`, caption: `now ${now}` };
}

function latency() {
  const names = { p99_response_time: "99 %", p95_response_time: "95 %", p50_response_time: "half" };
  const series = Object.entries(names).map(([key, name]) => ({ name, points: points((each) => each[key]) }));
  const label = `Response time: ${Object.entries(names).map(([key, name]) => `${name} within ${duration(intervals.at(-1)?.[key])}`).join(", ")}`;
  return { series, format: duration, least: 0.001, label, caption: legend(Object.values(names)) };
}

function errors() {
  const seen = Object.entries(STATUSES).filter(([status]) => intervals.some((each) => each.errors[status]));
  const series = seen.map(([status, name]) => ({ name, points: points((each) => each.errors[status] ?? 0), count: sum(intervals, (each) => each.errors[status] ?? 0) }));
  series.sort((a, b) => b.count - a.count);
  const shown = series.length ? series.slice(0, 4) : [{ name: "errors", points: points(() => 0) }];
  const words = series.map(({ name, count }) => `${name} ${whole(count)}`);
  return { series: shown, format: short, least: 1, label: `Errors: ${words.join(", ") || "none"}`, caption: words.length ? legend(words) : "none in ten minutes" };
}

function cache() {
  const series = [
    { name: "hits", points: points((each) => each.cache_hits) },
    { name: "misses", points: points((each) => each.cache_misses) },
    { name: "refused", points: points((each) => totals(each.rejected)) },
  ];
  const reasons = Object.entries(REASONS).map(([key, name]) => [name, sum(intervals, (each) => each.rejected[key] ?? 0)]).filter(([, count]) => count);
  const refused = reasons.length ? `refused: ${reasons.map(([name, count]) => `${name} ${whole(count)}`).join(", ")}` : "nothing refused";
  const hits = sum(intervals, (each) => each.cache_hits);
  const label = `Rows from the cache ${whole(hits)}, not in the cache ${whole(sum(intervals, (each) => each.cache_misses))}, ${refused}`;
  return { series, format: short, least: 1, label, caption: legend(["cache hits", "misses", refused]) };
}

/** A chart that stays where it is, with its table, when new figures arrive. */
function figure(title, read) {
  const [drawing, caption] = [h("div"), h("figcaption")];
  const numbers = asTable(title, () => {
    const { series, format } = read();
    const cell = (value) => (value === null ? "–" : format(value));
    const lines = intervals.map(({ at }, index) => [clock(at), ...series.map((line) => cell(line.points[index][1]))]);
    return [["Time", ...series.map(({ name }) => name)], ...lines.reverse()];
  });
  const element = h("figure", {}, h("h2", { class: "label" }, title), drawing, caption, numbers);

  function show(draws) {
    const { caption: text, ...shown } = read();
    fill(drawing, chart({ ...draws, ...shown }));
    fill(caption, text);
  }

  return { element, show };
}

const legend = (names) => names.map((name, index) => h("span", { class: "key" }, h("i", { class: `s${index}` }), name));
