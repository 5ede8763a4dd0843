// The dashboard: reads /api/v1, draws, and looks again whenever the ledger has moved on. No libraries.

const POLL_MS = 3000;
const $ = (id) => document.getElementById(id);

// ---- elements -------------------------------------------------------------------------------------------------------

const SVG = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "title", "desc"]);

/** Makes an element; text is always text, never markup. */
function h(tag, attributes = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const fill = (node, ...children) => node.replaceChildren(...children.flat().filter(Boolean));

// ---- money and days -------------------------------------------------------------------------------------------------

// Stripe's minor units: most currencies have two places, these have none or three.
const PLACES = { bif: 0, clp: 0, djf: 0, gnf: 0, jpy: 0, kmf: 0, krw: 0, mga: 0, pyg: 0, rwf: 0, vnd: 0, vuv: 0, xaf: 0, xof: 0, xpf: 0,
  bhd: 3, jod: 3, kwd: 3, omr: 3, tnd: 3 };

function money(minor, currency, options = {}) {
  const places = PLACES[currency] ?? 2;
  const value = Number(minor) / 10 ** places;
  const compact = options.compact && Math.abs(value) >= 10000;
  const whole = options.compact || Math.abs(value) >= 100000;
  try {
    return new Intl.NumberFormat(undefined, {
      style: "currency", currency: currency.toUpperCase(), currencyDisplay: "narrowSymbol",
      signDisplay: options.signed ? "exceptZero" : "auto",
      notation: compact ? "compact" : "standard",
      minimumFractionDigits: whole ? 0 : places, maximumFractionDigits: compact ? 1 : whole ? 0 : places,
    }).format(value);
  } catch {
    return `${value} ${currency.toUpperCase()}`;
  }
}

const count = (n) => new Intl.NumberFormat().format(n);
const share = (value) => value === null ? "–" : new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 }).format(Number(value));
const words = (name) => (name ?? "").replaceAll("_", " ");
const tone = (n) => (n > 0 ? "up" : n < 0 ? "down" : "");

/** Days are calendar days of the ledger's zone: they are handled as text and as UTC dates, never shifted. */
const asDate = (day) => new Date(`${day}T00:00:00Z`);
const asDay = (date) => date.toISOString().slice(0, 10);
const plusDays = (day, days) => { const date = asDate(day); date.setUTCDate(date.getUTCDate() + days); return asDay(date); };
const monthOf = (day) => day.slice(0, 7);
const plusMonths = (month, n) => { const date = asDate(`${month}-01`); date.setUTCMonth(date.getUTCMonth() + n); return asDay(date).slice(0, 7); };
const lastOf = (month) => plusDays(`${plusMonths(month, 1)}-01`, -1);
const show = (day, options) => new Intl.DateTimeFormat(undefined, { timeZone: "UTC", ...options }).format(asDate(day));
const monthName = (month) => show(`${month}-01`, { month: "long", year: "numeric" });

// ---- the API --------------------------------------------------------------------------------------------------------

// The session's cookie goes with each request by itself; what changes anything also needs the header `Mrrd-Request: 1`.
class SignedOut extends Error {}

async function get(path, parameters = {}, raw = false) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null));
  const answer = await fetch(`${path}${query.size ? `?${query}` : ""}`, { cache: "no-store", credentials: "same-origin" });
  if (answer.status === 401) {
    location.reload(); // the session has ended: in this page's place comes the sign-in page
    throw new SignedOut("You have been signed out.");
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail ?? `${path} answered ${answer.status}`);
  }
  return raw ? answer.text() : answer.json();
}

const state = { status: null, currency: null, profile: null, span: "12m", month: null, seen: null, today: null };

// ---- the loop -------------------------------------------------------------------------------------------------------

let drawing = false;

async function look() {
  try {
    const status = await get("/api/v1/status");
    $("app").hidden = false;
    state.status = status;
    showPulse(status);
    const mark = [status.reconciler.applied_seq, status.quality.unreadable_events, status.now.slice(0, 10), state.currency, state.profile,
      state.span, state.month].join();
    if (mark !== state.seen && !drawing) {
      drawing = true;
      try {
        await draw(status);
        state.seen = [status.reconciler.applied_seq, status.quality.unreadable_events, status.now.slice(0, 10), state.currency,
          state.profile, state.span, state.month].join();
        $("failure").hidden = true;
      } finally { drawing = false; }
    }
  } catch (error) {
    if (error instanceof SignedOut) return;
    $("pulse").dataset.state = "away";
    $("pulse-text").textContent = "No answer from the daemon";
    if (error instanceof TypeError) return; // the daemon is away: the figures shown are its last
    $("failure").textContent = error.message;
    $("failure").hidden = false;
  }
}

