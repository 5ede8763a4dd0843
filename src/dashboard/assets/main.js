// The frame around every page: where one is, what is asked, whether it is fresh; and the pages themselves.
import { html, render, useEffect, useMemo, useState } from "./vendor/preact.js";
import { address, useApi } from "./api.js";
import { misunderstood, unreadable } from "./asked.js";
import { endOfMonth, setNow } from "./days.js";
import { count, instant, money, month, several, words } from "./format.js";
import { isBefore, isPlace, known, knownAt, setClosings } from "./known.js";
import { LedgerContext } from "./ledger.js";
import { Palette, Keys, useKeys } from "./keys.js";
import { Empty, Failed, Loading, PageHead } from "./parts.js";
import { ReportBar } from "./reportbar.js";
import { choose, followLinks, here, href, useRoute } from "./route.js";
import { segmentOf, SegmentLine } from "./segment.js";
import { signOut, whoAmI } from "./session.js";
import { listen, useLive } from "./stream.js";
import { CLASSES, doubts } from "./words.js";
import { PAGES, pageOf } from "./pages.js";

/** @param {{ status: any }} props */
function Pulse({ status }) {
  const live = useLive();
  // On a telephone there is room for one word, on a small one for none: the dot tells it, and whoever hears the page is told all.
  const [short, text] = live.state === "away" ? ["Away", "No connection to mrrd; trying again"]
    : live.state === "connecting" || !status ? ["…", "Connecting…"]
      : live.refuses ? ["Refused", "Webhooks are refused: the log can’t be written"]
      : live.webhooks_refused?.length ? ["Refused", "Webhooks are refused, and none is taken"]
      : live.state === "behind" ? ["Behind", `${several(live.lag_events ?? 0, "event")} behind the log`] : ["Current", `Connected · ${several(status.log.events, "event")}, figures up to date`];
  return html`<p class="pulse" data-state=${live.state} role="status"><span class="dot" aria-hidden="true"></span><span class="short" aria-hidden="true">${short}</span><span>${text}</span></p>`;
}

/** Where they are posted to. @param {import("./stream.js").Refusing} one */
const at = (one) => (one.endpoint === "unknown" ? "an address that no endpoint has" : `/webhooks/stripe${one.endpoint === "default" ? "" : `/${one.endpoint}`}`);

/** On every page while it lasts: what Stripe sends isn't taken. */
function Refused() {
  const live = useLive();
  if (!live.refuses) {
    return html`${(live.webhooks_refused ?? []).map((one) => html`<p key=${one.endpoint} class=${one.verified ? "refused" : "refused doubtful"} role="alert"><strong>Webhooks are refused</strong> at ${at(one)} since ${instant(one.since)}, and none was taken since ${one.last_taken_at ? instant(one.last_taken_at) : "mrrd was started"}: ${one.detail}. ${one.verified ? "Nothing that Stripe sends there now is in any figure; Stripe sends it again for three days." : "Anybody may post there; if it is Stripe, nothing of it is in any figure, and Stripe sends it again for three days."} <a href=${href("/health")}>Health</a></p>`)}`;
  }
  return html`<p class="refused" role="alert"><strong>Webhooks are refused:</strong> the log can’t be written (${live.refuses}). Nothing that Stripe sends now is in any figure; Stripe sends it again for three days. <a href=${href("/health")}>Health</a></p>`;
}

/** @param {{ page: string }} props */
function Nav({ page }) {
  const [open, set] = useState(false);
  useEffect(() => set(false), [page]);
  return html`<nav class="nav" aria-label="Pages" data-open=${open ? "yes" : undefined}>
    <button type="button" class="menu" aria-expanded=${String(open)} onClick=${() => set(!open)}>☰ <span>${PAGES.find((one) => one.key === page)?.name ?? "Pages"}</span></button>
    <ul>${PAGES.map((one) => html`<li key=${one.key}><a href=${href(one.path)} aria-current=${one.key === page ? "page" : undefined}><span class="glyph" aria-hidden="true">${one.glyph}</span>${one.name}</a></li>`)}</ul></nav>`;
}

function theme() {
  const now = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = now;
  try { localStorage.setItem("mrrd-theme", now); } catch { /** a browser that keeps nothing */ }
}

