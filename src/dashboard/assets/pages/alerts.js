// Alerts: what was out of the ordinary and who was told; the series behind it with what was expected; mutes and plans.
import { html, useState } from "../vendor/preact.js";
import { address, moved, send, useApi, usePages } from "../api.js";
import { Chart } from "../charts.js";
import { plusDays, plusMonths, today } from "../days.js";
import { amounts, count, date, decimal, instant, money, words, sentence } from "../format.js";
import { marksOn, useLedger } from "../ledger.js";
import { NoteForm, Notes } from "../notes.js";
import { Act, Answered, Card, commands, Csv, Customer, Empty, More, PageHead, Select, Table, useNames, useTitle } from "../parts.js";
import { choose, here, href } from "../route.js";

/** Rules that judge customers lost, whose series can be drawn. */
const ABOUT_WEEKS = new Set(["churn_spike", "large_loss", "contraction_spike"]);
/** What an alert's sum is of, where it isn't lost. @type {Record<string, string>} */
const LOST = { payment_failures: "MRR at risk", scheduled_churn: "MRR set to end" };
export const RULES = ["churn_spike", "large_loss", "contraction_spike", "payment_failures", "scheduled_churn", "nrr_below", "webhook_silence", "ledger_drift", "goal_at_risk", "new_record", "digest"];

/** @param {{ query: Record<string, string> }} props */
export const Alerts = ({ query }) => (query.alert ? html`<${One} id=${query.alert} />` : html`<${List} query=${query} />`);

/** @param {{ query: Record<string, string> }} props */
function List({ query }) {
  const ledger = useLedger();
  const asked = { rule: query.rule, open: query.open, acknowledged: query.taken };
  const pages = usePages(address("/api/v1/alerts", { ...asked, details: "false", limit: 50 }));
  const named = useNames(namedIn(pages.data));
  return html`<${PageHead} title="Alerts" lead="What was more than this account’s own history explains, calibrated to a budget of false alerts." tools=${html`<${Csv} to="/api/v1/alerts" query=${{ ...asked, limit: 1000 }} name="alerts" />`} />
    <div class="grid"><${Series} query=${query} />
    <${Card} title="Raised" wide busy=${pages.stale}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Select} label="Rule" value=${query.rule ?? ""} options=${[["", "any"], ...RULES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ rule) => choose({ rule })} />
        <${Select} label="State" value=${query.open ?? ""} options=${[["", "any"], ["true", "open"], ["false", "over"]]} choose=${(/** @type {string} */ open) => choose({ open })} />
        <${Select} label="Acknowledged" value=${query.taken ?? ""} options=${[["", "any"], ["true", "yes"], ["false", "no"]]} choose=${(/** @type {string} */ taken) => choose({ taken })} /></form>
      <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title=${query.rule || query.open || query.taken ? "No alert matches." : "No alert was ever raised."} />`}>${(/** @type {any[]} */ data) => html`
        <${Table} caption="Alerts" cls="cardy" head=${["Alert", "Rule", "Day", "State", "Told"]} rows=${data.map((one) => ({ key: one.id, cells: [html`<a href=${here({ alert: one.id })}>${called(one.headline, named, ledger)}</a>`, sentence(one.rule), date(one.day), html`${one.closed_at ? "over" : html`<strong class="warn">open</strong>`}${one.acknowledged_at ? html`<br /><span class="soft">acknowledged${one.acknowledged_by ? ` by ${one.acknowledged_by}` : ""}</span>` : ""}`, told(one)] }))} /><${More} pages=${pages} />`}<//><//>
    <${Mutes} /><${Plans} /></div>`;
}

/** The currencies that sentences may tell of. @param {any} ledger */
const codes = (ledger) => [...ledger.currencies, ledger.currency];

/** The customers that headlines tell of. @param {any[] | undefined} alerts @returns {string[]} */
export const namedIn = (alerts = []) => alerts.flatMap((one) => one.headline.match(/cus_\w+/g) ?? []);

/** A sentence that calls customers by name, where they have one, and writes amounts as tables do. @param {string} text @param {(id: string) => string | undefined} named @param {any} ledger */
export const called = (text, named, ledger) => commands(amounts(text, codes(ledger)).replace(/cus_\w+/g, (id) => named(id) ?? id));

/** @param {any} one */
function told(one) {
  if (one.silenced) return words(one.silenced);
  const raised = one.deliveries.filter((/** @type {any} */ each) => each.event === "raised");
  return raised.length ? raised.map((/** @type {any} */ each) => `${each.channel} ${each.state}`).join(", ") : "no channel";
}

const SPANS = [["3", "3 months"], ["6", "6 months"], ["12", "12 months"], ["24", "24 months"]];
const BUDGETS = [["", "as configured"], ["0.5", "one in two years"], ["1", "1 a year"], ["2", "2 a year"], ["4", "4 a year"], ["12", "12 a year"]];

/** Customers lost week by week beside what was expected, and the rules' record on this account's own history. @param {{ query: Record<string, string> }} props */
function Series({ query }) {
  const ledger = useLedger();
  const months = query.over ?? "6";
  const test = useApi(address("/api/v1/alerts/backtest", { profile: ledger.common.profile, account: ledger.common.account, livemode: ledger.common.livemode, from: plusMonths(today(), -Number(months)), false_alerts: query.budget }), { still: true });
  return html`<${Card} title="Customers lost in seven days, and what was expected" wide busy=${test.stale} note="Nine weeks in ten lie in the shaded range, as far as was known on each day. A week outside it isn’t yet an alert: how many false ones a rule may bring in a year is its budget.">
    <form class="filters" aria-label="Backtest" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Select} label="Looked back over" value=${months} options=${SPANS} choose=${(/** @type {string} */ over) => choose({ over })} />
      <${Select} label="False alerts each rule may bring" value=${query.budget ?? ""} options=${BUDGETS} choose=${(/** @type {string} */ budget) => choose({ budget })} /></form>
    <${Answered} of=${test} tall empty=${(/** @type {any} */ data) => !data.weeks?.length} none=${html`<${Empty} title="Not a week is known yet." />`}>${(/** @type {any} */ data) => html`<${Weeks} data=${data} name="alert-series" says=${`customers lost in the seven days up to each day · at most ${data.rules[0]?.false_alerts_a_year} false alerts a year and rule · profile ${ledger.profile}`} />
        <h3>How the rules would have done</h3><${Table} caption="How the rules would have done" cls="cardy" head=${["Rule", "Would have fired", "False alerts a year", "Days judged", "Days with too little to judge by"]} numbers=${[1, 2, 3, 4]} rows=${data.rules.map((/** @type {any} */ one) => ({ key: one.rule, cells: [sentence(one.rule), one.reason ? html`<span class="soft" title=${one.reason}>not judged</span>` : count(one.alerts), `at most ${one.false_alerts_a_year}`, count(one.judged_days), count(one.unjudged_days)] }))} />
        ${data.alerts.length > 0 && html`<details class="as-table"><summary>When they would have fired</summary><${Table} caption="When they would have fired" cls="cardy" head=${["Day", "Rule", "What"]} rows=${data.alerts.slice(-50).reverse().map((/** @type {any} */ one, /** @type {number} */ i) => ({ key: String(i), cells: [date(one.day), words(one.rule), html`<span class="why">${amounts(one.statement ?? one.headline ?? "", codes(ledger))}</span>`] }))} /></details>`}`}<//><//>`;
}

