/** Asks every few seconds whether the service is there, and which version it serves. */

import { call } from "./api.js";

const INTERVAL = 5000;
const SOON = 1000; // after a failure

/**
 * Beat until the page is gone, while it is looked at.
 * @param {(health: any) => void} beaten called with the answer of /api/health
 * @param {(failure: any) => void} failed
 */
export function startHeartbeat(beaten, failed) {
  async function beat() {
    let wait = INTERVAL;
    if (!document.hidden) {
      try {
        beaten(await call("api/health"));
      } catch (failure) {
        if (failure.status === 0) wait = SOON;
        failed(failure);
      }
    }
    setTimeout(beat, wait);
  }

  setTimeout(beat, INTERVAL);
}
