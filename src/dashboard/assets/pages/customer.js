// One customer: what they pay, how it came about step by step, and the webhooks every step rests on.
import { html, useEffect, useState } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { Chart } from "../charts.js";
import { endOfMonth, monthOf, plusMonths, today } from "../days.js";
import { count, country, date, instant, money, period, several, units, words } from "../format.js";
import { marksOn, stated, useLedger } from "../ledger.js";
import { Answered, capital, Card, Change, Choice, Empty, Event, Events, Kind, Part, Table, useTitle, AtStripe, CopyLink, Csv, Dialog } from "../parts.js";
import { choose, href } from "../route.js";
import { compactUnits } from "./overview.js";

export const VIEWS = [["movements", "Movements"], ["rules", "Every rule"], ["invoices", "Invoices read"], ["events", "Events"]];

/** @param {{ id: string, query: Record<string, string> }} props */
export function One({ id, query }) {
  const ledger = useLedger();
  const at = `/api/v1/customers/${encodeURIComponent(id)}`;
  const one = useApi(address(at, { ...ledger.common, currency: query.currency }));
  const doubts = useApi(address("/api/v1/quality", { ...ledger.common, currency: query.currency, customer: id, limit: 50 }));
  // A cut list is one of these too: then it is part of an item’s subscription that isn’t known.
  const unpriced = (doubts.data?.data ?? []).filter((/** @type {any} */ item) => item.kind === "unpriced_item").length;
  const name = one.data?.name ?? id;
  useTitle(name);
  const view = query.view ?? "movements";
  const live = !ledger.test;
  useEffect(() => {
    if (one.data && query.movement) document.getElementById(query.movement)?.scrollIntoView({ block: "center" });
  }, [one.data !== undefined, query.movement]);
  return html`${one.error && !one.data && html`<header class="pagehead"><div><p class="crumbs"><a href=${href("/customers")}>Customers</a></p><h1 class="id">${id}</h1></div></header>`}<${Answered} of=${one} lines=${8} tall>${(/** @type {any} */ data) => html`
    <header class="pagehead"><div><p class="crumbs"><a href=${href("/customers")}>Customers</a></p><h1>${data.name ?? html`<span class="id">${id}</span>`}</h1>
      <p class="lead">${data.name && html`<span class="id">${data.id}</span> · `}${data.email && html`${data.email} · `}${data.country ? `${country(data.country)} · ` : ""}${data.first_mrr_at ? `first MRR on ${date(data.first_mrr_at)}` : "never paid"}${data.account ? ` · account ${data.account}` : ""} <span class="still">· <${AtStripe} of="customers" id=${data.id} account=${data.account} livemode=${live} /></span></p>
      ${data.stripe_customers && html`<p class="lead">Stripe’s customers in it: <span class="id">${data.stripe_customers.join(", ")}</span></p>`}</div>
      <div class="tools"><${Csv} to=${`${at}/explain`} query=${ledger.common} name=${`explain-${id}`} /><${CopyLink} /></div></header>
    <dl class="figures three row1"><div class="figure"><dt>MRR now</dt><dd><span class="value">${data.mrr.filter((/** @type {any} */ mrr) => mrr.mrr !== 0).map((/** @type {any} */ mrr) => money(mrr.mrr, mrr.currency)).join(" + ") || (unpriced ? "not known" : money(0, data.mrr[0]?.currency ?? ledger.currency))}</span>${unpriced > 0 && html`<span class="note warn">${several(unpriced, "item")} of unknown price</span>`}</dd></div>
      <div class="figure"><dt>Subscriptions that count</dt><dd><span class="value">${count(data.subscriptions_active)}</span><span class="note">of ${count(data.subscriptions.length)}</span></dd></div>
      <div class="figure"><dt>Movements</dt><dd><span class="value">${count(data.movements.length)}${data.movements_next_cursor ? "+" : ""}</span></dd></div></dl>
    <div class="grid">
      ${data.movements.length > 0 && html`<${Card} title="MRR over time" wide><${OverTime} data=${data} query=${query} /><//>`}
      <${Card} title="Subscriptions" wide>${data.subscriptions.length === 0 ? html`<${Empty} title="No subscription of this customer is known." />` : html`<${Table} caption="Subscriptions" cls="cardy" head=${["Subscription", "Status", "Started", "Ends", "Latest event", "MRR"]} numbers=${[5]}
        rows=${data.subscriptions.map((/** @type {any} */ sub) => ({ key: sub.id, cells: [html`<span class="id">${sub.id}</span> <span class="soft"><${AtStripe} of="subscriptions" id=${sub.id} account=${data.account} livemode=${live} /></span>`, words(sub.status), date(sub.started_at), sub.ended_at ? `ended ${date(sub.ended_at)}` : sub.ends_at ? html`<strong class="warn">${date(sub.ends_at)}</strong>` : "–", html`<${Event} id=${sub.event} />`, !sub.currency ? "–" : unpriced && sub.mrr === 0 && sub.status !== "canceled" ? html`<span class="warn">not known</span>` : money(sub.mrr, sub.currency)] }))} />`}<//>
      <${Card} title="How it came about" wide tools=${html`<${Choice} label="What is shown" value=${view} options=${VIEWS} choose=${(/** @type {string} */ next) => choose({ view: next === "movements" ? "" : next })} />`}>
        ${view === "movements" && html`<${Story} data=${data} marked=${query.movement} />`}
        ${view === "rules" && html`<${Explained} at=${at} />`}
        ${view === "events" && html`<${EventsOf} id=${data.id} account=${data.account} />`}
        ${view === "invoices" && html`<${Invoices} at=${at} data=${data} live=${live} />`}<//>
      <${Quality} found=${doubts} />
    </div>`}<//>`;
}