function showPulse({ log, reconciler }) {
  const behind = reconciler.lag_events;
  $("pulse").dataset.state = behind === 0 ? "live" : "behind";
  $("pulse-text").textContent = log.events === 0 ? "Waiting for the first event"
    : behind === 0 ? `Live · ${count(log.events)} events, all in the figures`
    : `${count(behind)} of ${count(log.events)} events not in the figures yet`;
}

$("sign-out").addEventListener("click", async () => {
  await fetch("/sign-out", { method: "POST", credentials: "same-origin", redirect: "manual" });
  location.reload();
});

// ---- drawing all ----------------------------------------------------------------------------------------------------

function options(select, values, chosen) {
  fill(select, ...values.map((value) => h("option", { value, selected: value === chosen }, select.id === "currency" ? value.toUpperCase() : value)));
  select.value = chosen ?? "";
  select.disabled = values.length < 2;
}

async function draw(status) {
  state.profile ??= status.profiles[0];
  options($("profile"), status.profiles, state.profile);
  const common = { profile: state.profile };
  const months = await get("/api/v1/mrr", { ...common, interval: "month" });
  const currencies = [...new Set(months.data.map((entry) => entry.currency))];
  const largest = [...currencies].sort((a, b) => last(months, b).customers - last(months, a).customers)[0];
  if (!currencies.includes(state.currency)) state.currency = largest ?? null;
  options($("currency"), currencies, state.currency);
  showQuality(status);
  $("foot").textContent = `mrrd ${status.version} · profile ${state.profile} · days in ${status.timezone} · ${status.database}`;
  const series = months.data.filter((entry) => entry.currency === state.currency);
  if (series.length === 0) { showEmpty(); return; }

  const now = series[series.length - 1];
  state.today = now.start > status.now.slice(0, 10) ? now.start : status.now.slice(0, 10);
  const running = monthOf(now.start);
  const firstMonth = monthOf(series[0].start);
  if (!state.month || state.month > running || state.month < firstMonth) state.month = running;
  // Everything on the page is of one ledger: the converted one, or that of the currency chosen.
  const ledger = months.converted ? "reporting" : state.currency;
  const span = { ...common, currency: ledger };
  const month = { from: `${state.month}-01`, to: lastOf(state.month) };
  const [metrics, points, causes, moves, customers] = await Promise.all([
    get("/api/v1/metrics", { ...span, from: `${running}-01`, to: lastOf(running) }),
    chartPoints(span, series),
    get("/api/v1/mrr", { ...span, ...month, group_by: "cause" }),
    get("/api/v1/movements", { ...span, order: "desc", limit: 15 }),
    get("/api/v1/customers", { ...common, sort: "mrr", currency: ledger, limit: 10 }),
  ]);
  showFigures(now, metrics.data[0]);
  showChart(points);
  const bridge = series.find((entry) => monthOf(entry.start) === state.month) ?? now;
  $("month").textContent = monthName(state.month) + (bridge.partial ? " so far" : "");
  $("month-back").disabled = state.month <= firstMonth;
  $("month-on").disabled = state.month >= running;
  showBridge(bridge);
  showCauses(causes.data);
  showMovements(moves.data);
  showCustomers(customers.data);
}

const last = (answer, currency) => answer.data.filter((entry) => entry.currency === currency).at(-1);

function showEmpty() {
  const nothing = "Nothing yet: figures appear with the first subscription.";
  fill($("figures"));
  for (const id of ["chart", "bridge", "causes", "movements", "customers"]) fill($(id), h("p", { class: "empty" }, nothing));
}

// ---- key figures ----------------------------------------------------------------------------------------------------

