/** What this tab knows: the chosen model, its description, and a key that is nowhere but here. */

/** @type {{key: string | null, model: string | null, info: any}} */
export const session = {
  key: null, // in no storage and no cookie
  model: null, // null: the default one
  info: null, // the answer of /api/model/info
};

/** @type {Array<() => void>} */
const listeners = [];

/** Call `listener` when model or key are others, or the description is. */
export const onChange = (listener) => listeners.push(listener);

/** Take over new values and tell who listens. */
export function change(values) {
  Object.assign(session, values);
  for (const listener of listeners) listener();
}
