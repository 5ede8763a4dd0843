// The overview: the figures of the running month with their past, MRR over time, the bridge, what lies ahead, what is open.
import { html } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { Chart, Spark } from "../charts.js";
import { endOfMonth, monthOf, plusDays, plusMonths, today } from "../days.js";
import { count, date, money, month, period, ratio, several, share, units, words } from "../format.js";
import { known } from "../known.js";
import { marksOn, stated, useLedger, whoOf } from "../ledger.js";
import { Answered, Card, Change, Customer, Empty, Kind, Means, PageHead, Table, useNames } from "../parts.js";
import { usePriceChanges } from "../prices.js";
import { compared, href, narrowed, span } from "../route.js";
import { useLive } from "../stream.js";
import { called, namedIn } from "./alerts.js";
import { Running } from "./goals.js";
import { ahead, Committed, curveOf, useCommitted } from "./committed.js";
import { doubts, FIGURES, LINES } from "../words.js";

/** @param {import("../words.js").Figure} figure @param {any} value @param {string} currency */
const shown = ({ as }, value, currency) => (as === "money" ? money(value, currency, { whole: Math.abs(units(value ?? 0, currency)) >= 100000 }) : as === "share" ? share(value) : as === "count" ? count(value) : ratio(value));

/** How far two values of a figure lie apart, in words and in direction. @param {import("../words.js").Figure} figure @param {any} now @param {any} then */
function change({ as }, now, then) {
  if (now === null || now === undefined || then === null || then === undefined) return null;
  const [a, b] = [Number(now), Number(then)];
  if (as === "share") {
    const points = (a - b) * 100;
    return { way: Math.sign(Math.round(points * 10)), text: `${new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" }).format(points)} points` };
  }
  if (b === 0) return null;
  return { way: Math.sign(Math.round(((a - b) / Math.abs(b)) * 1000)), text: share((a - b) / Math.abs(b), true) };
}

/** What stands above or below the line of a figure; a quotient is told as `a/b`. @param {string} text @param {"money" | "share" | "count"} as @param {string} currency */
function side(text, as, currency) {
  const [above, below = "1"] = text.split("/");
  const value = Number(above) / Number(below);
  return as === "money" ? money(value, currency) : as === "share" ? share(value) : count(value);
}

/** @param {{ figure: import("../words.js").Figure, values: (string | number | null)[], reasons: (string | null)[], starts: string[], end: string, currency: string, query: Record<string, string>, partial: boolean, converted: boolean, metric: any, unknown: number }} props */
function FigureCard({ figure, values, reasons, starts, end, currency, partial, converted, metric, unknown }) {
  const last = values.length - 1;
  const value = values[last];
  const month = change(figure, value, values[last - 1]);
  const year = change(figure, value, values[last - 12]);
  // What is counted over a period is less in a part of one, whichever way it goes.
  const tone = (/** @type {any} */ one) => (!one || one.way === 0 || figure.good === 0 || (partial && figure.over) ? "soft" : one.way === figure.good ? "up" : "down");
  const [path, extra] = figure.to.split("?");
  const days = figure.to === "/churn" || figure.to === "/movements" ? { range: "", from: starts[last], to: end } : {};
  return html`<div class="figure"><dt><${Means} means=${html`<strong>${figure.means}</strong><br />${figure.rule}${figure.made && metric && html`<br />${side(metric.numerator, figure.made[0], currency)} ÷ ${side(metric.denominator, figure.made[1], currency)}${metric.value === null ? "" : ` = ${shown(figure, metric.value, currency)}`}`}`}>${figure.name}<//></dt>
    <dd><a class="value" href=${href(path, { ...Object.fromEntries(new URLSearchParams(extra)), ...days })}>${value === null || value === undefined ? "–" : shown(figure, value, currency)}</a>
      <${Spark} values=${values.slice(-13).map((one) => (one === null ? null : Number(one)))} />
      ${value === null ? html`<span class="note">${reasons[last]}</span>` : html`<span class="note">${month ? html`<span class=${tone(month)}>${month.text}</span> vs ${partial ? "all of the month before" : "the month before"}` : last - 1 < unknown ? "a month before isn’t known" : "nothing a month before"}</span>
        <span class="note">${year ? html`<span class=${tone(year)}>${year.text}</span> vs a year ago` : last - 12 < unknown ? "a year ago isn’t known" : "nothing a year ago"}</span>`}${converted && figure.rated && html`<span class="note">What exchange rates moved is in it.</span>`}</dd></div>`;
}