function showFigures(now, metric) {
  const net = now.closing - now.opening;
  const figure = (name, value, note, cls) =>
    h("dl", { class: "figure" }, h("dt", {}, name), h("dd", {}, value, note ? h("span", { class: `note ${cls ?? ""}` }, note) : null));
  const value = (name, print) => metric?.[name]?.value == null ? "–" : print(metric[name].value);
  fill($("figures"),
    figure("MRR", money(now.closing, state.currency), `${money(net, state.currency, { signed: true })} this month`, tone(net)),
    figure("ARR", value("arr", (v) => money(v, state.currency, { compact: Number(v) > 1e8 }))),
    figure("Customers", count(now.customers), `${count(now.subscriptions)} subscriptions${now.trials ? `, ${count(now.trials)} on trial` : ""}`),
    figure("ARPA", value("arpa", (v) => money(v, state.currency))),
    figure("NRR, 12 months", value("nrr_12m", share), metric?.nrr_12m?.reason),
    figure("At risk", money(now.at_risk, state.currency), now.scheduled_churn ? `${money(now.scheduled_churn, state.currency)} set to cancel` : "nothing set to cancel"),
  );
}

// ---- MRR over time --------------------------------------------------------------------------------------------------

const SPANS = { "30d": "30 days", "90d": "90 days", "12m": "12 months", all: "All" };

function showSpans() {
  fill($("spans"), ...Object.entries(SPANS).map(([key, name]) =>
    h("button", { type: "button", "aria-pressed": String(state.span === key), onclick: () => { state.span = key; showSpans(); look(); } }, name)));
}

async function chartPoints(span, months) {
  const first = months[0].start;
  const days = { "30d": 30, "90d": 90 }[state.span];
  if (!days) return state.span === "12m" ? months.slice(-13) : months;
  const from = plusDays(state.today, -days);
  const answer = await get("/api/v1/mrr", { ...span, interval: "day", from: from < first ? first : from });
  return answer.data.filter((entry) => entry.currency === state.currency);
}

/** Round steps that hold the range: 1, 2 or 5 times a power of ten. */
function scale(low, high, steps) {
  const rough = Math.max(high - low, 1) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const ticks = [];
  for (let at = Math.floor(low / step) * step; at < high + step; at += step) ticks.push(at);
  return ticks;
}

