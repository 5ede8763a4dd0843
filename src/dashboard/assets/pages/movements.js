// Movements: the bridge of any span with every cell open to what made it, and the list behind it, filtered.
import { html, useState } from "../vendor/preact.js";
import { address, useApi, usePages } from "../api.js";
import { monthOf, today } from "../days.js";
import { count, money, period, share, words } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Card, Csv, Empty, More, PageHead, Select, Text } from "../parts.js";
import { usePriceChanges } from "../prices.js";
import { choose, compared, here, href, narrowed, span } from "../route.js";
import { CAUSES, KINDS, ROLLUPS } from "../words.js";
import { Bridge, MovementTable, linesOf, spanName, unknownOf } from "./overview.js";

const FILTERS = ["kind", "cause", "rollup", "product", "price", "billing", "country", "metadata", "cohort", "customer"];

/** Filters that the bridge can follow, one at a time: what it is grouped by then. @type {Record<string, string>} */
const FOLLOWED = { product: "product", price: "price", billing: "interval", country: "country", cohort: "cohort", customer: "customer", metadata: "metadata" };

/** @param {Record<string, string>} query */
function followed(query) {
  const set = Object.entries(narrowed(query));
  if (!set.length) return { by: undefined, group: undefined, several: Object.keys(FOLLOWED).some((key) => query[key]) };
  const [key, value] = set[0];
  const [name, ...rest] = value.split(":");
  return key === "metadata" ? { by: `metadata:${name}`, group: rest.join(":"), several: false } : { by: FOLLOWED[key], group: value, several: false };
}

