// What pages are built of: cards, tables, pills, and the four states of everything that is asked for.
import { html, useEffect, useId, useRef, useState } from "./vendor/preact.js";
import { address, ask, askPage, useApi } from "./api.js";
import { count, date, instant, money, sentence, words } from "./format.js";
import { useLedger } from "./ledger.js";
import { here, href } from "./route.js";

/** @typedef {import("./vendor/preact.js").ComponentChildren} Children */

/** A part of a page with a heading. @param {{ title: Children, children?: Children, tools?: Children, wide?: boolean, id?: string, note?: Children, busy?: boolean }} props */
export function Card({ title, children, tools, wide, id, note, busy }) {
  const own = useId();
  const name = id ?? own;
  return html`<section class=${`card ${wide ? "wide" : ""} ${busy ? "stale" : ""}`} aria-labelledby=${name} aria-busy=${busy ? "true" : undefined}>
    <div class="head"><div><h2 id=${name}>${title}</h2>${note && html`<p class="note">${note}</p>`}</div>${tools && html`<div class="tools">${tools}</div>`}</div>
    ${children}
  </section>`;
}

/** Shapes of what will stand here. @param {{ lines?: number, tall?: boolean }} props */
export const Loading = ({ lines = 4, tall = false }) => html`<div class=${`loading ${tall ? "tall" : ""}`} role="status"><span class="unseen">Loading…</span>
  ${Array.from({ length: lines }, (_, i) => html`<span class="bone" key=${i}></span>`)}</div>`;

/** Nothing is here, and why, and what would bring something. @param {{ title: Children, children?: Children }} props */
export const Empty = ({ title, children }) => html`<div class="empty"><p><strong>${title}</strong></p>${children && html`<p>${children}</p>`}</div>`;

/** A sentence of the daemon’s, begun as one, unless it begins with the name of something. @param {string} text */
export const capital = (text) => (text && !/^\w+: |^[a-z]+_/.test(text) ? text[0].toUpperCase() + text.slice(1) : text);

/** A sentence whose commands stand between backticks. @param {string} text */
export const commands = (text) => text.split("`").map((part, i) => (i % 2 ? html`<code key=${i}>${part}</code>` : part));

/** @param {{ error: any, again?: () => void }} props */
export function Failed({ error, again }) {
  // A currency without a ledger is no fault of anybody's: most of all, nothing had arrived by the day that is asked for.
  if (error.status === 422 && /there is no ledger in/.test(error.message)) {
    return html`<${Empty} title=${new URLSearchParams(location.search).get("asof") ? "Nothing had arrived by then in this currency." : "There is no ledger in this currency."}>${error.message.replace(/^currency: /, "")}<//>`;
  }
  const title = error.title && error.title !== error.message ? error.title : "This can't be shown";
  // A condition that can't be read is followed by its text and a mark below the place.
  const [said, ...place] = error.message.split("\n");
  const { currencies = [] } = useLedger() ?? {};
  const alone = error.type === "urn:mrrd:problem:rate-missing" && currencies.length > 0;
  return html`<div class="failed" role="alert"><p><strong>${title}</strong></p><p>${commands(capital(said))}</p>${place.length > 0 && html`<pre>${place.join("\n")}</pre>`}
    ${alone && html`<p>One currency by itself needs no rate: ${currencies.map((one, i) => html`${i ? ", " : ""}<a key=${one} href=${here({ currency: one })}>${one.toUpperCase()}</a>`)}.</p>`}
    ${again && html`<p><button type="button" onClick=${again}>Try again</button></p>`}</div>`;
}

/**
 * An answer in its states: loading, failed, empty, here.
 * @param {{ of: any, empty?: (data: any) => boolean, none?: Children, children: (data: any) => Children, lines?: number, tall?: boolean, again?: boolean }} props
 *   again: an answer that is shown in another card as well, which says where the ledger begins
 */
