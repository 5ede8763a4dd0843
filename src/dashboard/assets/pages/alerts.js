// Alerts: what was out of the ordinary and who was told; the series behind it with what was expected; mutes and plans.
import { html, useState } from "../vendor/preact.js";
import { address, moved, send, useApi, usePages } from "../api.js";
import { Chart } from "../charts.js";
import { plusDays, plusMonths, today } from "../days.js";
import { count, date, instant, money, words, sentence } from "../format.js";
import { useLedger } from "../ledger.js";
import { Act, Answered, Card, Choice, Csv, Customer, Empty, More, PageHead, Select, Table, useTitle } from "../parts.js";
import { choose, here, href } from "../route.js";

const RULES = ["churn_spike", "large_loss", "contraction_spike", "payment_failures", "scheduled_churn", "nrr_below", "webhook_silence", "ledger_drift", "new_record", "digest"];

/** @param {{ query: Record<string, string> }} props */
export const Alerts = ({ query }) => (query.alert ? html`<${One} id=${query.alert} />` : html`<${List} query=${query} />`);

/** @param {{ query: Record<string, string> }} props */
function List({ query }) {
  const ledger = useLedger();
  const asked = { rule: query.rule, open: query.open, acknowledged: query.taken };
  const pages = usePages(address("/api/v1/alerts", { ...asked, limit: 50 }));
  return html`<${PageHead} title="Alerts" lead="What was more than this account’s own history explains, calibrated to a budget of false alerts." tools=${html`<${Csv} to="/api/v1/alerts" query=${{ ...asked, limit: 1000 }} name="alerts" />`} />
    <div class="grid"><${Series} />
    <${Card} title="Raised" wide busy=${pages.stale}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Select} label="Rule" value=${query.rule ?? ""} options=${[["", "any"], ...RULES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ rule) => choose({ rule })} />
        <${Select} label="State" value=${query.open ?? ""} options=${[["", "any"], ["true", "goes on"], ["false", "over"]]} choose=${(/** @type {string} */ open) => choose({ open })} />
        <${Select} label="Acknowledged" value=${query.taken ?? ""} options=${[["", "any"], ["true", "yes"], ["false", "no"]]} choose=${(/** @type {string} */ taken) => choose({ taken })} /></form>
      <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title=${query.rule || query.open || query.taken ? "No alert matches." : "No alert was ever raised."} />`}>${(/** @type {any[]} */ data) => html`
        <${Table} caption="Alerts" cls="cardy" head=${["Alert", "Rule", "Day", "State", "Told"]} rows=${data.map((one) => ({ key: one.id, cells: [html`<a href=${here({ alert: one.id })}>${one.headline}</a>`, words(one.rule), date(one.day), html`${one.closed_at ? "over" : html`<strong class="warn">goes on</strong>`}${one.acknowledged_at ? html`<br /><span class="soft">taken on${one.acknowledged_by ? ` by ${one.acknowledged_by}` : ""}</span>` : ""}`, told(one)] }))} /><${More} pages=${pages} />`}<//><//>
    <${Mutes} /><${Plans} /></div>`;
}

/** @param {any} one */
function told(one) {
  if (one.silenced) return words(one.silenced);
  const raised = one.deliveries.filter((/** @type {any} */ each) => each.event === "raised");
  return raised.length ? raised.map((/** @type {any} */ each) => `${each.channel} ${each.state}`).join(", ") : "no channel";
}

/** Customers lost week by week beside what was expected, and the rules' record on this account's own history. */
function Series() {
  const ledger = useLedger();
  const test = useApi(address("/api/v1/alerts/backtest", { profile: ledger.common.profile, account: ledger.common.account, livemode: ledger.common.livemode, from: plusMonths(today(), -6) }), { still: true });
  return html`<${Card} title="Customers lost in seven days, and what was expected" wide busy=${test.stale} note="Nine of ten weeks lie in the band, as far as was known on each day; a week outside it isn’t yet an alert, which keeps to the budget of false ones.">
    <${Answered} of=${test} tall empty=${(/** @type {any} */ data) => !data.weeks?.length} none=${html`<${Empty} title="Not a week is known yet." />`}>${(/** @type {any} */ data) => {
      const weeks = data.weeks;
      const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
      const series = [
        { key: "high", name: "Nine of ten up to", color: "soft", dashed: true, values: weeks.map((/** @type {any} */ one) => one.high), text: weeks.map((/** @type {any} */ one) => count(one.high)) },
        { key: "expected", name: "Expected", color: "accent", dashed: true, values: weeks.map((/** @type {any} */ one) => one.expected), text: weeks.map((/** @type {any} */ one) => number.format(one.expected)) },
        { key: "low", name: "Nine of ten from", color: "soft", dashed: true, values: weeks.map((/** @type {any} */ one) => one.low), text: weeks.map((/** @type {any} */ one) => count(one.low)) },
        { key: "observed", name: "Lost", color: "churn", values: weeks.map((/** @type {any} */ one) => one.observed), text: weeks.map((/** @type {any} */ one) => count(one.observed)) },
      ];
      const days = weeks.map((/** @type {any} */ one) => one.day);
      const marks = data.alerts.filter((/** @type {any} */ one) => one.rule === "churn_spike").map((/** @type {any} */ one) => ({ at: days.indexOf(one.day), label: "churn spike", kind: /** @type {const} */ ("note") })).filter((/** @type {any} */ one) => one.at >= 0);
      return html`<${Chart} title="Customers lost in seven days" name="alert-series" labels=${days.map((/** @type {string} */ day) => date(day))} series=${series} marks=${marks} tick=${(/** @type {number} */ value) => number.format(value)} head="Week up to" open=${(/** @type {number} */ i) => href("/movements", { range: "", from: plusDays(days[i], -6), to: days[i], kind: "churn" })} />
        <${Table} caption="How the rules would have done" head=${["Rule", "Would have fired", "False alerts a year", "Days judged", "Too few to judge"]} numbers=${[1, 2, 3, 4]} rows=${data.rules.map((/** @type {any} */ one) => ({ key: one.rule, cells: [words(one.rule), count(one.alerts), `at most ${one.false_alerts_a_year}`, count(one.judged_days), count(one.unjudged_days)] }))} />`;
    }}<//><//>`;
}

