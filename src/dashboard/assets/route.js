// The address bar is the whole report: every choice a reader makes is in the path or the query, so a link is a report.
import { useEffect, useState } from "./vendor/preact.js";
import { COMMON, unreadable } from "./asked.js";
import { monthOf, plusDays, plusMonths } from "./days.js";
import { dayKnown } from "./known.js";

/**
 * @typedef {object} Place
 * @property {string[]} path the parts of the path: `["customers", "cus_1"]`
 * @property {Record<string, string>} query what is chosen
 * @property {string[]} twice what is chosen more than once
 */

/** As it was meant; as it stands where it is no such text. @param {string} part */
function decoded(part) { try { return decodeURIComponent(part); } catch { return part; } }

/** @returns {Place} */
function read() {
  const path = location.pathname.split("/").filter(Boolean).map(decoded);
  const given = [...new URLSearchParams(location.search)].filter(([, value]) => value !== "");
  const names = given.map(([name]) => name);
  return { path, query: Object.fromEntries(given), twice: [...new Set(names.filter((name, i) => names.indexOf(name) !== i))] };
}

/** @type {Set<(place: Place) => void>} */
const listeners = new Set();
const tell = () => { const place = read(); listeners.forEach((listen) => listen(place)); };
addEventListener("popstate", tell);

/** Where the reader is. */
export function useRoute() {
  const [place, set] = useState(read);
  useEffect(() => { listeners.add(set); set(read()); return () => void listeners.delete(set); }, []);
  return place;
}

/** @param {Record<string, string | undefined | null>} query */
const written = (query) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(/** @type {[string, string][]} */ (given))}` : "";
};

/**
 * The address of a page: what is common goes along, `query` is added, an empty value takes a choice away. What can't be
 * read stays behind: no link leads on with it.
 * @param {string} path
 * @param {Record<string, string | undefined | null>} [query]
 */
export function href(path, query = {}) {
  const now = read().query;
  const none = unreadable(now);
  const common = Object.fromEntries(Object.keys(COMMON).filter((key) => now[key] && !none.includes(key)).map((key) => [key, now[key]]));
  return path + written({ ...common, ...query });
}

/** The one filter that a bridge follows: it goes along with its links. @param {Record<string, string>} query */
export function narrowed(query) {
  const set = ["product", "price", "billing", "country", "cohort", "customer", "metadata"].filter((key) => query[key]);
  return set.length === 1 ? { [set[0]]: query[set[0]] } : {};
}

/** The address of the same page with other choices. @param {Record<string, string | undefined | null>} query */
export const here = (query) => location.pathname + written({ ...read().query, ...query });

/** Goes there. @param {string} to @param {{ replace?: boolean, keep?: boolean }} [how] */
export function go(to, { replace = false, keep = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  tell();
  if (!keep) { scrollTo(0, 0); document.getElementById("main")?.focus({ preventScroll: true }); }
}

/** Changes choices on this page. @param {Record<string, string | undefined | null>} query @param {boolean} [replace] */
export const choose = (query, replace = false) => go(here(query), { replace, keep: true });

/** Links of our own pages are followed without loading anew; everything a browser does with a link still works. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download") || event.defaultPrevented) return;
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || to.pathname.startsWith("/api/") || to.pathname.startsWith("/assets/")) return;
    if (to.pathname === location.pathname && to.search === location.search && to.hash) return;
    event.preventDefault();
    go(to.pathname + to.search, { keep: to.pathname === location.pathname });
  });
}

/**
 * The days a range means: first and last, the first undefined where it is the ledger's first.
 * @param {Record<string, string>} query
 * @param {string} [by] what stands where nothing is chosen
 * @returns {{ from: string | undefined, to: string, name: string }}
 */
export function span(query, by = "12m") {
  const day = dayKnown(query.asof);
  const first = monthOf(day);
  const end = plusDays(plusMonths(first, 1), -1);
  if (query.from || query.to) return { from: query.from, to: query.to ?? end, name: "custom" };
  const name = query.range ?? by;
  switch (name) {
    case "month": return { from: first, to: end, name };
    case "last-month": return { from: plusMonths(first, -1), to: plusDays(first, -1), name };
    case "ytd": return { from: `${day.slice(0, 4)}-01-01`, to: end, name };
    case "all": return { from: undefined, to: end, name };
    default: {
      const months = Number(/^(\d+)m$/.exec(name)?.[1] ?? 12);
      return { from: plusMonths(first, 1 - months), to: end, name };
    }
  }
}

/** The same length of time before, or the same a year before. @param {{from?: string, to: string}} days @param {string} [compare] */
export function compared(days, compare) {
  if (!days.from || !compare) return null;
  if (compare === "year") return { from: plusMonths(days.from, -12), to: lastOf(days.to, -12) };
  const whole = days.from.endsWith("-01") && plusDays(days.to, 1).endsWith("-01");
  if (whole) {
    const months = monthsBetween(days.from, plusDays(days.to, 1));
    return { from: plusMonths(days.from, -months), to: plusDays(days.from, -1) };
  }
  const length = Math.round((Date.parse(days.to) - Date.parse(days.from)) / 86400000) + 1;
  return { from: plusDays(days.from, -length), to: plusDays(days.from, -1) };
}

/** @param {string} day @param {number} months */
const lastOf = (day, months) => (plusDays(day, 1).endsWith("-01") ? plusDays(plusMonths(plusDays(day, 1), months), -1) : plusMonths(day, months));
/** @param {string} a @param {string} b */
const monthsBetween = (a, b) => (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 + Number(b.slice(5, 7)) - Number(a.slice(5, 7));