export function Answered({ of, empty, none, children, lines, tall, again = false }) {
  if (of.error && of.data === undefined) return of.error.status === 401 ? html`<${Loading} lines=${lines} tall=${tall} />` : html`<${Failed} error=${of.error} again=${of.again} />`;
  if (of.data === undefined) return html`<${Loading} lines=${lines} tall=${tall} />`;
  // Where the page says itself that there is nothing, that nothing counts needs no second sentence.
  const told = (of.data?.notices ?? []).filter((/** @type {any} */ one) => (!none || one.kind !== "nothing_counts") && (!again || one.kind !== "before_the_ledger"));
  return html`${told.map((/** @type {any} */ one) => html`<p class=${one.kind === "before_the_ledger" ? "soft" : "late"} role="status" key=${one.kind}>${commands(capital(one.detail).replace(/\b\d{4}-\d\d-\d\d\b/g, (/** @type {string} */ day) => date(day)))}</p>`)}${of.error && html`<p class="late" role="status">These figures are from before: ${of.error.message}</p>`}
    ${empty?.(of.data) ? none ?? html`<${Empty} title="Nothing to show." />` : children(of.data)}`;
}

/**
 * A table that can be wider than the screen.
 * @param {{ caption?: string, head: Children[], heads?: string[], rows: { key?: string, cells: Children[], cls?: string }[], cls?: string, foot?: Children[], numbers?: number[] }} props
 *   heads: the head as text, for small screens, where it isn't; numbers: which columns hold numbers
 */
export function Table({ caption, head, heads, rows, cls = "", foot, numbers = [] }) {
  const num = (/** @type {number} */ i) => (numbers.includes(i) ? "num" : undefined);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption ?? "Table"}><table class=${cls}>
    ${caption && html`<caption class="unseen">${caption}</caption>`}
    <thead><tr>${head.map((cell, i) => html`<th key=${i} scope="col" class=${num(i)}>${cell}</th>`)}</tr></thead>
    <tbody>${rows.map((row, r) => html`<tr key=${row.key ?? r} class=${row.cls}>${row.cells.map((cell, i) => (i === 0
      ? html`<th key=${i} scope="row" class=${num(i)}>${cell}</th>` : html`<td key=${i} class=${num(i)} data-head=${heads?.[i] ?? (typeof head[i] === "string" ? head[i] : undefined)}>${cell}</td>`))}</tr>`)}</tbody>
    ${foot && html`<tfoot><tr>${foot.map((cell, i) => html`<td key=${i} class=${num(i)}>${cell}</td>`)}</tr></tfoot>`}
  </table></div>`;
}

const LOSS = new Set(["contraction", "churn"]);
/** A kind of movement. @param {{ kind: string, amount?: number }} props */
export const Kind = ({ kind, amount }) => html`<span class=${`pill ${LOSS.has(kind) || (amount ?? 0) < 0 ? "down" : "up"}`}>${words(kind)}</span>`;

/** @param {number | string} amount */
export const tone = (amount) => (Number(amount) > 0 ? "up" : Number(amount) < 0 ? "down" : "soft");

/** Money that was won or lost. @param {{ amount: number, currency: string }} props */
export const Change = ({ amount, currency }) => html`<span class=${tone(amount)}>${money(amount, currency, { signed: true })}</span>`;

/** By how much two amounts lie apart: what no cent shows is no change. @param {{ by: number, currency: string }} props */
export const Apart = ({ by, currency }) => (Math.abs(by) >= 1 ? html`<${Change} amount=${by} currency=${currency} />` : html`<span class="soft">${by ? `less than ${money(1, currency)}` : "none"}</span>`);

/** A customer, by name where names are shown. @param {{ id: string, name?: string | null, account?: string }} props */
export const Customer = ({ id, name, account }) => html`<a class="customer" title=${id} href=${href(`/customers/${encodeURIComponent(id)}`, account ? { account } : {})}>${name
  ? html`<span>${name}</span> <span class="id soft">${id}</span>` : html`<span class="id">${id}</span>`}</a>`;

/** What these customers are called, for lists that hold ids alone. @param {(string | null | undefined)[]} ids @returns {(id: string) => string | undefined} */
export function useNames(ids) {
  const { common } = useLedger();
  const wanted = [...new Set(ids.filter(Boolean))].sort().slice(0, 300);
  const found = useApi(wanted.length ? address("/api/v1/names", { account: common.account, livemode: common.livemode, ids: wanted.join(",") }) : null);
  const names = new Map((found.data?.data ?? []).map((/** @type {any} */ one) => [one.id, one.name ?? one.email]));
  return (id) => names.get(id) ?? undefined;
}

/** A page at Stripe's, live or test. @param {{ of: string, id: string, account?: string | null, livemode?: boolean, children?: Children }} props */
export const AtStripe = ({ of, id, account, livemode, children = "at Stripe" }) => html`<a class="still" href=${`https://dashboard.stripe.com/${account ? `${account}/` : ""}${livemode === false ? "test/" : ""}${of}/${encodeURIComponent(id)}`} target="_blank" rel="noreferrer">${children} <span aria-hidden="true">↗</span></a>`;

/** An event of the log. @param {{ id: string }} props */
export const Event = ({ id }) => html`<a class="id" href=${href(`/events/${encodeURIComponent(id)}`)}>${id}</a>`;

/** @param {{ ids: string[], most?: number }} props */
export const Events = ({ ids, most = 4 }) => html`${ids.slice(0, most).map((id, i) => html`${i ? ", " : ""}<${Event} key=${id} id=${id} />`)}${ids.length > most ? ` and ${count(ids.length - most)} more` : ""}`;

/** Buttons of which one is pressed. @param {{ label: string, value: string, options: readonly (readonly [string, string])[], choose: (value: string) => void }} props */
export const Choice = ({ label, value, options, choose }) => html`<div class="choice" role="group" aria-label=${label}>
  ${options.map(([key, name]) => html`<button key=${key} type="button" aria-pressed=${String(key === value)} onClick=${() => choose(key)}>${name}</button>`)}</div>`;

/** @param {{ label: string, value: string, options: readonly (readonly [string, string])[], choose: (value: string) => void, hidden?: boolean }} props */
export const Select = ({ label, value, options, choose, hidden }) => html`<label class="field"><span class=${hidden ? "unseen" : ""}>${label}</span>
  <select value=${value} onChange=${(/** @type {any} */ event) => choose(event.currentTarget.value)}>${options.map(([key, name]) => html`<option key=${key} value=${key} selected=${key === value}>${name}</option>`)}</select></label>`;

/** A text that is taken over on Enter or when it is left. @param {{ label: string, value: string, choose: (value: string) => void, placeholder?: string, type?: string, list?: string, soon?: boolean }} props */
export function Text({ label, value, choose, placeholder, type = "search", list, soon }) {
  /** @type {{ current: ReturnType<typeof setTimeout> | undefined }} */
  const timer = useRef(undefined);
  const take = (/** @type {any} */ event) => { clearTimeout(timer.current); if (event.currentTarget.value !== value) choose(event.currentTarget.value.trim()); };
  const typed = (/** @type {any} */ event) => { if (!soon) return; clearTimeout(timer.current); const { value: now } = event.currentTarget; timer.current = setTimeout(() => choose(now.trim()), 250); };
  return html`<label class="field"><span>${label}</span><input type=${type} value=${value} placeholder=${placeholder} list=${list} autocomplete="off" spellcheck=${false}
    onInput=${typed} onChange=${take} onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") take(event); }} /></label>`;
}

