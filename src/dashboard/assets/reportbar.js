// What the report on this page is asked with: every choice stands in the address bar.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { address, useApi } from "./api.js";
import { RANGES } from "./asked.js";
import { date, month as monthName } from "./format.js";
import { closingAt, dayKnown, isPlace, known } from "./known.js";
import { useLedger } from "./ledger.js";
import { Select } from "./parts.js";
import { SegmentChoice } from "./segment.js";
import { choose, span, useRoute } from "./route.js";
import { endOfMonth, monthOf, plusDays, plusMonths, today } from "./days.js";

/** @param {{ page: import("./pages.js").Page }} props */
export function ReportBar({ page }) {
  const ledger = useLedger();
  const { query, path } = useRoute();
  const [open, set] = useState(false);
  const takes = page.report ?? [];
  const has = (/** @type {string} */ what) => takes.includes(what) && !(path.length > 1 && ["range", "interval", "compare", "segment"].includes(what));
  const { from, to, name } = span(query);
  const custom = name === "custom";
  // Asked when somebody comes near it: by hand, by key, or where the choices are folded away.
  const [near, come] = useState(Boolean(query.account));
  const accounts = useApi(open || near ? address("/api/v1/accounts") : null);
  const chosen = ["profile", "currency", "account", "livemode", "compare", "asof", "where", "segment"].filter((key) => query[key]).length;
  const [usual, other] = ledger.status?.livemode === false ? [["", "test"], ["true", "live"]] : [["", "live"], ["false", "test"]];
  return html`<form class="report" aria-label="Report" data-open=${open ? "yes" : undefined} onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${has("range") && html`<${Select} label="Range" value=${custom ? "custom" : name} options=${[...RANGES, ["custom", "From – to…"]]}
      choose=${(/** @type {string} */ value) => choose(value === "custom" ? { range: "", from: from ?? to, to } : { range: value, from: "", to: "" })} />`}
    ${has("range") && custom && html`<label class="field"><span>From</span><input type="date" value=${from ?? ""} max=${to} onChange=${(/** @type {any} */ event) => choose({ from: event.currentTarget.value, to })} /></label>
      <label class="field"><span>To</span><input type="date" value=${to} min=${from} onChange=${(/** @type {any} */ event) => choose({ from: from ?? "", to: event.currentTarget.value })} /></label>`}
    ${has("interval") && html`<${Select} label="Interval" value=${query.interval ?? "month"} options=${["day", "week", "month", "quarter", "year"].map((one) => [one, `by ${one}`])} choose=${(/** @type {string} */ interval) => choose({ interval })} />`}
    <button type="button" class="quiet more-choices" aria-expanded=${String(open)} onClick=${() => set(!open)}>${chosen ? `Options (${chosen})` : "Options"}</button>
    <div class="choices">
      ${has("compare") && html`<${Select} label="Compare with" value=${query.compare ?? ""} options=${[["", "nothing"], ["previous", "the period before"], ["year", "a year ago"]]} choose=${(/** @type {string} */ compare) => choose({ compare })} />`}
      ${has("currency") && html`<${Select} label="Currency" value=${query.currency ?? (ledger.converted ? "reporting" : ledger.currency)}
        options=${[...(ledger.converted ? [["reporting", `all, in ${ledger.currency.toUpperCase()}`]] : []), ...ledger.currencies.map((one) => [one, one.toUpperCase()])]} choose=${(/** @type {string} */ currency) => choose({ currency })} />`}
      ${has("profile") && html`<${Select} label="Profile" value=${ledger.profile} options=${(ledger.status?.profiles ?? []).map((/** @type {string} */ one) => [one, one])} choose=${(/** @type {string} */ profile) => choose({ profile })} />`}
      <div class="field" onFocusIn=${() => come(true)} onMouseEnter=${() => come(true)}><${Select} label="Account" value=${query.account ?? ""} options=${[["", "own"], ["all", "all"], ...(accounts.data?.data ?? []).map((/** @type {any} */ one) => [one.account, one.account]),
        ...(query.account && query.account !== "all" && !accounts.data?.data?.some((/** @type {any} */ one) => one.account === query.account) ? [[query.account, query.account]] : [])]} choose=${(/** @type {string} */ account) => choose({ account })} /></div>
      <${Select} label="Data" value=${query.livemode === other[0] ? other[0] : ""} options=${[usual, other]} choose=${(/** @type {string} */ livemode) => choose({ livemode })} />
      ${has("segment") && html`<${SegmentChoice} query=${query} />`}
      ${has("asof") && html`<${KnownAt} value=${query.asof ?? ""} />`}
    </div>
  </form>`;
}

