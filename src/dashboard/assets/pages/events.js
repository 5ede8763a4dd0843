// Events: the log as it came, live; each body beside what was read from it.
import { html } from "../vendor/preact.js";
import { address, useApi, usePages } from "../api.js";
import { ago, bytes, count, instant, words } from "../format.js";
import { Answered, AtStripe, Card, CopyLink, Csv, Customer, Empty, Event, More, PageHead, Select, Table, Text, useTitle } from "../parts.js";
import { choose, here, href } from "../route.js";

/** @param {{ path: string[], query: Record<string, string> }} props */
export const EventsPage = ({ path, query }) => (path[1] ? html`<${One} id=${path[1]} key=${path[1]} />` : html`<${List} query=${query} />`);

export const SOURCES = [["", "any"], ["webhook", "webhook"], ["replay", "replay"], ["api", "Stripe’s API"]];
export const READINGS = ["", "facts", "ignored", "unreadable", "thin"].map((one) => [one, one ? words(one) : "any"]);

/** @param {{ query: Record<string, string> }} props */
function List({ query }) {
  const asked = { type: query.type, customer: query.customer, reading: query.reading, source: query.source, livemode: query.livemode, account: query.account, order: query.order ?? "desc" };
  const pages = usePages(address("/api/v1/events", { ...asked, limit: 100 }));
  const filtered = query.type || query.customer || query.reading || query.source;
  return html`<${PageHead} title="Events" lead="The log, newest first, as it arrives." tools=${html`<${Csv} to="/api/v1/events" query=${{ ...asked, limit: 1000 }} name="events" />`} />
    <${Card} title="The log" busy=${pages.stale}>
      <form class="filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Text} label="Type" value=${query.type ?? ""} placeholder="customer.subscription.*" choose=${(/** @type {string} */ type) => choose({ type })} />
        <${Text} label="Customer" value=${query.customer ?? ""} placeholder="cus_…" choose=${(/** @type {string} */ customer) => choose({ customer })} />
        <${Select} label="Source" value=${query.source ?? ""} options=${SOURCES} choose=${(/** @type {string} */ source) => choose({ source })} />
        <${Select} label="Reading" value=${query.reading ?? ""} options=${READINGS} choose=${(/** @type {string} */ reading) => choose({ reading })} />
        <${Select} label="Order" value=${query.order ?? "desc"} options=${[["desc", "newest first"], ["asc", "oldest first"]]} choose=${(/** @type {string} */ order) => choose({ order })} /></form>
      <${Answered} of=${pages} lines=${10} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title=${filtered ? "No event matches." : "Nothing has arrived yet."}>${filtered && html`<a href=${here({ type: "", customer: "", reading: "", source: "" })}>Show all</a>`}<//>`}>${(/** @type {any[]} */ data) => html`
        <${Table} caption="Events" cls="cardy log" head=${["Event", "Type", "Created", "Received", "Source", "Reading", "Place"]} numbers=${[6]} rows=${data.map((one) => ({ key: `${one.seq}`, cells: [html`<${Event} id=${one.id} />`, one.type, instant(one.created), html`<span title=${one.received_at}>${instant(one.received_at)}</span>`, words(one.source), html`${words(one.reading)}`, count(one.seq)] }))} />
        <${More} pages=${pages} />`}<//><//>`;
}

