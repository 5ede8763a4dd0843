// Days as text, `2026-01-31`: reckoned in UTC, so that no reader's zone moves a day of the ledger.

/** @type {string | undefined} */
let ledgerNow;
let ledgerZone = "UTC";

/** The ledger's instant and zone, as the daemon last told them. @param {string} now @param {string} zone */
export function setNow(now, zone) {
  ledgerZone = zone;
  ledgerNow = dayOf(now);
}

/** The accounting day of an instant; in a zone that this browser doesn't know, its day in UTC. @param {string} at */
export function dayOf(at) {
  const format = (/** @type {string} */ timeZone) => new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(at));
  try { return format(ledgerZone); } catch { return format("UTC"); }
}

/** Whether it is a day that there is: `2026-02-30` is none. @param {string} text */
export function isDay(text) {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The accounting day that is running. */
export const today = () => ledgerNow ?? new Date().toISOString().slice(0, 10);

/** @param {string} day */
export const monthOf = (day) => `${day.slice(0, 7)}-01`;

/** @param {string} day @param {number} days */
export function plusDays(day, days) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** The same day of another month, or its last day where it has fewer. @param {string} day @param {number} months */
export function plusMonths(day, months) {
  const [year, month, of] = day.split("-").map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(of, last))).toISOString().slice(0, 10);
}

/** @param {string} day */
export const endOfMonth = (day) => plusDays(plusMonths(monthOf(day), 1), -1);

/** The last second of an accounting day, as an instant. @param {string} day */
export function endOfDay(day) {
  const wall = Date.parse(`${day}T23:59:59Z`);
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-US", { timeZone: ledgerZone, hourCycle: "h23", year: "numeric", month: "numeric",
    day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(wall).map(({ type, value }) => [type, Number(value)]));
  const there = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return new Date(wall - (there - wall)).toISOString().replace(".000Z", "Z");
}