/** @param {{ query: Record<string, string> }} props */
export function Movements({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const days = span(query);
  const interval = query.interval ?? "month";
  const ahead = query.ahead === "yes";
  const segmented = Object.keys(ledger.segment).length > 0;
  const follows = followed(query);
  // Of a segment groups are of whole customers.
  const apart = segmented && !["country", "cohort", "customer"].includes(follows.by ?? "") && !follows.by?.startsWith("metadata:");
  const { by, group, several } = apart ? { by: undefined, group: undefined, several: Boolean(follows.by) || follows.several } : follows;
  const bridged = { ...ledger.money, ...ledger.segment, from: days.from, to: days.to, interval, include: ahead ? "scheduled" : undefined, group_by: by };
  const bridge = useApi(address("/api/v1/mrr", bridged));
  const beside = ahead ? null : compared(days, query.compare);
  const earlier = useApi(beside ? address("/api/v1/mrr", { ...bridged, ...beside }) : null);
  const prices = usePriceChanges(segmented ? null : { ...bridged, group_by: undefined });
  const asked = { ...(query.currencies ? ledger.common : ledger.money), ...ledger.segment, from: days.from, to: days.to, include: ahead ? "scheduled" : undefined, kind: query.kind, cause: query.cause, rollup: query.rollup, product: query.product, price: query.price,
    billing: query.billing, country: query.country, metadata: query.metadata, cohort: query.cohort, customer: query.customer, order: query.order ?? "desc",
    // What revaluation moved is nobody's deed: it is listed when it is asked for.
    without: query.fx === "shown" || query.kind || !ledger.converted ? undefined : "fx" };
  const pages = usePages(address("/api/v1/movements", { ...asked, comments: "true", limit: 100 }));
  const list = (/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => one.currency === currency);
  const mine = (/** @type {any} */ data) => list(data).filter((/** @type {any} */ one) => !by || String(one.group) === group);
  const only = by && bridge.data ? mine(bridge.data).map((/** @type {any} */ one) => one.product_name ?? one.price_name)[0] ?? group : undefined;
  const before = beside && earlier.data ? { list: mine(earlier.data), days: beside } : undefined;
  const some = FILTERS.filter((key) => query[key]);
  return html`<${PageHead} title="Movements" lead=${ahead ? "What is already written ahead: scheduled ends, discounts that run out." : "Every change of MRR in this span, each with its cause and the webhooks that show it."} tools=${html`<${Csv} to="/api/v1/movements" query=${{ ...asked, limit: 1000 }} name="movements" />`} />
    <div class="grid">
    <${Card} title=${only ? `The bridge of ${only}` : "The bridge"} wide busy=${bridge.stale || earlier.stale} note=${several ? apart ? "Of the whole segment: it follows no filter for a product, price or billing." : "Of everything: it follows one filter of the list below at a time." : undefined} tools=${html`<${Csv} to="/api/v1/mrr" query=${bridged} name="bridge" />`}><${Answered} of=${bridge} tall empty=${(/** @type {any} */ data) => mine(data).length === 0} none=${html`<${Empty} title="No figures in this span.">Choose a longer range or another currency.<//>`}>${(/** @type {any} */ data) => html`
      <${Bridge} list=${mine(data)} unknown=${by ? 0 : unknownOf(bridge, mine(data))} prices=${by ? [] : prices(mine(data))} before=${before} query=${query} interval=${interval} table=${false} only=${only} /><${BridgeTable} list=${mine(data)} unknown=${by ? 0 : unknownOf(bridge, mine(data))} before=${before} query=${query} interval=${interval} />`}<//><//>
    <${Card} title=${some.length ? "The movements that match" : "The movements"} wide busy=${pages.stale} tools=${some.length > 0 && html`<a class="button quiet" href=${here(Object.fromEntries(FILTERS.map((key) => [key, ""])))}>Clear filters</a>`}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Select} label="Kind" value=${query.kind ?? ""} options=${[["", "any"], ...KINDS.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ kind) => choose({ kind })} />
        <${Select} label="Roll-up" value=${query.rollup ?? ""} options=${[["", "any"], ...ROLLUPS.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ rollup) => choose({ rollup })} />
        <${Select} label="Cause" value=${query.cause ?? ""} options=${[["", "any"], ...CAUSES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ cause) => choose({ cause })} />
        <${Among} label="Product" by="product" value=${query.product} />
        <${Among} label="Price" by="price" value=${query.price} />
        <${Select} label="Billed" value=${query.billing ?? ""} options=${[["", "any"], ["month", "by month"], ["year", "by year"], ["week", "by week"], ["day", "by day"], ["3 month", "by quarter"]]} choose=${(/** @type {string} */ billing) => choose({ billing })} />
        <${Among} label="Country" by="country" value=${query.country} />
        <${Text} label="First paid in" type="month" value=${query.cohort ?? ""} choose=${(/** @type {string} */ cohort) => choose({ cohort })} />
        <${Text} label="Metadata" value=${query.metadata ?? ""} placeholder="key:value" choose=${(/** @type {string} */ metadata) => choose({ metadata })} />
        <${Text} label="Customer" value=${query.customer ?? ""} placeholder="cus_…" choose=${(/** @type {string} */ customer) => choose({ customer })} />
        <${Select} label="Order" value=${query.order ?? "desc"} options=${[["desc", "newest first"], ["asc", "oldest first"]]} choose=${(/** @type {string} */ order) => choose({ order })} />
        ${ledger.converted && !query.kind && html`<${Select} label="Exchange rates" value=${query.fx ?? ""} options=${[["", "left out"], ["shown", "listed"]]} choose=${(/** @type {string} */ fx) => choose({ fx })} />`}
      </form>
      <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${ahead && !some.length ? html`<${Empty} title="Nothing is written ahead in this span.">What is set to end is among the <a href=${href("/customers", { state: "ending" })}>customers set to end</a>: a profile that counts a cancellation when it is asked for has it out of MRR already.<//>` : html`<${Empty} title=${some.length ? "No movement matches." : "Nothing moved in this span."}>${some.length ? html`<a href=${here(Object.fromEntries(FILTERS.map((key) => [key, ""])))}>Clear the filters</a> or choose a longer range.` : "Choose a longer range."}<//>`}>${(/** @type {any[]} */ data) => html`
        <p class="soft">${pages.next ? `The ${query.order === "asc" ? "first" : "latest"} ${count(data.length)} movements` : data.length === 1 ? "One movement" : `${count(data.length)} movements`}, together ${sum(data)}${query.currencies ? ", in all currencies" : ""}${asked.without ? "; what exchange rates moved is left out" : ""}</p>
        <${MovementTable} list=${data} /><${More} pages=${pages} />`}<//><//>
    </div>`;
}

/** @param {any[]} list */
function sum(list) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const one of list) sums.set(one.currency, (sums.get(one.currency) ?? 0) + Number(one.amount_exact));
  return [...sums].map(([currency, amount]) => money(amount, currency, { signed: true })).join(" and ");
}

/** A product, price or country among those the ledger holds, by name. @param {{ label: string, by: string, value?: string }} props */
function Among({ label, by, value }) {
  const ledger = useLedger();
  const [open, set] = useState(Boolean(value));
  const found = useApi(open ? address("/api/v1/mrr", { ...ledger.money, from: monthOf(today()), group_by: by }) : null);
  const groups = (found.data?.data ?? []).filter((/** @type {any} */ one) => one.group);
  const names = new Map(groups.map((/** @type {any} */ one) => [one.group, one.product_name ?? one.price_name ?? one.group]));
  if (value && !names.has(value)) names.set(value, value);
  return html`<div class="field" onFocusIn=${() => set(true)} onMouseEnter=${() => set(true)}><${Select} label=${label} value=${value ?? ""} options=${[["", "any"], ...[...names].sort((a, b) => a[1].localeCompare(b[1]))]} choose=${(/** @type {string} */ chosen) => choose({ [by]: chosen })} /></div>`;
}

