//! `mrrd doctor`: is everything in place, and if not, what is to be done?

use secrecy::ExposeSecret;

use super::{
    Context, Failure, Outcome,
    doctor_finding::{Finding, Verdict},
    doctor_machine, doctor_quality,
    doctor_webhooks::{self, Told},
    endpoints::{self, Found},
    open_to_read, output,
};
use crate::{
    alerts::channels::Channel,
    config::{Config, Role},
    event::Source,
    history::refusals::Refusal,
    ledger::{fact::NORMALISER, outcome::QualityKind, time::UnixTime},
    limits,
    report::{
        ask::Ask,
        ledger_status::LedgerStatus,
        notice::{NoticeKind, described},
        service::{AskError, Reports},
    },
    store::{Store, StoreError, Work},
    stripe::client::{ApiError, Client, Patience, lists},
};

/// Checks configuration, database, log, data quality and the key for Stripe's API: 0 unless something failed, then 1
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd doctor\n  mrrd doctor --json")]
pub(super) struct Args {
    /// Print a list of {"check":…,"verdict":"ok|warning|failed","detail":…}
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let mut findings = configuration(&config);
    findings.extend(doctor_machine::room(&config));
    findings.push(doctor_machine::listening(&config).await);
    if config.database.is_absent_file() {
        findings.push(doctor_machine::absent(&config));
    } else {
        match open_to_read(&config).await {
            Ok(store) => {
                for listen in &mut findings {
                    if let Some(other) =
                        doctor_machine::keeps_another(&store, &config, context.clock.now(), listen).await
                    {
                        *listen = other;
                    }
                }
                let answers = findings.iter().any(|finding| doctor_machine::is_answered(finding, &config));
                let webhooks = doctor_webhooks::refused(&config, answers).await;
                match found(&store, &config, context, &webhooks).await {
                    Ok(more) => findings.extend(more),
                    Err(error) => findings.push(Finding {
                        check: "database",
                        verdict: Verdict::Failed,
                        detail: error.to_string(),
                    }),
                }
                findings.extend(webhooks.findings);
            }
            Err(Failure::Failed(detail) | Failure::Interrupted(detail)) => {
                findings.push(Finding { check: "database", verdict: Verdict::Failed, detail });
            }
            // There is none yet: whoever writes first makes it.
            Err(Failure::Usage(detail)) => {
                findings.push(Finding { check: "database", verdict: Verdict::Warning, detail });
            }
            Err(Failure::Said) => {}
        }
    }
    findings.extend(stripe(&config).await);
    if args.json {
        output::json(&findings)?;
    } else {
        for Finding { check, verdict, detail } in &findings {
            let word = match verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Failed => "failed",
            };
            output::line(format_args!("{}  {check}: {detail}", output::judged(word, *verdict == Verdict::Ok)))?;
        }
    }
    if findings.iter().any(|finding| finding.verdict == Verdict::Failed) { Err(Failure::Said) } else { Ok(()) }
}

fn configuration(config: &Config) -> Vec<Finding> {
    let check = "configuration";
    let mut findings =
        vec![Finding { check, verdict: Verdict::Ok, detail: "it can be read, and no value contradicts".into() }];
    findings.extend(config.warnings().into_iter().map(|detail| Finding { check, verdict: Verdict::Warning, detail }));
    if config.server.has(Role::Receiver) && !config.stripe.can_verify() {
        let detail = "no webhook secret is set, so serve refuses to start: set stripe.webhook_secrets".into();
        findings.push(Finding { check, verdict: Verdict::Failed, detail });
    }
    findings
}

async fn found(store: &Store, config: &Config, context: &Context, webhooks: &Told) -> Result<Vec<Finding>, StoreError> {
    let mut findings = log(store, context, webhooks).await?;
    findings.extend(doctor_machine::endpoints(&store.log, config, context.clock.now()).await?);
    findings.push(held(store).await?);
    findings.extend(readable_by_others(config));
    findings.extend(rates(store, config, context).await?);
    findings.push(alerts(store, config, context).await?);
    findings.extend(refused(store).await?);
    findings.extend(figures(store, config, context).await);
    findings.push(doctor_quality::open(store, config, context.clock.now()).await?);
    Ok(findings)
}

