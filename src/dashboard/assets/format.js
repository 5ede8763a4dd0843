// Figures as people read them: in units of the currency, in the reader's locale. Programs read the API.
import { plusDays } from "./days.js";

// Stripe's minor units: most currencies have two places, these have none or three.
/** @type {Record<string, number>} */
const PLACES = { bif: 0, clp: 0, djf: 0, gnf: 0, jpy: 0, kmf: 0, krw: 0, mga: 0, pyg: 0, rwf: 0, vnd: 0, vuv: 0, xaf: 0, xof: 0, xpf: 0,
  bhd: 3, jod: 3, kwd: 3, omr: 3, tnd: 3 };

export const places = (/** @type {string} */ currency) => PLACES[currency] ?? 2;

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();
/** @param {Intl.NumberFormatOptions} options */
function number(options) {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, format = new Intl.NumberFormat(undefined, options));
  return format;
}

/** Minor units as a number of currency units, for charts only. @param {number | string} minor @param {string} currency */
export const units = (minor, currency) => Number(minor) / 10 ** places(currency);

/** Half-even to whole minor units, as the API rounds: the same amount never shows as two. @param {number | string} minor */
function whole(minor) {
  const [amount, low] = [Number(minor), Math.floor(Number(minor))];
  const half = Math.abs(amount - low - 0.5) < 1e-9;
  return half ? low + Math.abs(low % 2) : Math.round(amount);
}

/**
 * Money in currency units.
 * @param {number | string | null | undefined} minor
 * @param {string} currency
 * @param {{ signed?: boolean, compact?: boolean, whole?: boolean }} [how]
 */
export function money(minor, currency, { signed = false, compact = false, whole: rough = false } = {}) {
  if (minor === null || minor === undefined) return "–";
  const value = units(whole(minor), currency);
  const short = compact && Math.abs(value) >= 10000;
  const digits = rough || compact ? 0 : places(currency);
  try {
    return number({
      style: "currency", currency: currency.toUpperCase(), currencyDisplay: "narrowSymbol", signDisplay: signed ? "exceptZero" : "negative",
      notation: short ? "compact" : "standard", minimumFractionDigits: short ? 0 : digits, maximumFractionDigits: short ? 1 : digits,
    }).format(value);
  } catch {
    return `${value} ${currency.toUpperCase()}`;
  }
}

/** A sentence of the daemon’s with its amounts (`1,234.50 USD`) as tables write them. @param {string} text @param {string[]} currencies */
export const amounts = (text, currencies) => text.replace(/(-?\d[\d,]*(?:\.\d+)?) ([A-Z]{3})\b/g, (said, amount, code) => {
  const currency = code.toLowerCase();
  return currencies.includes(currency) ? money(Math.round(Number(amount.replaceAll(",", "")) * 10 ** places(currency)), currency) : said;
});

/** A number to one place. @param {number} value */
export const decimal = (value) => number({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);

/** A whole number. @param {number | string | null | undefined} n @param {boolean} [signed] */
export const count = (n, signed = false) => (n === null || n === undefined ? "–" : number({ signDisplay: signed ? "exceptZero" : "auto" }).format(Number(n)));

/** A share as per cent. @param {number | string | null | undefined} value @param {boolean} [signed] */
export const share = (value, signed = false) => (value === null || value === undefined ? "–"
  : number({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: signed ? "exceptZero" : "negative" }).format(Number(value)));

/** A ratio, such as the quick ratio. @param {number | string | null | undefined} value */
export const ratio = (value) => (value === null || value === undefined ? "–" : number({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(Number(value)));

/** A day. @param {string | null | undefined} day @param {Intl.DateTimeFormatOptions} [how] */
export const date = (day, how = { dateStyle: "medium" }) => (day ? new Intl.DateTimeFormat(undefined, { ...how, timeZone: "UTC" }).format(new Date(`${day.slice(0, 10)}T00:00:00Z`)) : "–");

/** A month, `2026-01`. @param {string} month */
export const month = (month) => date(`${month}-01`, { month: "long", year: "numeric" });

/** A country by its name in the reader's language. @param {string | null | undefined} code */
export function country(code) {
  if (!code) return "–";
  try { return new Intl.DisplayNames(undefined, { type: "region" }).of(code) ?? code; } catch { return code; }
}

/** How many of something: `3 customers`. @param {number} n @param {string} one @param {string} [many] */
export const several = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** An instant in the reader's own zone. @param {string | null | undefined} at */
export const instant = (at) => (at ? new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at)) : "–");

/** Where a period begins; a span may cut it, which is named by its days then. @type {Record<string, RegExp>} */
const BEGINS = { month: /-01$/, quarter: /-(01|04|07|10)-01$/, year: /-01-01$/ };

/** A period by its first day. @param {string} start @param {string} end @param {string} interval */
export function period(start, end, interval) {
  const begins = BEGINS[interval] ?? /./;
  switch (begins.test(start) && begins.test(plusDays(end, 1)) ? interval : "week") {
    case "month": return date(start, { month: "short", year: "numeric" });
    case "year": return date(start, { year: "numeric" });
    case "quarter": return `Q${Math.floor((Number(start.slice(5, 7)) - 1) / 3) + 1} ${start.slice(0, 4)}`;
    case "week": return `${date(start, { day: "numeric", month: "short" })} – ${date(end, { day: "numeric", month: "short", year: "numeric" })}`;
    default: return date(start);
  }
}

/** How long ago. @param {string | null | undefined} at */
export function ago(at) {
  if (!at) return "never";
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, length] of /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([["day", 86400], ["hour", 3600], ["minute", 60]])) {
    if (Math.abs(seconds) >= length) return relative.format(-Math.round(seconds / length), unit);
  }
  return Math.abs(seconds) < 5 ? "just now" : relative.format(-Math.round(seconds), "second");
}

/** Bytes. @param {number | null | undefined} n */
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  const step = n < 1e3 ? 0 : n < 1e6 ? 1 : n < 1e9 ? 2 : 3;
  return number({ style: "unit", unit: ["byte", "kilobyte", "megabyte", "gigabyte"][step], maximumFractionDigits: step ? 1 : 0 }).format(n / 1000 ** step);
}

/** Words that say too little by themselves. @type {Record<string, string>} */
const SAID = { fx: "exchange rate", add_on: "add-on", add_on_removed: "add-on removed", transient: "undone soon after", to_free: "moved to a free plan", free_to_paid: "free to paid",
  full_discount: "discounted to nothing", other: "something else", unknown_end: "ended, nobody said why", other_reason: "another reason", ledger_drift: "differs from Stripe’s", nrr_below: "NRR too low",
  pause: "paused", dispute: "payment disputed", retention_policy: "ended by a rule of Stripe’s", cross_sell: "cross-sell", api: "Stripe’s API",
  subscription_cycle: "renewal", subscription_create: "first period", subscription_update: "a change", subscription_threshold: "usage threshold", upcoming: "next period", facts: "read", ignored: "not about MRR", thin: "without an object" };
/** `plan_upgrade` as words. @param {string | null | undefined} word */
export const words = (word) => SAID[word ?? ""] ?? (word ?? "unknown").replaceAll("_", " ");
/** @param {string | null | undefined} word */
export const sentence = (word) => { const text = words(word); return text[0].toUpperCase() + text.slice(1); };

/** Of which customers figures are, as people say it; nothing where it is everybody. @param {Record<string, string>} query */
export const segmentName = ({ where, segment, current }) => (where || segment ? `${where ? `customers of whom ${where}` : `segment ${segment}`}${current ? ", as today" : ""}` : "");