function showChart(points) {
  const width = Math.max(320, $("chart").clientWidth || 900), height = width < 560 ? 220 : 280;
  const pad = { left: 8, right: 8, top: 12, bottom: 26 };
  const values = points.map((point) => point.closing);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = least > 0 && (most - least) < least * .5 ? least - (most - least) * .6 - 1 : Math.min(0, least);
  const ticks = scale(Math.max(low, least >= 0 ? 0 : low), most, 4);
  const [bottom, top] = [ticks[0], ticks.at(-1)];
  const label = Math.max(...ticks.map((tick) => money(tick, state.currency, { compact: true }).length)) * 6.6 + 10;
  const x = (i) => pad.left + label + (points.length < 2 ? 0 : i * (width - pad.left - pad.right - label) / (points.length - 1));
  const y = (v) => pad.top + (top - v) / (top - bottom) * (height - pad.top - pad.bottom);
  const at = (i) => `${x(i).toFixed(1)},${y(points[i].closing).toFixed(1)}`;
  const line = (from, to) => "M" + Array.from({ length: to - from + 1 }, (_, n) => at(from + n)).join("L");
  const end = points.length - 1;
  const whole = points[end].partial && end > 0 && points.length < 40 ? end - 1 : end;

  const every = Math.max(1, Math.ceil(points.length / (width < 560 ? 4 : 8)));
  const short = points.length > 60 || state.span.endsWith("d");
  const named = (point) => short ? show(point.end, { day: "numeric", month: "short", ...(state.span === "all" ? { year: "2-digit" } : {}) })
    : show(point.start, { month: "short", year: "2-digit" });
  const svg = h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    `MRR from ${money(values[0], state.currency)} to ${money(values[end], state.currency)}` },
    ticks.map((tick) => h("g", {},
      h("line", { class: tick === 0 ? "axis" : "grid", x1: pad.left + label, x2: width - pad.right, y1: y(tick), y2: y(tick) }),
      h("text", { x: pad.left + label - 8, y: y(tick) + 4, "text-anchor": "end" }, money(tick, state.currency, { compact: true })))),
    points.map((point, i) => i % every || (end - i < every * .6 && i !== end) ? null : h("text",
      { x: x(i), y: height - 6, "text-anchor": i === 0 ? "start" : i > end - every * .6 ? "end" : "middle" }, named(point))),
    h("path", { class: "area", d: `${line(0, end)}L${x(end).toFixed(1)},${y(bottom)}L${x(0).toFixed(1)},${y(bottom)}Z` }),
    h("path", { class: "curve", d: line(0, whole) }),
    whole < end ? h("path", { class: "curve running", d: line(whole, end) }) : null,
    h("circle", { class: "mark", cx: x(end), cy: y(values[end]), r: 4 }));
  const cursor = h("line", { class: "cursor", y1: pad.top, y2: height - pad.bottom, visibility: "hidden" });
  const mark = h("circle", { class: "mark", r: 4.5, visibility: "hidden" });
  svg.append(cursor, mark);
  const tip = h("div", { class: "tip", hidden: true });
  const point = (clientX) => {
    const box = svg.getBoundingClientRect();
    const i = Math.max(0, Math.min(end, Math.round(((clientX - box.left) / box.width * width - x(0)) / ((x(end) - x(0)) / end || 1))));
    const it = points[i];
    for (const node of [cursor, mark]) node.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", x(i)); cursor.setAttribute("x2", x(i));
    mark.setAttribute("cx", x(i)); mark.setAttribute("cy", y(it.closing));
    const pair = (name, value, cls) => h("div", { class: "pair" }, h("span", { class: "soft" }, name), h("span", { class: cls ?? "" }, value));
    fill(tip, h("span", { class: "soft" }, show(it.end < state.today ? it.end : state.today, { dateStyle: "medium" })),
      h("b", {}, money(it.closing, state.currency)),
      pair("Change", money(it.closing - it.opening, state.currency, { signed: true }), tone(it.closing - it.opening)),
      pair("Customers", count(it.customers)));
    tip.hidden = false;
    const left = x(i) / width * box.width;
    tip.style.left = `${left > box.width / 2 ? left - tip.offsetWidth - 14 : left + 14}px`;
    tip.style.top = "8px";
  };
  svg.addEventListener("pointermove", (event) => point(event.clientX));
  svg.addEventListener("pointerdown", (event) => point(event.clientX));
  svg.addEventListener("pointerleave", () => { tip.hidden = true; cursor.setAttribute("visibility", "hidden"); mark.setAttribute("visibility", "hidden"); });
  fill($("chart"), svg, tip);
  fill($("chart-table"), table(["From", "To", "#MRR", "#New", "#Expansion", "#Reactivation", "#Contraction", "#Churn", "#Customers"],
    [...points].reverse().slice(0, 120).map((it) => [it.start, it.end, money(it.closing, state.currency),
      ...["new", "expansion", "reactivation", "contraction", "churn"].map((kind) => money(it[kind], state.currency, { signed: true })), count(it.customers)])));
}

// ---- the bridge -----------------------------------------------------------------------------------------------------

