// What figures, kinds and causes are called, what they mean, and by which rule they are made.

/** The lines of a bridge, in the order they are drawn and read; each with its sign. */
export const LINES = /** @type {const} */ ([
  ["opening_balance", "Opening balance", "Money that was already running when it was first seen."],
  ["new", "New", "First MRR of customers who never paid before."],
  ["reactivation", "Reactivation", "Customers who had left and pay again."],
  ["expansion", "Expansion", "More from customers who paid already: upgrades, seats, add-ons, prices."],
  ["contraction", "Contraction", "Less from customers who still pay: downgrades, seats, discounts."],
  ["churn", "Churn", "Customers who no longer pay anything."],
  ["fx", "Exchange rates", "What revaluation at a new exchange rate moved; no customer did anything."],
  ["transfer", "Transfer", "What changed group; over all groups it sums to 0."],
  ["prior_period", "Prior periods", "What later events changed in closed months, booked in the first open one."],
]);
export const KINDS = ["new", "reactivation", "expansion", "contraction", "churn", "opening_balance", "fx", "transient"];
export const ROLLUPS = ["upsell", "cross_sell", "add_on", "price", "discount", "downgrade", "usage", "paused", "voluntary", "involuntary", "reactivation", "new", "currency", "unknown"];

export const CAUSES = ["imported", "trial_conversion", "free_to_paid", "first_subscription", "recovery", "resume", "cancellation_withdrawn", "discount_end",
  "quantity_increase", "usage", "winback", "pause", "dispute", "retention_policy", "cancellation", "payment_failure", "full_discount", "to_free",
  "quantity_zero", "unknown_end", "currency_switch", "trial_granted", "trial_ended", "product_dropped", "subscription_dropped", "cross_sell",
  "extra_subscription", "add_on", "add_on_removed", "interval_change", "price_increase", "price_decrease", "plan_upgrade", "plan_downgrade",
  "quantity_decrease", "discount_start", "discount_change", "other"];

/**
 * The figures of the overview.
 * @typedef {object} Figure
 * @property {string} key its name in the API
 * @property {string} name
 * @property {"money" | "share" | "ratio" | "count"} as
 * @property {1 | -1 | 0} good whether more is better
 * @property {string} means
 * @property {string} rule
 * @property {readonly ["money", "money" | "share" | "count"] | readonly ["count", "count"]} [made] what stands above and below its line
 * @property {boolean} [over] whether it is counted over the period: a part of one has less of it
 * @property {boolean} [rated] whether it holds what stands at two instants against each other, each at the rate of its day
 * @property {string} to the page that shows who is behind it
 */
/** @type {Figure[]} */
export const FIGURES = [
  { key: "mrr", name: "MRR", as: "money", good: 1, means: "Monthly recurring revenue: what every subscription that counts brings in a month, net of discounts and tax.",
    rule: "The profile decides what counts; every amount is brought to a month and rounded once.", to: "/customers?sort=mrr" },
  { key: "arr", name: "ARR", as: "money", good: 1, means: "Annual run rate: what a year brings if nothing changes.", rule: "12 × MRR", to: "/customers?sort=mrr" },
  { key: "customers", name: "Customers", as: "count", good: 1, means: "Customers with MRR above 0 at the end of the period.", rule: "A customer with several subscriptions is one.", to: "/customers?sort=mrr" },
  { key: "arpa", name: "ARPA", as: "money", good: 1, means: "Average revenue per account: what a paying customer brings a month.", rule: "Closing MRR ÷ paying customers", made: ["money", "count"], to: "/customers?sort=mrr" },
  { key: "nrr", over: true, name: "NRR", as: "share", good: 1, means: "Net revenue retention: of what the customers of the start paid, how much they pay at the end, growth included.",
    rule: "Σ closing ÷ Σ opening, over the customers with opening MRR", rated: true, made: ["money", "money"], to: "/movements" },
  { key: "grr", over: true, name: "GRR", as: "share", good: 1, means: "Gross revenue retention: the same, where nobody counts for more than at the start.",
    rule: "Σ min(closing, opening) ÷ Σ opening, over the customers with opening MRR", rated: true, made: ["money", "money"], to: "/movements" },
  { key: "customer_churn", over: true, name: "Customer churn", as: "share", good: -1, means: "The share of customers who were lost.",
    rule: "Lost ÷ there at the start; under the profile stripe lost in 30 days ÷ (there 30 days ago + new since)", made: ["count", "count"], to: "/churn" },
  { key: "gross_mrr_churn", over: true, name: "MRR churn", as: "share", good: -1, means: "Money lost by churn and contraction, of what was there at the start.", rule: "(Churn + contraction) ÷ opening MRR", made: ["money", "money"], to: "/movements" },
  { key: "quick_ratio", over: true, name: "Quick ratio", as: "ratio", good: 1, means: "What comes in for each unit that goes out; above 1 MRR grows.",
    rule: "(New + reactivation + expansion) ÷ (contraction + churn)", made: ["money", "money"], to: "/movements" },
  { key: "ltv", name: "LTV", as: "money", good: 1, means: "Lifetime value: what a customer brings until they leave, at this month's churn.", rule: "ARPA ÷ customer churn of the last month (lost since a month before ÷ customers a month before, under every profile)", made: ["money", "share"], to: "/churn" },
];