/** @param {{ id: string }} props */
function One({ id }) {
  const ledger = useLedger();
  const alert = useApi(`/api/v1/alerts/${encodeURIComponent(id)}`);
  useTitle("Alert");
  const viewer = ledger.me?.role === "viewer";
  return html`<${Answered} of=${alert} lines=${8} tall>${(/** @type {any} */ one) => {
    const said = one.alert;
    const text = String(said.text ?? "").split("\n");
    return html`<header class="pagehead"><div><p class="crumbs"><a href=${here({ alert: "" })}>Alerts</a></p><h1>${one.headline}</h1><p class="lead">${sentence(one.rule)} · ${date(one.day)} · raised ${instant(one.raised_at)} · ${one.closed_at ? `over since ${instant(one.closed_at)}${one.closed_reason ? `: ${words(one.closed_reason)}` : ""}` : html`<strong class="warn">goes on</strong>`}</p></div>
        <div class="tools">${one.acknowledged_at ? html`<span class="soft">taken on ${instant(one.acknowledged_at)}${one.acknowledged_by ? ` by ${one.acknowledged_by}` : ""}</span>` : !viewer && html`<${Act} cls="primary" run=${async () => { await send(`/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`, { by: ledger.me?.who ?? "dashboard" }); moved(); }}>Take it on<//>`}</div></header>
      <div class="grid"><${Card} title="What it says"><dl class="facts">
        ${said.statement && html`<div><dt>Found</dt><dd>${said.statement}</dd></div>`}${said.threshold && html`<div><dt>Threshold</dt><dd>${said.threshold}</dd></div>`}
        ${said.expected && html`<div><dt>Expected</dt><dd>${count(said.expected.low)} – ${count(said.expected.high)}, saw ${count(said.observed)}</dd></div>`}
        ${said.how_unusual && html`<div><dt>How unusual</dt><dd>${said.how_unusual}</dd></div>`}
        ${(said.lost ?? []).map((/** @type {any} */ lost) => html`<div key=${lost.currency}><dt>MRR lost, ${lost.currency.toUpperCase()}</dt><dd>${money(lost.total_exact, lost.currency)} <span class="soft">(voluntary ${money(lost.voluntary_exact, lost.currency)}, involuntary ${money(lost.involuntary_exact, lost.currency)}, unknown ${money(lost.unknown_exact, lost.currency)})</span></dd></div>`)}
        ${said.next && html`<div><dt>Next</dt><dd>${said.next}</dd></div>`}</dl>
        ${(said.warnings ?? []).map((/** @type {string} */ warning) => html`<p class="late" key=${warning}>${warning}</p>`)}
        ${!said.statement && html`<pre>${text.join("\n")}</pre>`}<//>
      <${Card} title="Who was told">${one.silenced ? html`<p>${words(one.silenced)}</p>` : one.deliveries.length === 0 ? html`<${Empty} title="No channel is set up for it." />` : html`<${Table} caption="Messages" cls="cardy" head=${["Channel", "About", "State", "Tries"]} numbers=${[3]} rows=${one.deliveries.map((/** @type {any} */ each, /** @type {number} */ i) => ({ key: String(i), cells: [each.channel, each.event, html`${each.state}${each.last_error ? html`<br /><span class="bad">${each.last_error}</span>` : ""}`, count(each.attempts)] }))} />`}<//>
      ${said.customers?.length > 0 && html`<${Card} title="Customers" wide><${Table} caption="Customers" cls="cardy" head=${["Customer", "Reason", "Amount"]} numbers=${[2]} rows=${said.customers.map((/** @type {any} */ each, /** @type {number} */ i) => ({ key: String(i), cells: [html`<${Customer} id=${each.customer} />`, words(each.reason ?? "–"), each.currency ? money(each.amount_exact, each.currency) : "–"] }))} /><//>`}</div>`;
  }}<//>`;
}