/** Saves what the API answers as CSV; of a list that comes in pages, all of them. @param {{ to: string, query: Record<string, unknown>, name: string }} props */
export function Csv({ to, query, name }) {
  const at = address(to, { ...query, format: "csv" });
  return query.limit ? html`<${Act} cls="quiet" run=${() => saveEvery(at, `${name}.csv`)}>CSV<//>` : html`<a class="button quiet" href=${at} download=${`${name}.csv`}>CSV</a>`;
}

/** Follows a list to its end and saves its pages as one file, which names its columns once. @param {string} to @param {string} name */
async function saveEvery(to, name) {
  const parts = [];
  for (let next = /** @type {string | undefined} */ (to); next;) {
    const [text, further] = await askPage(next);
    parts.push(parts.length ? text.slice(text.indexOf("\n") + 1) : text);
    next = further;
  }
  save(parts, name);
}

/** @param {string} text */
export async function copyText(text) { try { await navigator.clipboard.writeText(text); } catch { prompt("Copy this:", text); } }

/** Copies the address of this very report. */
export function CopyLink() {
  const [done, set] = useState(false);
  const copy = async () => {
    await copyText(location.href);
    set(true);
    setTimeout(() => set(false), 1600);
  };
  return html`<button type="button" class="quiet" onClick=${copy}>${done ? "Copied" : "Copy link"}</button>`;
}

