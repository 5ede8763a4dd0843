// Segments: of which customers the figures are, by a configured name or by a condition, in the address bar.
import { html, useRef, useState } from "./vendor/preact.js";
import { address, ask, send, useApi } from "./api.js";
import { segmentName } from "./format.js";
import { useLedger } from "./ledger.js";
import { Act, Dialog, Select } from "./parts.js";
import { choose } from "./route.js";

/** What goes with every question that can be asked of some customers alone. @param {Record<string, string>} query */
export const segmentOf = ({ where, segment, current }) => (where ? { where, current } : segment ? { segment, current } : {});

const everybody = { where: "", segment: "", current: "" };

/** Says on every page of figures of whom they are, or that they are of everybody all the same. @param {{ query: Record<string, string>, takes: boolean }} props */
export function SegmentLine({ query, takes }) {
  const name = segmentName(query);
  if (!name) return null;
  const by = query.current ? "of those of whom it holds today, for all history" : "on the days on which it holds";
  return html`<p class="asof" role="status">${takes ? html`Segment: <strong>${query.where ?? query.segment}</strong>, ${by}.` : html`This page isn’t told by segment: its figures are of <strong>all customers</strong>, not of ${name} alone.`} <button type="button" class="link" onClick=${() => choose(everybody)}>All customers</button></p>`;
}

/** The choice in the report's bar. @param {{ query: Record<string, string> }} props */
export function SegmentChoice({ query }) {
  const [open, set] = useState(false);
  return html`<div class="field"><span id="of-label">Customers</span>
    <button type="button" class="select" aria-haspopup="dialog" aria-labelledby="of-label of-value" onClick=${() => set(true)}><span id="of-value">${query.where ? "by a condition" : query.segment ?? "all"}</span></button>
    ${open && html`<${Chooser} query=${query} close=${() => set(false)} />`}</div>`;
}

const KEYS = "country, currency, product, price, interval, cohort, mrr, seats, tenure_days, status, metadata:KEY and attribute:KEY";

/** @param {{ query: Record<string, string>, close: () => void }} props */
function Chooser({ query, close }) {
  const ledger = useLedger();
  const list = useApi(address("/api/v1/segments", { as_known_at: ledger.common.as_known_at }), { still: true });
  const known = list.data?.data ?? [];
  const admin = ledger.me?.role === "admin" && !ledger.common.as_known_at;
  const [name, call] = useState("");
  const [current, hold] = useState(query.current ?? "");
  const [text, type] = useState(query.where ?? "");
  const [wrong, tell] = useState("");
  /** @type {{ current: HTMLInputElement | null }} */
  const input = useRef(null);
  const take = async (/** @type {Record<string, string>} */ chosen) => {
    const next = { ...everybody, ...chosen };
    try {
      // Refused before anything is asked of the whole page, and told at its place.
      if (next.where) await ask(address("/api/v1/customers", { ...ledger.money, ...segmentOf(next), limit: 1 }));
      choose(next);
      close();
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      tell(message.replace(/^where: /, ""));
      const at = Number(/at character (\d+)/.exec(message)?.[1] ?? 0) - 1;
      input.current?.focus();
      if (at >= 0) input.current?.setSelectionRange(at, at + 1);
    }
  };
  const typed = () => take({ where: text.trim(), current });
  return html`<${Dialog} title="Of which customers" close=${close}>
    <ul class="list choices-of"><li><button type="button" onClick=${() => take({})}>All customers</button></li>
      ${known.map((/** @type {any} */ one) => html`<li key=${one.name}><span><button type="button" aria-pressed=${String(query.segment === one.name)} onClick=${() => take({ segment: one.name, current })}>${one.name}</button> <code>${one.where}</code> ${admin && one.source === "saved" && html`<${Act} cls="link" run=${async () => { await send(`/api/v1/segments/${encodeURIComponent(one.name)}`, undefined, "DELETE"); list.again(); }}>drop<//>`}</span></li>`)}</ul>
    <div class="row" role="group" aria-label="A condition" onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter" && event.target === input.current) { event.preventDefault(); typed(); } }}>
      <label class="field grow"><span>Those of whom this holds</span><input ref=${input} class="id" value=${text} onInput=${(/** @type {any} */ event) => type(event.currentTarget.value)} placeholder="attribute:size >= 200 and not country = DE" aria-invalid=${wrong ? "true" : undefined} aria-describedby="of-wrong of-keys" autocomplete="off" spellcheck=${false} /></label>
      <${Select} label="History" value=${current} options=${[["", "as it was"], ["true", "by what holds today"]]} choose=${hold} />
      <button type="button" class="primary" onClick=${typed}>Show</button>
      ${admin && html`<label class="field"><span>Or keep it as</span><input name="as" value=${name} placeholder="large" onInput=${(/** @type {any} */ event) => call(event.currentTarget.value)} /></label><${Act} disabled=${!name.trim() || !text.trim()} run=${async () => { await send("/api/v1/segments", { name: name.trim(), where: text.trim() }); await take({ segment: name.trim(), current }); }}>Save<//>`}</div>
    ${wrong && html`<pre id="of-wrong" class="bad" role="alert">${wrong}</pre>`}
    <p id="of-keys" class="soft">Of ${KEYS}; with ${"=, !=, <, <=, >, >=, in (…), exists"}, and, or, not and brackets. An amount of mrr is in units of the currency.</p><//>`;
}