/** The bridge as a table: a row a period, a column a line; every cell opens the movements behind it; below it the span it is compared with. @param {{ list: any[], unknown?: number, before?: { list: any[], days: { from: string, to: string } }, query: Record<string, string>, interval: string }} props */
export function BridgeTable({ list, unknown = 0, before, query, interval }) {
  const { currency } = useLedger();
  /** A figure of a period, or a dash where nothing is known of it. @param {number} i @param {() => any} shown */
  const of = (i, shown) => (i < unknown ? html`<span class="soft">–</span>` : shown());
  const lines = linesOf([...list, ...(before?.list ?? [])]);
  const to = (/** @type {any} */ one, /** @type {string} */ kind) => href("/movements", { range: "", from: one.start, to: one.end, interval, ...narrowed(query), kind, ahead: query.ahead });
  const total = (/** @type {string} */ key, among = list) => among.reduce((all, one) => all + Number(one[`${key}_exact`] ?? 0), 0);
  const customers = list.some((one) => one.customers !== undefined);
  const still = (/** @type {string} */ key) => ["transfer", "prior_period"].includes(key);
  const amount = (/** @type {any} */ value, /** @type {string} */ key, /** @type {string} */ where) => (!value ? html`<span class="soft">–</span>` : still(key) ? money(value, currency, { signed: true }) : html`<a href=${where}>${money(value, currency, { signed: true })}</a>`);
  return html`<div class="scroll bridge" tabindex="0" role="region" aria-label="The bridge as a table"><table><caption class="unseen">The bridge, in ${currency.toUpperCase()}</caption>
    <thead><tr><th scope="col">Period</th><th scope="col" class="num">Opening</th>${lines.map(([key, name, means]) => html`<th scope="col" class="num" key=${key} title=${means}><i class=${`key k-${key}`}></i>${name}</th>`)}<th scope="col" class="num">Closing</th>${customers && html`<th scope="col" class="num">Customers</th>`}</tr></thead>
    <tbody>${list.map((one, i) => html`<tr key=${one.start}><th scope="row"><a href=${to(one, "")}>${period(one.start, one.end, interval)}</a>${one.partial ? html`<span class="soft"> so far</span>` : ""}</th><td class="num">${of(i, () => money(one.opening, currency))}</td>
      ${lines.map(([key]) => html`<td class="num" key=${key}>${amount(one[key], key, to(one, key))}</td>`)}<td class="num"><strong>${of(i, () => money(one.closing, currency))}</strong></td>${customers && html`<td class="num">${of(i, () => count(one.customers))}</td>`}</tr>`)}</tbody>
    ${(list.length > 1 || before) && html`<tfoot><tr><th scope="row">All</th><td class="num">${of(0, () => money(list[0].opening, currency))}</td>${lines.map(([key]) => html`<td class="num" key=${key}>${amount(total(key), key, here({ kind: key }))}</td>`)}<td class="num">${of(list.length - 1, () => money(list[list.length - 1].closing, currency))}</td>${customers && html`<td></td>`}</tr>${before && html`<${Compared} list=${list} before=${before} lines=${lines} total=${total} customers=${customers} interval=${interval} />`}</tfoot>`}</table></div>`;
}

/** The same lines in the span before or a year ago, and how far apart they are. @param {{ list: any[], before: { list: any[], days: { from: string, to: string } }, lines: any[], total: (key: string, among?: any[]) => number, customers: boolean, interval: string }} props */
function Compared({ list, before, lines, total, customers, interval }) {
  const { currency } = useLedger();
  if (!before.list.length) return html`<tr class="compared"><th scope="row">${spanName(before.days)}</th><td colspan=${lines.length + 2 + (customers ? 1 : 0)}><span class="soft">nothing was known of it</span></td></tr>`;
  const [first, last] = [(/** @type {any[]} */ among) => Number(among[0].opening_exact), (/** @type {any[]} */ among) => Number(among[among.length - 1].closing_exact)];
  const apart = (/** @type {number} */ now, /** @type {number} */ then) => html`${money(now - then, currency, { signed: true })}${then && now / then > 0 ? html`<br /><span class="soft">${share(now / then - 1, true)}</span>` : ""}`;
  const there = (/** @type {string} */ key) => href("/movements", { range: "", from: before.days.from, to: before.days.to, interval, ...narrowed(Object.fromEntries(new URLSearchParams(location.search))), kind: key, compare: "" });
  return html`<tr class="compared"><th scope="row"><a href=${there("")}>${spanName(before.days)}</a></th><td class="num">${money(first(before.list), currency)}</td>
      ${lines.map(([key]) => html`<td class="num" key=${key}>${["transfer", "prior_period"].includes(key) || !total(key, before.list) ? money(total(key, before.list), currency, { signed: true }) : html`<a href=${there(key)}>${money(total(key, before.list), currency, { signed: true })}</a>`}</td>`)}<td class="num">${money(last(before.list), currency)}</td>${customers && html`<td class="num">${count(before.list[before.list.length - 1].customers)}</td>`}</tr>
    <tr class="compared"><th scope="row">Difference</th><td class="num">${apart(first(list), first(before.list))}</td>${lines.map(([key]) => html`<td class="num" key=${key}>${apart(total(key), total(key, before.list))}</td>`)}<td class="num">${apart(last(list), last(before.list))}</td>${customers && html`<td class="num">${count(list[list.length - 1].customers - before.list[before.list.length - 1].customers, true)}</td>`}</tr>`;
}