/** The weeks with their band. @param {{ data: any, name: string, says: string, around?: string }} props */
function Weeks({ data, name, says, around }) {
  const ledger = useLedger();
  const weeks = around ? data.weeks.filter((/** @type {any} */ one) => one.day >= plusDays(around, -90) && one.day <= plusDays(around, 30)) : data.weeks;
  const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
  const all = (/** @type {string} */ key) => ({ values: weeks.map((/** @type {any} */ one) => one[key]), text: weeks.map((/** @type {any} */ one) => number.format(one[key])) });
  const series = [
    { key: "low", name: "Expected at least", color: "band", quiet: true, ...all("low") },
    { key: "high", name: "Expected range, nine weeks in ten", color: "band", band: true, ...all("high") },
    { key: "expected", name: "Expected on average", color: "soft", dashed: true, ...all("expected") },
    { key: "observed", name: "Customers lost", color: "churn", ...all("observed") },
  ];
  const days = weeks.map((/** @type {any} */ one) => one.day);
  const fired = data.alerts.filter((/** @type {any} */ one) => one.rule === "churn_spike").map((/** @type {any} */ one) => ({ at: days.indexOf(one.day), label: "churn spike", kind: /** @type {const} */ ("alert") })).filter((/** @type {any} */ one) => one.at >= 0);
  const noted = marksOn(ledger, weeks.map((/** @type {any} */ one) => ({ start: one.day, end: one.day }))).filter((mark) => mark.kind !== "closing");
  return html`<${Chart} title="Customers lost in seven days" name=${name} says=${says} labels=${days.map((/** @type {string} */ day) => date(day))} series=${series} marks=${[...fired, ...noted]} starts=${days} tick=${(/** @type {number} */ value) => number.format(value)} head="Week up to" open=${(/** @type {number} */ i) => href("/movements", { range: "", from: plusDays(days[i], -6), to: days[i], kind: "churn", currencies: "all" })} />`;
}

