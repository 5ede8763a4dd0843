// Health: what comes in, how far the work behind it is, what couldn't be known, what lies on disk.
import { html, useState } from "../vendor/preact.js";
import { address, useApi, usePages } from "../api.js";
import { ago, bytes, count, date, instant, sentence, words } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, capital, Card, Csv, Customer, Empty, Event, More, PageHead, Table, useNames } from "../parts.js";
import { here, href } from "../route.js";
import { useLive } from "../stream.js";
import { doubts, QUALITY, qualityOf, TASKS } from "../words.js";

/** @param {{ query: Record<string, string> }} props */
export function Health({ query }) {
  const ledger = useLedger();
  const health = useApi("/api/v1/health");
  const { status } = ledger;
  const live = useLive();
  return html`<${PageHead} title="Health" lead=${`mrrd ${status.version} on ${status.database === "sqlite" ? "SQLite" : "PostgreSQL"}; days in ${status.timezone}`} />
    <div class="grid">
      <${Card} title="What comes in" busy=${health.stale}><${Answered} of=${health} lines=${5}>${(/** @type {any} */ data) => html`<dl class="facts">
        ${data.endpoints.map((/** @type {any} */ one) => html`<div key=${one.path}><dt>Endpoint</dt><dd class="id">${one.path}${one.account ? ` of ${one.account}` : ""}</dd></div>`)}
        <div><dt>Webhooks</dt><dd>${live.refuses ? html`<strong class="bad">are refused with 503</strong>: the log can’t be written (${live.refuses}). Stripe sends them again for three days; they are taken as soon as it can.` : live.webhooks_refused?.length ? live.webhooks_refused.map((one) => html`<span key=${one.endpoint}><strong class=${one.verified ? "bad" : "warn"}>are refused</strong> (${one.endpoint}, ${words(one.answer).replaceAll("-", " ")}) and none is taken: ${one.detail} </span>`) : "are taken"}</dd></div>
        <div><dt>By webhook</dt><dd><${Newest} one=${data.newest.webhook} /></dd></div><div><dt>By replay</dt><dd><${Newest} one=${data.newest.replay} /></dd></div><div><dt>From Stripe’s API</dt><dd><${Newest} one=${data.newest.api} /></dd></div>
        <div><dt>Events</dt><dd><a href=${href("/events")}>${count(status.log.events)}</a>, of which ${count(status.quality.ignored_events)} say nothing about MRR</dd></div></dl>`}<//><//>
      <${Card} title="The work behind it" busy=${health.stale}><${Answered} of=${health} lines=${6}>${(/** @type {any} */ data) => { const { work } = data; return html`<dl class="facts">
        <${Task} name="Figures" done=${work.applied_seq} of=${work.last_seq} more=${work.waiting_customers ? `${count(work.waiting_customers)} customers wait` : ""} />
        <${Task} name="Seals" done=${work.sealed_seq} of=${work.last_seq} more="" slow />
        ${work.names_seq === null ? html`<div><dt>Names</dt><dd class="soft">not shown (privacy.show_names)</dd></div>` : html`<${Task} name="Names" done=${work.names_seq} of=${work.last_seq} more="" slow />`}
        <div><dt>Rebuild</dt><dd>${work.generations > 1 ? html`<strong class="warn">under way</strong>` : "none under way"}</dd></div>
        <div><dt>Messages</dt><dd>${count(work.messages_waiting)} waiting${work.messages_failed ? html`, <strong class="warn">${count(work.messages_failed)} given up</strong>` : ""}</dd></div>
        <div><dt>Appends waiting</dt><dd>${count(work.appends_waiting)}</dd></div>
        <div><dt>Audit</dt><dd>${data.drift ? html`${data.drift.differing ? html`<strong class="warn">${count(data.drift.differing)} of ${count(data.drift.subscriptions)} subscriptions differ from Stripe’s</strong>` : `${count(data.drift.subscriptions)} subscriptions, none differs`}, ${ago(new Date(Date.now() - data.drift.age_seconds * 1000).toISOString())}` : html`<span class="soft">never held against Stripe’s API: it needs stripe.api_key</span>`}</dd></div>
        <div><dt>On disk</dt><dd>${data.sizes.derived_bytes === null ? bytes(data.sizes.log_bytes) : html`log ${bytes(data.sizes.log_bytes)}, derived ${bytes(data.sizes.derived_bytes)} <span class="soft">besides their journals</span>`}</dd></div>
        <div><dt>This process</dt><dd>${data.roles.join(", ")}, since ${instant(data.started_at)}</dd></div></dl>`; }}<//><//>
      <${Tasks} status=${status} /><${Quality} query=${query} /><${Imports} query=${query} /></div>`;
}

