// Committed MRR: what the log already knows will happen to MRR, line by line down to customers and events, and its curve.
import { html, useState } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { monthOf, plusDays } from "../days.js";
import { count, date, money, several, share, units } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Card, Change, Csv, Customer, Empty, Event, Means, Table, useNames } from "../parts.js";
import { here, href } from "../route.js";

/** Days ahead of each column. */
export const AHEAD = [30, 90, 365];
export const LINES = /** @type {const} */ ([
  ["scheduled_churn", "Scheduled churn", "Subscriptions that are set to end. A profile that counts a cancellation when it is asked for has them out of MRR already."],
  ["scheduled_contraction", "Scheduled contraction", "Less in a later phase of a subscription’s schedule."],
  ["scheduled_expansion", "Scheduled expansion", "More in a later phase of a subscription’s schedule."],
  ["discount_end", "Discounts that end", "Known discounts that run out."],
  ["discount_start", "Discounts that begin", "Known discounts that are yet to begin."],
  ["resume", "Resumed", "Paused collections that resume by themselves, where a pause counts 0."],
]);

/** The answer, once everything else of the page is there. @param {boolean} ready */
export function useCommitted(ready) {
  const ledger = useLedger();
  return useApi(ready ? address("/api/v1/committed", { ...ledger.money, ...ledger.segment, horizon: AHEAD[2], limit: 1000 }) : null);
}

/** The entry of the page's currency. @param {any} answer @param {string} currency */
const entryOf = (answer, currency) => answer.data?.data.find((/** @type {any} */ one) => one.currency === currency);

/** The coming months' ends, the running month's first. @param {any} answer @param {string} currency @param {any[]} list periods that are shown already */
export function curveOf(answer, currency, list) {
  const last = list.at(-1);
  const points = (entryOf(answer, currency)?.curve ?? []).filter((/** @type {any} */ one) => plusDays(one.day, 1).endsWith("-01"));
  return last && points[0]?.day === last.end ? points.slice(0, 13) : [];
}

/** What a curve adds to a chart whose periods are these. @param {any[]} curve @param {any[]} list @param {string} currency */
export function ahead(curve, list, currency) {
  if (!curve.length) return { periods: [], series: [] };
  const before = list.slice(1);
  const blank = before.map(() => null);
  return {
    periods: curve.slice(1).map((one) => ({ start: monthOf(one.day), end: one.day })),
    series: [{ key: "committed", name: "Committed", color: "accent", dashed: true, values: [...blank, ...curve.map((one) => units(one.committed, currency))], text: [...before.map(() => "–"), ...curve.map((one) => money(one.committed, currency))] }],
  };
}