/** @param {{ status: any, ledger: any }} props */
function Foot({ status, ledger }) {
  const live = useLive();
  const some = doubts(status?.quality);
  const closed = ledger.closings[0];
  const surely = live.refuses || live.webhooks_refused?.some((one) => one.verified);
  const refused = surely ? html`<a href=${href("/health")} class="bad">webhooks are refused: nothing that Stripe sends now comes into the log</a>`
    : live.webhooks_refused?.length ? html`<a href=${href("/health")} class="warn">webhooks are refused, and none is taken</a>` : "";
  const [unknown, estimated] = [false, true].map((of) => some.filter((one) => one.estimated === of).reduce((sum, one) => sum + one.n, 0));
  const known = some.length ? html`<a href=${href("/health")} class="warn">${[unknown ? `${several(unknown, "thing")} couldn’t be known` : "", estimated ? `${count(estimated)} estimated` : ""].filter(Boolean).join(", ")}</a>` : status?.log.events === 0 ? "Nothing has been received yet" : "Everything received could be read, priced and put in order";
  const first = closed && `${closed.month}-01`;
  const accuracy = useApi(first ? address("/api/v1/accuracy", { ...ledger.money, as_known_at: undefined, from: first, to: endOfMonth(first) }) : null);
  const of = accuracy.data?.data.find((/** @type {any} */ one) => one.currency === ledger.currency);
  // How far a closed month can be trusted; what isn't closed will change.
  const trusted = of ? `, ${CLASSES[of.class] ?? words(of.class)}${of.class_reason ? ` (${of.class_reason})` : ""}${Number(of.restated_exact) ? `, restated since by ${money(of.restated, of.currency, { signed: true })}` : ""}; what isn’t closed will still change` : "";
  const last = html`<a href=${href("/closing")}>${closed ? `last closed month ${month(closed.month)}${trusted}` : "no month is closed yet"}</a>`;
  const lag = live.lag_events ? `${several(live.lag_events, "event")} behind` : "no lag";
  return html`<footer class="foot"><p>${[...(refused ? [refused] : []), known, lag, last, `profile ${ledger.profile}`, `days in ${status?.timezone ?? "UTC"}`, `mrrd ${status?.version}`].map((one, i) => html`<span key=${i}>${i ? " · " : ""}${one}</span>`)}</p></footer>`;
}

/** An address can say anything: what isn't understood is told, and no figure is shown in its place. @param {{ wrong: import("./asked.js").Misunderstood[], query: Record<string, string>, title: string }} props */
function NotUnderstood({ wrong, query, title }) {
  const [{ name }] = wrong;
  if (wrong.length === 1 && ["asof", "from", "to"].includes(name) && wrong[0].says.startsWith("“")) return html`<${NoTime} of=${name} text=${query[name]} title=${title} />`;
  const meant = wrong.every((one) => one.meant && !query[one.meant]) ? Object.fromEntries(wrong.flatMap((one) => [[one.name, ""], [/** @type {string} */ (one.meant), query[one.name]]])) : null;
  return html`<${PageHead} title=${title} />
    <div class="failed" role="alert"><p><strong>This page doesn’t understand what its address asks</strong></p>
      <ul>${wrong.map((one) => html`<li key=${one.name}><code>${one.name}</code>: ${one.says}</li>`)}</ul>
      <p>Nothing is shown in its place: that would be the answer to another question.</p>
      <p class="row">${meant && html`<a class="button" href=${here(meant)}>Ask with ${wrong.map((one) => one.meant).join(", ")}</a>`} <button type="button" onClick=${() => choose(Object.fromEntries(wrong.map((one) => [one.name, ""])))}>${wrong.length > 1 ? "Leave them out" : "Leave it out"}</button></p></div>`;
}

/** @param {{ of: string, text: string, title: string }} props */
const NoTime = ({ of, text, title }) => html`<${PageHead} title=${title} />
  <div class="failed" role="alert"><p><strong>${of === "asof" ? `Nothing can be known at “${text}”` : `There is no day “${text}”`}</strong></p>
    <p>${of === "asof" ? "Figures are known at a day (2026-10-31), at an instant (2026-10-31T23:59:59Z) or at a place in the log (1200)." : "A span is from a day to a day, each written 2026-10-31."}</p>
    <p><button type="button" onClick=${() => choose({ [of]: "" })}>${of === "asof" ? "Back to now" : "Leave it out"}</button></p></div>`;

/** No figure was known by then, on whatever page: a longer range or another currency would bring none. @param {{ asof: string, began: any, title: string }} props */
const NothingThen = ({ asof, began, title }) => html`<${PageHead} title=${title} />
  <${Empty} title="No figures were known by then.">Nothing had arrived by ${known(asof)}: the log’s first event came on ${instant(began.received_at)}. Choose a later day, or go <button type="button" class="link" onClick=${() => choose({ asof: "" })}>back to now</button>.<//>`;

