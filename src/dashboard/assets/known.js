// As known at: what stands for it in the address bar. It is a day, whose end is meant, an instant, or a place in the log.
import { dayOf, endOfDay, endOfMonth, isDay, today } from "./days.js";
import { date, instant, month } from "./format.js";

const PLACE = /^\d+$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isInstant = (/** @type {string} */ text) => INSTANT.test(text) && !Number.isNaN(Date.parse(text));

/** @type {any[]} */
let closings = [];

/** The closings, as the daemon last told them: a place in the log is most of all where a month was closed. @param {any[]} list newest first */
export function setClosings(list) { closings = list; }

/** The closing that was made at this place of the log; of several the one of the newest month. @param {string | undefined} asof */
export const closingAt = (asof) => closings.find((one) => String(one.seq) === asof);

/** Whether it is a place in the log. @param {string | undefined} asof */
export const isPlace = (asof) => PLACE.test(asof ?? "");

/** Whether figures can be known at it: a day, an instant, a place, or a place and an instant as the pack links to. @param {string} asof */
export function isKnown(asof) {
  const [place, at] = asof.split(/@(.*)/);
  return isPlace(asof) || isDay(asof) || isInstant(asof) || (isPlace(place) && isInstant(at ?? ""));
}

/**
 * The day that spans are counted back from: the day itself, an instant's day in the ledger's zone, today where nothing is chosen.
 * A place in the log has no day. Where a month was closed there, it is that month's last day: who asks for October as it was
 * closed asks for what was reported, which ends with October. At any other place the API answers up to now, so it is today.
 * @param {string | undefined} asof
 */
export function dayKnown(asof) {
  if (!asof || !isKnown(asof)) return today();
  const closing = closingAt(asof);
  if (closing) return endOfMonth(`${closing.month}-01`);
  if (isPlace(asof)) return today();
  return isDay(asof) ? asof : dayOf(asof.split("@").at(-1) ?? asof);
}

/** As people say it. @param {string} asof */
export function known(asof) {
  const closing = closingAt(asof);
  if (closing) return `place ${asof} of the log, where ${month(closing.month)} was closed`;
  if (isPlace(asof)) return `place ${asof} of the log`;
  const [place, at] = asof.split("@");
  return isDay(asof) ? `the end of ${date(asof)}` : at ? `place ${place} of the log, and at ${instant(at)}` : instant(asof);
}

/** Whether nothing at all had arrived by then: the log's first event came later. @param {string} asof one that can be known at @param {{ seq: number, received_at: string }} first */
export function isBefore(asof, first) {
  const [place, at] = isPlace(asof) ? [asof, undefined] : asof.includes("@") ? asof.split("@") : [undefined, knownAt(asof)];
  return (place !== undefined && Number(place) < first.seq) || (at !== undefined && Date.parse(at) < Date.parse(first.received_at));
}

/** `as_known_at` of what is chosen: of a day its end. @param {string | undefined} asof */
export const knownAt = (asof) => (asof && isDay(asof) ? endOfDay(asof) : asof);
