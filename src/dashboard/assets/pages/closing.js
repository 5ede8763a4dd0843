// Closing: the months that were closed and with what, what later events changed in them, and closing one.
import { html, useState } from "../vendor/preact.js";
import { address, send, useApi, usePages, moved } from "../api.js";
import { endOfMonth, plusMonths, monthOf, today } from "../days.js";
import { count, date, instant, money, words } from "../format.js";
import { useLedger } from "../ledger.js";
import { Act, Answered, Card, Change, Csv, Customer, Dialog, Empty, Events, More, PageHead, Table } from "../parts.js";
import { choose, href } from "../route.js";

/** @param {{ query: Record<string, string> }} props */
export function Closing({ query }) {
  const ledger = useLedger();
  const { currency } = ledger;
  const [asking, ask] = useState("");
  const months = useApi(address("/api/v1/mrr", { ...ledger.money, as_known_at: undefined }));
  const closings = useApi(address("/api/v1/closings", { profile: ledger.common.profile, currency: ledger.money.currency }));
  const list = (months.data?.data ?? []).filter((/** @type {any} */ one) => one.currency === currency && !one.partial).reverse();
  const closed = new Map((closings.data?.data ?? []).map((/** @type {any} */ one) => [one.month, one]));
  const viewer = ledger.me?.role === "viewer";
  const month = (/** @type {any} */ one) => one.start.slice(0, 7);
  return html`<${PageHead} title="Closing" lead="A closed month keeps its figures. What later events change in it is a restatement, with the events that caused it." tools=${html`<${Csv} to="/api/v1/closings" query=${{ profile: ledger.common.profile }} name="closings" />`} />
    <div class="grid"><${Card} title="Months" wide busy=${months.stale}><${Answered} of=${months} empty=${() => list.length === 0} none=${html`<${Empty} title="No month is over yet." />`}>${() => html`
      <${Table} caption="Months" cls="cardy" head=${["Month", "Closing MRR as closed", "As known now", "Difference", "Closed", "Log up to", ""]} numbers=${[1, 2, 3, 5]} rows=${list.slice(0, 36).map((/** @type {any} */ one) => {
        const kept = closed.get(month(one));
        const line = kept?.totals.find((/** @type {any} */ total) => total.line === "closing" && total.currency === currency && !total.account === !ledger.common.account && total.livemode !== false);
        const difference = line ? Number(one.closing_exact) - Number(line.amount_exact) : null;
        return { key: one.start, cells: [html`<a href=${href("/movements", { range: "", from: one.start, to: one.end })}>${date(one.start, { month: "long", year: "numeric" })}</a>`,
          line ? html`<a href=${href("/movements", { range: "", from: one.start, to: one.end, asof: String(kept.seq) })}>${money(line.amount, currency)}</a>` : html`<span class="soft">open</span>`, money(one.closing, currency),
          difference === null ? "" : difference === 0 ? html`<span class="soft">none</span>` : html`<a href=${href("/closing", { month: month(one) })}><${Change} amount=${difference} currency=${currency} /></a>`,
          kept ? html`${date(kept.closed_at)}${kept.closed_by ? ` by ${kept.closed_by}` : ""}` : "", kept ? count(kept.seq) : "",
          kept ? html`<a class="button quiet" href=${href("/closing", { month: month(one) })}>Restatements</a>` : viewer ? "" : html`<button type="button" aria-label=${`Close ${month(one)}`} onClick=${() => ask(month(one))}>Close</button>`] };
      })} />`}<//><//>
      <${Restatements} month=${query.month} closed=${[...closed.keys()]} /></div>
    ${asking && html`<${Dialog} title=${`Close ${date(`${asking}-01`, { month: "long", year: "numeric" })}?`} close=${() => ask("")} cls="narrow"><p>Its figures are kept as they stand now, under every profile. It can’t be opened again; what changes later is listed as a restatement.</p>
      <p class="row"><${Act} cls="primary" run=${async () => { await send("/api/v1/closings", { month: asking }); moved(); ask(""); }}>Close it<//> <button type="button" onClick=${() => ask("")}>Not now</button></p><//>`}`;
}

const LINES = ["opening", "new", "expansion", "reactivation", "contraction", "churn", "fx", "opening_balance", "closing"];

/** @param {{ month?: string, closed: any[] }} props */
function Restatements({ month, closed }) {
  const ledger = useLedger();
  const asked = { profile: ledger.common.profile, account: ledger.common.account, livemode: ledger.common.livemode, currency: ledger.money.currency, month };
  const pages = usePages(closed.length ? address("/api/v1/restatements", { ...asked, limit: 100 }) : null);
  if (!closed.length) return html`<${Card} title="Restatements" wide><${Empty} title="No month is closed yet, so nothing can be restated." /><//>`;
  return html`<${Card} title=${month ? `What changed in ${month} since it was closed` : "What changed in closed months"} wide busy=${pages.stale} tools=${html`${month && html`<button type="button" class="quiet" onClick=${() => choose({ month: "" })}>All months</button>`}<${Csv} to="/api/v1/restatements" query=${{ ...asked, limit: 1000 }} name="restatements" />`}>
    <${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title="Nothing: every closed figure is still what the log says." />`}>${(/** @type {any[]} */ data) => html`
      <${Table} caption="Restatements" cls="cardy" head=${["Customer", "Month", "What", "As closed", "Now", "Difference", "Because of"]} numbers=${[3, 4, 5]} rows=${data.flatMap((one) => LINES.filter((line) => one.before[`${line}_exact`] !== undefined && one.before[`${line}_exact`] !== one.after[`${line}_exact`]).map((line, i) => ({ key: `${one.month}${one.customer}${one.currency}${line}`, cells: [
        html`<${Customer} id=${one.customer} account=${one.account} />`, one.month, words(line), money(one.before[line], one.currency), money(one.after[line], one.currency), html`<${Change} amount=${Number(one.after[`${line}_exact`]) - Number(one.before[`${line}_exact`])} currency=${one.currency} />`,
        html`<${Events} ids=${one.events} />${one.rules_changed.length ? ` other rules: ${one.rules_changed.map(words).join(", ")}` : ""}`] })))} /><${More} pages=${pages} />`}<//><//>`;
}