/** @param {{ id: string }} props */
function One({ id }) {
  useTitle(id);
  const at = `/api/v1/events/${encodeURIComponent(id)}`;
  const event = useApi(at);
  const there = event.data !== undefined;
  const erased = Boolean(event.data?.erased);
  const raw = useApi(there && !erased ? `${at}/raw` : null, { still: true, text: true });
  const effects = useApi(there ? `${at}/facts` : null);
  return html`<header class="pagehead"><div><p class="crumbs"><a href=${href("/events")}>Events</a></p><h1 class="id">${id}</h1></div><div class="tools">${there && !erased && html`<a class="button quiet" href=${`${at}/raw`} download=${`${id}.json`}>The bytes</a>`}<${CopyLink} /></div></header>
    <div class="grid beside"><div class="stack">
    <${Card} title="What it is"><${Answered} of=${event} lines=${6}>${(/** @type {any} */ data) => html`<dl class="facts">
      <div><dt>Type</dt><dd>${data.type} <span class="soft"><${AtStripe} of="events" id=${id} account=${data.account} livemode=${data.livemode} /></span></dd></div><div><dt>Created</dt><dd>${instant(data.created)} <span class="soft">Stripe’s clock</span></dd></div><div><dt>Received</dt><dd>${instant(data.received_at)} <span class="soft">our clock, ${ago(data.received_at)}</span></dd></div>
      <div><dt>Place in the log</dt><dd>${count(data.seq)}</dd></div><div><dt>Source</dt><dd>${words(data.source)}</dd></div><div><dt>Mode</dt><dd>${data.livemode ? "live" : "test"}</dd></div>${data.account && html`<div><dt>Account</dt><dd class="id">${data.account}</dd></div>`}
      <div><dt>API version</dt><dd>${data.api_version ?? "–"}</dd></div><div><dt>Reading</dt><dd>${words(data.reading)}${data.reason ? html`<br /><span class="soft">${data.reason}</span>` : ""}</dd></div>
      ${data.erased && html`<div><dt>Body</dt><dd class="warn">erased; the event and what was read from it stand</dd></div>`}
      ${data.variants.length > 0 && html`<div><dt>Other shapes</dt><dd>${data.variants.map((/** @type {any} */ one) => html`<a key=${one.variant} href=${`${at}/raw?variant=${one.variant}`}>shape ${one.variant}, place ${count(one.seq)}</a> `)}</dd></div>`}</dl>`}<//><//>
    ${(there || event.loading) && html`<${Card} title="What was read from it"><${Answered} of=${effects} lines=${4} none=${html`<${Empty} title="Nothing was read from it." />`} empty=${(/** @type {any} */ data) => data.data.length === 0}>${(/** @type {any} */ data) => html`
      <ul class="list">${data.data.map((/** @type {any} */ fact, /** @type {number} */ i) => html`<${Fact} key=${i} fact=${fact} />`)}</ul>`}<//><//>`}</div>
    ${erased ? html`<${Card} title="The body"><${Empty} title="It was erased.">The event and what was read from it stand, so that no figure changes.<//><//>` : (there || event.loading) && html`<${Card} title="The body, as received" note=${raw.data ? bytes(new Blob([raw.data]).size) : undefined}><${Answered} of=${raw} lines=${12} tall>${(/** @type {string} */ text) => html`<pre class="raw" tabindex="0" role="region" aria-label="The body">${pretty(text)}</pre>`}<//><//>`}
    </div>`;
}

/** One state that was read. @param {{ fact: any }} props */
function Fact({ fact }) {
  const [kind, state] = Object.entries(fact.state ?? {})[0] ?? ["state", {}];
  const known = Object.entries(/** @type {any} */ (state) ?? {}).filter(([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0));
  return html`<li><strong>${words(kind)}</strong><dl class="facts small-facts">${known.map(([key, value]) => html`<div key=${key}><dt>${words(key)}</dt><dd>${key === "customer" && typeof value === "string" ? html`<${Customer} id=${value} />`
    : typeof value === "object" ? html`<pre class="fact" tabindex="0">${JSON.stringify(value, null, 1)}</pre>` : String(value)}</dd></div>`)}</dl></li>`;
}

/** The same JSON, indented; the bytes themselves are behind “The bytes”. @param {string} text */
function pretty(text) {
  // Read and written again: numbers past what JavaScript holds would change, so the text is only laid out.
  let [depth, quoted, out] = [0, false, ""];
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) { out += c; if (c === "\\") { i += 1; out += text[i] ?? ""; } else if (c === '"') quoted = false; continue; }
    if (c === '"') { quoted = true; out += c; }
    else if (c === "{" || c === "[") {
      const next = /^\s*[\]}]/.exec(text.slice(i + 1));
      if (next) { out += c + next[0].trim(); i += next[0].length; } else { depth += 1; out += `${c}\n${"  ".repeat(depth)}`; }
    } else if (c === "}" || c === "]") { depth -= 1; out += `\n${"  ".repeat(Math.max(depth, 0))}${c}`; }
    else if (c === ",") out += `,\n${"  ".repeat(depth)}`;
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}
