// What somebody wrote on the calendar: planned events, price changes and notes, drawn on every chart; admins add and remove them.
import { html, useState } from "./vendor/preact.js";
import { moved, send } from "./api.js";
import { today } from "./days.js";
import { date } from "./format.js";
import { useLedger } from "./ledger.js";
import { Act, Empty, Select } from "./parts.js";

export const NOTES = /** @type {const} */ ([["note", "note"], ["price_change", "price change"], ["planned", "planned event"]]);

/** @param {{ day?: string, done?: () => void }} props */
export function NoteForm({ day, done }) {
  const [note, set] = useState({ from: day ?? today(), to: "", note: "", kind: "note" });
  const typed = (/** @type {string} */ key) => (/** @type {any} */ event) => set({ ...note, [key]: event.currentTarget.value });
  const add = async () => { await send("/api/v1/annotations", { ...note, to: note.to || undefined }); set({ ...note, note: "" }); moved(); done?.(); };
  return html`<form class="row" aria-label="Add a note" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <${Select} label="What it is" value=${note.kind} options=${NOTES} choose=${(/** @type {string} */ kind) => set({ ...note, kind })} />
    <label class="field"><span>From</span><input type="date" value=${note.from} onInput=${typed("from")} /></label><label class="field"><span>To, if later</span><input type="date" value=${note.to} min=${note.from} onInput=${typed("to")} /></label>
    <label class="field grow"><span>What it says</span><input value=${note.note} placeholder=${note.kind === "price_change" ? "Team goes from 49 to 59" : "Spring campaign"} onInput=${typed("note")} /></label>
    <${Act} cls="primary" disabled=${!note.note.trim()} run=${add}>Add<//></form>`;
}

/** Those there are. */
export function Notes() {
  const { plans, me } = useLedger();
  if (!plans.length) return html`<${Empty} title="Nothing is noted yet." />`;
  return html`<ul class="list">${plans.map((one) => html`<li key=${one.id}><span><span class="pill">${NOTES.find(([kind]) => kind === one.kind)?.[1]}</span> <strong>${one.note}</strong> ${me?.role === "admin" && html`<${Act} cls="link" run=${async () => { await send(`/api/v1/annotations/${one.id}`, undefined, "DELETE"); moved(); }}>remove<//>`}</span><span class="soft">${date(one.from)}${one.to !== one.from ? ` – ${date(one.to)}` : ""}</span></li>`)}</ul>`;
}
