// Movements: the bridge of any span with every cell open to what made it, and the list behind it, filtered.
import { html } from "../vendor/preact.js";
import { address, useApi, usePages } from "../api.js";
import { count, money, period, words } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Card, Csv, Empty, More, PageHead, Select, Text } from "../parts.js";
import { choose, here, href, span } from "../route.js";
import { CAUSES, KINDS, ROLLUPS } from "../words.js";
import { Bridge, MovementTable, linesOf } from "./overview.js";

const FILTERS = ["kind", "cause", "rollup", "product", "price", "billing", "country", "metadata", "customer"];

/** @param {{ query: Record<string, string> }} props */
export function Movements({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const days = span(query);
  const interval = query.interval ?? "month";
  const ahead = query.ahead === "yes";
  const bridge = useApi(address("/api/v1/mrr", { ...ledger.money, from: days.from, to: days.to, interval, include: ahead ? "scheduled" : undefined }));
  const asked = { ...ledger.money, from: days.from, to: days.to, include: ahead ? "scheduled" : undefined, kind: query.kind, cause: query.cause, rollup: query.rollup, product: query.product, price: query.price,
    billing: query.billing, country: query.country, metadata: query.metadata, customer: query.customer, order: query.order ?? "desc" };
  const pages = usePages(address("/api/v1/movements", { ...asked, limit: 100 }));
  const list = (/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => one.currency === currency);
  const some = FILTERS.filter((key) => query[key]);
  const sides = (pages.data ?? []).flatMap((/** @type {any} */ one) => one.parts.flatMap((/** @type {any} */ part) => [part.before, part.after])).filter(Boolean);
  const known = (/** @type {string} */ key) => [...new Set(sides.map((/** @type {any} */ side) => side[key]).filter(Boolean))].sort();
  return html`<${PageHead} title="Movements" lead=${ahead ? "What is already written ahead: scheduled ends, discounts that run out." : "Every change of MRR in this span, each with its cause and the webhooks that show it."} tools=${html`<${Csv} to="/api/v1/movements" query=${{ ...asked, limit: 1000 }} name="movements" />`} />
    <div class="grid">
    <${Card} title="The bridge" wide busy=${bridge.stale} tools=${html`<${Csv} to="/api/v1/mrr" query=${{ ...ledger.money, from: days.from, to: days.to, interval }} name="bridge" />`}><${Answered} of=${bridge} tall empty=${(/** @type {any} */ data) => list(data).length === 0} none=${html`<${Empty} title="No figures in this span.">Choose a longer range or another currency.<//>`}>${(/** @type {any} */ data) => html`
      <${Bridge} list=${list(data)} query=${query} interval=${interval} /><${BridgeTable} list=${list(data)} query=${query} interval=${interval} />`}<//><//>
    <${Card} title=${some.length ? "The movements that match" : "The movements"} wide busy=${pages.stale} tools=${some.length > 0 && html`<a class="button quiet" href=${here(Object.fromEntries(FILTERS.map((key) => [key, ""])))}>Clear filters</a>`}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Select} label="Kind" value=${query.kind ?? ""} options=${[["", "any"], ...KINDS.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ kind) => choose({ kind })} />
        <${Select} label="Roll-up" value=${query.rollup ?? ""} options=${[["", "any"], ...ROLLUPS.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ rollup) => choose({ rollup })} />
        <${Select} label="Cause" value=${query.cause ?? ""} options=${[["", "any"], ...CAUSES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ cause) => choose({ cause })} />
        <${Named} label="Product" value=${query.product ?? ""} list=${known("product")} choose=${(/** @type {string} */ product) => choose({ product })} />
        <${Named} label="Price" value=${query.price ?? ""} list=${known("price")} choose=${(/** @type {string} */ price) => choose({ price })} />
        <${Select} label="Billed" value=${query.billing ?? ""} options=${[["", "any"], ["month", "by month"], ["year", "by year"], ["week", "by week"], ["day", "by day"], ["3 month", "by quarter"]]} choose=${(/** @type {string} */ billing) => choose({ billing })} />
        <${Text} label="Country" value=${query.country ?? ""} placeholder="DE" choose=${(/** @type {string} */ country) => choose({ country: country.toUpperCase() })} />
        <${Text} label="Metadata" value=${query.metadata ?? ""} placeholder="key:value" choose=${(/** @type {string} */ metadata) => choose({ metadata })} />
        <${Text} label="Customer" value=${query.customer ?? ""} placeholder="cus_…" choose=${(/** @type {string} */ customer) => choose({ customer })} />
        <${Select} label="Order" value=${query.order ?? "desc"} options=${[["desc", "newest first"], ["asc", "oldest first"]]} choose=${(/** @type {string} */ order) => choose({ order })} />
      </form>
      <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title=${some.length ? "No movement matches." : "Nothing moved in this span."}>${some.length ? html`<a href=${here(Object.fromEntries(FILTERS.map((key) => [key, ""])))}>Clear the filters</a> or choose a longer range.` : "Choose a longer range."}<//>`}>${(/** @type {any[]} */ data) => html`
        <p class="soft">${count(data.length)}${pages.next ? " so far" : ""} movements, together ${sum(data)}</p>
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

/** A product or price, with those in sight to choose from. @param {{ label: string, value: string, list: string[], choose: (value: string) => void }} props */
const Named = ({ label, value, list, choose: take }) => html`<${Text} label=${label} value=${value} list=${`known-${label}`} placeholder=${label === "Price" ? "price_…" : "prod_…"} choose=${take} />
  <datalist id=${`known-${label}`}>${list.map((one) => html`<option key=${one} value=${one} />`)}</datalist>`;

/** The bridge as a table: a column a period, a line a kind; every cell opens the movements behind it. @param {{ list: any[], query: Record<string, string>, interval: string }} props */
export function BridgeTable({ list, query, interval }) {
  const { currency } = useLedger();
  const lines = linesOf(list);
  const to = (/** @type {any} */ one, /** @type {string} */ kind) => href("/movements", { range: "", from: one.start, to: one.end, interval, kind, ahead: query.ahead });
  const total = (/** @type {string} */ key) => list.reduce((all, one) => all + Number(one[`${key}_exact`] ?? 0), 0);
  const customers = list.some((one) => one.customers !== undefined);
  return html`<div class="scroll bridge" tabindex="0" role="region" aria-label="The bridge as a table"><table><caption class="unseen">The bridge, in ${currency.toUpperCase()}</caption>
    <thead><tr><th scope="col">Line</th>${list.map((one) => html`<th scope="col" class="num" key=${one.start}><a href=${to(one, "")}>${period(one.start, one.end, interval)}</a>${one.partial ? html`<span class="soft"> so far</span>` : ""}</th>`)}${list.length > 1 && html`<th scope="col" class="num">All</th>`}</tr></thead>
    <tbody><tr class="sum"><th scope="row">Opening</th>${list.map((one) => html`<td class="num" key=${one.start}>${money(one.opening, currency)}</td>`)}${list.length > 1 && html`<td class="num">${money(list[0].opening, currency)}</td>`}</tr>
      ${lines.map(([key, name]) => html`<tr key=${key}><th scope="row"><i class=${`key k-${key}`}></i>${name}</th>${list.map((one) => html`<td class="num" key=${one.start}>${one[key] ? (["transfer", "prior_period"].includes(key) ? money(one[key], currency, { signed: true }) : html`<a href=${to(one, key)}>${money(one[key], currency, { signed: true })}</a>`) : html`<span class="soft">0</span>`}</td>`)}
        ${list.length > 1 && html`<td class="num">${["transfer", "prior_period"].includes(key) ? money(total(key), currency, { signed: true }) : html`<a href=${here({ kind: key })}>${money(total(key), currency, { signed: true })}</a>`}</td>`}</tr>`)}
      <tr class="sum"><th scope="row">Closing</th>${list.map((one) => html`<td class="num" key=${one.start}>${money(one.closing, currency)}</td>`)}${list.length > 1 && html`<td class="num">${money(list[list.length - 1].closing, currency)}</td>`}</tr>
      ${customers && html`<tr><th scope="row">Customers</th>${list.map((one) => html`<td class="num" key=${one.start}>${count(one.customers)}</td>`)}${list.length > 1 && html`<td></td>`}</tr>`}</tbody></table></div>`;
}