/// Who keeps the ledger now.
async fn held(store: &Store) -> Result<Finding, StoreError> {
    let leases = store.records.leases().await?;
    let keeps = leases.iter().find(|lease| lease.name == "reconciler");
    let detail = match keeps {
        Some(lease) if !lease.is_gone => format!("process {} keeps the ledger", lease.process),
        Some(lease) => {
            format!("process {} kept the ledger last and has ended: mrrd serve goes on at once", lease.process)
        }
        None => "no process keeps the ledger now: start mrrd serve, which does".into(),
    };
    Ok(Finding { check: "lease", verdict: Verdict::Ok, detail })
}

/// A log that others than its owner may read.
#[cfg(unix)]
fn readable_by_others(config: &Config) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;

    let path = config.database.url.expose_secret().strip_prefix("sqlite://")?;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let detail =
            format!("{path} has the rights {mode:o}, and may be read by others than its owner: chmod 600 {path}");
        Finding { check: "database", verdict: Verdict::Warning, detail }
    })
}

#[cfg(not(unix))]
fn readable_by_others(_config: &Config) -> Option<Finding> {
    None
}

/// Whether anybody would be told, and whether everything told has arrived.
async fn alerts(store: &Store, config: &Config, context: &Context) -> Result<Finding, StoreError> {
    let check = "alerts";
    let (channels, outbox) = (&config.alerts.channels, store.records.outbox_counts().await?);
    if let Some((name, reason)) = channels
        .iter()
        .find_map(|(name, settings)| Channel::new(settings, &context.clock).err().map(|reason| (name, reason)))
    {
        let detail = format!("the channel {name} can't be used: {reason}");
        return Ok(Finding { check, verdict: Verdict::Failed, detail });
    }
    if outbox.failed > 0 {
        let detail = format!(
            "{} messages could not be delivered within a day: `mrrd alerts list` names them, `mrrd alerts test` tries a channel",
            outbox.failed
        );
        return Ok(Finding { check, verdict: Verdict::Warning, detail });
    }
    let waiting = if outbox.waiting > 0 { format!("; {} messages wait", outbox.waiting) } else { String::new() };
    let detail = match channels.len() {
        0 => "no channel is configured, so nobody is told: `mrrd alerts list` and the API show what is found".into(),
        1 => format!("1 channel{waiting}: `mrrd alerts test` tries it"),
        some => format!("{some} channels{waiting}: `mrrd alerts test` tries one"),
    };
    Ok(Finding { check, verdict: Verdict::Ok, detail })
}

/// Whether Stripe answers, knows the key, and lets it read each route that healing and backfill ask: a request for each.
async fn stripe(config: &Config) -> Vec<Finding> {
    let check = "stripe";
    let Some(key) = &config.stripe.api_key else {
        let detail =
            "no key is set (stripe.api_key): webhooks and files are all there is, nothing is healed or audited";
        return vec![Finding { check, verdict: Verdict::Ok, detail: detail.into() }];
    };
    let kind = key.expose_secret().split('_').next().unwrap_or_default();
    if kind == "pk" {
        let detail = "stripe.api_key is a publishable key (pk_…): it may read nothing; make a restricted key (rk_…) at \
                      Stripe that may read events, customers, products, prices, coupons, subscriptions and invoices";
        return vec![Finding { check, verdict: Verdict::Failed, detail: detail.into() }];
    }
    let patience = Patience { attempts: 2, answer: limits::DOCTOR_WAIT, ..Patience::default() };
    let client = match Client::new(&config.stripe.api_base, key, patience) {
        Ok(client) => client,
        Err(detail) => return vec![Finding { check, verdict: Verdict::Failed, detail }],
    };
    let events = lists::events(UnixTime(0), UnixTime(1), None);
    // An object that isn't there: to say so, Stripe first looks at the key and at what is asked.
    let single = lists::Objects::ALL.map(|list| list.one("mrrd_doctor_asks"));
    let lists = lists::Objects::ALL.map(|list| list.page(None));
    let (mut findings, mut readable) = (Vec::new(), 0);
    for request in std::iter::once(events).chain(lists).chain(single) {
        match client.get(&request).await {
            Ok(_) | Err(ApiError::Missing { .. }) => readable += 1,
            Err(error) => {
                let route = error.refused_route();
                let detail = route.as_ref().map_or(error.to_string(), |route| format!("{route}: {error}"));
                findings.push(Finding { check, verdict: Verdict::Failed, detail });
                // Without an answer, or with a key that nobody knows, the others would say the same.
                if route.is_none() || readable == 0 && matches!(error, ApiError::Key { .. }) {
                    return findings;
                }
            }
        }
    }
    if findings.is_empty() {
        let detail = format!("it answers, and the key may read all {readable} routes that healing and backfill need");
        findings.push(Finding { check, verdict: Verdict::Ok, detail });
    }
    if kind == "sk" {
        let detail = "stripe.api_key is a secret key (sk_…) that may do everything: a restricted key (rk_…) that may only \
                      read is enough";
        findings.push(Finding { check, verdict: Verdict::Warning, detail: detail.into() });
    }
    let check = "endpoints";
    match endpoints::look(&client, config).await {
        Err(error) => findings.push(Finding { check, verdict: Verdict::Warning, detail: error.to_string() }),
        Ok(found) => findings.extend(found.into_iter().map(|found| match found {
            Found::Well(detail) => Finding { check, verdict: Verdict::Ok, detail },
            Found::Lacking(detail) => Finding { check, verdict: Verdict::Warning, detail },
            Found::Wrong(detail) => Finding { check, verdict: Verdict::Failed, detail },
        })),
    }
    findings
}