/** What was expected in the alert’s own days; a slow rise may lie within their range, and stands out by how seldom chance brings it. @param {any} said */
function expected({ expected: { low, high, mean, days, by_chance_once_in_years: years }, observed }) {
  const within = days === 1 ? "in a day" : `in ${count(days)} days`;
  const usual = observed > high ? `${count(low)} – ${count(high)}` : `${decimal(mean)} on average`;
  return `${usual} ${within}, saw ${count(observed)}; by chance once in ${years >= 1000 ? "1000 years or more" : `${decimal(years)} years`}`;
}

/** The series behind an alert about customers, around its day. @param {{ one: any }} props */
function Behind({ one }) {
  const ledger = useLedger();
  const days = one.alert.expected?.days;
  const test = useApi(address("/api/v1/alerts/backtest", { profile: ledger.common.profile, account: ledger.common.account, livemode: ledger.common.livemode, from: plusMonths(one.day, -4) }), { still: true });
  return html`<${Card} title="The weeks around it" wide note=${`Nine weeks in ten were expected to lie in the shaded range.${days && days !== 7 ? ` The alert is of ${days === 1 ? "one day" : `${count(days)} days`}, and was held against as many: each point here is of seven.` : ""}`}><${Answered} of=${test} tall empty=${(/** @type {any} */ data) => !data.weeks?.length} none=${html`<${Empty} title="Not a week is known yet." />`}>${(/** @type {any} */ data) => html`<${Weeks} data=${data} around=${one.day} name="alert-weeks" says=${`around ${date(one.day)} · profile ${ledger.profile}`} />`}<//><//>`;
}

/** Where what a rule found is looked at. @type {Record<string, readonly [string, string, string][]>} */
const PLACES = { churn_spike: [["Churn of these days", "/churn", "week"]], large_loss: [["Churn of these days", "/churn", "week"]], contraction_spike: [["Contractions of these days", "/movements?kind=contraction", "week"]],
  payment_failures: [["Failed payments", "/churn", "week"], ["Customers whose payment failed", "/customers?state=past_due", ""]], scheduled_churn: [["Customers set to end", "/customers?state=ending", ""]],
  nrr_below: [["Cohorts", "/cohorts", ""], ["Churn", "/churn", ""]], webhook_silence: [["Health", "/health", ""], ["Events", "/events", ""]], ledger_drift: [["Health", "/health", ""]], new_record: [["Movements", "/movements", ""]] };

/** @param {{ one: any }} props */
const Places = ({ one }) => html`${PLACES[one.rule].map(([name, to, when], i) => {
  const [path, query] = to.split("?");
  const days = when ? { range: "", from: plusDays(one.day, -6), to: one.day } : {};
  return html`${i ? ", " : ""}<a key=${name} href=${href(path, { ...Object.fromEntries(new URLSearchParams(query)), ...days })}>${name}</a>`;
})}`;

