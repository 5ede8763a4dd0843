// What an address asks of a page, and what of it isn't understood. That is told, and no figure is shown in its place: a page never
// answers something else than it was asked, as the API doesn't (src/api/query.rs).
import { isDay } from "./days.js";
import { isKnown } from "./known.js";

/** @typedef {{ is: (text: string) => boolean, as: string }} Reading which texts a choice may be, and what it should have been, as in "… is not …" */
/** @typedef {Record<string, Reading>} Choices */

/** Any text: what it names is there or not, or the API says what is wrong with it. @type {Reading} */
export const any = { is: () => true, as: "a text" };
/** @param {readonly string[]} words @returns {Reading} */
export const oneOf = (words) => ({ is: (text) => words.includes(text), as: words.length < 3 ? words.join(" or ") : `one of ${words.join(", ")}` });
export const flag = oneOf(["true", "false"]);
/** @type {Reading} */
export const day = { is: isDay, as: "a day such as 2026-01-31" };
/** @type {Reading} */
export const month = { is: (text) => isDay(`${text}-01`), as: "a month such as 2026-10" };
/** @param {number} most @returns {Reading} */
export const upTo = (most) => ({ is: (text) => Number(text) > 0 && Number(text) <= most, as: `a number above 0, and at most ${most}` });

export const RANGES = /** @type {const} */ ([["month", "This month"], ["last-month", "Last month"], ["3m", "3 months"], ["6m", "6 months"],
  ["12m", "12 months"], ["24m", "24 months"], ["ytd", "This year"], ["all", "All"]]);
const ranges = RANGES.map(([key]) => /** @type {string} */ (key));

/** Choices that go along from page to page; the others belong to the page they were made on. @type {Choices} */
export const COMMON = { profile: any, currency: any, account: any, livemode: flag,
  range: { is: (text) => ranges.includes(text) || /^[1-9]\d{0,2}m$/.test(text), as: `one of ${ranges.join(", ")}, or so many months, as 18m` }, from: day, to: day,
  interval: oneOf(["day", "week", "month", "quarter", "year"]), compare: oneOf(["previous", "year"]), asof: { is: isKnown, as: "a day, an instant or a place in the log" },
  where: any, segment: any, current: flag };

/** What the API and the commands call it. @type {Record<string, string>} */
const ELSEWHERE = { as_known_at: "asof", group_by: "by", horizon: "days" };

/** The common choices that can't be read: no link leads on with them. @param {Record<string, string>} query */
export const unreadable = (query) => Object.keys(COMMON).filter((name) => query[name] && !COMMON[name].is(query[name]));

/**
 * @typedef {object} Misunderstood
 * @property {string} name
 * @property {string} says what is wrong with it
 * @property {string} [meant] what takes its value instead, where that can be read
 */

/**
 * What of an address isn't understood by the page that it leads to.
 * @param {Record<string, string>} query @param {string[]} twice what is given more than once @param {Choices} takes the page's own choices
 * @returns {Misunderstood[]}
 */
export function misunderstood(query, twice, takes) {
  const choices = { ...COMMON, ...takes };
  const wrong = twice.map((name) => ({ name, says: "it is given more than once" }));
  for (const [name, text] of Object.entries(query)) {
    if (twice.includes(name)) continue;
    if (!Object.hasOwn(choices, name)) wrong.push(noSuch(name, text, choices));
    else if (!choices[name].is(text)) wrong.push({ name, says: `“${text}” is not ${choices[name].as}` });
  }
  return wrong;
}

/** A choice that the page doesn't have, with the likeliest one that was meant. @param {string} name @param {string} text @param {Choices} choices @returns {Misunderstood} */
function noSuch(name, text, choices) {
  const near = Object.keys(choices).map((one) => ({ one, apart: apart(one, name) })).sort((a, b) => a.apart - b.apart)[0];
  const likely = Object.hasOwn(choices, ELSEWHERE[name] ?? "") ? ELSEWHERE[name] : near.apart <= Math.max(1, Math.floor(name.length / 3)) ? near.one : undefined;
  if (!likely) return { name, says: `there is no such parameter; this page takes ${Object.keys(choices).join(", ")}` };
  return { name, says: `there is no such parameter: did you mean ${likely}?`, meant: choices[likely].is(text) ? likely : undefined };
}

/** How many letters have to be changed, added, taken away or swapped with their neighbour to make one of the other. @param {string} one @param {string} other */
function apart(one, other) {
  const rows = [Array.from({ length: other.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= one.length; i += 1) {
    const [row, before] = [[i], rows[i - 1]];
    for (let j = 1; j <= other.length; j += 1) {
      row.push(Math.min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
      if (one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[one.length][other.length];
}