function showBridge(entry) {
  const steps = [["Opening", entry.opening, "total"]];
  for (const [kind, name] of [["opening_balance", "First seen"], ["new", "New"], ["expansion", "Expansion"], ["reactivation", "Back"],
    ["contraction", "Contraction"], ["churn", "Churn"], ["fx", "Currency"]]) {
    if (entry[kind] !== 0 || !["opening_balance", "fx"].includes(kind)) steps.push([name, entry[kind], "step"]);
  }
  steps.push(["Closing", entry.closing, "total"]);
  const width = Math.max(320, $("bridge").clientWidth || 560), height = 290, pad = { top: 26, bottom: 30 };
  let level = 0;
  const bars = steps.map(([name, value, type]) => {
    const from = type === "total" ? 0 : level, to = type === "total" ? value : level + value;
    level = to;
    return { name, value, type, from, to };
  });
  const ends = bars.flatMap((bar) => [bar.to, ...(bar.type === "step" ? [bar.from] : [])]);
  let low = Math.min(...ends);
  const high = Math.max(...ends, 1);
  // Where the steps are small beside what stands, the bars are cut off below, and a broken foot says so.
  const cut = low > 0 && high > low && high - low < high * .35;
  low = cut ? Math.max(0, low - (high - low) * .6) : Math.min(0, low);
  const y = (v) => pad.top + (high - Math.max(v, low)) / (high - low || 1) * (height - pad.top - pad.bottom);
  const slot = width / bars.length, thick = Math.min(58, slot * .62);
  const svg = h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    bars.map((bar) => `${bar.name} ${money(bar.value, state.currency)}`).join(", ") },
    h("line", { class: "axis", x1: 0, x2: width, y1: y(low), y2: y(low), "stroke-dasharray": cut ? "6 4" : null }),
    bars.map((bar, i) => {
      const middle = slot * (i + .5), [a, b] = [y(bar.from), y(bar.to)];
      const up = Math.min(a, b), tall = Math.max(Math.abs(a - b), bar.value === 0 ? 1 : 2);
      const cls = bar.type === "total" || bar.value === 0 ? "bar-total" : bar.value > 0 ? "bar-up" : "bar-down";
      return h("g", {},
        h("rect", { class: cls, x: middle - thick / 2, y: up, width: thick, height: tall, rx: 3 }, h("title", {}, `${bar.name}: ${money(bar.value, state.currency)}`)),
        i < bars.length - 1 ? h("line", { class: "link", x1: middle + thick / 2, x2: middle + slot - thick / 2, y1: b, y2: b }) : null,
        h("text", { class: "value", x: middle, y: up - 7, "text-anchor": "middle" },
          money(bar.value, state.currency, { compact: true, signed: bar.type === "step" })),
        h("text", { x: middle, y: height - 10, "text-anchor": "middle" }, slot < 56 ? bar.name.slice(0, 6) : bar.name));
    }));
  fill($("bridge"), svg);
}

const CAUSES = 9;

function showCauses(entries) {
  const kinds = ["opening_balance", "new", "expansion", "reactivation", "contraction", "churn"];
  let rows = entries.map((entry) => ({ cause: entry.group, amount: kinds.reduce((sum, kind) => sum + entry[kind], 0) }))
    .filter((row) => row.amount !== 0).sort((a, b) => b.amount - a.amount);
  if (rows.length === 0) { fill($("causes"), h("p", { class: "empty" }, "Nothing moved in this month.")); return; }
  // The largest by size; the rest is one row, so that what is shown adds up to the month.
  const small = [...rows].sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount)).slice(CAUSES);
  if (small.length > 1) {
    const rest = { cause: `${small.length} smaller causes`, amount: small.reduce((sum, row) => sum + row.amount, 0) };
    rows = [...rows.filter((row) => !small.includes(row)), rest];
  }
  const most = Math.max(...rows.map((row) => Math.abs(row.amount)));
  fill($("causes"), h("div", { class: "bars" }, rows.flatMap((row) => {
    const bar = h("div", { class: `fill ${row.amount < 0 ? "less" : ""}` });
    bar.style.width = `${Math.max(1, Math.abs(row.amount) / most * 100)}%`;
    return [h("span", {}, sentence(row.cause)), h("div", { class: "track" }, bar),
      h("span", { class: `num ${tone(row.amount)}` }, money(row.amount, state.currency, { signed: true }))];
  })));
}

const sentence = (name) => { const text = words(name); return text.charAt(0).toUpperCase() + text.slice(1); };

// ---- tables ---------------------------------------------------------------------------------------------------------

