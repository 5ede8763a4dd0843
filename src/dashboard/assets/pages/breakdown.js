// Breakdown: MRR by product, price, interval, country, currency, cohort, customer or metadata; two spans or two profiles beside each other.
import { html } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { Chart } from "../charts.js";
import { count, money, period, share, units, words } from "../format.js";
import { stated, useLedger } from "../ledger.js";
import { Answered, Card, Change, Csv, Empty, PageHead, Select, Table, Text } from "../parts.js";
import { choose, compared, href, span } from "../route.js";
import { LINES } from "../words.js";
import { compactUnits } from "./overview.js";

const BY = [["product", "product"], ["price", "price"], ["interval", "billing interval"], ["country", "country"], ["currency", "currency"], ["cohort", "first month"], ["customer", "customer"], ["metadata", "metadata"]];
/** How many groups a chart shows by themselves. */
const SHOWN = 7;

/** @param {{ query: Record<string, string> }} props */
export function Breakdown({ query }) {
  const ledger = useLedger();
  const days = span(query);
  const by = query.by ?? "product";
  const key = by === "metadata" ? (query.key ? `metadata:${query.key}` : null) : by;
  const asked = { ...ledger.money, currency: by === "currency" ? undefined : ledger.money.currency, from: days.from, to: days.to, interval: query.interval ?? "month", group_by: key };
  const answer = useApi(key && address("/api/v1/mrr", asked));
  const earlier = compared(days, query.compare);
  const beside = query.beside && query.beside !== ledger.profile ? query.beside : "";
  const other = useApi(key && (beside || earlier) ? address("/api/v1/mrr", { ...asked, ...(beside ? { profile: beside } : earlier) }) : null);
  const mine = (/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => by === "currency" || one.currency === ledger.currency);
  return html`<${PageHead} title="Breakdown" lead="What MRR is made of. What changes group is a transfer, which sums to 0 over all groups." tools=${key && html`<${Csv} to="/api/v1/mrr" query=${asked} name=${`mrr-by-${by}`} />`} />
    <form class="filters" aria-label="Breakdown" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Select} label="By" value=${by} options=${BY} choose=${(/** @type {string} */ value) => choose({ by: value })} />
      ${by === "metadata" && html`<${Text} label="Metadata key" value=${query.key ?? ""} placeholder="industry" choose=${(/** @type {string} */ value) => choose({ key: value })} />`}
      ${(ledger.status?.profiles.length ?? 0) > 1 && html`<${Select} label="Beside it" value=${beside} options=${[["", "nothing"], ...ledger.status.profiles.filter((/** @type {string} */ one) => one !== ledger.profile).map((/** @type {string} */ one) => [one, `profile ${one}`])]} choose=${(/** @type {string} */ value) => choose({ beside: value })} />`}</form>
    ${!key ? html`<${Card} title="By metadata"><${Empty} title="Name a metadata key.">The ledger keeps the keys that <code>ledger.metadata_keys</code> names.<//><//>`
      : html`<div class="grid"><${Card} title=${`MRR by ${BY.find(([one]) => one === by)?.[1]}`} wide busy=${answer.stale}><${Answered} of=${answer} tall lines=${8} empty=${(/** @type {any} */ data) => mine(data).length === 0} none=${html`<${Empty} title="No figures in this span." />`}>${(/** @type {any} */ data) => html`<${OverTime} list=${mine(data)} by=${by} query=${query} />`}<//><//>
      <${Card} title="From the first day to the last" wide busy=${answer.stale || other.stale}><${Answered} of=${answer} empty=${(/** @type {any} */ data) => mine(data).length === 0}>${(/** @type {any} */ data) => html`<${Groups} list=${mine(data)} other=${other.data ? mine(other.data) : null} what=${beside ? `profile ${beside}` : query.compare === "year" ? "a year ago" : "the period before"} by=${by} days=${days} />`}<//><//></div>`}`;
}

/** @param {any} group */
const named = (group) => (group === null || group === undefined ? "not known" : String(group));

/** Groups with their bridges over the whole span, the largest first. @param {any[]} list */
function whole(list) {
  /** @type {Map<string, any>} */
  const groups = new Map();
  for (const one of list) {
    const key = `${one.currency} ${named(one.group)}`;
    const sum = groups.get(key);
    if (!sum) { groups.set(key, { ...one, name: named(one.group), label: one.product_name ?? one.price_name ?? named(one.group), raw: one.group, lines: Object.fromEntries(LINES.map(([line]) => [line, Number(one[`${line}_exact`] ?? 0)])) }); continue; }
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
  if (by === "currency") return html`<p class="soft">Amounts in different currencies aren’t added up; the table below has each.</p>`;
  const groups = whole(list);
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
  return html`<${Chart} title=${`MRR by ${by}`} says=${stated(ledger, query)} name=${`mrr-by-${by}`} stacked height=${300} labels=${periods.map((one) => period(one.start, one.end, interval))} series=${series} tick=${(/** @type {number} */ value) => compactUnits(value, currency)} partial=${periods.at(-1)?.partial === true}
    open=${(/** @type {number} */ i, /** @type {string | undefined} */ key) => href("/movements", { range: "", from: periods[i].start, to: periods[i].end, ...filter(by, key === "rest" ? undefined : key) })} />`;
}

/** The filter of movements that a group is. @param {string} by @param {string | undefined} group */
function filter(by, group) {
  if (!group || group === "not known") return {};
  return by === "interval" ? { billing: group } : ["product", "price", "country", "customer"].includes(by) ? { [by]: group } : {};
}

/** @param {{ list: any[], other: any[] | null, what: string, by: string, days: { from?: string, to: string } }} props */
function Groups({ list, other, what, by, days }) {
  const groups = whole(list);
  const lines = LINES.filter(([line]) => groups.some((one) => one.lines[line] !== 0));
  const beside = other ? whole(other) : [];
  const names = [...new Set([...groups, ...beside].map((one) => `${one.currency} ${one.name}`))];
  const total = groups.reduce((sum, one) => sum + Number(one.closing_exact), 0);
  const head = [BY.find(([one]) => one === by)?.[1] ?? by, "Opening", ...lines.map(([, name]) => name), "Closing", ...(by === "currency" ? [] : ["Share"]), ...(groups.some((one) => one.customers !== undefined) ? ["Customers"] : []), ...(other ? [`Closing, ${what}`, "Difference"] : [])];
  return html`<${Table} caption="Groups" head=${head.map((one) => words(one)[0].toUpperCase() + words(one).slice(1))} numbers=${head.map((_, i) => i).slice(1)} rows=${names.map((key) => {
    const [one, that] = [groups, beside].map((all) => all.find((group) => `${group.currency} ${group.name}` === key));
    const currency = (one ?? that).currency;
    const to = href("/movements", { range: "", from: days.from, to: days.to, ...filter(by, (one ?? that).name) });
    return { key, cells: [by === "customer" && (one ?? that).raw ? html`<a class="id" href=${href(`/customers/${encodeURIComponent((one ?? that).raw)}`)}>${(one ?? that).raw}</a>` : html`<a href=${to}>${(one ?? that).label}</a>`, money(one?.opening ?? 0, currency), ...lines.map(([line]) => (one?.lines[line] ? html`<${Change} amount=${one.lines[line]} currency=${currency} />` : html`<span class="soft">0</span>`)), html`<strong>${money(one?.closing ?? 0, currency)}</strong>`,
      ...(by === "currency" ? [] : [share(total ? Number(one?.closing_exact ?? 0) / total : null)]), ...(groups.some((each) => each.customers !== undefined) ? [count(one?.customers ?? 0)] : []),
      ...(other ? [money(that?.closing ?? 0, currency), html`<${Change} amount=${Number(one?.closing_exact ?? 0) - Number(that?.closing_exact ?? 0)} currency=${currency} />`] : [])] };
  })} />`;
}
