//! `mrrd verify`: the log against its seals, the ledger against the log.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::json;
use tokio::sync::watch;

use super::{Context, Failure, Outcome, open_to_read_of, output, progress::progress_bar};
use crate::{
    alerts::drift::{self, Found},
    event::Seq,
    history::reread,
    reconciler::{Reconciler, Rules},
    report::service::Reports,
    store::{Anchors, OtherLog, SealHead, Store, StoreError},
};

/// Verifies the log's hash chain, its facts against its bodies, the derived tables against a fresh derivation, the waterfall, every closed month and every import
///
/// Changes no figure and may run beside a live `serve`, whose rule ledger_drift tells of what was found. Ends with 1 and
/// the first difference when something doesn't hold.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd verify\n  mrrd verify --json")]
pub(super) struct Args {
    /// Print one JSON object with what was found
    #[arg(long)]
    json: bool,
    /// Hold the log against this head too, as `mrrd seal head` printed it once; may be given several times
    #[arg(long, value_name = "HEAD")]
    head: Vec<SealHead>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    // A log that isn't the one remembered is what this is to tell of.
    let store = open_to_read_of(&config, OtherLog::Tell).await?;
    let rules = Rules::load(&config.ledger, &store.records).await;
    let rules = rules.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let reconciler = Reconciler::new(store.clone(), rules, context.clock.clone());
    let (_keep, stop) = watch::channel(false);
    let bar = progress_bar();
    // Bodies and rows are gone through beside each other: each takes about as long.
    let bodies = Arc::new(AtomicU64::new(0));
    let rereading = tokio::spawn({
        let (store, stop, bodies) = (store.clone(), stop.clone(), bodies.clone());
        async move { reread::run(&store, &stop, |events| bodies.store(events, Ordering::Relaxed)).await }
    });
    let mut progress = |customers| {
        bar.set_message(format!("{} bodies, {customers} customers", bodies.load(Ordering::Relaxed)));
    };
    let (verified, reread) = tokio::join!(reconciler.verify(&stop, &mut progress), rereading);
    bar.finish_and_clear();
    let reread = reread.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string()));
    let reread = reread.map_err(|error| Failure::Failed(format!("the facts can't be verified: {error}")))?;
    let report = verified.map_err(|error| Failure::Failed(format!("nothing could be verified: {error}")))?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let closings = reports.verify_closings().await;
    let closings =
        closings.map_err(|error| Failure::Failed(format!("the closed months can't be verified: {error}")))?;
    let imports = reports.verify_imports().await;
    let imports = imports.map_err(|error| Failure::Failed(format!("the imports can't be verified: {error}")))?;
    let ledger = report.first_difference.as_ref().map(ToString::to_string);
    // Events that no figure was held against: what isn't looked at doesn't hold.
    let underived = store.log.end().await.map_err(|error| Failure::Failed(error.to_string()))? > report.applied_seq
        && report.customers == 0
        && report.waiting > 0;
    let anchors = anchors(&store, &args.head).await;
    let anchors = anchors.map_err(|error| Failure::Failed(format!("the log's anchors can't be verified: {error}")))?;
    let holds = !underived
        && report.holds()
        && reread.first_difference.is_none()
        && closings.first_difference.is_none()
        && imports.first_difference.is_none()
        && anchors.first_difference.is_none();
    let chain = &report.chain;
    let difference = chain.first_difference.clone().or_else(|| anchors.first_difference.clone());
    let difference = difference.or_else(|| reread.first_difference.clone());
    let difference = difference.or_else(|| ledger.clone());
    let difference = difference.or_else(|| closings.first_difference.as_ref().map(ToString::to_string));
    let difference = difference.or_else(|| imports.first_difference.clone());
    if let Err(error) = drift::keep(&store.records, "verify", &Found { at: context.clock.now(), difference }).await {
        tracing::warn!(%error, "what was found could not be kept for the rule ledger_drift");
    }
    let erasures = store.log.erasures().await;
    let erasures = erasures.map_err(|error| Failure::Failed(format!("the erasures can't be read: {error}")))?;
    let erased: i64 = erasures.iter().map(|one| one.bodies).sum();
    if args.json {
        output::json(&json!({
            "ok": holds, "sealed_to": chain.sealed_to, "unsealed": chain.unsealed, "applied_seq": report.applied_seq,
            "customers": report.customers, "profiles": report.profiles,
            "converted_into": config.ledger.reporting_currency, "waiting": report.waiting,
            "bodies": reread.events, "fact_difference": reread.first_difference,
            "log_difference": chain.first_difference, "ledger_difference": ledger,
            "bodies_erased": erased,
            "erasures": erasures.iter().map(|one| json!({ "at": one.at, "reason": one.reason, "bodies": one.bodies })).collect::<Vec<_>>(),
            "closings": closings.checked, "closings_under_other_rules": closings.other_rules,
            "closing_difference": closings.first_difference,
            "imports": imports.checked, "import_difference": imports.first_difference,
            "last_seq": anchors.last_seq, "reached": anchors.reached, "anchor_difference": anchors.first_difference,
            "could_be_missing": anchors.could_be_missing,
        }))?;
    } else {
        // "No difference" is said of what was compared, and of nothing else.
        let found = |difference: &Option<String>, compared: u64| match (difference, compared) {
            (Some(difference), _) => difference.clone(),
            (None, 0) => "nothing compared".into(),
            (None, _) => "no difference".into(),
        };
        let end = store.log.end().await.map_err(|error| Failure::Failed(error.to_string()))?;
        let logged = end.distance(Seq::START).unsigned_abs();
        let (sealed_to, unsealed) = (chain.sealed_to, chain.unsealed);
        output::line(format_args!(
            "log     sealed to {sealed_to}, {unsealed} events not sealed yet: {}",
            found(&chain.first_difference, logged)
        ))?;
        // A log that was empty when it was last remembered tells nothing.
        let remembered = anchors.reached.filter(|seq| *seq > Seq::START);
        let reached = remembered.map_or("nothing".into(), |seq| format!("a log up to {seq}"));
        output::line(format_args!(
            "anchors {reached} is remembered elsewhere, {} heads given, this log ends at {}: {}",
            args.head.len(),
            anchors.last_seq,
            found(&anchors.first_difference, u64::from(remembered.is_some() || !args.head.is_empty()))
        ))?;
        if let Some(missing) = &anchors.could_be_missing {
            output::line(format_args!("        {missing}"))?;
        }
        output::line(format_args!(
            "facts   {} bodies read again and held against what was kept of them: {}",
            reread.events,
            found(&reread.first_difference, reread.events)
        ))?;
        for one in &erasures {
            output::line(format_args!("erased  {} bodies on {}: {}", one.bodies, one.at, one.reason))?;
        }
        let converted = config.ledger.reporting_currency;
        let converted = converted.map(|to| format!(", in each currency and converted into {to}")).unwrap_or_default();
        output::line(format_args!(
            "ledger  {} held against the log under {}{converted}, {} left out as still moving: {}",
            counted(report.customers, "customer"),
            counted(report.profiles, "profile"),
            report.waiting,
            found(&ledger, report.customers)
        ))?;
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (months, rows) = (counted(number(closings.months.len()), "month"), counted(number(closings.rows), "row"));
        let of =
            if closings.checked == 0 { String::new() } else { format!(" of {months} ({rows} of `mrrd close list`)") };
        output::line(format_args!(
            "closed  {}{of} held against the log as it was, {} left out as closed under other rules: {}",
            counted(number(closings.checked), "closing"),
            closings.other_rules,
            found(&closings.first_difference, number(closings.checked))
        ))?;
        output::line(format_args!(
            "imports {} held against their seals: {}",
            imports.checked,
            found(&imports.first_difference, imports.checked)
        ))?;
    }
    if underived {
        eprintln!(
            "mrrd: the ledger isn't derived yet, so nothing of it was held against the log: serve, report or rebuild derives it"
        );
    }
    if holds { Ok(()) } else { Err(Failure::Said) }
}

/// A number of things, as a sentence says it.
fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// What is remembered of the log elsewhere, and each head; the first that differs.
async fn anchors(store: &Store, heads: &[SealHead]) -> Result<Anchors, StoreError> {
    let mut anchors = store.anchors(heads.iter().max_by_key(|head| head.to_seq)).await?;
    for head in heads {
        if anchors.first_difference.is_none() {
            anchors.first_difference = store.anchors(Some(head)).await?.first_difference;
        }
    }
    Ok(anchors)
}