/** @param {{ query: Record<string, string> }} props */
export function Overview({ query }) {
  const { from } = span(query);
  if (!from || from <= today()) return html`<${Figures} query=${query} />`;
  return html`<${PageHead} title="Overview" /><${Card} title="Figures"><${Empty} title="The span begins after today.">There are no figures of it yet. Choose an earlier one, or look at <a href=${href("/movements", { ahead: "yes" })}>what is already written ahead</a>.<//><//>`;
}

/** @param {{ query: Record<string, string> }} props */
function Figures({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const segmented = Object.keys(ledger.segment).length > 0;
  const days = span(query);
  const last = monthOf(days.to < today() ? days.to : today());
  const year = plusMonths(last, -13);
  // A span that is over ends where it says; what is running is shown to its end.
  const past = days.to < today();
  const to = past ? days.to : endOfMonth(last);
  const metrics = useApi(address("/api/v1/metrics", { ...ledger.money, ...ledger.segment, from: year, to }));
  const mrr = useApi(address("/api/v1/mrr", { ...ledger.money, ...ledger.segment, from: days.from, to }));
  const counts = useApi(address("/api/v1/mrr", { ...ledger.money, ...ledger.segment, from: year, to }));
  const beside = compared({ from: days.from, to }, query.compare);
  const before = useApi(beside ? address("/api/v1/mrr", { ...ledger.money, ...ledger.segment, from: beside.from, to: beside.to }) : null);
  const prices = usePriceChanges(segmented ? null : { ...ledger.money, from: days.from, to });
  const of = (/** @type {any} */ answer) => (answer.data?.data ?? []).filter((/** @type {any} */ one) => one.currency === currency);
  const months = of(metrics);
  const running = months.at(-1)?.partial === true;
  const partial = running || to !== endOfMonth(last);
  const head = months.length ? `${period(months.at(-1).start, months.at(-1).end, "month")}${running ? " so far" : ""}, in ${currency.toUpperCase()} under the profile ${ledger.profile}` : "";
  const starts = months.map((/** @type {any} */ one) => one.start);
  const there = of(mrr).length > 0;
  const unknown = unknownOf(counts, of(counts));
  const committed = useCommitted(Boolean(there && (metrics.data || metrics.error) && (counts.data || counts.error)));
  return html`<${PageHead} title="Overview" lead=${head} />
    <${Answered} of=${metrics} lines=${6} tall again none=${html`<${NoFigures} query=${query} />`} empty=${(/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => one.currency === currency).length === 0}>${() => html`<dl class=${`figures ${metrics.stale ? "stale" : ""}`} aria-label="Key figures">
      ${FIGURES.map((figure) => html`<${FigureCard} key=${figure.key} figure=${figure} currency=${currency} query=${query} partial=${partial} converted=${metrics.data.converted} starts=${starts} end=${to} metric=${months.at(-1)?.[figure.key]}
        unknown=${unknown} values=${(figure.key === "customers" ? of(counts).map((/** @type {any} */ one) => one.customers) : months.map((/** @type {any} */ one) => one[figure.key].value)).map((/** @type {any} */ one, /** @type {number} */ i) => (i < unknown ? null : one))}
        reasons=${months.map((/** @type {any} */ one) => one[figure.key]?.reason ?? null)} />`)}</dl>`}<//>
    <div class="grid">
      <${Card} title="MRR over time" wide busy=${mrr.stale}><${Answered} of=${mrr} tall empty=${() => of(mrr).length === 0}>${() => html`<${OverTime} list=${of(mrr)} unknown=${unknownOf(mrr, of(mrr))} prices=${prices(of(mrr))} before=${of(before)} beside=${beside} curve=${curveOf(committed, currency, of(mrr))} query=${query} />`}<//><//>
      ${there && html`<${Committed} answer=${committed} query=${query} />`}
      <${Card} title="What moved it, month by month" wide busy=${mrr.stale} note="Above the line what came, below it what went; each piece opens its movements."><${Answered} of=${mrr} tall again empty=${() => of(mrr).length === 0}>${() => html`<${Bridge} list=${of(mrr)} unknown=${unknownOf(mrr, of(mrr))} prices=${prices(of(mrr))} query=${query} interval="month" />`}<//><//>
      <${Ahead} last=${of(mrr).at(-1)} past=${past ? days.to : undefined} />
      <div class="stack"><${Running} /><${OpenAlerts} /><${Standing} /></div>
      <${Latest} past=${past ? days.to : undefined} />
    </div>`;
}

/** @param {{ query: Record<string, string> }} props */
function NoFigures({ query }) {
  const { currency } = useLedger();
  if (query.asof) return html`<${Empty} title="No figures were known by then.">Nothing in ${currency.toUpperCase()} had arrived by ${known(query.asof)}.<//>`;
  return html`<${Empty} title="No figures in this currency yet.">Choose another currency or other data above, or look at <a href=${href("/events")}>what has arrived</a>.<//>`;
}

/** How many of the first periods lie before the ledger begins: nothing is known of them. @param {any} answer @param {any[]} list */
export function unknownOf(answer, list) {
  if (!(answer.data?.notices ?? []).some((/** @type {any} */ one) => one.kind === "before_the_ledger")) return 0;
  const first = list.findIndex((one) => one.closing !== 0 || linesOf([one]).length > 0);
  return first < 0 ? list.length : first;
}

/** @param {{ list: any[], unknown: number, prices: import("../charts.js").Mark[], before: any[], beside: any, curve: any[], query: Record<string, string> }} props */
function OverTime({ list, unknown, prices, before, beside, curve, query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const coming = ahead(curve, list, currency);
  const periods = [...list, ...coming.periods];
  const series = [{ key: "mrr", name: "MRR", color: "accent", area: true, values: list.map((one, i) => (i < unknown ? null : units(one.closing, currency))), text: list.map((one, i) => (i < unknown ? "–" : money(one.closing, currency))) }];
  if (beside && before.length) {
    series.push(/** @type {any} */ ({ key: "before", name: spanName(beside), color: "soft", dashed: true,
      values: list.map((_, i) => (before[i] ? units(before[i].closing, currency) : null)), text: list.map((_, i) => (before[i] ? money(before[i].closing, currency) : "–")) }));
  }
  const blank = coming.periods.map(() => null);
  const long = series.map((one) => ({ ...one, values: [...one.values, ...blank], text: [...one.text, ...blank.map(() => "–")] }));
  return html`<${Chart} title="MRR over time" says=${stated(ledger, query)} name="mrr" labels=${periods.map((one) => period(one.start, one.end, "month"))} series=${[...long, ...coming.series]} tick=${(/** @type {number} */ value) => compactUnits(value, currency)}
    marks=${[...marksOn(ledger, periods), ...prices]} starts=${list.map((one) => one.start)} partial=${list.at(-1)?.partial === true} ahead=${blank.length} open=${(/** @type {number} */ i, /** @type {string} */ key) => (key === "before" || key === "committed" || !list[i] ? null : href("/movements", { range: "", from: list[i].start, to: list[i].end }))} />`;
}

/** @param {number} value @param {string} currency */
export const compactUnits = (value, currency) => new Intl.NumberFormat(undefined, { style: "currency", currency: currency.toUpperCase(), currencyDisplay: "narrowSymbol", notation: "compact", maximumFractionDigits: 1 }).format(value);

/** Which lines of a bridge hold anything. @param {any[]} list */
export const linesOf = (list) => LINES.filter(([key]) => list.some((one) => one[key] !== undefined && Number(one[`${key}_exact`] ?? one[key]) !== 0));

/** A span of months, in short. @param {{ from: string, to: string }} days */
export const spanName = ({ from, to }) => `${date(from, { month: "short", year: "numeric" })} – ${date(to, { month: "short", year: "numeric" })}`;

/** The signed stacked bridge; `before`: the same of another span, to compare with; `unknown`: how many of the first periods nothing is known of. @param {{ list: any[], unknown?: number, prices?: import("../charts.js").Mark[], before?: { list: any[], days: { from: string, to: string } }, query: Record<string, string>, interval: string, height?: number, table?: boolean, only?: string }} props */
export function Bridge({ list, unknown = 0, prices = [], before, query, interval, height = 300, table = true, only }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const lines = linesOf(list);
  if (unknown >= list.length) return html`<${Empty} title="Nothing is known of this span.">It lies before the ledger begins.<//>`;
  if (!lines.length) return html`<${Empty} title="Nothing moved in this span.">MRR stood at ${money(list.at(-1)?.closing ?? 0, currency)}.<//>`;
  const net = list.map((one) => one.closing - one.opening);
  const series = [
    ...lines.map(([key, name]) => ({ key, name, color: key, as: /** @type {const} */ ("bar"), values: list.map((one) => units(one[key] ?? 0, currency)), text: list.map((one) => money(one[key] ?? 0, currency, { signed: true })) })),
    { key: "net", name: "Net change", color: "ink", points: true, values: net.map((one) => units(one, currency)), text: net.map((one) => money(one, currency, { signed: true })) },
  ];
  if (before?.list.length) {
    const then = list.map((_, i) => (before.list[i] ? before.list[i].closing - before.list[i].opening : null));
    series.push(/** @type {any} */ ({ key: "before", name: `Net change, ${spanName(before.days)}`, color: "soft", dashed: true, values: then.map((one) => (one === null ? null : units(one, currency))), text: then.map((one) => money(one, currency, { signed: true })) }));
  }
  return html`<${Chart} title=${`The bridge of ${only ?? "MRR"}`} says=${stated(ledger, query, only)} name="bridge" stacked height=${height} table=${table} starts=${list.map((one) => one.start)} labels=${list.map((one) => period(one.start, one.end, interval))} series=${series} tick=${(/** @type {number} */ value) => compactUnits(value, currency)}
    marks=${[...marksOn(ledger, list), ...prices]} partial=${list.at(-1)?.partial === true} open=${(/** @type {number} */ i, /** @type {string | undefined} */ key) => href("/movements", { range: "", from: (key === "before" ? before?.list[i] : list[i]).start, to: (key === "before" ? before?.list[i] : list[i]).end, interval: query.interval ?? "", ...narrowed(query), kind: key && KINDLY.has(key) ? key : "" })} />`;
}
const KINDLY = new Set(["new", "expansion", "reactivation", "contraction", "churn", "opening_balance", "fx"]);

/** What is at risk, what is set to end, and what else is written ahead; of a span that is over, what was so at its end. @param {{ last: any, past: string | undefined }} props */
function Ahead({ last, past }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const from = plusDays(today(), 1);
  const to = plusDays(today(), 90);
  const now = !ledger.common.as_known_at && !past && last;
  const ending = useApi(now ? address("/api/v1/customers", { ...ledger.money, ...ledger.segment, state: "ending", sort: "ends", limit: 200 }) : null);
  const ahead = useApi(now ? address("/api/v1/movements", { ...ledger.money, ...ledger.segment, include: "scheduled", without: "fx", from, to, limit: 8 }) : null);
  const profiles = useApi("/api/v1/profiles", { still: true });
  const rules = profiles.data?.data.find((/** @type {any} */ one) => one.name === ledger.profile);
  // Where a cancellation counts when it is asked for, what is set to end is no part of MRR any more.
  const outside = rules?.knobs.some((/** @type {any} */ one) => one.knob === "churn_at" && one.value === "request") && Number(last?.scheduled_churn) !== 0;
  const soon = (/** @type {any[]} */ list) => list.filter((one) => one.ends_at && one.scheduled_churn);
  const last0 = endOfMonth(today());
  return html`<${Card} title=${past ? `At risk and scheduled, ${date(past)}` : "At risk and scheduled"} tools=${html`<a class="button quiet" href=${href("/customers", { state: "ending" })}>All set to end</a>`}>
    ${last && html`<dl class="pairs"><div><dt><${Means} means="MRR of subscriptions whose last payment failed and that still count (past due).">At risk<//></dt><dd><a href=${href("/customers", { state: "past_due" })}>${money(last.at_risk, currency)}</a></dd></div>
      <div><dt><${Means} means="MRR of subscriptions that are set to be cancelled, whenever that is.">Set to end<//></dt><dd><a href=${href("/customers", { state: "ending" })}>${money(last.scheduled_churn, currency)}</a></dd></div>
      ${now && ending.data && html`<div><dt>Ends this month</dt><dd><a href=${href("/customers", { state: "ending", sort: "ends" })}><${Sum} list=${soon(ending.data.data).filter((one) => one.ends_at.slice(0, 10) <= last0)} currency=${currency} more=${Boolean(ending.data.next_cursor) && ending.data.data.at(-1).ends_at?.slice(0, 10) <= last0} /></a></dd></div>`}</dl>${outside && html`<p class="soft">Profile ${ledger.profile} counts a cancellation when it is asked for: what is set to end is out of MRR and told as churn already, and no part of <a href="#committed-mrr">committed MRR</a>; only a term that was fixed from its beginning still counts.</p>`}`}
    ${!now ? html`<p class="soft">${ledger.common.as_known_at || past ? "What lies ahead is told for now only." : "It is told as soon as there are figures."}</p>` : html`<${Answered} of=${ending} lines=${3} empty=${(/** @type {any} */ data) => soon(data.data).length === 0} none=${html`<${Empty} title="No subscription is set to end." />`}>${(/** @type {any} */ data) => html`
      <${Table} caption="Set to end, the next first" cls="cardy" head=${["Customer", "Ends", "Set to end"]} numbers=${[2]} rows=${soon(data.data).slice(0, 8).map((one) => ({ key: one.id, cells: [html`<${Customer} id=${one.id} name=${one.name} account=${one.account} />`, date(one.ends_at), endingOf(one)] }))} />`}<//>
      ${ahead.data?.data.length > 0 && html`<h3>Already written ahead</h3><${Table} caption="Written ahead" cls="cardy" head=${["Customer", "When", "What", "Amount"]} numbers=${[3]} rows=${ahead.data.data.map((/** @type {any} */ one) => ({ key: one.id, cells: [html`<${Customer} id=${one.customer} name=${one.customer_name} account=${one.account} />`, date(one.day), html`<${Kind} kind=${one.kind} amount=${one.amount} />`, html`<${Change} amount=${one.amount} currency=${one.currency} />`] }))} />
        <p class="more"><a href=${href("/movements", { range: "", from, to, ahead: "yes" })}>All that is written ahead</a></p>`}`}
  <//>`;
}

/** Whose subscriptions end and how much MRR goes with them. @param {{ list: any[], currency: string, more: boolean }} props */
function Sum({ list, currency, more }) {
  const amount = list.flatMap((one) => one.scheduled_churn ?? []).filter((one) => one.currency === currency).reduce((sum, one) => sum + Number(one.mrr_exact ?? one.mrr), 0);
  return html`${money(amount, currency)}${more ? "+" : ""} <span class="times">${several(list.length, "customer")}${more ? " and more" : ""}</span>`;
}

/** What of a customer's MRR is set to end. @param {any} one */
export const endingOf = (one) => (one.scheduled_churn ?? []).map((/** @type {any} */ mrr) => money(mrr.mrr, mrr.currency)).join(" + ") || "–";

/** One look at what the figures rest on. */
function Standing() {
  const { status, closings, profile } = useLedger();
  const live = useLive();
  const some = doubts(status?.quality);
  const last = closings[0];
  return html`<${Card} title="What the figures rest on"><dl class="facts">
    <div><dt>Events</dt><dd><a href=${href("/events")}>${count(status.log.events)}</a>${live.lag_events ? html`, <strong class="warn">${count(live.lag_events)} not in the figures yet</strong>` : ", and the figures are up to date"}${live.refuses ? html`; <strong class="bad">webhooks are refused</strong>: <a href=${href("/health")}>the log can’t be written</a>` : ""}</dd></div>
    <div><dt>Not known, or estimated</dt><dd>${some.length ? some.map((one, i) => html`${i ? html`<br />` : ""}<a key=${one.key} href=${href("/health", { quality: one.key })}>${one.name}: ${count(one.n)}</a>`) : "nothing: everything could be read, priced and put in order"}</dd></div>
    <div><dt>Last closed month</dt><dd><a href=${href("/closing")}>${last ? `${month(last.month)}, on ${date(last.closed_at)}${whoOf(last) ? ` by ${whoOf(last)}` : ""}` : "none yet"}</a></dd></div>
    <div><dt>Rules</dt><dd><a href=${href("/differences")}>profile ${profile}</a></dd></div></dl><//>`;
}

function OpenAlerts() {
  const ledger = useLedger();
  const alerts = useApi(address("/api/v1/alerts", { open: "true", details: "false", limit: 6 }));
  const named = useNames(namedIn(alerts.data?.data));
  return html`<${Card} title="Open alerts" note=${Object.keys(ledger.segment).length ? "Of all customers." : undefined} tools=${html`<a class="button quiet" href=${href("/alerts")}>All</a>`}>
    <${Answered} of=${alerts} lines=${3} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="No alert is open."><a href=${href("/alerts")}>All that were ever raised</a><//>`}>${(/** @type {any} */ data) => html`<ul class="list">${data.data.map((/** @type {any} */ one) => html`<li key=${one.id}>
      <a href=${href("/alerts", { alert: one.id })}>${called(one.headline, named, ledger)}</a><span class="soft">${date(one.day)} · ${words(one.rule)}${one.acknowledged_at ? " · acknowledged" : ""}</span></li>`)}</ul>`}<//><//>`;
}

/** @param {{ past: string | undefined }} props */
function Latest({ past }) {
  const ledger = useLedger();
  const latest = useApi(address("/api/v1/movements", { ...ledger.money, ...ledger.segment, to: past, without: "fx", order: "desc", limit: 8 }));
  return html`<${Card} title=${past ? `Latest movements to ${date(past)}` : "Latest movements"} wide busy=${latest.stale} tools=${html`<a class="button quiet" href=${href("/movements")}>All</a>`}>
    <${Answered} of=${latest} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="Nothing has moved yet." />`}>${(/** @type {any} */ data) => html`<${MovementTable} list=${data.data} />`}<//><//>`;
}

