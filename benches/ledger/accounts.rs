//! Accounts that generators make, of any size: taken in, derived, rebuilt, verified, and asked what the dashboard asks.

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

use comfy_table::Table;
use mrrd::ledger::{
    month::Month,
    time::{UnixTime, Zone},
};
use tempfile::TempDir;

use super::{
    CATCHING_UP, ask, billed, busy,
    daemon::{Daemon, Settings},
    log::Twins,
    process, row, stores, table,
    time::{Rounds, Step, Time},
    today, with_percentiles,
};

/// Questions: how long the first takes, and those after it.
pub(crate) fn asked_table() -> Table {
    table(&["what", "customers", "first ms", "p50 ms", "p99 ms"])
}

/// Webhooks in the order in which they happened, each in one line.
pub(crate) trait Webhooks {
    fn next_line(&mut self) -> Option<&str>;
}

impl Webhooks for busy::Busy {
    fn next_line(&mut self) -> Option<&str> {
        self.next_line()
    }
}

impl Webhooks for Twins {
    fn next_line(&mut self) -> Option<&str> {
        self.next_line()
    }
}

impl Webhooks for billed::Billed {
    fn next_line(&mut self) -> Option<&str> {
        self.next_line()
    }
}

/// An account's webhooks to standard output.
pub(crate) fn write(account: impl Webhooks) {
    pour(account, std::io::stdout().lock());
}

fn pour(mut account: impl Webhooks, out: impl std::io::Write) {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, out);
    while let Some(line) = account.next_line() {
        out.write_all(line.as_bytes()).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.flush().unwrap();
}

/// What the dashboard asks, and how long expansion lasts, on the account that changes all the time; every route of
/// `src/dashboard/assets` but those that only this machine's own records answer. [`Asked`] tells what stands for the words in
/// capitals.
pub(crate) const ROUTES: [(&str, &str); 53] = [
    ("mrr by month", "/api/v1/mrr"),
    ("mrr by day", "/api/v1/mrr?interval=day"),
    ("mrr by cause", "/api/v1/mrr?group_by=cause"),
    ("mrr by product", "/api/v1/mrr?group_by=product"),
    ("mrr by price", "/api/v1/mrr?group_by=price"),
    ("mrr by interval", "/api/v1/mrr?group_by=interval"),
    ("mrr by country", "/api/v1/mrr?group_by=country"),
    ("mrr by cohort", "/api/v1/mrr?group_by=cohort"),
    ("mrr by metadata", "/api/v1/mrr?group_by=metadata:industry"),
    ("metrics", "/api/v1/metrics"),
    ("metrics by year", "/api/v1/metrics?interval=year"),
    ("cohorts", "/api/v1/cohorts"),
    ("movements, newest", "/api/v1/movements?limit=100&order=desc"),
    ("movements of a kind", "/api/v1/movements?kind=churn&order=desc&limit=1000"),
    ("movements of a kind there was long ago", "/api/v1/movements?kind=new&order=desc&limit=100"),
    ("movements of a cause", "/api/v1/movements?cause=price_increase&limit=100"),
    ("movements of a cause there is none of", "/api/v1/movements?cause=imported&limit=100"),
    ("customers", "/api/v1/customers?limit=100"),
    ("customers by MRR", "/api/v1/customers?sort=mrr&limit=100&currency=usd"),
    ("customers past due", "/api/v1/customers?state=past_due&sort=mrr&currency=usd&limit=20"),
    ("customers found", "/api/v1/customers?q=FOUND&limit=100"),
    ("customers found, by MRR", "/api/v1/customers?q=FOUND&sort=mrr&currency=usd&limit=100"),
    ("customers found by what all have, by MRR", "/api/v1/customers?q=cus_&sort=mrr&currency=usd&limit=100"),
    ("customers found, nobody", "/api/v1/customers?q=nobody+at+all&sort=mrr&currency=usd&limit=100"),
    ("customers by name", "/api/v1/customers?sort=name&limit=100"),
    ("customers who left", "/api/v1/customers?state=left&sort=mrr&currency=usd&limit=100"),
    ("customers of a cohort", "/api/v1/customers?cohort=COHORT&sort=mrr&currency=usd&limit=100"),
    ("a customer", "/api/v1/customers/CUSTOMER"),
    ("a customer explained", "/api/v1/customers/CUSTOMER/explain"),
    ("quality", "/api/v1/quality?limit=100"),
    ("committed MRR, 30 days", "/api/v1/committed"),
    ("committed MRR, a year", "/api/v1/committed?horizon=365&limit=1000"),
    ("durability", "/api/v1/durability"),
    ("mrr of the year so far", "/api/v1/mrr?interval=year&from=TODAY"),
    ("movements ahead", "/api/v1/movements?include=scheduled&without=fx&from=TODAY&limit=8"),
    ("churn with comments", "/api/v1/movements?kind=churn&order=desc&comments=true&limit=100"),
    ("customers set to end", "/api/v1/customers?state=ending&sort=ends&currency=usd&limit=200"),
    ("invoices of a customer", "/api/v1/customers/CUSTOMER/invoices"),
    ("quality of a customer", "/api/v1/quality?customer=CUSTOMER&limit=50"),
    ("names", "/api/v1/names?ids=CUSTOMER,OTHER"),
    ("events, newest", "/api/v1/events?order=desc&limit=100"),
    ("events of a type", "/api/v1/events?type=customer.created&order=desc&limit=100"),
    ("events of a customer", "/api/v1/events?customer=CUSTOMER&order=desc&limit=200&account=own"),
    ("accounts", "/api/v1/accounts"),
    ("profiles", "/api/v1/profiles"),
    ("rules", "/api/v1/rules"),
    ("restatements, nothing closed", "/api/v1/restatements?limit=100"),
    ("failed payments", "/api/v1/failed-payments?limit=1000"),
    ("alerts tried on the past", "/api/v1/alerts/backtest"),
    ("mrr as known before the last webhooks", "/api/v1/mrr?as_known_at=PLACE"),
    ("metrics as known before the last webhooks", "/api/v1/metrics?as_known_at=PLACE"),
    ("health", "/api/v1/health"),
    ("status", "/api/v1/status"),
];

