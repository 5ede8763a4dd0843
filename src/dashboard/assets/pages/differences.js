// Not Stripe's figure? What differs from another profile, knob by knob, or from an export of Stripe's, customer by customer.
import { html, useState } from "../vendor/preact.js";
import { address, ask, useApi } from "../api.js";
import { monthOf, plusMonths, today } from "../days.js";
import { count, date, money, words } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Apart, Card, Change, Csv, Customer, Empty, Failed, Loading, Means, PageHead, Select, Table, useNames } from "../parts.js";
import { choose } from "../route.js";
import { knobMeans, knobName, knobValue, LINES, profileMeans } from "../words.js";

/** @param {{ query: Record<string, string> }} props */
export function Differences({ query }) {
  const ledger = useLedger();
  const profiles = useApi("/api/v1/profiles", { still: true });
  const all = (profiles.data?.data ?? []).map((/** @type {any} */ one) => one.name);
  const month = query.month ?? plusMonths(monthOf(today()), -1).slice(0, 7);
  const other = query.with ?? all.find((/** @type {string} */ one) => one !== ledger.profile) ?? "";
  const months = Array.from({ length: 24 }, (_, i) => plusMonths(monthOf(today()), -i).slice(0, 7));
  const asked = { ...ledger.money, profile: ledger.profile, with: other, month };
  const found = useApi(other ? address("/api/v1/compare", asked) : null);
  return html`<${PageHead} title="Not Stripe’s figure?" lead="A figure differs because a rule differs, or because something is missing. Here is which, customer by customer, down to the cent." />
    <div class="grid">
    <${Upload} />
    <${Card} title="Against another profile" wide busy=${found.stale} tools=${other && html`<${Csv} to="/api/v1/compare" query=${asked} name="compare" />`}>
      <form class="filters" aria-label="What is compared" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Select} label="Month" value=${month} options=${[...new Set([month, ...months])].map((one) => [one, date(`${one}-01`, { month: "long", year: "numeric" })])} choose=${(/** @type {string} */ value) => choose({ month: value })} />
        <${Select} label=${`Profile ${ledger.profile} against`} value=${other} options=${all.filter((/** @type {string} */ one) => one !== ledger.profile).map((/** @type {string} */ one) => [one, one])} choose=${(/** @type {string} */ value) => choose({ with: value })} /></form>
      <dl class="facts said">${[ledger.profile, other].filter((one) => one && (!profiles.data || all.includes(one))).map((one) => html`<div key=${one}><dt>Profile ${one}</dt><dd>${profileMeans(one)}</dd></div>`)}</dl>
      <${Answered} of=${found} lines=${6}>${(/** @type {any} */ data) => html`<${Compared} data=${data} />`}<//><//></div>`;
}

/** @param {{ data: any }} props */
function Compared({ data }) {
  const { currency } = useLedger();
  const totals = data.totals.filter((/** @type {any} */ one) => one.currency === currency);
  const list = data.data.filter((/** @type {any} */ one) => one.currency === currency);
  const named = useNames(list.map((/** @type {any} */ one) => one.customer));
  const apart = (/** @type {any} */ one) => Number(one.to.closing_exact) - Number(one.from.closing_exact);
  list.sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(apart(b)) - Math.abs(apart(a)));
  const total = totals[0];
  if (!total) return html`<${Empty} title="Neither profile has figures in this month." />`;
  const by = (/** @type {string} */ knob) => data.knobs.find((/** @type {any} */ one) => one.knob === knob);
  const difference = Number(total.to.closing_exact) - Number(total.from.closing_exact);
  // Opening and closing stand always, of the lines between those in which a rule makes a difference.
  const lines = [["opening", "Opening"], ...LINES.filter(([key]) => total.by_knob.some((/** @type {any} */ share) => share.change[key])), ["closing", "Closing"]];
  return html`<p class="said">Closing MRR of ${date(`${data.month}-01`, { month: "long", year: "numeric" })}${data.partial ? " so far" : ""}: <strong>${money(total.from.closing, currency)}</strong> under ${data.from}, <strong>${money(total.to.closing, currency)}</strong> under ${data.to}${difference ? html`: a difference of <strong><${Apart} by=${difference} currency=${currency} /></strong>` : ", the same"}.</p>
    ${total.by_knob.length > 0 && html`<h3>By rule</h3><${Table} caption="By rule" cls="cardy rules" head=${["Rule", `${data.from} → ${data.to}`, ...lines.map(([, name]) => name)]} numbers=${lines.map((_, i) => i + 2)} rows=${total.by_knob.map((/** @type {any} */ share) => ({ key: share.knob, cells: [html`<${Means} means=${knobMeans(share.knob)}>${knobName(share.knob)}<//>`, html`<span class="why">${knobValue(share.knob, by(share.knob)?.from)} → ${knobValue(share.knob, by(share.knob)?.to)}</span>`, ...lines.map(([line]) => (share.change[line] ? html`<${Change} amount=${share.change[line]} currency=${currency} />` : html`<span class="soft">–</span>`))] }))} />`}
    ${list.length === 0 ? html`<${Empty} title="No customer’s figures differ in this month." />` : html`<h3>By customer</h3><${Table} caption="By customer" cls="cardy" head=${["Customer", `Under ${data.from}`, `Under ${data.to}`, "Difference", "Because of"]} numbers=${[1, 2, 3]} rows=${list.map((/** @type {any} */ one) => ({ key: `${one.account ?? ""}${one.customer}`, cells: [html`<${Customer} id=${one.customer} name=${named(one.customer)} account=${one.account} />`, money(one.from.closing, currency), money(one.to.closing, currency), html`<${Apart} by=${apart(one)} currency=${currency} />`,
      html`<span class="why">${one.by_knob.map((/** @type {any} */ share) => `${knobName(share.knob)}: ${changed(share.change, currency)}`).join("; ")}</span>`] }))} />`}`;
}