/** @param {{ one: any }} props */
const Newest = ({ one }) => (one ? html`${ago(one.received_at)}: ${one.type} <${Event} id=${one.id} />` : html`<span class="soft">nothing yet</span>`);

/** @param {{ name: string, done: number, of: number, more: string, slow?: boolean }} props */
const Task = ({ name, done, of, more, slow = false }) => html`<div><dt>${name}</dt><dd>${done >= of ? "up to the log’s end" : slow ? `up to ${count(done)} of ${count(of)}` : html`<strong class="warn">${count(of - done)} events behind</strong>`}${more ? ` · ${more}` : ""}</dd></div>`;

/** Every task that runs beside requests, and what Stripe's API refuses. @param {{ status: any }} props */
function Tasks({ status }) {
  const tasks = status.tasks ?? [];
  const refused = status.stripe?.refused ?? [];
  const came = (/** @type {any} */ one) => (one.last_outcome === "failed" ? html`<strong class="bad">failed</strong>${one.error && html`: ${one.error}`}` : one.last_outcome === "standing_by" ? "standing by: another process does it" : one.last_outcome ?? "not yet");
  return html`<${Card} title="Background tasks" wide note="What runs beside requests in the process that answers.">
    ${!tasks.length ? html`<${Empty} title="Nothing runs beside requests in this process." />` : html`<${Table} caption="Background tasks" cls="cardy" head=${["Task", "What it does", "Last turn", "Came to", "Next turn by"]} rows=${tasks.map((/** @type {any} */ one) => ({ key: one.name, cells: [words(one.name), html`<span class="why soft">${TASKS[one.name.split(":")[0]] ?? ""}</span>`, one.last_run_at ? html`<span title=${instant(one.last_run_at)}>${ago(one.last_run_at)}</span>` : "not yet", html`<span class="why">${came(one)}</span>`, one.next_run_at ? instant(one.next_run_at) : html`<span class="soft">–</span>`] }))} />`}
    ${refused.length > 0 && html`<h3>What Stripe’s API refuses</h3><ul class="list">${refused.map((/** @type {any} */ one) => html`<li key=${one.route}><span><code>${one.route}</code>, ${count(one.requests)} times since ${instant(one.since)}</span><span class="soft">${one.reason}</span></li>`)}</ul>`}<//>`;
}

/** What couldn't be known, a fold for each kind of it. @param {{ query: Record<string, string> }} props */
function Quality({ query }) {
  const ledger = useLedger();
  const some = doubts(ledger.status.quality);
  // What the counts above it are of: all that is known now.
  const asked = { ...ledger.common, as_known_at: undefined };
  const pages = usePages(some.length ? address("/api/v1/quality", { ...asked, limit: 500 }) : null);
  const named = useNames((pages.data ?? []).slice(0, 300).map((/** @type {any} */ one) => one.customer));
  /** @type {Map<string, any[]>} */
  const kinds = new Map();
  for (const item of pages.data ?? []) kinds.set(qualityOf(item.kind), [...(kinds.get(qualityOf(item.kind)) ?? []), item]);
  const opened = (/** @type {string} */ kind) => kinds.size === 1 || kind === query.quality || kind === qualityOf(query.kind ?? "");
  return html`<${Card} title="What couldn’t be known" wide busy=${pages.stale} note=${some.length ? "Estimates and what was inferred are listed too: each entry says what would settle it." : undefined} tools=${html`<${Csv} to="/api/v1/quality" query=${{ ...asked, limit: 1000 }} name="quality" />`}>
    ${!some.length ? html`<${Empty} title="Everything received could be read, priced and put in order." />` : html`<${Answered} of=${pages} empty=${(/** @type {any[]} */ data) => data.length === 0} none=${html`<${Empty} title="Nothing in this account." />`}>${() => html`
      ${[...kinds].map(([kind, items]) => html`<details class="fold" key=${`${kind}${query.quality}${query.kind}`} open=${opened(kind)}><summary><strong>${QUALITY.find(([key]) => key === kind)?.[1] ?? sentence(items[0].kind)}</strong> <span class="pill warn">${count(items.length)}${pages.next ? "+" : ""}</span></summary>
      <ol class="story">${items.map((item, i) => html`<li key=${i} class="doubt"><div>${item.customer ? html`<${Customer} id=${item.customer} name=${named(item.customer)} account=${item.account} /> · ` : ""}${date(item.at)} · <span class="id soft">${item.object}</span></div>
        <div>${capital(item.detail)}</div><div class="part">It would be settled by: ${item.settle}${item.event ? html` · <${Event} id=${item.event} />` : ""}</div></li>`)}</ol></details>`)}<${More} pages=${pages} />`}<//>`}<//>`;
}