/** @param {{ data: any, query: Record<string, string> }} props */
function OverTime({ data, query }) {
  const ledger = useLedger();
  /** @type {Map<string, any[]>} */
  const by = new Map();
  for (const move of data.movements) { if (move.kind !== "transient") by.set(move.currency, [...(by.get(move.currency) ?? []), move]); }
  const [currency, moves] = [...by].sort((a, b) => b[1].length - a[1].length)[0] ?? [];
  if (!moves) return html`<${Empty} title="MRR never moved." />`;
  const months = [];
  const end = moves.at(-1).day > today() ? moves.at(-1).day : today();
  for (let month = monthOf(moves[0].day); month <= end && months.length < 120; month = plusMonths(month, 1)) months.push(month);
  const closing = months.map((month) => moves.filter((/** @type {any} */ move) => move.day <= endOfMonth(month)).at(-1)?.after ?? 0);
  return html`<${Chart} title=${`MRR of ${data.name ?? data.id}`} says=${stated(ledger, { ...query, range: "all" })} name="mrr-of-customer" starts=${months} marks=${marksOn(ledger, months.map((month) => ({ start: month, end: endOfMonth(month) })))} height=${140} labels=${months.map((month) => period(month, month, "month"))} tick=${(/** @type {number} */ value) => compactUnits(value, currency)} partial
    series=${[{ key: "mrr", name: `MRR, ${currency.toUpperCase()}`, color: "accent", as: "bar", values: closing.map((one) => units(one, currency)), text: closing.map((one) => money(one, currency)) }]}
    open=${(/** @type {number} */ i) => { const move = moves.filter((/** @type {any} */ one) => monthOf(one.day) === months[i]).at(-1); return move ? href(`/customers/${encodeURIComponent(data.id)}`, { movement: move.id }) : null; }} />`;
}

