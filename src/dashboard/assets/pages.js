// The pages there are: where each lives, what it is called, and which of the report's choices it takes.
import { Overview } from "./pages/overview.js";
import { Movements } from "./pages/movements.js";
import { Customers } from "./pages/customers.js";
import { First } from "./pages/first.js";
import { EventsPage } from "./pages/events.js";

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
 * @property {string[]} [report] which choices it takes: `range`, `interval`, `compare`, `asof`, `currency`, `profile`
 */
/** @type {Page[]} */
export const PAGES = [
  { key: "overview", path: "/", name: "Overview", glyph: "◫", letter: "o", show: Overview, figures: true, report: ["profile", "currency", "range", "compare", "asof"] },
  { key: "movements", path: "/movements", name: "Movements", glyph: "⇅", letter: "m", show: Movements, figures: true, report: ["profile", "currency", "range", "interval", "asof"] },
  { key: "customers", path: "/customers", name: "Customers", glyph: "◔", letter: "c", show: Customers, figures: true, report: ["profile", "currency", "asof"] },
  { key: "events", path: "/events", name: "Events", glyph: "≡", letter: "e", show: EventsPage },
].map((page) => ({ first: First, ...page }));

const NONE = { key: "none", path: "/", name: "Nothing here", glyph: "", letter: "", show: PAGES[0].show };

/** @param {string[]} path @returns {Page} */
export const pageOf = (path) => (path.length === 0 ? PAGES[0] : PAGES.find((page) => page.path === `/${path[0]}`) ?? NONE);