function App() {
  const place = useRoute();
  const page = pageOf(place.path);
  const { query } = place;
  const status = useApi("/api/v1/status");
  if (status.data) setNow(status.data.now, status.data.timezone);
  const wrong = misunderstood(query, place.twice, (place.path[1] ? page.one : page.takes) ?? {});
  const readable = (/** @type {string} */ name) => (unreadable(query).includes(name) ? undefined : query[name]);
  const [asof, livemode] = [readable("asof"), readable("livemode")];
  const common = useMemo(() => ({ profile: query.profile, account: query.account, livemode, as_known_at: knownAt(asof) }),
    [query.profile, query.account, livemode, asof, status.data?.timezone]);
  const events = useApi(asof ? address("/api/v1/events", { order: "asc", limit: 1 }) : null, { still: true });
  const began = asof ? events.data?.data[0] : undefined;
  const closings = useApi(address("/api/v1/closings", { profile: query.profile }));
  setClosings(closings.data?.data ?? []);
  const plans = useApi("/api/v1/annotations");
  const converted = Boolean(status.data?.reporting_currency);
  /** @type {string[]} */
  const currencies = status.data?.currencies ?? [];
  // Without a currency to convert into, the one that most customers pay in comes first.
  const now = useApi(status.data && !converted && currencies.length > 1 ? address("/api/v1/mrr", { ...common, as_known_at: undefined, interval: "year", from: `${status.data.now.slice(0, 4)}-01-01` }) : null);
  const entries = now.data?.data ?? [];
  const largest = [...entries].sort((a, b) => (b.customers ?? 0) - (a.customers ?? 0))[0]?.currency;
  const chosen = query.currency === "reporting" ? undefined : query.currency;
  const currency = chosen ?? (converted ? status.data.reporting_currency : largest ?? currencies[0] ?? "usd");
  const [me, set] = useState(/** @type {any} */ (null));
  useEffect(() => { whoAmI().then(set); }, []);
  const takes = Boolean(page.report?.includes("segment"));
  // Whoever chooses neither is answered for test events where there are no others.
  const onlyTest = status.data?.livemode === false;
  const ledger = {
    status: status.data, test: query.livemode ? query.livemode === "false" : onlyTest, currency, currencies, converted, me, profile: query.profile ?? status.data?.profiles[0] ?? "",
    common, money: { ...common, currency: chosen ?? (converted ? undefined : currency) }, segment: takes ? segmentOf(query) : {},
    closings: closings.data?.data ?? [], plans: plans.data?.data ?? [],
  };
  // From which day spans are counted back at a place in the log is told by the closings.
  const counted = !isPlace(asof) || closings.data !== undefined || closings.error;
  const ready = status.data !== undefined && counted && (!asof || events.data !== undefined || events.error) && (converted || currencies.length < 2 || now.data !== undefined || now.error);
  const keys = useKeys();
  const first = ready && status.data.log.events === 0;
  return html`<${LedgerContext.Provider} value=${ledger}>
    <a class="skip" href="#main">Skip to the figures</a>
    <header class="top"><a class="brand" href=${href("/")}><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="24" height="24" /><strong>mrrd</strong></a>
      <${Pulse} status=${status.data} />
      <div class="topright"><button type="button" class="quiet palette" onClick=${() => keys.show("palette")}>Search <kbd>/</kbd></button>
        <button type="button" class="quiet" aria-label="Keys" onClick=${() => keys.show("keys")}>?</button>
        <button type="button" class="quiet" aria-label="Switch between light and dark" onClick=${theme}>◐</button>
        ${me?.signed_in && html`<button type="button" class="quiet" title=${`Signed in as ${me.who} (${me.role})`} onClick=${signOut}>Sign out</button>`}</div></header>
    <div class="body"><${Nav} page=${page.key} />
      <main id="main" tabindex="-1">
        ${asof && html`<p class="asof" role="status">${page.past || page.report?.includes("asof") ? `As known at ${known(asof)}: nothing that arrived later is in these figures.` : `This page isn’t told as known at ${known(asof)}: it shows what is known now.`} <button type="button" class="link" onClick=${() => choose({ asof: "" })}>Back to now</button></p>`}
        <${Refused} />
        ${onlyTest && !query.livemode && page.figures && html`<p class="late" role="status">These are figures of test events: no live event tells of a customer.</p>`}
        ${status.error && !status.data && html`<${Failed} error=${status.error} again=${status.again} />`}
        ${!ready && !status.error ? html`<${Loading} lines=${8} tall />`
          : ready && (wrong.length ? html`<${NotUnderstood} wrong=${wrong} query=${query} title=${page.name} />` : first && page.figures ? html`<${page.first} />` : html`${page.report && html`<${ReportBar} page=${page} />`}${page.figures && !place.path[1] && html`<${SegmentLine} query=${query} takes=${takes} />`}${asof && began && page.figures && (page.past || page.report?.includes("asof")) && isBefore(asof, began) ? html`<${NothingThen} asof=${asof} began=${began} title=${page.name} />` : html`<${page.show} key=${page.key} path=${place.path} query=${query} />`}`)}
      </main></div>
    ${ready && html`<${Foot} status=${status.data} ledger=${ledger} />`}
    ${keys.shown === "palette" && html`<${Palette} close=${keys.hide} />`}
    ${keys.shown === "keys" && html`<${Keys} close=${keys.hide} />`}
  <//>`;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {string | null} */
let kept = null;
try { kept = localStorage.getItem("mrrd-theme"); } catch { /** a browser that keeps nothing */ }
document.documentElement.dataset.theme = kept ?? (dark.matches ? "dark" : "light");
dark.addEventListener("change", () => { if (!kept) document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; });

followLinks();
// A link that signs in, followed by somebody who is signed in already.
const after = new URLSearchParams(location.hash.slice(1));
if (after.has("token")) history.replaceState(null, "", location.pathname + location.search);
// As alerts of before led to a customer.
if (after.get("customer")) history.replaceState(null, "", `/customers/${encodeURIComponent(after.get("customer") ?? "")}${location.search}`);
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${App} />`, root);
listen();
