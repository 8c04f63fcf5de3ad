/** Calls of the API: a key if there is one, JSON back, and every failure in one shape. */

import { session } from "./session.js";

/** A call that did not succeed. `status` is 0 where nobody answered. */
export class Failure extends Error {
  /**
   * @param {number} status
   * @param {{error?: string, error_type?: string, details?: any, request_id?: string}} document
   * @param {number} [retryAfter] seconds
   */
  constructor(status, document, retryAfter) {
    super(document.error ?? `The service answered with status ${status}`);
    this.status = status;
    this.type = document.error_type ?? "";
    this.details = document.details ?? {};
    this.requestId = document.request_id;
    this.retryAfter = retryAfter ?? this.details.retry_after;
  }

  /** Errors by field, row and position. */
  get errors() {
    return Array.isArray(this.details.errors) ? this.details.errors : [];
  }
}

/** The address of a path of the API: below wherever the page itself lies. */
export const address = (path) => new URL(path, document.baseURI).href;

/** The path of a prediction by the chosen model: `predict` or `predict/batch`. */
export function predictionPath(suffix) {
  return session.model ? `api/models/${encodeURIComponent(session.model)}/${suffix}` : `api/${suffix}`;
}

/** A path with the chosen model as its query. */
export function withModel(path, query = {}) {
  const parameters = new URLSearchParams(session.model ? { ...query, model: session.model } : query).toString();
  return parameters ? `${path}?${parameters}` : path;
}

/**
 * Send a request.
 * @param {string} path
 * @param {{method?: string, json?: any, text?: string, headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>} of a status below 400
 * @throws {Failure}
 */
export async function send(path, { method = "GET", json, text, headers = {} } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (json !== undefined) sent["Content-Type"] = "application/json";
  if (session.key) sent["X-API-Key"] = session.key;
  const body = json === undefined ? text : JSON.stringify(json);
  let response;
  try {
    response = await fetch(address(path), { method, body, headers: sent, credentials: "omit", redirect: "error" });
  } catch {
    throw new Failure(0, { error: "The service does not answer", error_type: "unreachable" });
  }
  if (response.status >= 400) throw await failureOf(response);
  return response;
}

/** Send a request and read its JSON. */
export async function call(path, options) {
  return (await send(path, options)).json();
}

async function failureOf(response) {
  const after = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const document = await response.json().catch(() => ({}));
  return new Failure(response.status, document ?? {}, Number.isNaN(after) ? undefined : after);
}
