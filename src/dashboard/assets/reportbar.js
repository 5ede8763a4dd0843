// What the report on this page is asked with: every choice stands in the address bar.
import { html, useState } from "./vendor/preact.js";
import { address, useApi } from "./api.js";
import { date } from "./format.js";
import { useLedger } from "./ledger.js";
import { Select } from "./parts.js";
import { choose, RANGES, span, useRoute } from "./route.js";
import { today } from "./days.js";

/** @param {{ page: import("./pages.js").Page }} props */
export function ReportBar({ page }) {
  const ledger = useLedger();
  const { query, path } = useRoute();
  const [open, set] = useState(false);
  const takes = page.report ?? [];
  const has = (/** @type {string} */ what) => takes.includes(what) && !(path.length > 1 && ["range", "interval", "compare"].includes(what));
  const { from, to, name } = span(query);
  const custom = name === "custom";
  const accounts = useApi(open ? address("/api/v1/accounts") : null);
  const chosen = ["profile", "currency", "account", "livemode", "compare", "asof"].filter((key) => query[key]).length;
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
      <${Select} label="Account" value=${query.account ?? ""} options=${[["", "own"], ["all", "all"], ...(accounts.data?.data ?? []).map((/** @type {any} */ one) => [one.account, one.account]),
        ...(query.account && query.account !== "all" && !accounts.data?.data?.some((/** @type {any} */ one) => one.account === query.account) ? [[query.account, query.account]] : [])]} choose=${(/** @type {string} */ account) => choose({ account })} />
      <${Select} label="Data" value=${query.livemode ?? ""} options=${[["", "live"], ["false", "test"]]} choose=${(/** @type {string} */ livemode) => choose({ livemode })} />
      ${has("asof") && html`<${KnownAt} value=${query.asof ?? ""} />`}
    </div>
  </form>`;
}

/** As known at: any past day, with the closings beside it. @param {{ value: string }} props */
function KnownAt({ value }) {
  const ledger = useLedger();
  return html`<label class="field"><span>As known at</span><input type="date" value=${/^\d{4}-/.test(value) ? value.slice(0, 10) : ""} max=${today()} list="closings" onChange=${(/** @type {any} */ event) => choose({ asof: event.currentTarget.value })} /></label>
    ${ledger.closings.length > 0 && html`<${Select} label="or as closed" value=${ledger.closings.find((one) => String(one.seq) === value) ? value : ""}
      options=${[["", "–"], ...ledger.closings.map((one) => [String(one.seq), `${one.month}, closed ${date(one.closed_at)}`])]} choose=${(/** @type {string} */ asof) => choose({ asof })} />`}`;
}
