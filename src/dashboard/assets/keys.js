// The keyboard: `?` says which keys there are, `/` finds pages, customers and events, `g` and a letter goes to a page.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { address, ask } from "./api.js";
import { money } from "./format.js";
import { useLedger } from "./ledger.js";
import { Dialog } from "./parts.js";
import { choose, go, href } from "./route.js";
import { PAGES } from "./pages.js";

export function useKeys() {
  const [shown, show] = useState("");
  useEffect(() => {
    let g = false;
    const key = (/** @type {KeyboardEvent} */ event) => {
      const at = /** @type {HTMLElement} */ (event.target);
      const typing = at instanceof HTMLInputElement || at instanceof HTMLSelectElement || at instanceof HTMLTextAreaElement;
      if ((event.ctrlKey || event.metaKey) && event.key === "k") { event.preventDefault(); show("palette"); return; }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (g) { g = false; const page = PAGES.find((one) => one.letter === event.key); if (page) { event.preventDefault(); go(href(page.path)); } return; }
      if (event.key === "g") { g = true; setTimeout(() => { g = false; }, 1200); }
      else if (event.key === "?") show("keys");
      else if (event.key === "/") { event.preventDefault(); show("palette"); }
      else if (event.key === "d") document.querySelector("[aria-label='Switch between light and dark']")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      else if (event.key === "n") choose({ asof: "" });
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  return { shown, show, hide: () => show("") };
}

/** @param {{ close: () => void }} props */
export const Keys = ({ close }) => html`<${Dialog} title="Keys" close=${close} cls="narrow"><dl class="keys">
  <div><dt><kbd>/</kbd> or <kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>find a page, customer or event</dd></div>
  ${PAGES.map((page) => html`<div key=${page.key}><dt><kbd>g</kbd> <kbd>${page.letter}</kbd></dt><dd>${page.name}</dd></div>`)}
  <div><dt><kbd>n</kbd></dt><dd>back to what is known now</dd></div>
  <div><dt><kbd>d</kbd></dt><dd>light or dark</dd></div>
  <div><dt><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt><dd>walk through a chart that has the focus; <kbd>Enter</kbd> opens what is behind a figure</dd></div>
  <div><dt><kbd>Esc</kbd></dt><dd>close what is open</dd></div></dl><//>`;

/** @param {{ close: () => void }} props */
export function Palette({ close }) {
  const ledger = useLedger();
  const [text, type] = useState("");
  const [found, find] = useState(/** @type {any[]} */ ([]));
  const [at, move] = useState(0);
  /** @type {{ current: HTMLInputElement | null }} */
  const input = useRef(null);
  useEffect(() => { input.current?.focus(); }, []);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted.length < 2) { find([]); return undefined; }
    const stop = new AbortController();
    const later = setTimeout(() => {
      ask(address("/api/v1/customers", { ...ledger.common, q: wanted, limit: 8 }), { signal: stop.signal }).then((answer) => find(answer.data), () => find([]));
    }, 150);
    return () => { clearTimeout(later); stop.abort(); };
  }, [text]);
  const wanted = text.trim().toLowerCase();
  const options = [
    ...PAGES.filter((page) => page.name.toLowerCase().includes(wanted)).map((page) => ({ key: page.key, name: page.name, hint: `g ${page.letter}`, to: href(page.path) })),
    ...found.map((one) => ({ key: one.id, name: one.name ?? one.id, hint: one.name ? one.id : one.mrr.map((/** @type {any} */ mrr) => money(mrr.mrr, mrr.currency)).join(" + "), to: href(`/customers/${encodeURIComponent(one.id)}`) })),
    ...(/^evt_\w+$/.test(text.trim()) ? [{ key: "event", name: `Event ${text.trim()}`, hint: "the log", to: href(`/events/${text.trim()}`) }] : []),
    ...(wanted.length > 1 ? [{ key: "all", name: `All customers that match “${text.trim()}”`, hint: "", to: href("/customers", { q: text.trim() }) }] : []),
  ];
  const now = Math.min(at, options.length - 1);
  const open = (/** @type {string} */ to) => { close(); go(to); };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowDown") move(Math.min(options.length - 1, now + 1));
    else if (event.key === "ArrowUp") move(Math.max(0, now - 1));
    else if (event.key === "Enter" && options[now]) open(options[now].to);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} title="Find" close=${close} cls="find">
    <input ref=${input} type="search" role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant=${options[now] ? `found-${now}` : undefined} aria-label="Page, customer or event"
      placeholder="Page, customer, e-mail, evt_…" value=${text} onInput=${(/** @type {any} */ event) => { type(event.currentTarget.value); move(0); }} onKeyDown=${key} autocomplete="off" spellcheck=${false} />
    <ul id="found" role="listbox" aria-label="Found">${options.map((one, i) => html`<li key=${one.key} id=${`found-${i}`} role="option" aria-selected=${String(i === now)} onClick=${() => open(one.to)} onMouseEnter=${() => move(i)}><span>${one.name}</span><span class="soft">${one.hint}</span></li>`)}</ul>
    ${options.length === 0 && html`<p class="soft">Nothing is called so.</p>`}<//>`;
}
