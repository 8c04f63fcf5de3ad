/** Traffic of the service, live: figures of the last minute and charts of ten. */

import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { duration, percent, short, whole } from "../numbers.js";
import { chart } from "./chart.js";
import { follow } from "./event_stream.js";

const [LEAST, MOST] = [120_000, 600_000]; // ms that are shown
const MINUTE = 60_000;
const STATUSES = { 400: "invalid input", 401: "no valid key", 403: "no permission", 404: "not found", 405: "wrong method", 406: "no such format", 409: "conflict", 413: "too large", 415: "unknown format", 429: "rate limited", 500: "failed", 503: "no model, or overloaded" };
const REASONS = { rate_limit: "rate limited", overloaded: "overloaded", authentication: "no valid key", permission: "no permission", payload_too_large: "too large", other: "other" };

/** @type {any[]} */
let intervals = [];
let stop = null;

/** Follow the traffic, or stop when the view is left. */
export function showTraffic(visible) {
  stop?.();
  stop = null;
  if (!visible) return;
  intervals = [];
  stop = follow("api/traffic", arrived, (failure) => fill(byId("traffic-status"), failureBlock(failure, "metrics")));
}

/** Draw again in the width that there is now. */
export function setUpTraffic() {
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
  const draws = { span: [first, newest], width };
  fill(region, requests(draws), latency(draws), errors(draws), cache(draws));
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

function requests(draws) {
  const series = [{ name: "requests/s", points: points((each) => each.requests_per_second) }];
  const now = short(intervals.at(-1)?.requests_per_second ?? 0);
  return figure("Requests a second", chart({ ...draws, series, format: short, least: 1, label: `Requests a second, now ${now}` }), `now ${now}`);
}

function latency(draws) {
  const names = { p99_response_time: "99 %", p95_response_time: "95 %", p50_response_time: "half" };
  const series = Object.entries(names).map(([key, name]) => ({ name, points: points((each) => each[key]) }));
  const label = `Response time: ${Object.entries(names).map(([key, name]) => `${name} within ${duration(intervals.at(-1)?.[key])}`).join(", ")}`;
  return figure("Response time", chart({ ...draws, series, format: duration, least: 0.001, label }), legend(Object.values(names)));
}

function errors(draws) {
  const seen = Object.entries(STATUSES).filter(([status]) => intervals.some((each) => each.errors[status]));
  const series = seen.map(([status, name]) => ({ name, points: points((each) => each.errors[status] ?? 0), count: sum(intervals, (each) => each.errors[status] ?? 0) }));
  series.sort((a, b) => b.count - a.count);
  const shown = series.length ? series.slice(0, 4) : [{ name: "errors", points: points(() => 0) }];
  const words = series.map(({ name, count }) => `${name} ${whole(count)}`);
  return figure("Errors in 5 s, by type", chart({ ...draws, series: shown, format: short, least: 1, label: `Errors: ${words.join(", ") || "none"}` }), words.length ? legend(words) : "none in ten minutes");
}

function cache(draws) {
  const series = [
    { name: "hits", points: points((each) => each.cache_hits) },
    { name: "misses", points: points((each) => each.cache_misses) },
    { name: "refused", points: points((each) => totals(each.rejected)) },
  ];
  const reasons = Object.entries(REASONS).map(([key, name]) => [name, sum(intervals, (each) => each.rejected[key] ?? 0)]).filter(([, count]) => count);
  const refused = reasons.length ? `refused: ${reasons.map(([name, count]) => `${name} ${whole(count)}`).join(", ")}` : "nothing refused";
  const hits = sum(intervals, (each) => each.cache_hits);
  const label = `Rows from the cache ${whole(hits)}, not in the cache ${whole(sum(intervals, (each) => each.cache_misses))}, ${refused}`;
  return figure("Cache and refusals in 5 s", chart({ ...draws, series, format: short, least: 1, label }), legend(["cache hits", "misses", refused]));
}

function figure(title, drawn, caption) {
  return h("figure", {}, h("h2", { class: "label" }, title), drawn, h("figcaption", {}, caption));
}

const legend = (names) => names.map((name, index) => h("span", { class: "key" }, h("i", { class: `s${index}` }), name));
