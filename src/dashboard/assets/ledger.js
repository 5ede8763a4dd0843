// Which ledger is asked, under which rules, as known when: read from the address bar, sent with every question.
import { createContext, useContext } from "./vendor/preact.js";
import { RANGES } from "./asked.js";
import { endOfMonth } from "./days.js";
import { date, month, segmentName } from "./format.js";
import { known } from "./known.js";
import { span } from "./route.js";

/**
 * @typedef {object} Ledger
 * @property {any} status what the daemon said of itself
 * @property {string} currency the currency of what is shown
 * @property {string[]} currencies those there are
 * @property {boolean} converted whether everything is converted into a reporting currency, unless another is chosen
 * @property {Record<string, string | undefined>} common what goes with every question of figures
 * @property {Record<string, string | undefined>} money the same with the currency
 * @property {string} profile
 * @property {Record<string, string | undefined>} segment what goes with a question that is asked of some customers alone; nothing on a page that isn't told so
 * @property {any[]} closings months that were closed, newest first
 * @property {any[]} plans planned events and notes
 * @property {boolean} test whether what is shown is of test events
 * @property {any} me who is signed in, where that is known
 */
/** @type {any} */
export const LedgerContext = createContext(null);
/** @returns {Ledger} */
export const useLedger = () => useContext(LedgerContext);

/** What a chart's picture states of itself; `only`: what it is narrowed to. @param {Ledger} ledger @param {Record<string, string>} query @param {string} [only] */
export function stated(ledger, query, only) {
  const { from, to, name } = span(query);
  const range = RANGES.find(([key]) => key === name)?.[1];
  return [only, segmentName(/** @type {any} */ (ledger.segment)), `profile ${ledger.profile}`, ledger.currency.toUpperCase(), query.account ? `account ${query.account}` : "", ledger.test ? "test data" : "",
    `${from ? date(from) : "from the beginning"} – ${date(to)}${range ? ` (${range})` : ""}`, query.interval ? `by ${query.interval}` : "", query.asof ? `as known at ${known(query.asof)}` : "", `days in ${ledger.status?.timezone ?? "UTC"}`].filter(Boolean).join(" · ");
}

/** Who did it; nothing where the system that mrrd runs on names nobody. @param {{ who?: string | null } | undefined} deed */
export const whoOf = (deed) => (deed?.who && deed.who !== "unknown" ? deed.who : undefined);

/** Marks of the calendar on a chart whose periods begin at these days: months that were closed, what was planned, price changes, notes.
 * @param {Ledger} ledger @param {{ start: string, end: string }[]} periods @returns {import("./charts.js").Mark[]} */
export function marksOn(ledger, periods) {
  const at = (/** @type {string} */ day) => periods.findIndex((one) => one.start <= day && day <= one.end);
  const notes = ledger.plans.map((plan) => ({ at: at(plan.from), label: `${plan.note} (${date(plan.from, { month: "short", day: "numeric" })})`, kind: plan.kind ?? "planned" }));
  const closings = ledger.closings.map((one) => ({ at: at(endOfMonth(`${one.month}-01`)), label: `${month(one.month)} closed on ${date(one.closed_at)}`, kind: /** @type {const} */ ("closing") }));
  return [...closings, ...notes].filter((mark) => mark.at >= 0).sort((a, b) => a.at - b.at);
}
