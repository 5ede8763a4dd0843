// Which ledger is asked, under which rules, as known when: read from the address bar, sent with every question.
import { createContext, useContext } from "./vendor/preact.js";
import { endOfDay } from "./days.js";
import { date, instant } from "./format.js";
import { span, RANGES } from "./route.js";

/**
 * @typedef {object} Ledger
 * @property {any} status what the daemon said of itself
 * @property {string} currency the currency of what is shown
 * @property {string[]} currencies those there are
 * @property {boolean} converted whether everything is converted into a reporting currency, unless another is chosen
 * @property {Record<string, string | undefined>} common what goes with every question of figures
 * @property {Record<string, string | undefined>} money the same with the currency
 * @property {string} profile
 * @property {any[]} closings months that were closed, newest first
 * @property {any[]} plans planned events and notes
 * @property {any} me who is signed in, where that is known
 */
/** @type {any} */
export const LedgerContext = createContext(null);
/** @returns {Ledger} */
export const useLedger = () => useContext(LedgerContext);

/** What a chart's picture states of itself. @param {Ledger} ledger @param {Record<string, string>} query @param {string} [by] */
export function stated(ledger, query, by) {
  const { from, to, name } = span(query, by);
  const range = RANGES.find(([key]) => key === name)?.[1];
  return [`profile ${ledger.profile}`, ledger.currency.toUpperCase(), query.account ? `account ${query.account}` : "", query.livemode === "false" ? "test data" : "",
    `${from ? date(from) : "from the beginning"} – ${date(to)}${range ? ` (${range})` : ""}`, query.interval ? `by ${query.interval}` : "", query.asof ? `as known at ${known(query.asof)}` : ""].filter(Boolean).join(" · ");
}

/** @param {string} asof */
export const known = (asof) => (/^\d+$/.test(asof) ? `place ${asof} of the log` : asof.includes("T") ? instant(asof) : `the end of ${date(asof)}`);

/** `as_known_at` of a chosen day: its end. @param {string | undefined} asof */
export const knownAt = (asof) => (asof && /^\d{4}-\d\d-\d\d$/.test(asof) ? endOfDay(asof) : asof);

/** Marks of the calendar on a chart whose periods begin at these days. @param {Ledger} ledger @param {{ start: string, end: string }[]} periods */
export function marksOn(ledger, periods) {
  const at = (/** @type {string} */ day) => periods.findIndex((one) => one.start <= day && day <= one.end);
  const plans = ledger.plans.map((plan) => ({ at: at(plan.from ?? plan.first), label: plan.note, kind: /** @type {const} */ ("plan") }));
  return plans.filter((mark) => mark.at >= 0);
}