/** A word with its explanation, on hover, focus or touch. @param {{ children: Children, means: Children }} props */
export function Means({ children, means }) {
  const id = useId();
  const [open, set] = useState(false);
  return html`<span class="means" onMouseLeave=${() => set(false)}><button type="button" class="term" aria-describedby=${open ? id : undefined} aria-expanded=${String(open)}
      onMouseEnter=${() => set(true)} onFocus=${() => set(true)} onBlur=${() => set(false)} onClick=${() => set(true)}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") set(false); }}>${children}</button>
    ${open && html`<span role="tooltip" id=${id} class="tooltip">${means}</span>`}</span>`;
}

/** A dialog that closes on Escape and outside, and gives the focus back. @param {{ title: Children, close: () => void, children: Children, cls?: string }} props */
export function Dialog({ title, close, children, cls = "" }) {
  /** @type {{ current: HTMLDialogElement | null }} */
  const at = useRef(null);
  const id = useId();
  useEffect(() => { at.current?.showModal(); }, []);
  return html`<dialog ref=${at} class=${cls} aria-labelledby=${id} onClose=${close} onClick=${(/** @type {any} */ event) => { if (event.target === at.current) close(); }}>
    <div class="head"><h2 id=${id}>${title}</h2><button type="button" class="quiet" aria-label="Close" onClick=${close}>✕</button></div>
    ${children}</dialog>`;
}

/** A button that does something, says that it is at it, and shows what was refused. @param {{ children: Children, run: () => Promise<unknown>, cls?: string, disabled?: boolean }} props */
export function Act({ children, run, cls = "", disabled = false }) {
  const [busy, set] = useState(false);
  const [error, fail] = useState(/** @type {Error | null} */ (null));
  const act = async () => {
    set(true); fail(null);
    try { await run(); } catch (failed) { fail(/** @type {Error} */ (failed)); }
    set(false);
  };
  return html`<button type="button" class=${cls} disabled=${busy || disabled} onClick=${act}>${children}</button>${error && html` <span class="bad" role="alert">${error.message}</span>`}`;
}

/** Says what a page is. @param {string} title */
export function useTitle(title) { useEffect(() => { document.title = `${title} · mrrd`; }, [title]); }

/** @param {{ title: string, lead?: Children, tools?: Children }} props */
export function PageHead({ title, lead, tools }) {
  useTitle(title);
  return html`<header class="pagehead"><div><h1>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div><div class="tools">${tools}<${CopyLink} /></div></header>`;
}

/** One side of a changed item: `3 × Business, by year`. @param {any} side */
export function side(side) {
  if (!side) return "nothing";
  const what = side.product_name ?? side.price_name ?? side.product ?? side.price;
  return `${side.quantity && side.quantity !== "1" ? `${count(side.quantity)} × ` : ""}${what}${side.interval ? `, by ${side.interval}` : ""}`;
}

/** What one part of a movement did. @param {{ part: any, currency: string }} props */
export function Part({ part, currency }) {
  const [before, after] = [side(part.before), side(part.after)];
  // Of what an exchange rate moved no event tells.
  return html`<div class="part">${sentence(part.cause)} <${Change} amount=${part.amount} currency=${currency} />: ${before === after ? after : `${before} → ${after}`} · <span class="id">${part.subscription}</span>
    ${part.end_reason ? ` · ${words(part.end_reason)}` : ""}${part.feedback ? ` · said “${words(part.feedback)}”` : ""}${part.comment ? html` · <q>${part.comment}</q>` : ""}${part.events.length > 0 && html` · <${Events} ids=${part.events} />`}</div>`;
}

/** Where the list goes on. @param {{ pages: any }} props */
export const More = ({ pages }) => (pages.next ? html`<p class="more"><button type="button" disabled=${pages.busy} onClick=${pages.load}>${pages.busy ? "Loading…" : "Show more"}</button></p>` : null);

/** @param {string | string[]} text @param {string} name @param {string} [type] */
export function save(text, name, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text].flat(), { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** @param {unknown[][]} rows */
export const csv = (rows) => rows.map((row) => row.map((cell) => {
  const text = String(cell ?? "");
  const plain = /^[=+@\t\r-]/.test(text) && !/^-?[\d.]+$/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}).join(",")).join("\r\n");
