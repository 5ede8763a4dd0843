// The pages there are: where each lives, what it is called, and which of the report's choices it takes.
import { Overview } from "./pages/overview.js";
import { Movements } from "./pages/movements.js";
import { Customers } from "./pages/customers.js";
import { First } from "./pages/first.js";
import { Alerts } from "./pages/alerts.js";
import { Breakdown } from "./pages/breakdown.js";
import { Churn } from "./pages/churn.js";
import { Closing } from "./pages/closing.js";
import { Cohorts } from "./pages/cohorts.js";
import { Differences } from "./pages/differences.js";
import { Goals } from "./pages/goals.js";
import { EventsPage } from "./pages/events.js";
import { Health } from "./pages/health.js";

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
 */
/** @type {Page[]} */
export const PAGES = [
  { key: "overview", path: "/", name: "Overview", glyph: "◫", letter: "o", show: Overview, figures: true, report: ["profile", "currency", "range", "compare", "asof", "segment"] },
  { key: "movements", path: "/movements", name: "Movements", glyph: "⇅", letter: "m", show: Movements, figures: true, report: ["profile", "currency", "range", "interval", "compare", "asof", "segment"] },
  { key: "customers", path: "/customers", name: "Customers", glyph: "◔", letter: "c", show: Customers, figures: true, report: ["profile", "currency", "asof", "segment"] },
  { key: "churn", path: "/churn", name: "Churn", glyph: "↘", letter: "u", show: Churn, figures: true, report: ["profile", "currency", "range", "asof"] },
  { key: "cohorts", path: "/cohorts", name: "Cohorts", glyph: "▦", letter: "h", show: Cohorts, figures: true, report: ["profile", "currency", "range", "asof", "segment"] },
  { key: "breakdown", path: "/breakdown", name: "Breakdown", glyph: "◑", letter: "b", show: Breakdown, figures: true, report: ["profile", "currency", "range", "interval", "compare", "asof"] },
  { key: "differences", path: "/differences", name: "Not Stripe’s figure?", glyph: "≠", letter: "s", show: Differences, figures: true, report: ["profile", "currency", "asof"] },
  { key: "closing", path: "/closing", name: "Closing", glyph: "▣", letter: "l", show: Closing, figures: true, report: ["profile", "currency"] },
  { key: "goals", path: "/goals", name: "Goals", glyph: "◎", letter: "g", show: Goals, figures: true, past: true },
  { key: "events", path: "/events", name: "Events", glyph: "≡", letter: "e", show: EventsPage },
  { key: "alerts", path: "/alerts", name: "Alerts", glyph: "!", letter: "a", show: Alerts },
  { key: "health", path: "/health", name: "Health", glyph: "♥", letter: "t", show: Health },
].map((page) => ({ first: First, ...page }));

const NONE = { key: "none", path: "/", name: "Nothing here", glyph: "", letter: "", show: PAGES[0].show };

/** @param {string[]} path @returns {Page} */
export const pageOf = (path) => (path.length === 0 ? PAGES[0] : PAGES.find((page) => page.path === `/${path[0]}`) ?? NONE);