/** @param {{ data: any, marked?: string }} props */
function Story({ data, marked }) {
  if (!data.movements.length) return html`<${Empty} title="MRR never moved.">“Every rule” says what was read and why it doesn’t count.<//>`;
  return html`<ol class="story">${[...data.movements].reverse().map((move) => html`<li key=${move.id} id=${move.id} class=${`${move.amount < 0 ? "loss" : "gain"} ${move.id === marked ? "marked" : ""}`}>
    <div><strong>${date(move.day)}</strong> <${Kind} kind=${move.kind} amount=${move.amount} /> <strong><${Change} amount=${move.amount} currency=${move.currency} /></strong> <span class="soft">${money(move.before, move.currency)} → ${money(move.after, move.currency)}</span></div>
    ${move.parts.map((/** @type {any} */ part, /** @type {number} */ i) => html`<${Part} key=${i} part=${part} currency=${move.currency} />`)}
    <a class="button quiet small" href=${href(`/customers/${encodeURIComponent(data.id)}`, { view: "rules", day: move.day })}>The arithmetic of this day</a></li>`)}</ol>`;
}

const STAGES = /** @type {Record<string, string>} */ ({ state: "what Stripe said", amount: "the amount", counts: "what counts", quality: "not known", movement: "the movement" });

/** What came of a day. @param {any[]} steps */
function summed(steps) {
  // A movement is the customer’s; its parts, which name a subscription, sum to it.
  const moves = steps.filter((step) => step.stage === "movement" && !step.subscription && step.amount !== null && step.currency);
  return moves.length ? html`${moves.map((step, i) => html`${i ? ", " : ""}<${Change} key=${i} amount=${step.amount} currency=${step.currency} />`)}` : "nothing moved";
}

/** The chain from event to money, a day at a time. @param {{ at: string }} props */
function Explained({ at }) {
  const ledger = useLedger();
  const day = new URLSearchParams(location.search).get("day") ?? "";
  const answer = useApi(address(`${at}/explain`, { ...ledger.common, day }));
  const rules = useApi("/api/v1/rules", { still: true });
  const [rule, open] = useState("");
  const text = rules.data?.data.find((/** @type {any} */ one) => one.name === rule)?.text;
  return html`${rule && html`<${Dialog} title=${`The rule: ${words(rule.replaceAll("-", " "))}`} close=${() => open("")}><pre class="rule" tabindex="0">${text ?? "Loading…"}</pre><//>`}
    ${day && html`<p>Only ${date(day)}. <button type="button" class="link" onClick=${() => choose({ day: "" })}>All days</button></p>`}
    <${Answered} of=${answer} lines=${10} empty=${(/** @type {any} */ data) => data.steps.length === 0} none=${html`<${Empty} title="Nothing was derived for this day." />`}>${(/** @type {any} */ data) => {
      /** @type {Map<string, any[]>} */
      const days = new Map();
      for (const step of data.steps) days.set(step.day, [...(days.get(step.day) ?? []), step]);
      return html`<p class="soft">Each line is one rule and what it made; the events beside it are what it rests on.</p>
        ${[...days].reverse().map(([of, steps], place) => html`<details class="chain" key=${of} open=${Boolean(day) || place < 3 || steps.some((step) => step.stage === "quality")}><summary><h3>${date(of, { dateStyle: "full" })}</h3> <span class="soft">${summed(steps)}</span></summary><ol class="steps">${steps.map((step, i) => html`<li key=${i} class=${`step ${step.stage}`}>
          <span class="stage">${STAGES[step.stage] ?? words(step.stage)}</span>
          <span class="text">${step.text}${step.subscription && step.stage === "state" ? html` <span class="id soft">${step.subscription}</span>` : ""}
            <span class="source"><button type="button" class="link" onClick=${() => open(step.rule)}>${words(step.rule.replaceAll("-", " "))}</button>${step.events.length ? html` · <${Events} ids=${step.events} />` : ""}</span></span>
          <span class="num">${step.amount !== null && step.currency ? (step.stage === "movement" ? html`<${Change} amount=${step.amount} currency=${step.currency} />` : money(step.amount, step.currency)) : ""}</span></li>`)}</ol></details>`)}`;
    }}<//>`;
}

