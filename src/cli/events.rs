//! `mrrd events`: the log, listed, shown to the byte, and followed.

use std::{io::Write, time::Duration};

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Context, Failure, Outcome, events_export, instant, open_to_read, output, values};
use crate::{
    event::{EventRow, ReadAs, Seq},
    ledger::{
        ids::{AccountId, CustomerId, EventId},
        time::UnixTime,
    },
    limits,
    report::{events::reason, table::printable},
    store::{Store, StoreError, log::EventFilter},
};

/// Lists the log, shows one event, follows what arrives, or exports what there is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists events in the order they came into the log
    #[command(after_help = "Examples:\n  \
        mrrd events list --type 'customer.subscription.*' --since 2026-01-01\n  \
        mrrd events list --reading unreadable --json")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// Only events after this place in the log
        #[arg(long, value_name = "SEQ", default_value_t = Seq::START, value_parser = values::place())]
        after: Seq,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = values::number::<u64>(1..=i64::MAX, 100))]
        limit: u64,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Shows one event: what the log knows of it, and its body
    #[command(
        after_help = "Examples:\n  mrrd events show evt_1A2b3C\n  mrrd events show evt_1A2b3C --raw > event.json"
    )]
    Show {
        /// The event's id
        #[arg(value_name = "EVENT")]
        id: String,
        /// Print nothing but the very bytes received
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        /// Which of several bodies of this id: 0 is the first received
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::number::<i64>(0..=i64::MAX, 1))]
        variant: i64,
        /// Print one JSON object with the event's row and its body
        #[arg(long)]
        json: bool,
    },
    /// Prints events as JSONL that `mrrd replay` takes back, each with its body to the byte
    #[command(after_help = "Examples:\n  \
        mrrd events export > events.jsonl\n  \
        mrrd events export --since 2026-01-01 --until 2026-02-01 --type 'invoice.*' | zstd > january.jsonl.zst\n  \
        mrrd events export --customer cus_1A2b3C | mrrd --config other.toml replay -")]
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Only events after this place in the log
        #[arg(long, value_name = "SEQ", default_value_t = Seq::START, value_parser = values::place())]
        after: Seq,
    },
    /// Shows the newest events and then what arrives, until interrupted
    #[command(
        after_help = "Examples:\n  mrrd events tail\n  mrrd events tail -n 0 --type 'invoice.*' --json\n  mrrd events tail --no-follow"
    )]
    Tail {
        #[command(flatten)]
        filter: Filter,
        /// How far back to begin
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = values::number::<u32>(0..=i64::from(u32::MAX), 10))]
        lines: u32,
        /// End after the newest
        #[arg(long)]
        no_follow: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
}

/// Which events.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct Filter {
    /// Only this type; `invoice.*` takes all that begin so
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only created at or after: a day, an instant or Unix seconds
    #[arg(long, value_name = "WHEN", value_parser = instant::parse)]
    since: Option<UnixTime>,
    /// Only created before
    #[arg(long, value_name = "WHEN", value_parser = instant::parse)]
    until: Option<UnixTime>,
    /// Only what the normaliser made this of
    #[arg(long, value_name = "READING")]
    reading: Option<Reading>,
    /// Only events about this customer
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// Only events of this connected account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reading {
    Facts,
    Ignored,
    Unreadable,
    Thin,
}

impl Filter {
    fn store(&self) -> EventFilter {
        let reading = self.reading.map(|reading| match reading {
            Reading::Facts => ReadAs::Facts,
            Reading::Ignored => ReadAs::Ignored,
            Reading::Unreadable => ReadAs::Unreadable,
            Reading::Thin => ReadAs::Thin,
        });
        EventFilter {
            kind: self.kind.clone(),
            since: self.since,
            until: self.until,
            reading,
            source: None,
            customer: self.customer.as_deref().map(CustomerId::from),
            livemode: None,
            account: self.account.as_deref().map(|account| Some(AccountId::from(account))),
        }
    }
}

/// An event as `--json` prints it: the names of `GET /api/v1/events`.
#[derive(Serialize)]
struct EventLine<'a> {
    id: &'a str,
    seq: Seq,
    variant: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    created: Option<String>,
    received_at: String,
    livemode: bool,
    account: Option<&'a str>,
    api_version: Option<&'a str>,
    source: &'a str,
    reading: &'a str,
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

impl<'a> From<&'a EventRow> for EventLine<'a> {
    fn from(row: &'a EventRow) -> Self {
        Self {
            id: row.id.as_str(),
            seq: row.seq,
            variant: row.variant,
            kind: &row.kind,
            created: row.made_at().map(|at| at.to_string()),
            received_at: row.received_at.to_string(),
            livemode: row.livemode,
            account: row.account.as_ref().map(AccountId::as_str),
            api_version: row.api_version.as_deref(),
            source: row.source.as_str(),
            reading: row.reading.as_str(),
            reason: reason(row),
            body: None,
        }
    }
}

fn unread(error: StoreError) -> Failure {
    Failure::Failed(format!("the log can't be read: {error}"))
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let store = open_to_read(&*context.load()?).await?;
    match &args.command {
        Command::List { filter, after, limit, json } => list(&store, &filter.store(), *after, *limit, *json).await,
        Command::Export { filter, after } => events_export::run(&store.log, &filter.store(), *after).await,
        Command::Show { id, raw, variant, json } => show(&store, id, *variant, *raw, *json).await,
        Command::Tail { filter, lines, no_follow, json } => {
            tail(&store, &filter.store(), *lines, !no_follow, *json).await
        }
    }
}