/** A column named `#X` holds numbers. */
function table(columns, rows, kind) {
  const cls = (name) => (name.startsWith("#") ? "num" : "");
  return h("table", { class: kind }, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col", class: cls(name) }, name.replace("#", ""))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: cls(columns[i]) }, cell))))));
}

const unique = (values) => [...new Set(values)];
const customerLink = (id) => h("button", { type: "button", class: "link id", onclick: () => openCustomer(id) }, id);

function kindPill(kind, amount) { return h("span", { class: `pill ${tone(amount)}` }, words(kind)); }

function showMovements(list) {
  if (list.length === 0) { fill($("movements"), h("p", { class: "empty" }, "No movements yet.")); return; }
  fill($("movements"), table(["Day", "Customer", "Movement", "Why", "#Change", "#MRR after"], list.map((move) => [
    show(move.day, { dateStyle: "medium" }), customerLink(move.customer), kindPill(move.kind, move.amount),
    h("span", { class: "causes" }, unique(move.parts.map((part) => words(part.cause))).join(", ")),
    h("span", { class: tone(move.amount) }, money(move.amount, move.currency, { signed: true })), money(move.after, move.currency)]), "moves"));
}

function showCustomers(list) {
  if (list.length === 0) { fill($("customers"), h("p", { class: "empty" }, "No customers yet.")); return; }
  fill($("customers"), table(["Customer", "Since", "#Subscriptions", "#MRR"], list.map((one) => [
    customerLink(one.id), one.first_mrr_at ? show(one.first_mrr_at.slice(0, 10), { dateStyle: "medium" }) : "–", count(one.subscriptions_active),
    money(one.mrr.find((mrr) => mrr.currency === state.currency)?.mrr ?? 0, state.currency)])));
}

// ---- quality --------------------------------------------------------------------------------------------------------

const CHECKS = [["unreadable_events", "Events that couldn't be read"], ["unpriced_items", "Items without a known price"],
  ["estimated_items", "Items counted by an estimate"], ["unresolved_discounts", "Discounts with unknown terms"], ["gaps", "Gaps in a history"],
  ["unresolved_ties", "Changes whose order isn't known"], ["overdue", "Changes that are overdue"], ["tax_unknown", "Tax rates not known"],
  ["unknown_values", "Values mrrd doesn't know"]];

function showQuality({ quality }) {
  const some = CHECKS.filter(([key]) => quality[key] > 0);
  const rows = (some.length ? some : []).map(([key, name]) => h("div", { class: "check" },
    h("button", { type: "button", class: "link", onclick: () => openQuality() }, name), h("b", { class: "some" }, count(quality[key]))));
  fill($("quality"), h("div", { class: "checks" },
    some.length ? null : h("p", { class: "empty" }, "Everything received could be read, priced and put in order."),
    ...rows, h("div", { class: "check soft" }, h("span", {}, "Events of types that don't bear on MRR"), h("span", {}, count(quality.ignored_events)))));
}

// ---- the panel ------------------------------------------------------------------------------------------------------

async function panel(title, body) {
  $("panel-title").textContent = title;
  fill($("panel-body"), h("p", { class: "soft" }, "Loading…"));
  if (!$("panel").open) $("panel").showModal();
  try { fill($("panel-body"), await body()); }
  catch (error) { fill($("panel-body"), h("p", { class: "bad" }, error.message)); }
}

const side = (it) => (it === null ? "nothing" : `${it.quantity && it.quantity !== "1" ? `${it.quantity} × ` : ""}${it.product ?? it.price}${it.interval ? `, by ${it.interval}` : ""}`);

function partLine(part, currency) {
  const [before, after] = [side(part.before), side(part.after)];
  return h("div", { class: "part" }, `${sentence(part.cause)} ${money(part.amount, currency, { signed: true })}: ${before === after ? after : `${before} → ${after}`} · `,
    h("span", { class: "id" }, part.subscription), part.end_reason ? ` · ${words(part.end_reason)}` : "", part.feedback ? ` · said “${words(part.feedback)}”` : "", " · ",
    part.events.flatMap((id, i) => [i ? ", " : "", h("button", { type: "button", class: "link id", onclick: () => openEvent(id) }, id)]));
}

function openCustomer(id) {
  history.replaceState(null, "", `#customer=${encodeURIComponent(id)}`);
  panel(id, async () => {
    const one = await get(`/api/v1/customers/${encodeURIComponent(id)}`, { profile: state.profile });
    const total = one.mrr.map((mrr) => money(mrr.mrr, mrr.currency)).join(" + ") || "nothing";
    return [
      h("p", {}, h("strong", {}, total), " a month", one.country ? ` · ${one.country}` : "", one.first_mrr_at ? ` · since ${show(one.first_mrr_at.slice(0, 10), { dateStyle: "medium" })}` : ""),
      ...(one.stripe_customers ? [h("p", {}, "Stripe’s customers in it: ", h("span", { class: "id" }, one.stripe_customers.join(", ")))] : []),
      h("h3", {}, "Subscriptions"),
      h("div", { class: "scroll" }, table(["Subscription", "Status", "Started", "#MRR"], one.subscriptions.map((sub) => [
        h("span", { class: "id" }, sub.id), words(sub.status) + (sub.ends_at && !sub.ended_at ? `, ends ${show(sub.ends_at.slice(0, 10), { dateStyle: "medium" })}` : ""),
        show(sub.started_at.slice(0, 10), { dateStyle: "medium" }), sub.currency ? money(sub.mrr, sub.currency) : "–"]))),
      h("h3", {}, "How it came about"),
      h("ol", { class: "story" }, [...one.movements].reverse().map((move) => h("li", { class: move.amount < 0 ? "loss" : "gain" },
        h("div", {}, show(move.day, { dateStyle: "medium" }), " ", kindPill(move.kind, move.amount), " ",
          h("strong", { class: tone(move.amount) }, money(move.amount, move.currency, { signed: true })), ` → ${money(move.after, move.currency)}`),
        move.parts.map((part) => partLine(part, move.currency))))),
      h("p", { class: "more" }, h("button", { type: "button", onclick: () => openExplanation(id) }, "Every rule applied")),
    ];
  });
}

function openExplanation(id) {
  panel(`How ${id} came about`, async () => {
    const answer = await get(`/api/v1/customers/${encodeURIComponent(id)}/explain`, { profile: state.profile });
    return h("ol", { class: "story" }, answer.steps.map((step) => h("li", { class: step.stage === "movement" ? (step.amount < 0 ? "loss" : "gain") : "" },
      h("div", {}, h("span", { class: "soft" }, `${show(step.day, { dateStyle: "medium" })} · ${step.stage} `), step.text),
      h("div", { class: "part" }, `${step.rule} · `, step.events.flatMap((event, i) => [i ? ", " : "",
        h("button", { type: "button", class: "link id", onclick: () => openEvent(event) }, event)])))));
  });
}

function openEvent(id) {
  panel(id, async () => {
    const [event, raw] = await Promise.all([get(`/api/v1/events/${encodeURIComponent(id)}`), get(`/api/v1/events/${encodeURIComponent(id)}/raw`, {}, true)]);
    return [h("p", { class: "soft" }, `${event.type} · created ${event.created} · received ${event.received_at} · place ${event.seq} in the log`), h("pre", {}, raw)];
  });
}

function openQuality() {
  panel("Data quality", async () => {
    const answer = await get("/api/v1/quality", { profile: state.profile, limit: 200 });
    return [h("ol", { class: "story" }, answer.data.map((item) => h("li", {}, h("div", {}, h("span", { class: "pill" }, words(item.kind)), " ",
      item.customer ? customerLink(item.customer) : h("span", { class: "id" }, item.object)),
      h("div", {}, item.detail), h("div", { class: "part" }, item.settle)))),
      answer.next_cursor ? h("p", { class: "soft" }, "More in /api/v1/quality and `mrrd quality`.") : null];
  });
}

$("panel-close").addEventListener("click", () => $("panel").close());
$("panel").addEventListener("close", () => history.replaceState(null, "", location.pathname));
$("panel").addEventListener("click", (event) => { if (event.target === $("panel")) $("panel").close(); });

// ---- controls -------------------------------------------------------------------------------------------------------

$("currency").addEventListener("change", (event) => { state.currency = event.target.value; look(); });
$("profile").addEventListener("change", (event) => { state.profile = event.target.value; look(); });
$("month-back").addEventListener("click", () => { state.month = plusMonths(state.month, -1); look(); });
$("month-on").addEventListener("click", () => { state.month = plusMonths(state.month, 1); look(); });

function theme(name) { document.documentElement.dataset.theme = name; }
const preferred = matchMedia("(prefers-color-scheme: dark)");
theme(localStorage.getItem("mrrd-theme") ?? (preferred.matches ? "dark" : "light"));
$("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("mrrd-theme", next);
  theme(next);
});

let resized;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { state.seen = null; look(); }, 250); });

showSpans();
await look();
const place = new URLSearchParams(location.hash.slice(1));
if (place.has("token")) { // a link that signs in, followed by somebody who is signed in
  place.delete("token");
  history.replaceState(null, "", place.size ? `#${place}` : location.pathname + location.search);
}
const asked = place.get("customer");
if (asked) openCustomer(asked);
setInterval(() => { if (!document.hidden) look(); }, POLL_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