/** Movements, one a row; of what was lost with what was said. @param {{ list: any[], caption?: string, lost?: boolean }} props */
export function MovementTable({ list, caption = "Movements", lost = false }) {
  const said = list.some((one) => saidOf(one) || commentOf(one));
  const head = ["Customer", "Day", ...(lost ? [] : ["Kind"]), "Why", ...(said ? ["What they said"] : []), "Amount", ...(lost ? [] : ["MRR after"])];
  const num = head.length - (lost ? 1 : 2);
  return html`<${Table} caption=${caption} cls="cardy moves" head=${head} numbers=${[num, num + 1]}
  rows=${list.map((one) => ({ key: one.id, cells: [html`<${Customer} id=${one.customer} name=${one.customer_name} account=${one.account} />`,
    html`<a href=${href(`/customers/${encodeURIComponent(one.customer)}`, { movement: one.id })}>${date(one.day)}</a>`, ...(lost ? [] : [html`<${Kind} kind=${one.kind} amount=${one.amount} />`]), html`<${Why} move=${one} />`,
    ...(said ? [(saidOf(one) || commentOf(one)) && html`<span class="why">${saidOf(one)}${commentOf(one) && html`${saidOf(one) ? ": " : ""}<q>${commentOf(one)}</q>`}</span>`] : []),
    html`<${Change} amount=${one.amount} currency=${one.currency} />`, ...(lost ? [] : [money(one.after, one.currency)])] }))} />`;
}

/** What Stripe's form was answered with. @param {any} move */
export const saidOf = (move) => [...new Set(move.parts.map((/** @type {any} */ part) => part.feedback).filter(Boolean))].map((one) => words(/** @type {string} */ (one))).join(", ");
/** @param {any} move */
export const commentOf = (move) => move.parts.find((/** @type {any} */ part) => part.comment)?.comment;

/** @param {{ move: any }} props */
function Why({ move }) {
  const causes = [...new Set(move.parts.map((/** @type {any} */ part) => words(part.cause)))].join(", ");
  const named = [...new Set(move.parts.map((/** @type {any} */ part) => (part.after ?? part.before)?.product_name).filter(Boolean))].slice(0, 2).join(", ");
  return html`<span class="why">${causes}${named && html` <span class="soft">${named}</span>`}</span>`;
}