/** Which lines a rule changes; the closing alone where it does. @param {any} change @param {string} currency */
function changed(change, currency) {
  // Whatever a rule changes is told, also by which exchange rate it counts: the lines sum to the difference beside them.
  const lines = ["closing", "opening", ...LINES.map(([key]) => key)].filter((line) => Number(change[`${line}_exact`] ?? 0) !== 0);
  const shown = lines.includes("closing") ? ["closing"] : lines;
  return shown.length ? shown.map((line) => `${line === "closing" ? "" : `${words(line)} `}${money(change[line], currency, { signed: true })}`).join(", ") : `less than ${money(1, currency)}`;
}

/** A file of Stripe's, dropped or chosen; nothing of it is kept. */
function Upload() {
  const ledger = useLedger();
  const [state, set] = useState(/** @type {{ name?: string, busy?: boolean, error?: any, found?: any }} */ ({}));
  const [over, hover] = useState(false);
  const read = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    set({ name: file.name, busy: true });
    try {
      const found = await ask(address("/api/v1/audit", { profile: ledger.common.profile, currency: ledger.currency, livemode: ledger.common.livemode }), { method: "POST", body: await file.text(), headers: { "Content-Type": "text/csv", "Mrrd-Request": "1" } });
      set({ name: file.name, found });
    } catch (error) { set({ name: file.name, error }); }
  };
  const { found } = state;
  const named = useNames((found?.differences ?? []).slice(0, 300).map((/** @type {any} */ one) => one.customer));
  return html`<${Card} title="Against an export of Stripe’s" wide note="Billing, Overview, Download in Stripe’s Dashboard: MRR per subscriber per month, or the roll-forward. The file is read and not kept.">
    <label class=${`drop ${over ? "over" : ""}`} onDragOver=${(/** @type {DragEvent} */ event) => { event.preventDefault(); hover(true); }} onDragLeave=${() => hover(false)} onDrop=${(/** @type {DragEvent} */ event) => { event.preventDefault(); hover(false); read(event.dataTransfer?.files[0]); }}>
      <span>Drop the CSV here, or choose it: </span><input type="file" accept=".csv,text/csv" onChange=${(/** @type {any} */ event) => read(event.currentTarget.files[0])} /></label>
    ${state.busy && html`<${Loading} lines=${3} />`}${state.error && html`<${Failed} error=${state.error} />`}
    ${found && html`<p><strong>${state.name}</strong>, ${found.from} to ${found.to} under ${found.profile}: ${count(found.compared)} figures compared, <strong class="up">${count(found.matched)} match</strong>, <strong class=${found.differ ? "down" : "soft"}>${count(found.differ)} differ</strong>.${found.left_out.figures ? ` ${count(found.left_out.figures)} more in ${found.left_out.currencies.join(", ").toUpperCase()} were left aside: the file says nothing in that currency.` : ""}</p>
      ${found.named.customers > 0 && found.named.in_ledger === 0 && html`<p class="refused doubtful" role="alert"><strong>None of the ${count(found.named.customers)} customers named there is in the ledger.</strong> The file is of another account or mode, or the customer’s id stands in another column of it; nothing below tells whether the ledger is right.</p>`}
      ${found.not_named.figures > 0 && html`<p>${count(found.not_named.figures)} more of ${count(found.not_named.customers)} ${found.not_named.customers === 1 ? "customer" : "customers"} whom the file doesn’t name weren’t compared: what Stripe says of them isn’t known.</p>`}
      ${found.differ > 0 && html`<h3>Why</h3><ul class="list">${found.reasons.filter((/** @type {any} */ one) => one.named > 0).map((/** @type {any} */ one, /** @type {number} */ i) => html`<li key=${i}><span><strong>${count(one.named)}</strong> of them: ${one.text}</span></li>`)}</ul>`}
      ${found.differences.length > 0 && html`<h3>Customer by customer</h3><${Table} caption="Differences" cls="cardy" head=${["Customer", "When", "Stripe", "mrrd", "Difference", "Why"]} numbers=${[2, 3, 4]} rows=${found.differences.slice(0, 500).map((/** @type {any} */ one, /** @type {number} */ i) => ({ key: String(i), cells: [html`<${Customer} id=${one.customer} name=${named(one.customer)} />`, one.at, one.named ? money(one.stripe_exact, one.currency) : html`<span class="soft">not named</span>`, money(one.ledger_exact, one.currency), html`<${Apart} by=${Number(one.difference_exact)} currency=${one.currency} />`, html`<span class="why">${one.reason?.text ?? one.text ?? ""}</span>`] }))} />`}`}<//>`;
}
