// Goals: what was promised, how far it has come, and the pace it still needs; set and ended by admins.
import { html, useState } from "../vendor/preact.js";
import { address, moved, send, useApi } from "../api.js";
import { endOfMonth, today } from "../days.js";
import { count, date, instant, money, places, share } from "../format.js";
import { useLedger } from "../ledger.js";
import { Act, Answered, Card, Csv, Dialog, Empty, PageHead, Select, Table } from "../parts.js";
import { href } from "../route.js";

const METRICS = /** @type {const} */ ([["mrr", "MRR"], ["arr", "ARR"], ["customers", "customers"], ["nrr", "NRR of 12 months"], ["grr", "GRR of 12 months"], ["new", "new MRR"], ["expansion", "expansion"], ["reactivation", "reactivation"], ["contraction", "contraction, at most"], ["churn", "churn, at most"]]);
const ceiling = (/** @type {any} */ one) => one.metric === "churn" || one.metric === "contraction";
const called = (/** @type {string} */ metric) => METRICS.find(([key]) => key === metric)?.[1] ?? metric;

/** A figure of a goal. @param {any} one @param {string | null} value */
const figure = (one, value) => (value === null ? "–" : one.unit === "minor" ? money(value, one.currency ?? "usd") : one.unit === "share" ? share(value) : count(Number(value).toFixed(1)));

/** Who and what is behind its figure. @param {any} one */
function behind(one) {
  const of = { profile: one.profile, currency: one.converted ? "reporting" : one.currency, account: one.account, segment: "", where: "", asof: "" };
  if (["mrr", "arr", "customers"].includes(one.metric)) return href("/customers", { ...of, sort: "mrr" });
  const days = { range: "", from: one.from, to: one.by };
  return one.metric === "nrr" || one.metric === "grr" ? href("/churn", { ...of, ...days }) : href("/movements", { ...of, ...days, kind: one.metric });
}

/** @param {{ one: any }} props */
const State = ({ one }) => (one.ended_at ? html`<span class="pill">ended</span>` : one.superseded ? html`<span class="pill">superseded</span>` : one.state === null ? html`<span class="pill warn">not known</span>`
  : html`<span class=${`pill ${one.state === "behind" || one.state === "missed" ? "down" : one.state === "not_begun" ? "" : "up"}`}>${one.state === "met" && one.met_at_start ? "met already" : one.state.replaceAll("_", " ")}</span>`);

/** How far it has come. @param {{ one: any }} props */
const Bar = ({ one }) => (one.progress === null ? null : html`<progress class=${ceiling(one) ? "most" : ""} max="1" value=${Math.max(0, Math.min(1, Number(one.progress)))} aria-label=${`${one.name}: ${share(one.progress)}`}></progress>`);

/** What is due, and what it still takes. @param {any} one */
function pace(one) {
  if (one.state === null) return one.reason ?? "";
  if (one.state === "not_begun") return `begins on ${date(one.from)}`;
  if (one.state === "met" && one.met_at_start) return "it began at its target or beyond: no pace is needed";
  if (one.state === "met" || one.state === "missed") return "";
  const left = one.days - one.days_over;
  if (one.due === null) return `it was met as it began, and isn’t now; ${figure(one, one.needed_a_day)} a day needed for ${left === 1 ? "one more day" : `${left} more days`}`;
  return ceiling(one) ? `${figure(one, one.due)} are allowed by today` : `${figure(one, one.due)} are due by now; ${figure(one, one.needed_a_day)} a day needed for ${left === 1 ? "one more day" : `${left} more days`}`;
}

/** The overview's: a line each. */
export function Running() {
  const { common, segment } = useLedger();
  const goals = useApi(address("/api/v1/goals", { as_known_at: common.as_known_at }));
  if (!goals.error && !goals.data?.data.length) return null;
  return html`<${Card} title="Goals" busy=${goals.stale} note=${Object.keys(segment).length ? "Of all customers." : undefined} tools=${html`<a class="button quiet" href=${href("/goals")}>All</a>`}><${Answered} of=${goals}>${(/** @type {any} */ data) => html`<ul class="list">${data.data.map((/** @type {any} */ one) => html`<li key=${one.id}>
    <span><a href=${href("/goals")}>${one.name}</a> <${State} one=${one} /></span><${Bar} one=${one} />
    <span class="soft">${one.now !== null && `${figure(one, one.now)} of `}${ceiling(one) ? "at most " : ""}${figure(one, one.target)} by ${date(one.by)}${pace(one) ? `; ${pace(one)}` : ""}</span></li>`)}</ul>`}<//><//>`;
}