/// Whether figures show the whole log under the configuration's rules, and what of the log no default figure shows.
async fn figures(store: &Store, config: &Config, context: &Context) -> Vec<Finding> {
    let check = "figures";
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let ask = Ask::default();
    let mut findings = Vec::new();
    let mut say = |verdict, detail| findings.push(Finding { check, verdict, detail });
    let looked = async {
        let ledger_status = reports.ledger_status_of(&ask).await?;
        let notices = ledger_status.as_ref().map(LedgerStatus::notices).unwrap_or_default();
        let beside = reports.beside(&ask).await?;
        let missing = reports.missing_subscriptions(&ask).await?;
        Ok::<_, AskError>((notices, beside, missing, reports.nothing_unknown(&ask).await?))
    };
    match looked.await {
        Err(error) => say(Verdict::Warning, error.to_string()),
        Ok((notices, beside, missing, unknown)) => {
            let well = notices.is_empty() && missing.is_none();
            notices.iter().for_each(|notice| say(Verdict::Warning, notice.for_terminal()));
            missing.iter().for_each(|notice| say(Verdict::Warning, notice.for_terminal()));
            match unknown.kind {
                NoticeKind::AllKnown if well => {
                    say(Verdict::Ok, "they show the whole log, under the configuration's rules".into())
                }
                NoticeKind::Elsewhere | NoticeKind::NothingRead => say(Verdict::Warning, unknown.for_terminal()),
                _ => {}
            }
            if !beside.is_empty() && unknown.kind != NoticeKind::Elsewhere {
                let named: Vec<String> = beside.iter().take(10).map(described).collect();
                let detail = format!(
                    "beside the default ledger there are, shown by --account, --livemode and --test-clock: {}{}",
                    named.join(", "),
                    if beside.len() > 10 { format!(" and {} more", beside.len() - 10) } else { String::new() }
                );
                say(Verdict::Ok, detail);
            }
        }
    }
    findings
}

/// What Stripe refused while `serve` healed.
async fn refused(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let said = |Refusal { route, reason, requests, since, last }: Refusal| Finding {
        check: "healing",
        verdict: Verdict::Warning,
        detail: format!("{route} was refused {requests} times at {last}, since {since}; the rest is healed: {reason}"),
    };
    Ok(Refusal::current(&store.records).await?.into_iter().map(said).collect())
}

/// Whether everything can be converted into the reporting currency (rule `revaluation`).
async fn rates(store: &Store, config: &Config, context: &Context) -> Result<Option<Finding>, StoreError> {
    let Some(currency) = config.ledger.reporting_currency else { return Ok(None) };
    let finding = |verdict, detail| Ok(Some(Finding { check: "rates", verdict, detail }));
    let now = context.clock.now();
    let Some(last) = store.records.rates().await?.iter().map(|quote| quote.day).max() else {
        return finding(
            Verdict::Failed,
            format!("ledger.reporting_currency is {currency}, but there are no rates: mrrd fx import FILE"),
        );
    };
    for profile in &config.ledger.profiles {
        let counts = store.derived.quality_counts(&profile.reporting(currency).name, now).await?;
        let missing = counts.iter().find(|(kind, _)| *kind == QualityKind::MissingRate).map_or(0, |(_, count)| *count);
        if missing > 0 {
            let what = format!("a rate is missing for {missing} of the customers, so no figure in {currency} is given");
            return finding(
                Verdict::Failed,
                format!("{what}: mrrd quality says which, mrrd fx import FILE takes it in"),
            );
        }
    }
    finding(Verdict::Ok, format!("nothing is missing, the last one is of {last}"))
}

