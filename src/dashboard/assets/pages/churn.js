// Churn: who left, how much went with them, and why; failed payments and what became of them; who came back.
import { html } from "../vendor/preact.js";
import { address, useApi, usePages } from "../api.js";
import { Chart } from "../charts.js";
import { count, date, money, period, several, share, units, words } from "../format.js";
import { marksOn, stated, useLedger } from "../ledger.js";
import { Answered, Card, Choice, Csv, Customer, Empty, More, PageHead, Table } from "../parts.js";
import { choose, href, span } from "../route.js";
import { MovementTable, compactUnits } from "./overview.js";

/** What kind of leaving a cause is. @type {Record<string, string>} */
const NATURE = { cancellation: "voluntary", payment_failure: "involuntary", dispute: "involuntary", retention_policy: "involuntary", unknown_end: "unknown", other: "unknown" };
const NATURES = /** @type {const} */ ([["voluntary", "Voluntary", "churn"], ["involuntary", "Involuntary", "prior_period"], ["unknown", "Unknown", "opening_balance"], ["else", "Paused, free or discounted", "contraction"]]);
const natureOf = (/** @type {string} */ cause) => NATURE[cause] ?? "else";

/** @param {{ query: Record<string, string> }} props */
export function Churn({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const days = span(query);
  const by = query.by ?? "money";
  const asked = { ...ledger.money, from: days.from, to: days.to };
  const causes = useApi(address("/api/v1/mrr", { ...asked, group_by: "cause" }));
  const metrics = useApi(address("/api/v1/metrics", asked));
  const left = usePages(address("/api/v1/movements", { ...asked, kind: "churn", order: "desc", comments: "true", limit: 100 }));
  const back = useApi(address("/api/v1/movements", { ...asked, kind: "reactivation", order: "desc", limit: 100 }));
  const all = useApi(address("/api/v1/movements", { ...asked, kind: "churn", order: "desc", limit: 1000 }));
  const mine = (/** @type {any[]} */ list) => (list ?? []).filter((one) => one.currency === currency);
  const months = mine(metrics.data?.data);
  const lost = mine(all.data?.data);
  const last = months.at(-1);
  const partial = last?.partial === true;
  return html`<${PageHead} title="Churn" lead="Who left and why. No evidence counts as unknown, never as voluntary." tools=${html`<${Csv} to="/api/v1/movements" query=${{ ...asked, kind: "churn", limit: 1000 }} name="churn" />`} />
    <${Answered} of=${all} lines=${3}>${() => html`${all.data.next_cursor && html`<p class="late" role="status">More than a thousand customers left in this span: what is split by reason counts the latest thousand. Choose a shorter range for all of it.</p>`}<${Totals} lost=${lost} back=${mine(back.data?.data)} more=${Boolean(all.data.next_cursor)} />`}<//>
    <div class="grid">
      <${Card} title="Churn by month" wide busy=${causes.stale} note=${last && `Customer churn of ${period(last.start, last.end, "month")}${partial ? " so far" : ""}: ${share(last.customer_churn.value)}.`} tools=${html`<${Choice} label="Counted by" value=${by} options=${[["money", "Money"], ["customers", "Customers"]]} choose=${(/** @type {string} */ value) => choose({ by: value === "money" ? "" : value })} />`}>
        <${Answered} of=${metrics} tall empty=${() => months.length === 0} none=${html`<${Empty} title="No figures in this span." />`}>${() => html`<${Answered} of=${by === "money" ? causes : all} tall>${() => html`<${ByMonth} months=${months} causes=${mine(causes.data?.data)} lost=${lost} by=${by} query=${query} partial=${partial} />`}<//>`}<//><//>
      <${Card} title="Reasons" wide busy=${all.stale}><${Answered} of=${all} empty=${() => lost.length === 0} none=${html`<${Empty} title="Nobody left in this span." />`}>${() => html`<${Reasons} lost=${lost} query=${query} />`}<//><//>
      <${Failures} days=${days} />
      <${Card} title="Who left" wide busy=${left.stale}><${Answered} of=${left} empty=${(/** @type {any[]} */ data) => mine(data).length === 0} none=${html`<${Empty} title="Nobody left in this span." />`}>${(/** @type {any[]} */ data) => html`<${MovementTable} caption="Who left" list=${mine(data)} lost /><${More} pages=${left} />`}<//><//>
      <${Card} title="Who came back" wide busy=${back.stale}><${Answered} of=${back} empty=${(/** @type {any} */ data) => mine(data.data).length === 0} none=${html`<${Empty} title="Nobody came back in this span." />`}>${(/** @type {any} */ data) => html`<${MovementTable} caption="Who came back" list=${mine(data.data)} />`}<//><//>
    </div>`;
}

/** @param {any[]} list */
const together = (list) => list.reduce((sum, one) => sum + Number(one.amount_exact), 0);
const main = (/** @type {any} */ move) => move.parts.reduce((/** @type {any} */ most, /** @type {any} */ part) => (!most || Math.abs(part.amount) > Math.abs(most.amount) ? part : most), null);

/** @param {{ lost: any[], back: any[], more: boolean }} props */
function Totals({ lost, back, more }) {
  const { currency } = useLedger();
  const of = (/** @type {string} */ nature) => lost.filter((one) => natureOf(main(one)?.cause) === nature);
  const figure = (/** @type {string} */ name, /** @type {any} */ value, /** @type {any} */ note) => html`<div class="figure"><dt>${name}</dt><dd><span class="value">${value}</span><span class="note">${note}</span></dd></div>`;
  const times = (/** @type {string} */ name, /** @type {any[]} */ list) => figure(name, several(list.length, "time"), money(together(list), currency));
  // Who left, came back and left again is one customer, lost twice.
  const customers = new Set(lost.map((one) => `${one.account ?? ""}/${one.customer}`)).size;
  return html`<dl class="figures row1" aria-label="Churn in this span">
    ${figure("Customers lost", `${count(customers)}${more ? "+" : ""}`, `${money(together(lost), currency)}${customers === lost.length ? "" : ` · left ${count(lost.length)} times`}`)}
    ${times("Voluntary", of("voluntary"))}
    ${times("Involuntary", of("involuntary"))}
    ${times("Unknown, paused, free or discounted", [...of("unknown"), ...of("else")])}
    ${figure("Came back", several(back.length, "time"), money(together(back), currency, { signed: true }))}</dl>`;
}

/** @param {{ months: any[], causes: any[], lost: any[], by: string, query: Record<string, string>, partial: boolean }} props */
function ByMonth({ months, causes, lost, by, query, partial }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const series = NATURES.map(([key, name, color]) => {
    const values = months.map((month) => (by === "money"
      ? causes.filter((one) => one.start === month.start && natureOf(one.group) === key).reduce((sum, one) => sum + Number(one.churn_exact), 0)
      : -lost.filter((one) => one.day >= month.start && one.day <= month.end && natureOf(main(one)?.cause) === key).length));
    return { key, name, color, as: /** @type {const} */ ("bar"), values: values.map((value) => (by === "money" ? units(value, currency) : value)), text: values.map((value) => (by === "money" ? money(value, currency) : count(-value))) };
  }).filter((one) => one.values.some((value) => value !== 0));
  if (!series.length) return html`<${Empty} title="Nobody left in this span." />`;
  return html`<${Chart} title=${by === "money" ? "MRR lost by month" : "Customers lost by month"} says=${stated(ledger, query)} name="churn" stacked partial=${partial} marks=${marksOn(ledger, months)} starts=${months.map((one) => one.start)} labels=${months.map((one) => period(one.start, one.end, "month"))} series=${series}
    tick=${(/** @type {number} */ value) => (by === "money" ? compactUnits(value, currency) : count(-value))} open=${(/** @type {number} */ i, /** @type {string | undefined} */ key) => href("/movements", { range: "", from: months[i].start, to: months[i].end, kind: "churn", rollup: key && key !== "else" ? key : "" })} />`;
}

/** @param {{ lost: any[], query: Record<string, string> }} props */
function Reasons({ lost, query }) {
  const { currency } = useLedger();
  const days = span(query);
  /** @type {Map<string, { cause: string, feedback: string | undefined, list: any[] }>} */
  const reasons = new Map();
  for (const one of lost) {
    const part = main(one);
    const [cause, feedback] = [part?.cause ?? "other", one.parts.map((/** @type {any} */ each) => each.feedback).find(Boolean)];
    const key = `${cause} ${feedback ?? ""}`;
    const kept = reasons.get(key) ?? { cause, feedback, list: /** @type {any[]} */ ([]) };
    kept.list.push(one);
    reasons.set(key, kept);
  }
  const all = together(lost);
  return html`<${Table} caption="Reasons" cls="cardy" head=${["Reason", "What they said", "Times", "MRR lost", "Share"]} numbers=${[2, 3, 4]} rows=${[...reasons].sort((a, b) => together(a[1].list) - together(b[1].list)).map(([key, { cause, feedback, list }]) => ({ key, cells: [
    html`<a href=${href("/movements", { range: "", from: days.from, to: days.to, kind: "churn", cause })}>${words(cause)}</a>`, feedback ? `“${words(feedback)}”` : html`<span class="soft">nothing</span>`, count(list.length), money(together(list), currency), share(all ? together(list) / all : null)] }))} />`;
}

/** Whose payments failed, and what became of the money: recovered, lost, or open. @param {{ days: { from?: string, to: string } }} props */
function Failures({ days }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const asked = { ...ledger.money, from: days.from, to: days.to };
  const pages = usePages(address("/api/v1/failed-payments", { ...asked, limit: 1000 }));
  return html`<${Card} title="Failed payments" wide busy=${pages.stale} note="Payments that failed in this span, and what became of the MRR they put at risk." tools=${html`<${Csv} to="/api/v1/failed-payments" query=${{ ...asked, limit: 1000 }} name="failed-payments" />`}>
    <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.every((one) => one.currency !== currency)} none=${html`<${Empty} title="No payment failed in this span." />`}>${(/** @type {any[]} */ all) => {
      const data = all.filter((one) => one.currency === currency);
      const sum = (/** @type {string} */ key) => data.reduce((total, one) => total + Number(one[`${key}_exact`]), 0);
      const figure = (/** @type {string} */ name, /** @type {string} */ key, /** @type {string[]} */ outcome, /** @type {string} */ cls) => html`<div><dt>${name}</dt><dd class=${cls}>${money(sum(key), currency)} <span class="times">${several(data.filter((one) => !outcome.length || outcome.includes(one.outcome)).length, "time")}</span></dd></div>`;
      const partly = data.filter((one) => one.outcome === "partly_lost").length;
      const tone = /** @type {Record<string, string>} */ ({ recovered: "up", lost: "down", partly_lost: "down", open: "warn" });
      return html`<dl class="pairs">${figure("Put at risk", "amount", [], "")}${figure("Paid after all", "recovered", ["recovered", "partly_lost"], "up")}${figure("Lost", "lost", ["lost", "partly_lost"], "down")}${figure("Open still", "at_risk", ["open"], "warn")}</dl>
        ${partly > 0 && html`<p class="soft">${partly === 1 ? "One was paid in part and lost in part: it counts" : `${count(partly)} were paid in part and lost in part: they count`} under both.</p>`}
        <${Table} caption="Failed payments" cls="cardy" head=${["Customer", "Failed", "What became of it", "Put at risk", "Paid after all", "Lost"]} numbers=${[3, 4, 5]} rows=${data.slice(0, 50).map((one, i) => ({ key: String(i), cells: [html`<${Customer} id=${one.customer} name=${one.customer_name} account=${ledger.common.account?.startsWith("acct_") ? ledger.common.account : undefined} />`, date(one.failed_on),
          html`<span class=${`pill ${tone[one.outcome]}`}>${words(one.outcome)}</span>${one.settled_on ? html` <span class="soft">on ${date(one.settled_on)}</span>` : ""}`, money(one.amount, currency), one.recovered ? money(one.recovered, currency) : html`<span class="soft">–</span>`, one.lost ? money(one.lost, currency) : html`<span class="soft">–</span>`] }))} />
        ${data.length > 50 && html`<p class="soft">The latest 50 of ${count(data.length)}${pages.next ? "+" : ""}; the CSV has the first thousand.</p>`}`;
    }}<//><//>`;
}