async fn list(store: &Store, filter: &EventFilter, mut after: Seq, limit: u64, json: bool) -> Outcome {
    let mut left = i64::try_from(limit).unwrap_or(i64::MAX);
    let begun = left;
    while left > 0 {
        let page = store.log.events(filter, after, left.min(limits::LOG_PAGE_EVENTS)).await.map_err(unread)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        left -= i64::try_from(page.len()).unwrap_or(left);
        print(&page, json)?;
    }
    // Beside what programs read, which is nothing.
    if left == begun && begun > 0 {
        let all = store.log.head().await.map_err(unread)?.events;
        eprintln!("mrrd: of the {all} events in the log none is what was asked for");
    }
    Ok(())
}

async fn show(store: &Store, id: &str, variant: i64, raw: bool, json: bool) -> Outcome {
    let bodies = store.log.bodies(&EventId::from(id)).await.map_err(unread)?;
    let Some((row, body)) = bodies.iter().find(|(row, _)| row.variant == variant) else {
        let hint = match store.log.event(&EventId::from(id)).await.map_err(unread)? {
            None => "the log has no such event; `mrrd events list` shows those it has".to_owned(),
            Some(_) if bodies.is_empty() => "its body was erased".to_owned(),
            Some(_) => format!("it has no variant {variant}: {} bodies are kept, from 0 on", bodies.len()),
        };
        return Err(Failure::Failed(format!("{id}: {hint}")));
    };
    let mut out = std::io::stdout().lock();
    if raw {
        out.write_all(body)?;
        return Ok(out.flush()?);
    }
    if json {
        let body = serde_json::from_slice(body).ok();
        drop(out);
        return Ok(output::json(&EventLine { body, ..EventLine::from(row) })?);
    }
    let mut facts = vec![
        ("id", row.id.to_string()),
        ("type", row.kind.clone()),
        ("seq", row.seq.to_string()),
        ("created", created(row)),
        ("received", format!("{} by {}", row.received_at, row.source.as_str())),
        ("mode", mode(row)),
        ("read as", reading(row)),
    ];
    facts.extend(row.api_version.as_ref().map(|version| ("version", version.clone())));
    if bodies.len() > 1 {
        facts.push((
            "variant",
            format!("{variant} of 0 to {}: one id, several bodies; rule variants says which counts", bodies.len() - 1),
        ));
    }
    for (name, value) in facts {
        writeln!(out, "{name:<9} {}", printable(&value))?;
    }
    writeln!(out)?;
    // The very bytes are for --raw; here nothing of them steers the terminal.
    Ok(writeln!(out, "{}", printable(&String::from_utf8_lossy(body)))?)
}

async fn tail(store: &Store, filter: &EventFilter, lines: u32, follow: bool, json: bool) -> Outcome {
    /// How often the log is looked at for more.
    const PACE: Duration = Duration::from_millis(500);
    let newest = store.log.end().await.map_err(unread)?;
    let mut after = newest;
    if lines > 0 {
        let recent = newest_events(store, filter, newest, lines as usize).await?;
        print(&recent, json)?;
        after = recent.last().map_or(after, |row| row.seq).max(newest);
    }
    if !follow {
        return Ok(());
    }
    loop {
        let page = store.log.events(filter, after, limits::LOG_PAGE_EVENTS).await.map_err(unread)?;
        match page.last() {
            Some(last) => {
                after = last.seq;
                print(&page, json)?;
            }
            None => tokio::time::sleep(PACE).await,
        }
    }
}

/// The last `most` events that fit, looking back in growing steps.
async fn newest_events(
    store: &Store,
    filter: &EventFilter,
    newest: Seq,
    most: usize,
) -> Result<Vec<EventRow>, Failure> {
    let mut span = i64::try_from(most).unwrap_or(i64::MAX);
    loop {
        let begin = newest.back(span).max(Seq::START);
        let mut found = Vec::new();
        let mut after = begin;
        loop {
            let page = store.log.events(filter, after, limits::LOG_PAGE_EVENTS).await.map_err(unread)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            found.extend(page);
            let surplus = found.len().saturating_sub(most);
            found.drain(..surplus);
        }
        if found.len() == most || begin == Seq::START {
            return Ok(found);
        }
        span = span.saturating_mul(8);
    }
}

fn mode(row: &EventRow) -> String {
    let mode = if row.livemode { "live" } else { "test" };
    row.account.as_ref().map_or(mode.to_owned(), |account| format!("{mode} {account}"))
}

fn print(rows: &[EventRow], json: bool) -> Outcome {
    if json {
        for row in rows {
            output::json(&EventLine::from(row))?;
        }
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    for row in rows {
        let EventRow { seq, id, kind, .. } = row;
        // Widths that most ids and types fit into: rows come as they arrive, so none can wait for the widest.
        let line = format!("{seq:>8}  {:<20}  {id:<30}  {kind:<36}  {}  {}", created(row), mode(row), reading(row));
        writeln!(out, "{}", printable(&line).replace('\n', "\\n"))?;
    }
    Ok(out.flush()?)
}

/// When Stripe made it, as far as it tells.
fn created(row: &EventRow) -> String {
    row.made_at().map_or_else(|| "not known".to_owned(), |at| at.to_string())
}

fn reading(row: &EventRow) -> String {
    let reading = row.reading.as_str();
    let reading = reason(row).map_or(reading.to_owned(), |reason| format!("{reading}: {reason}"));
    // The first of an event's bodies is the event; each other one is said to be another.
    if row.variant == 0 { reading } else { format!("{reading}, variant {}", row.variant) }
}