/// What an account goes through on each store, in this order; the rebuild comes last, for it tells least that is new.
const STEPS: [(&str, &[&str]); 4] =
    [("replay", &["replay", "-"]), ("first fill", &["rebuild"]), ("verify", &["verify"]), ("rebuild", &["rebuild"])];
/// Rounds of an account where there is time: each begins with empty stores.
const ROUNDS: usize = 3;
/// How long the rounds after the first may take together.
const REPEATING: Duration = Duration::from_secs(200);

/// An account most of whose webhooks change something.
pub(crate) async fn changing(customers: u32, time: &mut Time) -> String {
    let events = busy::Busy::of(customers, today()).events();
    let tables = worked(customers, events, || busy::Busy::of(customers, today()), &ROUTES, 2, time).await;
    format!(
        "An account that changes all the time: {} webhooks for each customer over 1,000 days, most of which change what it \
         pays (benches/ledger/busy.rs).\n\n{tables}",
        busy::EACH
    )
}

/// An account that only bills, on SQLite alone: of this length one store says enough.
pub(crate) async fn billed(customers: u32, time: &mut Time) -> String {
    let events = billed::Billed::of(customers, today()).events();
    let lines = customers as usize * billed::MONTHS as usize;
    let mut time_of_its_own = time.apart();
    let tables =
        worked(customers, events, || billed::Billed::of(customers, today()), &ROUTES[..1], 1, &mut time_of_its_own)
            .await;
    format!(
        "An account that only bills: {customers} subscriptions over a year and {lines} lines of invoices \
         (benches/ledger/billed.rs). Of as many, dbt_stripe says that its MRR took 16.6 s.\n\n{tables}"
    )
}

