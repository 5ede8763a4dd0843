// Cohorts: customers by the month of their first MRR, and what is left of them month by month, as a map that is a real table.
import { html } from "../vendor/preact.js";
import { address, useApi } from "../api.js";
import { endOfMonth, plusMonths } from "../days.js";
import { count, date, money, several, share } from "../format.js";
import { useLedger } from "../ledger.js";
import { Answered, Card, Choice, Csv, Empty, PageHead, csv, save } from "../parts.js";
import { choose, href, span } from "../route.js";

/** @param {{ query: Record<string, string> }} props */
export function Cohorts({ query }) {
  const ledger = useLedger();
  const days = span(query);
  const by = query.by ?? "mrr";
  const as = query.as ?? "first";
  const asked = { ...ledger.money, ...ledger.segment, from: days.from, to: days.to };
  const answer = useApi(address("/api/v1/cohorts", asked));
  return html`<${PageHead} title="Cohorts" lead="Each row is the customers who first paid in one month; each column, what is left of them so many months later." tools=${html`<${Csv} to="/api/v1/cohorts" query=${asked} name="cohorts" />`} />
    <${Card} title=${by === "mrr" ? "MRR kept" : "Customers kept"} busy=${answer.stale} note=${`A month that still runs is dimmed: it isn’t over, so what is missing isn’t lost.${by === "mrr" && answer.data?.converted ? " What exchange rates moved is in it." : ""}`}
      tools=${html`<${Choice} label="Counted by" value=${by} options=${[["mrr", "Money"], ["customers", "Customers"]]} choose=${(/** @type {string} */ value) => choose({ by: value === "mrr" ? "" : value })} />
        <${Choice} label="Shown as" value=${as} options=${[["first", "% of the first month"], ["previous", "% of the month before"], ["absolute", "Absolute"]]} choose=${(/** @type {string} */ value) => choose({ as: value === "first" ? "" : value })} />`}>
      <${Answered} of=${answer} tall lines=${10} empty=${(/** @type {any} */ data) => data.data.filter((/** @type {any} */ one) => one.currency === ledger.currency).length === 0} none=${html`<${Empty} title="No cohort in this span.">Choose a longer range.<//>`}>${(/** @type {any} */ data) => html`<${Map} list=${data.data.filter((/** @type {any} */ one) => one.currency === ledger.currency)} by=${by} as=${as} />`}<//><//>
    <${Trials} answer=${answer} />`;
}

/** A cell's value, and the share its colour stands for. @param {any} cohort @param {any} age @param {any} before @param {string} by @param {string} as @param {string} currency */
function cell(cohort, age, before, by, as, currency) {
  const first = by === "mrr" ? cohort.ages[0]?.mrr_exact : cohort.customers;
  const now = Number(by === "mrr" ? age.mrr_exact : age.customers);
  const than = as === "previous" ? Number(by === "mrr" ? before?.mrr_exact ?? NaN : before?.customers ?? NaN) : Number(first);
  const part = than ? now / than : null;
  const kept = as === "first" ? (by === "mrr" ? age.mrr_retention.value : age.customer_retention.value) : part;
  return { text: as === "absolute" ? (by === "mrr" ? money(age.mrr, currency, { compact: true, whole: true }) : count(age.customers)) : share(kept), part: Number(first) ? (as === "previous" ? part : now / Number(first)) : null };
}

/** @param {{ list: any[], by: string, as: string }} props */
function Map({ list, by, as }) {
  const { currency } = useLedger();
  const most = Math.max(...list.map((one) => one.ages.length));
  const ages = Array.from({ length: most }, (_, i) => i);
  const heat = (/** @type {number | null} */ part) => (part === null || Number.isNaN(part) ? "" : part > 1.0005 ? `grown-${Math.min(4, Math.ceil((part - 1) * 4))}` : `heat-${Math.max(0, Math.min(10, Math.round(part * 10)))}`);
  const behind = (/** @type {any} */ cohort, /** @type {number} */ i) => href("/movements", { range: "", from: `${cohort.cohort}-01`, to: endOfMonth(plusMonths(`${cohort.cohort}-01`, i)), cohort: cohort.cohort });
  const cells = list.map((cohort) => ages.map((i) => (cohort.ages[i] ? cell(cohort, cohort.ages[i], cohort.ages[i - 1], by, as, currency) : null)));
  return html`<div class="scroll cohorts" tabindex="0" role="region" aria-label="Cohorts"><table><caption class="unseen">Cohorts, ${by === "mrr" ? "by money" : "by customers"}; the last cell of each row is a month that still runs</caption>
    <thead><tr class="over"><td colspan="2"></td><th scope="colgroup" colspan=${most}>Months after the first</th></tr><tr><th scope="col">First paid in</th><th scope="col" class="num">Customers</th>${ages.map((i) => html`<th scope="col" class="num" key=${i} title=${i ? `${several(i, "month")} later` : "the month of the first payment"}>${i}</th>`)}</tr></thead>
    <tbody>${list.map((cohort, r) => html`<tr key=${cohort.cohort}><th scope="row"><a href=${href("/customers", { cohort: cohort.cohort })}>${date(`${cohort.cohort}-01`, { month: "short", year: "numeric" })}</a></th><td class="num">${count(cohort.customers)}</td>
      ${ages.map((i) => { const one = cells[r][i]; const running = i === cohort.ages.length - 1; return one ? html`<td key=${i} class=${`num cell ${heat(one.part)} ${running ? "running" : ""}`}><a href=${behind(cohort, i)}>${one.text}</a>${running && html`<span class="unseen"> so far</span>`}</td>` : html`<td key=${i}></td>`; })}</tr>`)}</tbody></table></div>
    <div class="under"><p class="soft scale">less <span class="heat-0"></span><span class="heat-2"></span><span class="heat-4"></span><span class="heat-6"></span><span class="heat-8"></span><span class="heat-10"></span> all <span class="grown-1"></span><span class="grown-2"></span><span class="grown-3"></span><span class="grown-4"></span> more</p>
      <div class="tools"><button type="button" class="quiet" onClick=${() => save(csv([["First paid in", "Customers", ...ages], ...list.map((one, r) => [one.cohort, one.customers, ...ages.map((i) => cells[r][i]?.text ?? "")])]), "cohorts.csv")}>CSV of this table</button></div></div>`;
}

/** @param {{ answer: any }} props */
function Trials({ answer }) {
  const trials = answer.data?.trials ?? [];
  if (!trials.length) return null;
  return html`<${Card} title="Trials by the month they began in" busy=${answer.stale}><div class="scroll" tabindex="0" role="region" aria-label="Trials"><table><thead><tr><th scope="col">Began in</th><th scope="col" class="num">Ended</th><th scope="col" class="num">Went on to pay</th><th scope="col" class="num">Conversion</th></tr></thead>
    <tbody>${trials.map((/** @type {any} */ one) => html`<tr key=${one.cohort}><th scope="row">${date(`${one.cohort}-01`, { month: "short", year: "numeric" })}</th><td class="num">${count(one.ended)}</td><td class="num">${count(one.converted)}</td><td class="num">${share(one.conversion.value)}</td></tr>`)}</tbody></table></div><//>`;
}