async fn log(store: &Store, context: &Context, webhooks: &Told) -> Result<Vec<Finding>, StoreError> {
    store.reader().ready(Work::Appending).await?;
    store.reader().ready(Work::Answering).await?;
    // A write of our own, beside the log: a disk that is full and a database that is read-only say so here.
    store.records.set_progress(doctor_machine::TRIED, &context.clock.now().0.to_string()).await?;
    let head = store.log.head().await?;
    let ok = |check, detail| Finding { check, verdict: Verdict::Ok, detail };
    let shapes = match head.variants {
        0 => String::new(),
        some => format!(" (and {some} further shapes of these)"),
    };
    let mut findings = vec![
        ok("database", format!("{} answers, its schema is in place, and it can be written to", store.kind())),
        ok(
            "log",
            format!(
                "{} event{}{shapes}, the last at {}; {} of types that are not read, {} thin ones that carry no object",
                head.events,
                if head.events == 1 { "" } else { "s" },
                head.last_seq,
                head.ignored,
                head.thin
            ),
        ),
    ];
    if head.unreadable > 0 {
        let detail = match head.unreadable {
            1 => "1 event yielded no fact though it should have: mrrd quality lists it".to_owned(),
            some => format!("{some} events yielded no fact though they should have: mrrd quality lists them"),
        };
        findings.push(Finding { check: "log", verdict: Verdict::Warning, detail });
    }
    let older = store.log.count_read_by_older(NORMALISER).await?;
    if older > 0 {
        let (were, them) = if older == 1 { ("event was", "it") } else { ("events were", "them") };
        let detail = format!("{older} {were} read by an older mrrd: mrrd rebuild --renormalize reads {them} again");
        findings.push(Finding { check: "log", verdict: Verdict::Warning, detail });
    }
    if head.events > 0 {
        findings.push(heard(store, context, webhooks).await?);
    }
    // The newest event's times are the only clock but ours at hand: Stripe can't have made it after we received it.
    let newest = store.log.events(&crate::store::log::EventFilter::default(), head.last_seq.before(), 1).await?;
    if let Some(row) = newest.first() {
        let ahead = row.created.0.saturating_sub(context.clock.now().0);
        findings.push(if ahead > 60 {
            let detail =
                format!("the newest event was created {ahead} seconds from now: set this machine's clock by NTP");
            Finding { check: "clock", verdict: Verdict::Failed, detail }
        } else {
            ok("clock", "not behind the newest event".into())
        });
    }
    Ok(findings)
}

/// When a webhook came last, by our clock: Stripe sends late ones for days, and what they tell of is older still.
async fn heard(store: &Store, context: &Context, webhooks: &Told) -> Result<Finding, StoreError> {
    let check = "webhooks";
    let now = context.clock.now();
    let last = store.log.newest_of(Source::Webhook).await?.map(|row| row.received_at);
    Ok(match last {
        None => {
            let detail = "none ever came: what is in the log came from files or Stripe's API; is the endpoint at Stripe \
                          pointed here, and its signing secret in stripe.webhook_secrets?";
            Finding { check, verdict: Verdict::Warning, detail: detail.into() }
        }
        Some(last) if last.plus(limits::SILENT_SECONDS) < now => {
            let detail =
                format!("the last one came at {last}: is the endpoint enabled at Stripe, and does it answer 200?");
            Finding { check, verdict: Verdict::Warning, detail }
        }
        Some(last) if webhooks.refused => {
            let detail = format!("the last one that was taken came at {last}, and what comes now is refused");
            Finding { check, verdict: Verdict::Warning, detail }
        }
        Some(last) => Finding { check, verdict: Verdict::Ok, detail: format!("the last one came at {last}") },
    })
}
