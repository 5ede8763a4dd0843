// Customers: found by id, name, e-mail or metadata, sorted by what they bring; each with a page of its own.
import { html } from "../vendor/preact.js";
import { address, usePages } from "../api.js";
import { count, country, date, money } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Card, Csv, Customer, Empty, More, PageHead, Select, Table, Text } from "../parts.js";
import { choose, here } from "../route.js";
import { One } from "./customer.js";
import { endingOf } from "./overview.js";

/** @param {{ path: string[], query: Record<string, string> }} props */
export const Customers = ({ path, query }) => (path[1] ? html`<${One} id=${path[1]} query=${query} key=${path[1]} />` : html`<${List} query=${query} />`);

export const SORTS = [["mrr", "most MRR"], ["since", "newest first"], ["ends", "next to end"], ["name", "name"], ["id", "id"]];
export const STATES = [["", "any"], ["paying", "paying"], ["past_due", "payment failed"], ["ending", "set to end"], ["trialing", "on trial"], ["left", "left"]];

/** @param {{ query: Record<string, string> }} props */
function List({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const sort = query.sort ?? (query.state === "ending" ? "ends" : "mrr");
  const asked = { ...ledger.common, ...ledger.segment, q: query.q, sort, state: query.state, cohort: query.cohort, currency: ledger.money.currency };
  const ends = query.state === "ending" || sort === "ends";
  const by = (/** @type {string} */ key, /** @type {string} */ name) => html`<button type="button" class="sort" aria-pressed=${String(sort === key)} onClick=${() => choose({ sort: key })}>${name}${sort === key ? " ▾" : ""}</button>`;
  const some = query.q || query.state || query.cohort || query.where || query.segment;
  const pages = usePages(address("/api/v1/customers", { ...asked, limit: 100 }));
  return html`<${PageHead} title="Customers" lead="Who pays what, now or as known at another time." tools=${html`<${Csv} to="/api/v1/customers" query=${{ ...asked, limit: 1000 }} name="customers" />`} />
    <${Card} title=${query.q ? `Customers that match “${query.q}”` : "Customers"} busy=${pages.stale}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Text} label="Search" value=${query.q ?? ""} placeholder="id, name, e-mail, key:value" soon choose=${(/** @type {string} */ q) => choose({ q }, true)} />
        <${Select} label="State" value=${query.state ?? ""} options=${STATES} choose=${(/** @type {string} */ state) => choose({ state })} />
        <${Text} label="First paid in" type="month" value=${query.cohort ?? ""} choose=${(/** @type {string} */ cohort) => choose({ cohort })} />
        <${Select} label="Sorted by" value=${sort} options=${SORTS} choose=${(/** @type {string} */ value) => choose({ sort: value })} /></form>
      <${Answered} of=${pages} lines=${10} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title=${some ? "No customer matches." : "No customers yet."}>${some ? html`<a href=${here({ q: "", state: "", cohort: "", where: "", segment: "", current: "" })}>Show all</a>` : "They appear with the first webhook about a subscription."}<//>`}>${(/** @type {any[]} */ data) => html`
        ${ends && data.some((one) => one.scheduled_churn && one.mrr.every((/** @type {any} */ mrr) => mrr.mrr === 0)) && html`<p class="soft">Where MRR is 0 already, the profile ${ledger.profile} counts a cancellation when it is asked for; what is set to end is paid until its day.</p>`}
        <${Table} caption="Customers" cls="cardy" head=${[by("name", "Customer"), "Country", by("since", "First MRR"), ...(ends ? [by("ends", "Ends"), "Set to end"] : []), "Subscriptions", by("mrr", "MRR")]} heads=${["Customer", "Country", "First MRR", ...(ends ? ["Ends", "Set to end"] : []), "Subscriptions", "MRR"]} numbers=${ends ? [4, 5, 6] : [3, 4]} rows=${data.map((one) => ({ key: `${one.account ?? ""}/${one.id}`, cells: [
          html`<${Customer} id=${one.id} name=${one.name} account=${one.account} />${one.email && html` <span class="soft mail">${one.email}</span>`}`, country(one.country), one.first_mrr_at ? date(one.first_mrr_at) : "–", ...(ends ? [date(one.ends_at), endingOf(one)] : []), count(one.subscriptions_active),
          one.mrr.length === 0 ? "–" : one.mrr.filter((/** @type {any} */ mrr) => one.mrr.length === 1 || mrr.mrr !== 0 || mrr.currency === currency).map((/** @type {any} */ mrr) => money(mrr.mrr, mrr.currency)).join(" + ")] }))} />
        <${More} pages=${pages} />`}<//><//>`;
}