/** What was read of each invoice: payments and estimates rest on them. @param {{ at: string, data: any, live: boolean }} props */
function Invoices({ at, data, live }) {
  const ledger = useLedger();
  const read = useApi(address(`${at}/invoices`, ledger.common));
  return html`<${Answered} of=${read} lines=${6} empty=${(/** @type {any} */ found) => found.data.length === 0} none=${html`<${Empty} title="No invoice of this customer arrived." />`}>${(/** @type {any} */ found) => html`
    <p class="soft">Invoices are never MRR by themselves: they show what was paid, what metered items cost, and what ran before the log began.</p>
    <${Table} caption="Invoices read" cls="cardy" head=${["Invoice", "Made", "For", "Lines", "Status", "Total", "Events"]} numbers=${[5]} rows=${found.data.map((/** @type {any} */ one) => ({ key: one.id, cells: [html`<span class="id">${one.id}</span> <span class="soft"><${AtStripe} of="invoices" id=${one.id} account=${data.account} livemode=${live} /></span>`, date(one.created), words(one.billing_reason ?? "–"),
      html`<${Lines} one=${one} />`, html`${words(one.status)}${one.paid_at && html` <span class="soft still">${date(one.paid_at)}</span>`}`, one.currency ? html`${money(one.total, one.currency)}${one.discount ? html`<br /><span class="soft">after ${money(one.discount, one.currency)} off</span>` : ""}` : "–", html`<${Events} ids=${[...one.events].reverse()} most=${1} />`] }))} />`}<//>`;
}

/** @type {Intl.DateTimeFormatOptions} */
const SHORT = { month: "short", day: "numeric", year: "2-digit" };
/** @param {{ one: any }} props */
const Lines = ({ one }) => html`<ul class="lines">${one.lines.slice(0, 6).map((/** @type {any} */ line, /** @type {number} */ i) => html`<li key=${i}>${line.quantity && line.quantity !== "1" ? `${count(line.quantity)} × ` : ""}${line.product_name ?? line.price_name ?? line.product ?? line.price ?? "one-off"}${line.proration ? ", correction" : ""}${one.currency ? ` ${money(line.amount, one.currency)}` : ""}${line.from && line.to ? html` <span class="soft">${date(line.from, SHORT)} – ${date(line.to, SHORT)}</span>` : ""}</li>`)}${one.lines.length > 6 && html`<li class="soft">and ${count(one.lines.length - 6)} more</li>`}${!one.lines_complete && html`<li class="soft">Stripe’s event held only the first lines</li>`}</ul>`;

/** @param {{ id: string, account?: string }} props */
function EventsOf({ id, account }) {
  const order = "desc";
  const events = useApi(address("/api/v1/events", { customer: id, order, limit: 200, account: account ?? "own" }));
  return html`<${Answered} of=${events} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="No event names this customer." />`}>${(/** @type {any} */ data) => html`
    <${Table} caption="Events" cls="cardy" head=${["Event", "Type", "Created", "Received", "Reading"]} rows=${data.data.map((/** @type {any} */ one) => ({ key: one.seq, cells: [html`<${Event} id=${one.id} />`, one.type, instant(one.created), instant(one.received_at), html`${words(one.reading)}${one.reason ? html` <span class="soft">${one.reason}</span>` : ""}`] }))} />`}<//>`;
}

/** @param {{ found: any }} props */
function Quality({ found }) {
  return html`<${Card} title="What couldn’t be known" wide><${Answered} of=${found} lines=${2} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="Everything about this customer could be read, priced and put in order." />`}>${(/** @type {any} */ data) => html`
    <ol class="story">${data.data.map((/** @type {any} */ item, /** @type {number} */ i) => html`<li key=${i} class="doubt"><div><span class="pill warn">${words(item.kind)}</span> ${date(item.at)} · <span class="id">${item.object}</span></div><div>${capital(item.detail)}</div><div class="part">It would be settled by: ${item.settle}${item.event ? html` · <${Event} id=${item.event} />` : ""}</div></li>`)}</ol>`}<//><//>`;
}