/** What each background task does, by its name up to a colon. @type {Record<string, string>} */
export const TASKS = { alerts: "Judges what has happened and writes alerts.", "alerts-lease": "Holds the right to judge, so that one process of several does.",
  feed: "Posts the movements that one feed hasn’t told yet.", feeds: "Finds the movements that feeds have to tell.", healer: "Fetches from Stripe what no webhook brought.", keeper: "Looks after the database’s files and remembers how far the log went.",
  "metrics audit": "Holds the figures against Stripe’s own.", outbox: "Sends alerts through one channel.", traces: "Posts traces to the collector.",
  months: "Makes room for the bodies of the months to come.", names: "Reads customers’ names and e-mails from bodies.", counts: "Counts the log as it grows.", readings: "Says once whether an older version read part of the log.", reconciler: "Recomputes customers that events touched.", sealer: "Seals new events into the chain of hashes." };

/** What couldn't be known, by its name in the API. */
export const QUALITY = /** @type {const} */ ([["unreadable_events", "Events that couldn’t be read"], ["thin_events", "Events that carry no object"],
  ["unpriced_items", "Items without a known price"], ["estimated_items", "Items counted by an estimate"],
  ["unresolved_discounts", "Discounts whose terms aren’t known"], ["gaps", "Gaps in a history"], ["unresolved_ties", "Changes whose order isn’t known"],
  ["overdue", "Changes that are overdue"], ["tax_unknown", "Tax rates that aren’t known"], ["unknown_values", "Values mrrd doesn’t know"],
  ["missing_rates", "Exchange rates that are missing"], ["unclear_past", "Stretches of the past left open"],
  ["discounts_estimated", "Discounts read off invoice lines"], ["durations_inferred", "Durations of discounts inferred"]]);

/** The name in the counts of an entry's kind: an event dated implausibly is counted among those that couldn't be read. @param {string} kind */
export const qualityOf = (kind) => (/** @type {Record<string, string>} */ ({ unresolved_tie: "unresolved_ties", implausible_time: "unreadable_events", discount_estimated: "discounts_estimated", duration_inferred: "durations_inferred", overdue: "overdue", tax_unknown: "tax_unknown", unclear_past: "unclear_past", subscriptions_missing: "subscriptions_missing" }))[kind] ?? `${kind}s`;

/** What of it is told after all: by an estimate, or by what the log shows. @type {Set<string>} */
const ESTIMATES = new Set(["estimated_items", "discounts_estimated", "durations_inferred"]);

/** What can be wrong with the figures, most of all. @param {Record<string, number> | undefined} quality */
export const doubts = (quality) => (quality ? QUALITY.filter(([key]) => quality[key] > 0 && key !== "thin_events").map(([key, name]) => ({ key, name, n: quality[key], estimated: ESTIMATES.has(key) })) : []);

/** How far a closed month can be trusted, by its class in the API. @type {Record<string, string>} */
export const CLASSES = { essential: "exact as it was closed", supporting: "to be read with care", short_term: "not closed" };

/** What a set of rules is meant for. @type {Record<string, string>} */
const PROFILES = { stripe: "Counts as Stripe’s own Billing overview does.", finance: "Counts what is contracted: until it ends, net of every discount that runs for a while, nothing while collection is paused.",
  chartmogul: "Comes close to ChartMogul’s figures, which rest on invoices in places.", profitwell: "Comes close to ProfitWell’s figures, which rest on invoices in places." };
/** @param {string} profile */
export const profileMeans = (profile) => PROFILES[profile] ?? "Rules of this installation’s own configuration.";

/** What the knobs of a profile decide: in short, and in full. @type {Record<string, readonly [string, string]>} */
const KNOB_NAMES = {
  past_due: ["Failed payments", "Whether past due subscriptions count, and for how long."], unpaid: ["Unpaid", "Whether unpaid subscriptions count."], active_from: ["First day", "From when a subscription counts: its start, or its first payment."],
  churn_at: ["Cancellations", "When a cancellation counts: when it is asked for, or when it takes effect."], discount_forever: ["Lasting discounts", "Whether discounts that never end are taken off."], discount_repeating: ["Discounts of some months", "Whether discounts of some months are taken off."],
  discount_once: ["Discounts on one invoice", "Whether a discount on the first invoice is taken off."], zero_by_discount: ["Discounted to nothing", "What a fall to nothing by a discount is: churn or contraction."], pause_collection: ["Paused collection", "Whether a subscription counts while its collection is paused."],
  paused: ["Paused subscriptions", "Whether a paused subscription counts."], trial_granted: ["Trials given later", "How a trial granted to a running subscription counts."], inclusive_tax: ["Tax inside prices", "Whether tax inside a price is taken out."], metered: ["Metered items", "What metered items count."],
  netting: ["Netting", "Within which window changes of a customer net to one movement."], reactivation_within: ["Returns within", "Within how many days a return is a reactivation."], reactivation_as: ["Returns as", "What a return is called."],
};
/** @param {string} knob */
export const knobName = (knob) => KNOB_NAMES[knob]?.[0] ?? knob.replaceAll("_", " ");
/** @param {string} knob */
export const knobMeans = (knob) => KNOB_NAMES[knob]?.[1] ?? knob;
/** @type {Record<string, string>} */
const VALUES = { "churn_at request": "when asked for", "churn_at end": "when it takes effect", count: "counts", zero: "counts as 0", ignore: "not taken off", subtract: "taken off", "metered ignore": "count nothing", "metered last_invoice": "the last invoice",
  "inclusive_tax subtract": "taken out", start: "its start", first_payment: "its first payment", "netting day": "a day", "netting month": "a month", none: "no window", any: "ever" };
/** A knob's value as people say it. @param {string} knob @param {string | undefined} value */
export const knobValue = (knob, value = "") => VALUES[`${knob} ${value}`] ?? VALUES[value] ?? value.replace(/^days:(\d+)$/, "$1 days").replace(/^window:(\d+)$/, "$1 minutes").replace(/^mean:(\d+)$/, "mean of $1 invoices").replaceAll("_", " ");
