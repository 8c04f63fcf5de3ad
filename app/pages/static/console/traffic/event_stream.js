/** Server-sent events by fetch: EventSource can send no key. */

import { send } from "../api.js";

/**
 * The events of a whole answer, and after how many ms to ask again.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * @param {string} text
 * @returns {{events: {id: string, data: string}[], retry: number | null}}
 */
export function parse(text) {
  const events = [];
  let retry = null;
  let lastId = "";
  for (const block of text.split(/\r?\n\r?\n/)) {
    const data = [];
    for (const line of block.split(/\r?\n/)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === "data") data.push(value);
      if (name === "id") lastId = value;
      if (name === "retry" && /^\d+$/.test(value)) retry = Number(value);
    }
    if (data.length) events.push({ id: lastId, data: data.join("\n") });
  }
  return { events, retry };
}

/**
 * Follow a stream whose answers end: each is asked for with the id of the last event.
 * @param {string} path
 * @param {(events: any[]) => void} arrived
 * @param {(failure: any) => void} failed after which it goes on
 * @returns {() => void} ends it
 */
export function follow(path, arrived, failed) {
  let lastId = "";
  let timer = 0;
  let ended = false;

  async function ask() {
    let wait = 5000;
    try {
      const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
      const { events, retry } = parse(await (await send(path, { headers })).text());
      lastId = events.at(-1)?.id ?? lastId;
      wait = retry ?? wait;
      if (!ended) arrived(events.map(({ data }) => JSON.parse(data)));
    } catch (failure) {
      if (!ended) failed(failure);
      wait = 1000 * Math.max(failure.retryAfter ?? 0, 5);
    }
    if (!ended) timer = setTimeout(ask, wait);
  }

  ask();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