/** @param {{ answer: any, query: Record<string, string> }} props */
export function Committed({ answer, query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const entry = entryOf(answer, currency);
  return html`<${Card} title="Committed MRR" id="committed-mrr" wide busy=${answer.stale} note="MRR as it will stand if all that is scheduled happens and nothing else. Each amount opens whose it is and the event that says so." tools=${html`<${Csv} to="/api/v1/committed" query=${{ ...ledger.money, ...ledger.segment, horizon: AHEAD[2] }} name="committed" />`}>
    <${Answered} of=${answer} tall lines=${6} empty=${() => !entry} none=${html`<${Empty} title="No figures in this currency yet." />`}>${(/** @type {any} */ data) => html`<${Columns} entry=${entry} day=${data.day} query=${query} /><${Beside} entry=${entry} />`}<//><//>`;
}

/** @param {{ entry: any, day: string, query: Record<string, string> }} props */
function Columns({ entry, day, query }) {
  const { currency } = entry;
  const within = (/** @type {number} */ days, /** @type {string} */ line = "") => entry.lines.filter((/** @type {any} */ one) => (!line || one.line === line) && one.day <= plusDays(day, days));
  const sum = (/** @type {any[]} */ list) => list.reduce((all, one) => all + Number(one.amount_exact), 0);
  const shown = LINES.filter(([line]) => within(AHEAD[2], line).length);
  const cell = (/** @type {number} */ days, /** @type {string} */ line) => {
    const list = within(days, line);
    return list.length ? html`<a href=${here({ line, days: String(days) })}>${money(sum(list), currency, { signed: true })}</a>` : html`<span class="soft">–</span>`;
  };
  const open = LINES.find(([line]) => line === query.line);
  const days = AHEAD.find((one) => String(one) === query.days) ?? AHEAD[2];
  return html`<${Table} caption="Committed MRR" cls="cardy mid" head=${["", ...AHEAD.map((one) => `In ${one} days: ${date(plusDays(day, one), { day: "numeric", month: "short", year: "numeric" })}`)]} numbers=${[1, 2, 3]} rows=${[
    { key: "mrr", cells: ["MRR now", ...AHEAD.map(() => money(entry.mrr, currency))] },
    ...shown.map(([line, name, means]) => ({ key: line, cells: [html`${name}<span class="source">${means}</span>`, ...AHEAD.map((one) => cell(one, line))] })),
    { key: "committed", cls: "sum", cells: ["Committed", ...AHEAD.map((one) => money(Number(entry.mrr_exact) + sum(within(one)), currency))] }]} />
    ${!shown.length && html`<p class="soft">Nothing is scheduled within a year: what stands is what is committed.</p>`}
    ${open && html`<${Behind} name=${open[1]} list=${within(days, open[0])} days=${days} currency=${currency} total=${sum(within(days, open[0]))} />`}`;
}

/** Whose they are, and what says so. @param {{ name: string, list: any[], days: number, currency: string, total: number }} props */
function Behind({ name, list, days, currency, total }) {
  const [most, more] = useState(50);
  const named = useNames(list.slice(0, most).map((one) => one.customer));
  return html`<h3>${name} within ${days} days: ${several(list.length, "change")}, together <${Change} amount=${total} currency=${currency} /> <a class="button quiet" href=${here({ line: "", days: "" })}>Close</a></h3>
    <${Table} caption=${`${name} within ${days} days`} cls="cardy" head=${["Customer", "When", "Subscription", "Amount", "Event"]} numbers=${[3]} rows=${list.slice(0, most).map((one, i) => ({ key: String(i), cells: [html`<${Customer} id=${one.customer} name=${named(one.customer)} account=${one.account} />`, date(one.day), html`<span class="id">${one.subscription}</span>`,
      html`<${Change} amount=${one.amount} currency=${currency} />${one.estimated ? html` <span class="soft">estimated</span>` : ""}`, html`<${Event} id=${one.event} />`] }))} />
    ${list.length > most && html`<p class="more"><button type="button" onClick=${() => more(most + 200)}>Show more</button></p>`}`;
}

/** What stands beside it and is in no line of it. @param {{ entry: any }} props */
function Beside({ entry }) {
  const { currency, trials_due: trials, past_due: late, annual_renewals: yearly, untold } = entry;
  return html`<h3>Beside it, not in it, within a year</h3>
    <${Due} name="Trials that end" list=${trials.data} all=${trials.trials} currency=${currency} means="Running trials that end within a year, and what they bring if all convert.">${several(trials.trials, "trial")}, ${money(trials.mrr, currency)} if all convert${trials.expected_exact !== null ? html`, ${money(trials.expected_exact, currency)} at this account’s own rate of ${share(trials.conversion.value)}` : trials.trials ? `; at what rate isn’t known: ${trials.conversion.reason ?? "no trial has ended yet"}` : ""}${trials.untold ? `; of ${several(trials.untold, "trial")} the amount isn’t known` : ""}<//>
    <p class="beside"><${Means} means="MRR of subscriptions whose last payment failed and that still count.">Past due now<//> <a href=${href("/customers", { state: "past_due" })}>${money(late.mrr, currency)} of ${several(late.customers, "customer")}</a></p>
    <${Due} name="Renewed by the year" list=${yearly.data} all=${yearly.subscriptions} currency=${currency} means="Subscriptions billed by twelve months or more that renew within a year: each a decision to come.">${several(yearly.subscriptions, "subscription")}, ${money(yearly.mrr, currency)} a month<//>
    ${untold.length > 0 && html`<${Due} name="Amount not known" list=${untold} all=${untold.length} currency=${currency} means="Planned, at an amount that the log can’t tell: it is in no line.">${several(untold.length, "change")}<//>`}`;
}

/** A fold of subscriptions with something due, the first of all there are. @param {{ name: string, list: any[], all: number, currency: string, means: string, children?: any }} props */
function Due({ name, list, all, currency, means, children }) {
  const [open, set] = useState(false);
  const [most, more] = useState(50);
  const named = useNames(open ? list.slice(0, most).map((one) => one.customer) : []);
  if (!list.length) return html`<p class="beside"><${Means} means=${means}>${name}<//> none</p>`;
  return html`<details class="fold" onToggle=${(/** @type {any} */ event) => set(event.currentTarget.open)}><summary><strong>${name}</strong> <span>${children}</span></summary>
    ${open && html`<p class="soft">${means}</p><${Table} caption=${name} cls="cardy" head=${["Customer", "When", "Subscription", list[0].detail ? "What isn’t known" : "MRR", "Event"]} numbers=${list[0].detail ? [] : [3]} rows=${list.slice(0, most).map((one, i) => ({ key: String(i), cells: [html`<${Customer} id=${one.customer} name=${named(one.customer)} />`, date(one.day), html`<span class="id">${one.subscription}</span>`, one.detail ?? (one.mrr_exact === null ? "not known" : money(one.mrr_exact, currency)), html`<${Event} id=${one.event} />`] }))} />
      ${list.length > most && html`<p class="more"><button type="button" onClick=${() => more(most + 200)}>Show more of ${count(all)}</button></p>`}${most >= list.length && all > list.length && html`<p class="soft">The first ${count(list.length)} of ${count(all)}.</p>`}`}</details>`;
}