export function Goals() {
  const ledger = useLedger();
  const asked = { all: "true", as_known_at: ledger.common.as_known_at };
  const goals = useApi(address("/api/v1/goals", asked));
  const [ending, end] = useState("");
  const [why, say] = useState("");
  const admin = ledger.me?.role === "admin";
  const over = (/** @type {any} */ one) => one.ended_at || one.superseded;
  return html`<${PageHead} title="Goals" lead="What was promised, how far it has come, and the pace it still needs. A goal is kept as it was set; a later one of the same name supersedes it." tools=${html`<${Csv} to="/api/v1/goals" query=${asked} name="goals" />`} />
    <div class="grid"><${Card} title="Running" wide busy=${goals.stale}><${Answered} of=${goals} empty=${(/** @type {any} */ data) => data.data.every(over)} none=${html`<${Empty} title="No goal is running.">${admin ? "Set one below." : "An admin can set one."}<//>`}>${(/** @type {any} */ data) => html`
      <${Table} caption="Running goals" cls="cardy mid" head=${["Goal", "Owner", "Counts", "From – by", "Start", "Now", "Target", "State", ...(admin ? [""] : [])]} numbers=${[4, 5, 6]} rows=${data.data.filter((/** @type {any} */ one) => !over(one)).map((/** @type {any} */ one) => ({ key: String(one.id), cells: [html`<strong>${one.name}</strong>${one.note && html`<span class="source">${one.note}</span>`}`, one.owner, html`<span class="why">${what(one)}</span>`, html`${date(one.from)} – ${date(one.by)}`,
        figure(one, one.start), one.now === null ? "–" : html`<a href=${behind(one)}>${figure(one, one.now)}</a>`, figure(one, one.target), html`<div class="pace"><${State} one=${one} /> ${one.progress !== null && share(one.progress)} <${Bar} one=${one} /><span class="source">${pace(one)}</span></div>`, ...(admin ? [html`<button type="button" aria-label=${`End ${one.name}`} onClick=${() => end(one.name)}>End</button>`] : [])] }))} />`}<//><//>
      ${admin && html`<${Setting} />`}
      <${Card} title="Superseded and ended" wide busy=${goals.stale}><${Answered} of=${goals} lines=${2} empty=${(/** @type {any} */ data) => !data.data.some(over)} none=${html`<${Empty} title="None so far." />`}>${(/** @type {any} */ data) => html`
        <${Table} caption="Superseded and ended goals" cls="cardy mid" head=${["Goal", "Owner", "Counts", "From – by", "Target", "Set", "What became of it"]} numbers=${[4]} rows=${data.data.filter(over).map((/** @type {any} */ one) => ({ key: String(one.id), cells: [one.name, one.owner, html`<span class="why">${what(one)}</span>`, html`${date(one.from)} – ${date(one.by)}`, figure(one, one.target), instant(one.set_at), html`<${State} one=${one} /> ${one.ended_at && html`${date(one.ended_at)}${one.ended_because ? `: ${one.ended_because}` : ""}`}`] }))} />`}<//><//></div>
    ${ending && html`<${Dialog} title=${`End “${ending}”?`} close=${() => end("")} cls="narrow"><p>It stays listed as it was set, with the reason.</p>
      <div class="row"><label class="field grow"><span>Reason</span><input value=${why} onInput=${(/** @type {any} */ event) => say(event.currentTarget.value)} /></label>
        <${Act} cls="primary" run=${async () => { await send(`/api/v1/goals/${encodeURIComponent(ending)}/end`, { reason: why }); moved(); end(""); say(""); }}>End it<//></div><//>`}`;
}

/** What it counts, of which ledger. @param {any} one */
const what = (one) => [called(one.metric), one.currency && `${one.currency.toUpperCase()}${one.converted ? ", everything converted" : ""}`, `profile ${one.profile}`, one.account && `account ${one.account}`].filter(Boolean).join(", ");

/** For admins. */
function Setting() {
  const ledger = useLedger();
  const [goal, set] = useState({ name: "", metric: "mrr", target: "", from: today(), by: endOfMonth(`${today().slice(0, 4)}-12-01`), owner: "", note: "", profile: ledger.profile, currency: ledger.converted ? "reporting" : ledger.currency });
  const typed = (/** @type {string} */ key) => (/** @type {any} */ event) => set({ ...goal, [key]: event.currentTarget.value });
  const chosen = (/** @type {string} */ key) => (/** @type {string} */ value) => set({ ...goal, [key]: value });
  const currency = goal.currency === "reporting" ? ledger.status.reporting_currency : goal.currency;
  const unit = goal.metric === "customers" ? "customers" : goal.metric === "nrr" || goal.metric === "grr" ? "%" : currency.toUpperCase();
  const target = Number(goal.target.replaceAll(/[\s,]/g, ""));
  const given = goal.name.trim() && goal.owner.trim() && goal.target && Number.isFinite(target);
  // People type units of the currency and per cent; the API takes minor units and shares.
  const written = () => (unit === "customers" ? String(target) : unit === "%" ? String(Number((target / 100).toFixed(6))) : String(Math.round(target * 10 ** places(currency))));
  const add = async () => { await send("/api/v1/goals", { ...goal, name: goal.name.trim(), target: written(), note: goal.note || undefined, account: ledger.common.account }); set({ ...goal, name: "", target: "", note: "" }); moved(); };
  return html`<${Card} title="Set a goal" wide note="Its name is what it is superseded and ended by."><form class="row" aria-label="Set a goal" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <label class="field"><span>Name</span><input name="name" value=${goal.name} placeholder="Plan 2027" onInput=${typed("name")} /></label>
    <${Select} label="What it counts" value=${goal.metric} options=${METRICS} choose=${chosen("metric")} />
    <label class="field"><span>Target, in ${unit}</span><input name="target" inputmode="decimal" value=${goal.target} onInput=${typed("target")} /></label>
    <label class="field"><span>From</span><input type="date" value=${goal.from} max=${goal.by} onInput=${typed("from")} /></label><label class="field"><span>By</span><input type="date" value=${goal.by} min=${goal.from} onInput=${typed("by")} /></label>
    <label class="field"><span>Owner</span><input name="owner" value=${goal.owner} onInput=${typed("owner")} /></label>
    <${Select} label="Currency" value=${goal.currency} options=${[...(ledger.converted ? [["reporting", `all, in ${ledger.status.reporting_currency.toUpperCase()}`]] : []), ...ledger.currencies.map((one) => [one, one.toUpperCase()])]} choose=${chosen("currency")} />
    <${Select} label="Profile" value=${goal.profile} options=${ledger.status.profiles.map((/** @type {string} */ one) => [one, one])} choose=${chosen("profile")} />
    <label class="field grow"><span>Note</span><input value=${goal.note} onInput=${typed("note")} /></label>
    <${Act} cls="primary" disabled=${!given} run=${add}>Set it<//></form><//>`;
}
