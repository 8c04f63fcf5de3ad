/** Numbers and times as people read them. */

const SIGNIFICANT = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: true });
const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });
const EXACT = new Intl.NumberFormat("en", { maximumSignificantDigits: 7, useGrouping: true });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number with up to four significant digits, and a true minus sign. */
export function short(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e9) ? value.toExponential(2) : (size < 1e4 ? PLAIN : SIGNIFICANT).format(value);
  return text.replaceAll("-", "−");
}

/** The same with its sign, also where it is positive. */
export const signed = (value) => (value > 0 ? `+${short(value)}` : short(value));

/** A whole number with thousands. */
export const whole = (value) => WHOLE.format(value);

/** A predicted number: seven significant digits, and all before the point. */
export function precise(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || (size !== 0 && size < 1e-4) || size >= 1e12) return short(value);
  return (size < 1e6 ? EXACT : WHOLE).format(value).replace("-", "−");
}

/** A share between 0 and 1 in percent; what is not quite none or all does not look as if it were. */
export function percent(value, digits = 1) {
  const least = 10 ** -digits;
  if (value > 0 && 100 * value < least / 2) return `< ${least} %`;
  if (value < 1 && 100 * (1 - value) < least / 2) return `> ${100 - least} %`;
  return `${(100 * value).toFixed(digits).replace("-", "−")} %`;
}

/** Seconds in the unit that fits. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds >= 1) return `${short(Number(seconds.toPrecision(3)))} s`;
  return seconds >= 1e-3 ? `${short(Number((seconds * 1e3).toPrecision(3)))} ms` : `${short(Number((seconds * 1e6).toPrecision(3)))} µs`;
}

/** Bytes in the unit that fits. */
export function bytes(size) {
  if (size < 1e3) return `${size} B`;
  return size < 1e6 ? `${short(Number((size / 1e3).toPrecision(3)))} kB` : `${short(Number((size / 1e6).toPrecision(3)))} MB`;
}

/** A date and time of the API, in the reader's own time zone. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** The time of day of a moment in ms since 1970. */
export const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

/** One noun or the plural with a number: `3 rows`. */
export const counted = (number, noun, plural = `${noun}s`) => `${whole(number)} ${number === 1 ? noun : plural}`;