function Mutes() {
  const ledger = useLedger();
  const [[rule, days], set] = useState(["large_loss", "7"]);
  const mutes = useApi("/api/v1/mutes");
  const viewer = ledger.me?.role === "viewer";
  return html`<${Card} title="Muted rules" note="Their alerts are kept and shown; nobody is told."><${Answered} of=${mutes} lines=${2} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="No rule is muted." />`}>${(/** @type {any} */ data) => html`<ul class="list">${data.data.map((/** @type {any} */ one) => html`<li key=${one.rule}><span><strong>${words(one.rule)}</strong> until ${instant(one.until)} ${!viewer && html`<${Act} cls="link" run=${async () => { await send(`/api/v1/mutes/${one.rule}`, undefined, "DELETE"); moved(); }}>let it tell again<//>`}</span>${one.note && html`<span class="soft">${one.note}</span>`}</li>`)}</ul>`}<//>
    ${!viewer && html`<form class="row" aria-label="Mute a rule" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}><${Select} label="Rule" value=${rule} options=${[["all", "all"], ...RULES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ value) => set([value, days])} />
      <${Select} label="For" value=${days} options=${[["1", "a day"], ["7", "a week"], ["30", "a month"]]} choose=${(/** @type {string} */ value) => set([rule, value])} />
      <${Act} run=${async () => { await send("/api/v1/mutes", { rule, until: new Date(Date.now() + Number(days) * 86400000).toISOString(), note: `by ${ledger.me?.who ?? "the dashboard"}` }); moved(); }}>Mute<//></form>`}<//>`;
}

function Plans() {
  const ledger = useLedger();
  const [plan, set] = useState({ from: today(), to: today(), note: "" });
  const plans = useApi("/api/v1/annotations");
  const viewer = ledger.me?.role === "viewer";
  const typed = (/** @type {string} */ key) => (/** @type {any} */ event) => set({ ...plan, [key]: event.currentTarget.value });
  return html`<${Card} title="Planned events and notes" note="Drawn on every chart; alerts of these days wake nobody."><${Answered} of=${plans} lines=${2} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="Nothing is planned." />`}>${(/** @type {any} */ data) => html`<ul class="list">${data.data.map((/** @type {any} */ one) => html`<li key=${one.id}><span><strong>${one.note}</strong> ${!viewer && html`<${Act} cls="link" run=${async () => { await send(`/api/v1/annotations/${one.id}`, undefined, "DELETE"); moved(); }}>remove<//>`}</span><span class="soft">${date(one.from)}${one.to !== one.from ? ` – ${date(one.to)}` : ""}</span></li>`)}</ul>`}<//>
    ${!viewer && html`<form class="row" aria-label="Plan an event" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}><label class="field"><span>From</span><input type="date" value=${plan.from} onInput=${typed("from")} /></label><label class="field"><span>To</span><input type="date" value=${plan.to} min=${plan.from} onInput=${typed("to")} /></label>
      <label class="field"><span>What</span><input value=${plan.note} placeholder="price change" onInput=${typed("note")} /></label><${Act} disabled=${!plan.note.trim()} run=${async () => { await send("/api/v1/annotations", plan); set({ ...plan, note: "" }); moved(); }}>Add<//></form>`}<//>`;
}