/** @param {{ id: string }} props */
function One({ id }) {
  const ledger = useLedger();
  const alert = useApi(`/api/v1/alerts/${encodeURIComponent(id)}`);
  const named = useNames([...(alert.data?.alert?.customers ?? []).map((/** @type {any} */ each) => each.customer), ...namedIn(alert.data && [alert.data])]);
  useTitle("Alert");
  const viewer = ledger.me?.role !== "admin";
  return html`<${Answered} of=${alert} lines=${8} tall>${(/** @type {any} */ one) => {
    const said = one.alert;
    const text = String(said.text ?? "").split("\n");
    return html`<header class="pagehead"><div><p class="crumbs"><a href=${here({ alert: "" })}>Alerts</a></p><h1>${called(one.headline, named, ledger)}</h1><p class="lead">${sentence(one.rule)} · ${date(one.day)} · raised ${instant(one.raised_at)} · ${one.closed_at ? `over since ${instant(one.closed_at)}${one.closed_reason ? `: ${words(one.closed_reason)}` : ""}` : html`<strong class="warn">open</strong>`}</p></div>
        <div class="tools">${one.acknowledged_at ? html`<span class="soft">acknowledged ${instant(one.acknowledged_at)}${one.acknowledged_by ? ` by ${one.acknowledged_by}` : ""}</span>` : !viewer && html`<${Act} cls="primary" run=${async () => { await send(`/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`, { by: ledger.me?.who ?? "dashboard" }); moved(); }}>Acknowledge<//>`}</div></header>
      <div class="grid"><${Card} title="What it says"><dl class="facts">
        ${said.statement && html`<div><dt>Found</dt><dd>${called(said.statement, named, ledger)}</dd></div>`}${said.threshold && html`<div><dt>Threshold</dt><dd>${amounts(said.threshold, codes(ledger))}</dd></div>`}
        ${said.expected && html`<div><dt>Expected</dt><dd>${expected(said)}</dd></div>`}
        ${said.how_unusual && html`<div><dt>How unusual</dt><dd>${said.how_unusual}</dd></div>`}
        ${(said.lost ?? []).map((/** @type {any} */ lost) => html`<div key=${lost.currency}><dt>${LOST[said.rule] ?? "MRR lost"}, ${lost.currency.toUpperCase()}</dt><dd>${money(lost.total_exact, lost.currency)} <span class="soft">(voluntary ${money(lost.voluntary_exact, lost.currency)}, involuntary ${money(lost.involuntary_exact, lost.currency)}, unknown ${money(lost.unknown_exact, lost.currency)})</span></dd></div>`)}
        ${said.next && html`<div><dt>Next</dt><dd>${commands(said.next)}</dd></div>`}${PLACES[one.rule] && html`<div><dt>On these pages</dt><dd><${Places} one=${one} /></dd></div>`}</dl>
        ${(said.warnings ?? []).map((/** @type {string} */ warning) => html`<p class="late" key=${warning}>${commands(warning)}</p>`)}
        ${!said.statement && html`<pre>${amounts(text.join("\n"), codes(ledger))}</pre>`}<//>
      <${Card} title="Who was told">${one.silenced ? html`<p>${words(one.silenced)}</p>` : one.deliveries.length === 0 ? html`<${Empty} title="No channel is set up for it." />` : html`<${Table} caption="Messages" cls="cardy" head=${["Channel", "About", "State", "Tries"]} numbers=${[3]} rows=${one.deliveries.map((/** @type {any} */ each, /** @type {number} */ i) => ({ key: String(i), cells: [each.channel, each.event, html`${each.state}${each.last_error ? html`<br /><span class="bad">${each.last_error}</span>` : ""}`, count(each.attempts)] }))} />`}<//>
      ${ABOUT_WEEKS.has(one.rule) && html`<${Behind} one=${one} />`}
      ${said.customers?.length > 0 && html`<${Card} title="Customers" wide><${Table} caption="Customers" cls="cardy" head=${["Customer", "Reason", "Amount"]} numbers=${[2]} rows=${said.customers.map((/** @type {any} */ each, /** @type {number} */ i) => ({ key: String(i), cells: [html`<${Customer} id=${each.customer} name=${each.name ?? named(each.customer)} />`, words(each.reason ?? "–"), each.currency ? money(each.amount_exact, each.currency) : "–"] }))} /><//>`}</div>`;
  }}<//>`;
}

function Mutes() {
  const ledger = useLedger();
  const [[rule, days], set] = useState(["large_loss", "7"]);
  const mutes = useApi("/api/v1/mutes");
  const viewer = ledger.me?.role !== "admin";
  return html`<${Card} title="Muted rules" note="Their alerts are kept and shown; nobody is told."><${Answered} of=${mutes} lines=${2} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="No rule is muted." />`}>${(/** @type {any} */ data) => html`<ul class="list">${data.data.map((/** @type {any} */ one) => html`<li key=${one.rule}><span><strong>${words(one.rule)}</strong> until ${instant(one.until)} ${!viewer && html`<${Act} cls="link" run=${async () => { await send(`/api/v1/mutes/${one.rule}`, undefined, "DELETE"); moved(); }}>let it tell again<//>`}</span>${one.note && html`<span class="soft">${one.note}</span>`}</li>`)}</ul>`}<//>
    ${!viewer && html`<form class="row" aria-label="Mute a rule" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}><${Select} label="Rule" value=${rule} options=${[["all", "all"], ...RULES.map((one) => [one, words(one)])]} choose=${(/** @type {string} */ value) => set([value, days])} />
      <${Select} label="For" value=${days} options=${[["1", "a day"], ["7", "a week"], ["30", "a month"]]} choose=${(/** @type {string} */ value) => set([rule, value])} />
      <${Act} run=${async () => { await send("/api/v1/mutes", { rule, until: new Date(Date.now() + Number(days) * 86400000).toISOString(), note: `by ${ledger.me?.who ?? "the dashboard"}` }); moved(); }}>Mute<//></form>`}<//>`;
}

function Plans() {
  const { me } = useLedger();
  return html`<${Card} title="Planned events, price changes and notes" note="Drawn on every chart. Alerts of the days of a planned event or price change wake nobody; a note silences nothing. New prices that moved a hundredth of MRR or more are marked by themselves."><${Notes} />
    ${me?.role === "admin" && html`<${NoteForm} />`}<//>`;
}
