// The pages there are: where each lives, what it is called, and which of the report's choices it takes.
import { any, day, flag, month, oneOf, upTo } from "./asked.js";
import { Overview } from "./pages/overview.js";
import { Movements } from "./pages/movements.js";
import { Customers, SORTS, STATES } from "./pages/customers.js";
import { First } from "./pages/first.js";
import { Alerts, RULES } from "./pages/alerts.js";
import { Breakdown, BY } from "./pages/breakdown.js";
import { Churn } from "./pages/churn.js";
import { Closing } from "./pages/closing.js";
import { Cohorts } from "./pages/cohorts.js";
import { AHEAD, LINES } from "./pages/committed.js";
import { VIEWS } from "./pages/customer.js";
import { Differences } from "./pages/differences.js";
import { Goals } from "./pages/goals.js";
import { EventsPage, READINGS, SOURCES } from "./pages/events.js";
import { Health } from "./pages/health.js";
import { CAUSES, KINDS, QUALITY, qualityOf, ROLLUPS } from "./words.js";

/**
 * @typedef {object} Page
 * @property {string} key
 * @property {string} path
 * @property {string} name
 * @property {string} glyph
 * @property {string} letter the key that goes there, after `g`
 * @property {any} show
 * @property {any} [first] what stands there while nothing has arrived
 * @property {boolean} [figures] it shows figures
 * @property {boolean} [past] it is told as known at another time, which is chosen elsewhere
 * @property {string[]} [report] which choices it takes: `range`, `interval`, `compare`, `asof`, `currency`, `profile`, `segment`
 * @property {import("./asked.js").Choices} [takes] its own choices in the address, beside those that go along from page to page
 * @property {import("./asked.js").Choices} [one] those of the page of one of its entries
 */
/** The first of each. @param {readonly (readonly string[])[]} options */
const keysOf = (options) => oneOf(options.map(([key]) => key).filter(Boolean));
const order = oneOf(["desc", "asc"]);
/** A kind of entry as the API calls it: the month's pack links to each. @type {import("./asked.js").Reading} */
const kind = { is: (text) => text === "subscriptions_missing" || QUALITY.some(([key]) => key === qualityOf(text)), as: "a kind of what couldn’t be known, such as gap or unpriced_item" };
/** @type {Page[]} */
const OWN = [
  { key: "overview", path: "/", name: "Overview", glyph: "◫", letter: "o", show: Overview, figures: true, report: ["profile", "currency", "range", "compare", "asof", "segment"],
    takes: { line: keysOf(LINES), days: oneOf(AHEAD.map(String)) } },
  { key: "movements", path: "/movements", name: "Movements", glyph: "⇅", letter: "m", show: Movements, figures: true, report: ["profile", "currency", "range", "interval", "compare", "asof", "segment"],
    takes: { kind: oneOf(KINDS), cause: oneOf(CAUSES), rollup: oneOf(ROLLUPS), product: any, price: any, billing: any, country: any, metadata: any, cohort: month, customer: any, order, ahead: oneOf(["yes"]), fx: oneOf(["shown"]), currencies: oneOf(["all"]) } },
  { key: "customers", path: "/customers", name: "Customers", glyph: "◔", letter: "c", show: Customers, figures: true, report: ["profile", "currency", "asof", "segment"],
    takes: { q: any, state: keysOf(STATES), cohort: month, sort: keysOf(SORTS) }, one: { movement: any, view: keysOf(VIEWS), day } },
  { key: "churn", path: "/churn", name: "Churn", glyph: "↘", letter: "u", show: Churn, figures: true, report: ["profile", "currency", "range", "asof"], takes: { by: oneOf(["money", "customers"]) } },
  { key: "cohorts", path: "/cohorts", name: "Cohorts", glyph: "▦", letter: "h", show: Cohorts, figures: true, report: ["profile", "currency", "range", "asof", "segment"],
    takes: { by: oneOf(["mrr", "customers"]), as: oneOf(["first", "previous", "absolute"]) } },
  { key: "breakdown", path: "/breakdown", name: "Breakdown", glyph: "◑", letter: "b", show: Breakdown, figures: true, report: ["profile", "currency", "range", "interval", "compare", "asof"], takes: { by: keysOf(BY), key: any, beside: any } },
  { key: "differences", path: "/differences", name: "Not Stripe’s figure?", glyph: "≠", letter: "s", show: Differences, figures: true, report: ["profile", "currency", "asof"], takes: { month, with: any } },
  { key: "closing", path: "/closing", name: "Closing", glyph: "▣", letter: "l", show: Closing, figures: true, report: ["profile", "currency"], takes: { month } },
  { key: "goals", path: "/goals", name: "Goals", glyph: "◎", letter: "g", show: Goals, figures: true, past: true },
  { key: "events", path: "/events", name: "Events", glyph: "≡", letter: "e", show: EventsPage, takes: { type: any, customer: any, reading: keysOf(READINGS), source: keysOf(SOURCES), order } },
  { key: "alerts", path: "/alerts", name: "Alerts", glyph: "!", letter: "a", show: Alerts, takes: { alert: any, rule: oneOf(RULES), open: flag, taken: flag, over: upTo(120), budget: upTo(365) } },
  { key: "health", path: "/health", name: "Health", glyph: "♥", letter: "t", show: Health, takes: { quality: keysOf(QUALITY), kind, import: any } },
];

export const PAGES = OWN.map((page) => ({ first: First, ...page }));

const NONE = { key: "none", path: "/", name: "Nothing here", glyph: "", letter: "", show: PAGES[0].show };

/** @param {string[]} path @returns {Page} */
export const pageOf = (path) => (path.length === 0 ? PAGES[0] : PAGES.find((page) => page.path === `/${path[0]}`) ?? NONE);