/** What is known of customers beside Stripe: who took which file in, and when. @param {{ query: Record<string, string> }} props */
function Imports({ query }) {
  const all = useApi("/api/v1/imports");
  return html`<${Card} title="Imports" wide busy=${all.stale} note="What is known of customers beside Stripe: recorded for ever, dated and sealed." tools=${html`<${Csv} to="/api/v1/imports" query=${{}} name="imports" />`}>
    <${Answered} of=${all} lines=${2} empty=${(/** @type {any} */ data) => data.data.length === 0} none=${html`<${Empty} title="Nothing was imported yet."><code>mrrd import attributes FILE.csv</code> takes <code>customer,key,value</code> in, for segments and groups.<//>`}>${(/** @type {any} */ data) => html`
      <${Table} caption="Imports" cls="cardy mid" head=${["File", "When", "Who", "Log’s end then", "Lines taken", "Set aside", "Seal"]} numbers=${[3, 4, 5]} rows=${data.data.map((/** @type {any} */ one) => ({ key: String(one.id), cells: [html`<a href=${here({ import: String(one.id) })}>${one.file || `import ${one.id}`}</a> <span class="soft">${words(one.kind)}</span>`, instant(one.recorded_at), one.who, count(one.log_seq), count(one.taken), one.set_aside ? html`<span class="warn">${count(one.set_aside)}</span>` : "0", html`<code title=${one.seal}>${one.seal.slice(0, 12)}…</code>`] }))} />
      ${query.import && html`<${Imported} id=${query.import} key=${query.import} />`}`}<//><//>`;
}

/** One import: what was set aside and why, and what was taken. @param {{ id: string }} props */
function Imported({ id }) {
  const one = useApi(`/api/v1/imports/${encodeURIComponent(id)}`, { still: true });
  const [most, more] = useState(100);
  const named = useNames((one.data?.rows ?? []).slice(0, most).map((/** @type {any} */ row) => (row.customer.startsWith("cus_") ? row.customer : null)));
  return html`<${Answered} of=${one} lines=${3}>${(/** @type {any} */ data) => html`<h3>${data.file || `Import ${data.id}`} <a class="button quiet" href=${here({ import: "" })}>Close</a></h3>
    ${data.lines_set_aside.length > 0 && html`<ol class="story">${data.lines_set_aside.slice(0, most).map((/** @type {any} */ line) => html`<li class="doubt" key=${line.line}>Line ${count(line.line)} was set aside: ${line.reason}</li>`)}</ol>`}
    <${Table} caption="Lines taken" cls="cardy" head=${["Customer", "Attribute", "Value", "Holds from", "Line"]} numbers=${[4]} rows=${data.rows.slice(0, most).map((/** @type {any} */ row) => ({ key: String(row.line), cells: [row.customer.includes(":") ? row.customer : html`<${Customer} id=${row.customer} name=${named(row.customer)} />`, row.key, row.value || html`<span class="soft">none from then on</span>`, date(row.valid_from), count(row.line)] }))} />
    ${Math.max(data.rows.length, data.lines_set_aside.length) > most && html`<p class="more"><button type="button" onClick=${() => more(most + 400)}>Show more</button></p>`}`}<//>`;
}
