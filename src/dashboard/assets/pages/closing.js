// Closing: the months that were closed and with what, what later events changed in them, and closing one.
import { html, useState } from "../vendor/preact.js";
import { address, send, useApi, usePages, moved } from "../api.js";
import { plusMonths, today } from "../days.js";
import { count, date, instant, money, month as monthName, words } from "../format.js";
import { useLedger, whoOf } from "../ledger.js";
import { Act, Answered, Apart, Card, Change, Csv, Customer, Dialog, Empty, Events, More, PageHead, Table, useNames } from "../parts.js";
import { choose, here, href } from "../route.js";
import { LINES as WORDS } from "../words.js";

/** @param {{ query: Record<string, string> }} props */
export function Closing({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const [asking, ask] = useState("");
  const months = useApi(address("/api/v1/mrr", { ...ledger.money, as_known_at: undefined }));
  const closings = useApi(address("/api/v1/closings", { profile: ledger.common.profile, currency: ledger.money.currency }));
  const list = (months.data?.data ?? []).filter((/** @type {any} */ one) => one.currency === currency && !one.partial).reverse();
  const closed = new Map((closings.data?.data ?? []).map((/** @type {any} */ one) => [one.month, one]));
  // A month before one that is closed is closed by the command alone, which asks for it (`--force`).
  const newest = [...closed.keys()].sort().at(-1) ?? "";
  const next = newest && plusMonths(`${newest}-01`, 1).slice(0, 7);
  const admin = ledger.me?.role === "admin";
  const trail = useApi(address("/api/v1/audit-trail", { action: "month_closed", limit: 1000 }));
  const deeds = new Map((trail.data?.data ?? []).map((/** @type {any} */ one) => [one.subject, one]));
  const month = (/** @type {any} */ one) => one.start.slice(0, 7);
  // In an only currency, months of trials alone: the ledger begins with its first money.
  const began = ledger.currencies.length > 1 ? "" : month(list.findLast((/** @type {any} */ one) => ["opening", "opening_balance", "new", "closing", "list"].some((key) => Number(one[`${key}_exact`]) !== 0)) ?? { start: "9999-12" });
  /** Why a month can't be closed here; nothing where it can. @param {any} one */
  const keeps = (one) => (month(one) < newest ? "followed by a closed month" : next && month(one) > next ? `after ${monthName(next)}` : month(one) < began ? "before the ledger began" : "");
  const earlier = list.filter((/** @type {any} */ one) => asking && month(one) < asking && !keeps(one));
  const chosen = list.find((/** @type {any} */ one) => month(one) === query.month);
  return html`<${PageHead} title="Closing" lead="A closed month keeps its figures. What later events change in it is a restatement, with the events that caused it." tools=${html`<${Csv} to="/api/v1/closings" query=${{ profile: ledger.common.profile }} name="closings" />`} />
    <div class="grid">${chosen && closed.get(query.month) && html`<${Beside} month=${chosen} kept=${closed.get(query.month)} deed=${deeds.get(query.month)} />`}
      ${query.month && html`<${Restatements} month=${query.month} closed=${[...closed.keys()]} />`}
      <${Card} title="Months" wide busy=${months.stale} note=${admin && html`${monthName(today().slice(0, 7))} can be closed once it is over${list.some((/** @type {any} */ one) => month(one) < newest && !closed.has(month(one))) && html`, and a month followed by a closed one only by <code>mrrd close MONTH --force</code>`}.`}><${Answered} of=${months} empty=${() => list.length === 0} none=${html`<${Empty} title="No month is over yet." />`}>${() => html`
      <${Table} caption="Months" cls="cardy mid" head=${["Month", "MRR as closed", "As known now", "Difference", "Closed", "Closed from the log up to", ""]} numbers=${[1, 2, 3, 5]} rows=${list.slice(0, 36).map((/** @type {any} */ one) => {
        const kept = closed.get(month(one));
        const line = kept?.totals.find((/** @type {any} */ total) => total.line === "closing" && total.currency === currency && !total.account === !ledger.common.account && total.livemode !== false);
        const difference = line ? Number(one.closing_exact) - Number(line.amount_exact) : null;
        return { key: one.start, cells: [html`<a href=${href("/movements", { range: "", from: one.start, to: one.end })}>${monthName(month(one))}</a>`,
          line ? html`<a href=${href("/movements", { range: "", from: one.start, to: one.end, asof: String(kept.seq) })}>${money(line.amount, currency)}</a>` : html`<span class="soft">open</span>`, money(one.closing, currency),
          difference === null ? "" : difference === 0 ? html`<${Apart} by=${0} currency=${currency} />` : html`<a href=${href("/closing", { month: month(one) })}><${Apart} by=${difference} currency=${currency} /></a>`,
          kept ? html`<${Deed} kept=${kept} deed=${deeds.get(month(one))} />` : "", kept ? count(kept.seq) : "",
          kept ? html`<a class="button quiet" href=${href("/closing", { month: month(one) })}>As closed and now</a>` : !admin ? "" : keeps(one) ? html`<span class="soft">${keeps(one)}</span>` : html`<button type="button" aria-label=${`Close ${month(one)}`} onClick=${() => ask(month(one))}>Close</button>`] };
      })} />`}<//><//>
      ${!query.month && html`<${Restatements} closed=${[...closed.keys()]} />`}
      <${Deeds} /></div>
    ${asking && html`<${Dialog} title=${`Close ${date(`${asking}-01`, { month: "long", year: "numeric" })}?`} close=${() => ask("")} cls="narrow"><p>Its figures are kept as they stand now, under every profile. They stay so: what changes later is listed as a restatement.</p>
      ${!newest && earlier.length > 0 && html`<p>It is the first month that is closed, and ${earlier.length === 1 ? `${monthName(month(earlier[0]))} before it stays open: it is closed` : `${count(earlier.length)} months before it stay open: they are closed`} later only by <code>mrrd close ${month(earlier.at(-1))} --force</code>. To close all in order, begin there.</p>`}
      <p class="row"><${Act} cls="primary" run=${async () => { await send("/api/v1/closings", { month: asking }); moved(); ask(""); }}>Close it<//> <button type="button" onClick=${() => ask("")}>Not now</button></p><//>`}`;
}

/** Who did it and when. @param {{ kept: any, deed: any }} props */
const Deed = ({ kept, deed }) => html`<span title=${instant(kept.closed_at)}>${date(kept.closed_at)}</span>${whoOf(kept) ?? whoOf(deed) ? ` by ${whoOf(kept) ?? whoOf(deed)}` : ""}${kept.revision > 1 && html`<br /><span class="soft">anew: ${kept.reason}</span>`}`;

const LINES = [["opening", "Opening"], ...WORDS.filter(([key]) => !["transfer", "prior_period"].includes(key)), ["closing", "Closing"]];

/** Beside changes, what these come to: not one more of them. @type {Record<string, string>} */
const BALANCES = { opening: "MRR at the beginning", closing: "MRR at the end, with all of these" };

/** A month as it was closed beside the same month as it is known now. @param {{ month: any, kept: any, deed: any }} props */
function Beside({ month, kept, deed }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const then = (/** @type {string} */ key) => Number(kept.totals.find((/** @type {any} */ one) => one.line === key && one.currency === currency && !one.account === !ledger.common.account && one.livemode !== false)?.amount_exact ?? 0);
  const lines = LINES.filter(([key]) => key === "opening" || key === "closing" || then(key) !== 0 || Number(month[`${key}_exact`] ?? 0) !== 0);
  const of = { range: "", from: month.start, to: month.end };
  const kind = (/** @type {string} */ key) => (["opening", "closing"].includes(key) ? "" : key);
  return html`<${Card} title=${`${date(month.start, { month: "long", year: "numeric" })}: as closed, and as known now`} wide note=${`Closed ${whoOf(kept) ?? whoOf(deed) ? `by ${whoOf(kept) ?? whoOf(deed)} ` : ""}on ${instant(kept.closed_at)}${deed?.address ? ` from ${deed.address}` : ""}, when the log held ${count(kept.seq)} events${kept.revision > 1 ? `; revision ${kept.revision}: ${kept.reason}` : ""}.`}>
    <${Table} caption="As closed and as known now" cls="cardy" head=${["", "As closed", "As known now", "Difference"]} numbers=${[1, 2, 3]} rows=${lines.map(([key, name]) => {
      const [a, b] = [then(key), Number(month[`${key}_exact`] ?? 0)];
      const shown = (/** @type {number} */ n) => money(n, currency, { signed: !!kind(key) });
      return { key, cls: kind(key) ? "" : "sum", cells: [name, html`<a href=${href("/movements", { ...of, kind: kind(key), asof: String(kept.seq) })}>${shown(a)}</a>`, html`<a href=${href("/movements", { ...of, kind: kind(key) })}>${shown(b)}</a>`, html`<${Apart} by=${b - a} currency=${currency} />`] };
    })} /><//>`;
}

/** What else than events a closed figure can differ by. @type {Record<string, string>} */
const RULES = { ledger: "version of the rules", normaliser: "reading of the events", rates: "exchange rates", zone: "time zone", profile: "the profile’s settings", customers: "settings of customers" };
/** @param {string} rule */
const ruleName = (rule) => RULES[rule] ?? words(rule);

/** @param {{ month?: string, closed: any[] }} props */
function Restatements({ month, closed }) {
  const ledger = useLedger();
  const asked = { profile: ledger.common.profile, account: ledger.common.account, livemode: ledger.common.livemode, currency: ledger.money.currency, month };
  const pages = usePages(closed.length ? address("/api/v1/restatements", { ...asked, limit: 100 }) : null);
  const named = useNames((pages.data ?? []).map((/** @type {any} */ one) => one.customer));
  if (!closed.length) return html`<${Card} title="Restatements" wide><${Empty} title="No month is closed yet, so nothing can be restated." /><//>`;
  if (month && !closed.includes(month)) return html`<${Card} title="Restatements" wide><${Empty} title=${/^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? `${monthName(month)} isn’t closed, so nothing of it can be restated.` : "This is no month."}><a href=${here({ month: "" })}>All closed months</a><//><//>`;
  return html`<${Card} title=${month ? `What changed in ${monthName(month)} since it was closed` : "What changed in closed months"} wide busy=${pages.stale} tools=${html`${month && html`<button type="button" class="quiet" onClick=${() => choose({ month: "" })}>All months</button>`}<${Csv} to="/api/v1/restatements" query=${{ ...asked, limit: 1000 }} name="restatements" />`}>
    <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title="Nothing: every closed figure is still what the log says." />`}>${(/** @type {any[]} */ data) => html`
      <${Table} caption="Restatements" cls="cardy" head=${["Customer", "Month", "What", "As closed", "Now", "Difference", "Because of"]} numbers=${[3, 4, 5]} rows=${data.flatMap((one) => LINES.filter(([line]) => one.before[`${line}_exact`] !== undefined && one.before[`${line}_exact`] !== one.after[`${line}_exact`]).map(([line, name]) => ({ key: `${one.month}${one.customer}${one.currency}${line}`, cells: [
        html`<${Customer} id=${one.customer} name=${named(one.customer)} account=${one.account} />`, date(`${one.month}-01`, { month: "short", year: "numeric" }), BALANCES[line] ?? name, money(one.before[line], one.currency), money(one.after[line], one.currency), html`<${Change} amount=${Number(one.after[`${line}_exact`]) - Number(one.before[`${line}_exact`])} currency=${one.currency} />`,
        html`<${Events} ids=${one.events} />${one.rules_changed.length ? html`${one.events.length ? "; " : ""}${one.rules_changed.map(ruleName).join(", ")} not as when it was closed` : ""}`] })))} /><${More} pages=${pages} />`}<//><//>`;
}

/** What people did, and from where. */
function Deeds() {
  const pages = usePages(address("/api/v1/audit-trail", { limit: 20 }));
  return html`<${Card} title="Who did what" wide note="Closings, goals, alerts acknowledged and muted, notes, imports, tokens and sign-ins: when, and from where." tools=${html`<${Csv} to="/api/v1/audit-trail" query=${{ limit: 1000 }} name="audit-trail" />`}>
    <${Answered} of=${pages} lines=${3} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title="Nobody has done anything yet." />`}>${(/** @type {any[]} */ data) => html`
      <${Table} caption="Audit trail" cls="cardy" head=${["When", "Who", "Did", "What", "From"]} rows=${data.map((one) => ({ key: String(one.id), cells: [instant(one.at), whoOf(one) ?? html`<span class="soft">not named</span>`, words(one.action), html`<span class="why">${one.subject}${one.detail && one.detail !== one.subject ? html` <span class="soft">${one.detail}</span>` : ""}</span>`, one.address ?? words(one.by)] }))} /><${More} pages=${pages} />`}<//><//>`;
}
