// Breakdown: MRR by product, price, interval, country, currency, cohort, customer or metadata; two spans or two profiles beside each other.
import { html } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { Chart } from "../charts.js";
import { count, country, date, money, period, share, units } from "../format.js";
import { marksOn, stated, useLedger } from "../ledger.js";
import { Answered, Card, Change, Csv, Customer, Empty, PageHead, Select, Table, Text, useNames } from "../parts.js";
import { choose, compared, href, span } from "../route.js";
import { LINES } from "../words.js";
import { compactUnits } from "./overview.js";

export const BY = [["product", "product"], ["price", "price"], ["interval", "billing interval"], ["country", "country"], ["currency", "currency"], ["cohort", "first month"], ["customer", "customer"], ["metadata", "metadata"], ["attribute", "imported attribute"]];
/** How many groups a chart shows by themselves. */
const SHOWN = 7;

/** @param {{ query: Record<string, string> }} props */
export function Breakdown({ query }) {
  const ledger = useLedger();
  const days = span(query);
  const by = query.by ?? "product";
  const keyed = by === "metadata" || by === "attribute";
  const key = keyed ? (query.key ? `${by}:${query.key}` : null) : by;
  const asked = { ...ledger.money, currency: by === "currency" ? undefined : ledger.money.currency, from: days.from, to: days.to, interval: query.interval ?? "month", group_by: key };
  const answer = useApi(key && address("/api/v1/mrr", asked));
  const earlier = compared(days, query.compare);
  const beside = query.beside && query.beside !== ledger.profile ? query.beside : "";
  const other = useApi(key && (beside || earlier) ? address("/api/v1/mrr", { ...asked, ...(beside ? { profile: beside } : earlier) }) : null);
  const mine = (/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => by === "currency" || one.currency === ledger.currency);
  return html`<${PageHead} title="Breakdown" lead=${beside ? `What MRR is made of under the profile ${ledger.profile}, beside the profile ${beside}.` : earlier ? `What MRR is made of from ${date(days.from)} to ${date(days.to)}, beside ${date(earlier.from)} to ${date(earlier.to)}.` : "What MRR is made of. What changes group is a transfer, which sums to 0 over all groups."} tools=${key && html`<${Csv} to="/api/v1/mrr" query=${asked} name=${`mrr-by-${by}`} />`} />
    <form class="filters" aria-label="Breakdown" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Select} label="By" value=${by} options=${BY} choose=${(/** @type {string} */ value) => choose({ by: value })} />
      ${keyed && html`<${Text} label=${by === "metadata" ? "Metadata key" : "Attribute"} value=${query.key ?? ""} placeholder="industry" choose=${(/** @type {string} */ value) => choose({ key: value })} />`}
      ${(ledger.status?.profiles.length ?? 0) > 1 && html`<${Select} label="Beside it" value=${beside} options=${[["", "nothing"], ...(beside && !ledger.status.profiles.includes(beside) ? [[beside, `profile ${beside}`]] : []), ...ledger.status.profiles.filter((/** @type {string} */ one) => one !== ledger.profile).map((/** @type {string} */ one) => [one, `profile ${one}`])]} choose=${(/** @type {string} */ value) => choose({ beside: value })} />`}</form>
    ${!key && by === "metadata" ? html`<${Card} title="By metadata"><${Empty} title="Name a metadata key.">The ledger keeps the keys that <code>ledger.metadata_keys</code> names.<//><//>`
      : !key ? html`<${Card} title="By an imported attribute"><${Empty} title="Name an attribute.">It is one that <code>mrrd import attributes</code> took in; <a href=${href("/health")}>imports</a> lists them.<//><//>`
      : html`<div class="grid"><${Card} title=${`MRR by ${keyed ? query.key : BY.find(([one]) => one === by)?.[1]}`} wide busy=${answer.stale}><${Answered} of=${answer} tall lines=${8} empty=${(/** @type {any} */ data) => mine(data).length === 0} none=${html`<${Empty} title="No figures in this span." />`}>${(/** @type {any} */ data) => html`<${OverTime} list=${mine(data)} by=${by} query=${query} />`}<//><//>
      <${Card} title="From the first day to the last" wide busy=${answer.stale || other.stale}>${other.error && html`<p role="alert" class="bad">Nothing stands beside it: ${other.error.message}</p>`}<${Answered} of=${answer} empty=${(/** @type {any} */ data) => mine(data).length === 0}>${(/** @type {any} */ data) => html`<${Groups} list=${mine(data)} other=${other.data ? mine(other.data) : null} what=${beside ? `profile ${beside}` : query.compare === "year" ? "a year ago" : "the period before"} by=${by} days=${days} />`}<//><//></div>`}`;
}

/** @param {any} group */
const named = (group) => (group === null || group === undefined ? "not known" : String(group));

/** Whether these are amounts of several currencies: where all are converted into one, they add up. @param {any[]} list */
const mixed = (list) => new Set(list.map((one) => one.currency)).size > 1;

/** A group as people call it. @param {string | null | undefined} group @param {string} by */
function called(group, by) {
  if (!group) return named(group);
  if (by === "country") return country(group);
  if (by === "currency") return group.toUpperCase();
  return by === "interval" ? `every ${group}${/^\d/.test(group) ? "s" : ""}` : named(group);
}

/** Groups with their bridges over the whole span, the largest first. @param {any[]} list @param {string} by */
function whole(list, by) {
  /** @type {Map<string, any>} */
  const groups = new Map();
  for (const one of list) {
    const key = `${one.currency} ${named(one.group)}`;
    const sum = groups.get(key);
    if (!sum) { groups.set(key, { ...one, name: named(one.group), label: one.product_name ?? one.price_name ?? called(one.group, by), raw: one.group, lines: Object.fromEntries(LINES.map(([line]) => [line, Number(one[`${line}_exact`] ?? 0)])) }); continue; }
    for (const [line] of LINES) sum.lines[line] += Number(one[`${line}_exact`] ?? 0);
    [sum.closing, sum.closing_exact, sum.customers] = [one.closing, one.closing_exact, one.customers];
  }
  return [...groups.values()].sort((a, b) => b.closing - a.closing);
}

/** @param {{ list: any[], by: string, query: Record<string, string> }} props */
function OverTime({ list, by, query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const interval = query.interval ?? "month";
  if (mixed(list)) return html`<p class="soft">Amounts in different currencies aren’t added up; the table below has each.</p>`;
  const groups = whole(list, by);
  const starts = [...new Set(list.map((one) => one.start))].sort();
  const at = (/** @type {string} */ name, /** @type {string} */ start) => Number(list.find((one) => named(one.group) === name && one.start === start)?.closing ?? 0);
  const shown = groups.slice(0, groups.length > SHOWN + 1 ? SHOWN : SHOWN + 1);
  const rest = groups.slice(shown.length);
  const series = shown.map((one, i) => ({ key: one.name, name: one.label, color: `g${i}`, as: /** @type {const} */ ("bar"), values: starts.map((start) => units(at(one.name, start), currency)), text: starts.map((start) => money(at(one.name, start), currency)) }));
  if (rest.length) {
    const sums = starts.map((start) => rest.reduce((sum, one) => sum + at(one.name, start), 0));
    series.push({ key: "rest", name: `${count(rest.length)} others`, color: "g7", as: "bar", values: sums.map((sum) => units(sum, currency)), text: sums.map((sum) => money(sum, currency)) });
  }
  const periods = starts.map((start) => list.find((one) => one.start === start));
  return html`<${Chart} title=${`MRR by ${by === "metadata" || by === "attribute" ? query.key : BY.find(([one]) => one === by)?.[1]}`} says=${stated(ledger, query)} name=${`mrr-by-${by}`} stacked height=${300} marks=${marksOn(ledger, periods)} starts=${periods.map((one) => one.start)} labels=${periods.map((one) => period(one.start, one.end, interval))} series=${series} tick=${(/** @type {number} */ value) => compactUnits(value, currency)} partial=${periods.at(-1)?.partial === true}
    open=${(/** @type {number} */ i, /** @type {string | undefined} */ key) => href("/movements", { range: "", from: periods[i].start, to: periods[i].end, ...filter(by, key === "rest" ? undefined : key) })} />`;
}

/** The filter of movements that a group is. @param {string} by @param {string | undefined} group */
function filter(by, group) {
  if (!group || group === "not known") return {};
  if (by === "currency") return { currency: group };
  return by === "interval" ? { billing: group } : ["product", "price", "country", "customer", "cohort"].includes(by) ? { [by]: group } : {};
}

/** @param {{ list: any[], other: any[] | null, what: string, by: string, days: { from?: string, to: string } }} props */
function Groups({ list, other, what, by, days }) {
  const groups = whole(list, by);
  const lines = LINES.filter(([line]) => groups.some((one) => one.lines[line] !== 0));
  const beside = other ? whole(other, by) : [];
  const names = [...new Set([...groups, ...beside].map((one) => `${one.currency} ${one.name}`))];
  const total = groups.reduce((sum, one) => sum + Number(one.closing_exact), 0);
  const named = useNames(by === "customer" ? [...groups, ...beside].slice(0, 300).map((one) => one.raw) : []);
  const one0 = groups[0]?.currency;
  const sum = (/** @type {(one: any) => number} */ of, /** @type {any[]} */ among = groups) => among.reduce((all, one) => all + of(one), 0);
  const counted = groups.some((one) => one.customers !== undefined);
  // Amounts of several currencies aren't added up. A customer may be in several groups, so their sum is nobody's count.
  const all = (/** @type {string} */ key, among = groups) => sum((one) => Number(one[key]), among);
  const name = { product: "Product", price: "Price", interval: "Billed", country: "Country", currency: "Currency", cohort: "First paid in", customer: "Customer", metadata: "Value", attribute: "Value" }[by] ?? by;
  const alone = mixed(list) || !one0;
  const change = (/** @type {number} */ amount, /** @type {string} */ currency) => (Math.abs(amount) >= 0.5 ? html`<${Change} amount=${amount} currency=${currency} />` : html`<span class="soft">–</span>`);
  // Neither won nor lost.
  const still = (/** @type {string} */ line) => line === "transfer" || line === "fx";
  const part = (/** @type {any} */ one) => (alone ? [] : [share(total ? Number(one?.closing_exact ?? 0) / total : null)]);
  const holders = (/** @type {any} */ one) => (counted ? [count(one?.customers ?? 0)] : []);
  // Two of them beside each other: where each stood at first and last, and how far they are apart.
  const head = other ? [name, "Opening", "Closing", ...(alone ? [] : ["Share"]), ...(counted ? ["Customers"] : []), `Opening, ${what}`, `Closing, ${what}`, "Difference", "in %"] : [name, "Opening", ...lines.map(([, line]) => line), "Closing", ...(alone ? [] : ["Share"]), ...(counted ? ["Customers"] : [])];
  const foot = alone ? undefined : other
    ? ["All", money(all("opening_exact"), one0), money(total, one0), share(1), ...(counted ? [""] : []), money(all("opening_exact", beside), one0), money(all("closing_exact", beside), one0), change(total - all("closing_exact", beside), one0), all("closing_exact", beside) ? share(total / all("closing_exact", beside) - 1, true) : "–"]
    : ["All", money(all("opening_exact"), one0), ...lines.map(([line]) => (still(line) ? money(sum((one) => one.lines[line]), one0, { signed: true }) : change(sum((one) => one.lines[line]), one0))), money(total, one0), share(1), ...(counted ? [""] : [])];
  return html`<${Table} caption="Groups" cls="groups" foot=${foot} head=${head} numbers=${head.map((_, i) => i).slice(1)} rows=${names.map((key) => {
    const [one, that] = [groups, beside].map((each) => each.find((group) => `${group.currency} ${group.name}` === key));
    const { currency, raw, label } = one ?? that;
    const to = href("/movements", { range: "", from: days.from, to: days.to, ...filter(by, (one ?? that).name) });
    const called = by === "customer" && raw ? html`<${Customer} id=${raw} name=${named(raw)} />` : html`<a href=${to}>${by === "cohort" && raw ? date(`${raw}-01`, { month: "short", year: "numeric" }) : label}</a>`;
    const [now, then] = [Number(one?.closing_exact ?? 0), Number(that?.closing_exact ?? 0)];
    return { key, cells: other
      ? [called, money(one?.opening ?? 0, currency), html`<strong>${money(one?.closing ?? 0, currency)}</strong>`, ...part(one), ...holders(one), money(that?.opening ?? 0, currency), money(that?.closing ?? 0, currency), change(now - then, currency), then ? share(now / then - 1, true) : "–"]
      : [called, money(one?.opening ?? 0, currency), ...lines.map(([line]) => (still(line) && one?.lines[line] ? money(one.lines[line], currency, { signed: true }) : change(one?.lines[line] ?? 0, currency))), html`<strong>${money(one?.closing ?? 0, currency)}</strong>`, ...part(one), ...holders(one)] };
  })} />`;
}