/** As known at: any past day of a calendar on which the closings are marked. @param {{ value: string }} props */
function KnownAt({ value }) {
  const ledger = useLedger();
  const [open, set] = useState(false);
  const day = value && !isPlace(value) ? dayKnown(value) : "";
  const closing = closingAt(value);
  const [month, turn] = useState("");
  const shown = month || monthOf(day || closing?.closed_at?.slice(0, 10) || today());
  /** @type {{ current: HTMLElement | null }} */
  const at = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const away = (/** @type {Event} */ event) => { if (!at.current?.contains(/** @type {Node} */ (event.target))) set(false); };
    addEventListener("pointerdown", away); addEventListener("focusin", away);
    return () => { removeEventListener("pointerdown", away); removeEventListener("focusin", away); };
  }, [open]);
  const take = (/** @type {string} */ asof) => { choose({ asof }); set(false); at.current?.querySelector("button")?.focus(); };
  const marked = new Map(ledger.closings.map((one) => [one.closed_at.slice(0, 10), one]));
  const first = new Date(`${shown}T00:00:00Z`).getUTCDay();
  const days = Array.from({ length: Number(endOfMonth(shown).slice(8)) }, (_, i) => plusDays(shown, i));
  const monday = new Date("2024-01-01T00:00:00Z");
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") { set(false); at.current?.querySelector("button")?.focus(); return; }
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    const from = /** @type {HTMLElement} */ (event.target).dataset.day;
    if (!step || !from) return;
    event.preventDefault();
    const to = plusDays(from, step);
    if (to > today()) return;
    const there = /** @type {HTMLElement | null} */ (at.current?.querySelector(`[data-day="${to}"]`));
    if (there) { there.focus(); return; }
    turn(monthOf(to));
    setTimeout(() => /** @type {HTMLElement | null} */ (at.current?.querySelector(`[data-day="${to}"]`))?.focus());
  };
  return html`<div class="field known" ref=${at}><span id="known-label">As known at</span>
    <button type="button" class="select" aria-haspopup="dialog" aria-expanded=${String(open)} aria-labelledby="known-label known-value" onClick=${() => set(!open)}><span id="known-value">${closing ? `${monthName(closing.month)} as closed` : day ? date(day) : value ? known(value) : "now"}</span></button>
    ${open && html`<div class="calendar" role="dialog" aria-label="As known at" onKeyDown=${key}>
      <div class="head"><button type="button" class="quiet" aria-label="The month before" onClick=${() => turn(plusMonths(shown, -1))}>‹</button><strong aria-live="polite">${date(shown, { month: "long", year: "numeric" })}</strong><button type="button" class="quiet" aria-label="The month after" disabled=${plusMonths(shown, 1) > today()} onClick=${() => turn(plusMonths(shown, 1))}>›</button></div>
      <div class="days">${Array.from({ length: 7 }, (_, i) => html`<span class="soft" aria-hidden="true" key=${i}>${new Intl.DateTimeFormat(undefined, { weekday: "narrow", timeZone: "UTC" }).format(new Date(monday.getTime() + i * 86400000))}</span>`)}
        ${Array.from({ length: (first + 6) % 7 }, (_, i) => html`<span key=${`blank${i}`}></span>`)}
        ${days.map((one) => { const closed = marked.get(one); return html`<button type="button" key=${one} data-day=${one} disabled=${one > today()} aria-pressed=${String(one === day)} class=${closed ? "marked" : ""} title=${closed ? `${monthName(closed.month)} was closed` : undefined} aria-label=${`${date(one, { dateStyle: "long" })}${closed ? `, ${monthName(closed.month)} was closed` : ""}`} onClick=${() => take(one)}>${Number(one.slice(8))}</button>`; })}</div>
      ${ledger.closings.length > 0 && html`<p class="soft">As a month was closed</p><ul class="list">${ledger.closings.slice(0, 12).map((one) => html`<li key=${one.month}><button type="button" class="link" onClick=${() => take(String(one.seq))}>${monthName(one.month)}, closed ${date(one.closed_at)}</button></li>`)}</ul>`}
      <p class="row">${value && html`<button type="button" onClick=${() => take("")}>Now</button>`}</p></div>`}</div>`;
}