/// On the first `on` of the stores, which take turns.
async fn worked<W: Webhooks>(
    customers: u32,
    events: usize,
    account: impl Fn() -> W,
    routes: &[(&str, &str)],
    on: usize,
    time: &mut Time,
) -> String {
    let mut costs: BTreeMap<Step, Rounds> = BTreeMap::new();
    let mut head = vec!["what", "customers", "events"];
    head.extend(Rounds::HEAD);
    let mut worked = table(&head);
    let mut asked = asked_table();
    let begun = Instant::now();
    for round in 0..ROUNDS {
        let since = Instant::now();
        let stores: Vec<(&'static str, Settings, TempDir)> = stores().await.into_iter().take(on).collect();
        for (step, args) in STEPS {
            // Before the rebuild, so that what is asked is there where no time is left for it.
            if step == "rebuild" && round == 0 {
                for (store, settings, _) in &stores {
                    // Nothing can be asked of what no time was left to take in.
                    if !costs.contains_key(&("replay", store)) {
                        eprintln!("questions, {store}: no time left");
                        continue;
                    }
                    let mut daemon = settings.clone().env("MRRD_LEDGER__METADATA_KEYS", "industry").start().await;
                    daemon.settle_within(CATCHING_UP).await;
                    process::rest(daemon.pid()).await;
                    Asked::of_busy(customers, events).ask_all(&mut daemon, store, routes, &mut asked).await;
                    assert!(daemon.terminate(), "{}", daemon.output());
                }
            }
            for (store, settings, dir) in &stores {
                if !time.allows(time.of_step((step, store), events)) {
                    eprintln!("{step}, {store}: no time left");
                    continue;
                }
                let settings = settings.clone().env("MRRD_LEDGER__METADATA_KEYS", "industry");
                let cost = process::run(dir.path(), &settings, args, |input| {
                    if step == "replay" {
                        pour(account(), input);
                    }
                });
                eprintln!("{step}, {store} | {customers} | {events} | {:.0}", cost.per_second(events));
                time.learn((step, store), events, &cost);
                costs.entry((step, store)).or_default().add(cost);
            }
        }
        // The first has asked questions as well, the next is no longer.
        let length = since.elapsed();
        if begun.elapsed() + length > REPEATING || !time.allows(2 * length) {
            break;
        }
    }
    for store in ["SQLite", "PostgreSQL"].into_iter().take(on) {
        for (step, _) in STEPS {
            let mut cells = vec![format!("{step}, {store}"), customers.to_string(), events.to_string()];
            cells.extend(costs.remove(&(step, store)).unwrap_or_default().cells(events));
            row(&mut worked, cells);
        }
    }
    format!("{worked}\n\n{asked}")
}

/// Whom and what of an account the questions ask about.
pub(crate) struct Asked {
    pub(crate) customers: usize,
    /// Two of them.
    pub(crate) two: [String; 2],
    /// How many webhooks had come when what was known then is asked for.
    pub(crate) place: usize,
    /// A month in which some of them began.
    pub(crate) cohort: String,
    /// Routes with one of these words aren't asked.
    pub(crate) leaves_out: &'static [&'static str],
}

impl Asked {
    fn of_busy(customers: u32, events: usize) -> Self {
        // A day's webhooks before the last.
        let place = events - events / busy::DAYS as usize;
        Self {
            customers: customers as usize,
            two: [42, 777].map(|number| format!("cus_{number:07}")),
            place,
            // They come over four fifths of the account's life.
            cohort: Month::of(Zone::UTC.day(today().plus(-busy::DAYS / 2 * UnixTime::DAY_SECONDS))).to_string(),
            leaves_out: &[],
        }
    }

    fn path(&self, route: &str) -> String {
        let [customer, other] = &self.two;
        let day = Zone::UTC.day(today()).to_string();
        let found = &other[other.len() - 3..];
        [
            ("PLACE", &*self.place.to_string()),
            ("TODAY", &day),
            ("CUSTOMER", customer),
            ("OTHER", other),
            ("FOUND", found),
            ("COHORT", &self.cohort),
        ]
        .iter()
        .fold(route.to_owned(), |path, (word, value)| path.replace(word, value))
    }

    /// Asks a daemon that has settled what the dashboard asks.
    pub(crate) async fn ask_all(&self, daemon: &mut Daemon, store: &str, routes: &[(&str, &str)], table: &mut Table) {
        for (what, route) in routes {
            if self.leaves_out.iter().any(|word| route.contains(word)) {
                continue;
            }
            let path = &self.path(route);
            // The first is computed; an answer that still holds may be given again after it.
            let first = ask(daemon, path, 1).await[0].as_secs_f64() * 1000.0;
            let times = ask(daemon, path, 20).await;
            let mut cells = with_percentiles(format!("{what}, {store}"), self.customers.to_string(), &times);
            cells.insert(2, format!("{first:.1}"));
            row(table, cells);
        }
        let memory = process::peak_kilobytes(daemon.pid()) as f64 / 1000.0;
        let cells = vec![format!("peak memory of the daemon that answered, {store}"), self.customers.to_string()];
        row(table, cells.into_iter().chain([format!("{memory:.0} MB"), String::new(), String::new()]).collect());
    }
}
