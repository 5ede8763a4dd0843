//! `mrrd replay`: historical events into the log, or the log's events to another endpoint.

use std::{fs::File, io::Write, path::PathBuf, time::Instant};

use clap::ArgGroup;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Failure, Outcome, instant, make_store, output, progress::progress_bar};
use crate::{
    access::at_the_command_line,
    history::{
        files,
        replay::{self, Counts, Progress},
    },
    ledger::time::UnixTime,
    limits::CLOCK_LEAD_SECONDS,
    report::table::printable,
    store::{StoreError, records::audit_trail::Action},
};

/// Takes historical events in from files, or sends the log's events on
///
/// Reads `.json`, `.jsonl`, Stripe's list objects, `.gz` and `.zst` of these, folders, and `-`; also rows of dj-stripe's and
/// stripe-sync-engine's tables as JSON lines, and events in the envelopes of EventBridge, Event Grid, hookdeck and n8n. What
/// is none of these is named with its line and reason and skipped. Events that the log has already are left alone, so it can
/// be run again; another body of one is kept as a variant and counted as a duplicate. Ends with 1 when nothing at all could be
/// read.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("direction").required(true).args(["paths", "to"]),
    after_help = "Examples:\n  \
    mrrd replay events.jsonl.zst\n  \
    mrrd replay --dry-run exports/ more.json\n  \
    stripe events list --limit 100 | mrrd replay --json -\n  \
    stripe subscriptions list --limit 100 | mrrd replay --read-at 2026-01-31T12:00:00Z -\n  \
    mrrd replay --to https://staging.example/webhooks/stripe --secret-file staging.secret --rate 50"
)]
pub(super) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also write what is rejected to this file, to be looked at and tried again
    #[arg(long, value_name = "FILE")]
    set_aside: Option<PathBuf>,
    /// When objects were read that are no events and don't tell: lists as `stripe subscriptions list` prints them
    #[arg(long, value_name = "WHEN", value_parser = instant::parse, conflicts_with = "to")]
    read_at: Option<UnixTime>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Print {"read":N,"appended":N,"duplicates":N,"rejected":N} as the last line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    redelivery: super::redeliver::Args,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    if let Some(url) = &args.redelivery.to {
        return super::redeliver::run(url, &args.redelivery, args.json, args.dry_run, context).await;
    }
    if let Some(at) = args.read_at.filter(|at| *at > context.clock.now().plus(CLOCK_LEAD_SECONDS)) {
        return Err(Failure::Usage(format!("--read-at: {at} is still to come, so nothing was read then")));
    }
    let inputs = files::inputs(&args.paths).map_err(Failure::Failed)?;
    let config = context.load()?;
    // A dry run must not make a database where there is none.
    let absent = args.dry_run && config.database.is_absent_file();
    let store = if absent { None } else { Some(make_store(&config, &context.clock).await?) };
    let mut aside = match &args.set_aside {
        Some(path) => Some(
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| Failure::Usage(format!("{} can't be written: {error}", path.display())))?,
        ),
        None => None,
    };
    let named = args.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let imported = |detail: String| {
        at_the_command_line().does(context.clock.now(), Action::EventsImported, named.clone()).saying(detail)
    };
    let unkept = |error: StoreError| Failure::Failed(format!("the audit trail can't be kept: {error}"));
    if let (Some(store), false) = (&store, args.dry_run) {
        // Before the first of them is in the log: a replay that is killed has left its line.
        store.records.record(&imported("begun".into())).await.map_err(unkept)?;
    }
    let bar = replay_bar(files::bytes(&inputs));
    let began = Instant::now();
    let counts =
        replay::run(store.as_ref(), inputs, args.dry_run, args.read_at, &context.clock, |progress| match progress {
            Progress::Batch { counts, bytes } => {
                let rate = u128::from(counts.read) * 1_000 / began.elapsed().as_millis().max(1);
                bar.set_message(format!("{}; {rate} a second", said(&counts, args.dry_run)));
                bar.set_position(bytes);
            }
            Progress::Rejected { input, place, reason, text } => bar.suspend(|| {
                match place {
                    Some(place) => eprintln!("mrrd: {}", printable(&format!("{input}: {place}: {reason}"))),
                    None => eprintln!("mrrd: {}", printable(&format!("{input}: {reason}"))),
                }
                if let Some(file) = &mut aside
                    && let Err(error) = file.write_all(text).and_then(|()| file.write_all(b"\n"))
                {
                    eprintln!("mrrd: it can't be set aside: {error}");
                }
            }),
        })
        .await;
    bar.finish_and_clear();
    let counts = counts.map_err(|error| {
        Failure::Failed(format!("the replay stopped: {error}; run it again, what is in the log is left alone"))
    })?;
    if let (Some(store), false) = (&store, args.dry_run) {
        store.records.record(&imported(said(&counts, false))).await.map_err(unkept)?;
    }
    match &args.set_aside {
        Some(path) if counts.rejected > 0 => eprintln!("mrrd: what was rejected is in {}", path.display()),
        None if counts.rejected > 0 => {
            eprintln!("mrrd: to get what was rejected in a file, run it again with --set-aside FILE");
        }
        _ => {}
    }
    if args.json {
        output::json(&counts)?
    } else {
        output::line(said(&counts, args.dry_run))?
    }
    // Each rejection was named above.
    if counts.rejected > 0 && counts.rejected == counts.read { Err(Failure::Said) } else { Ok(()) }
}

fn said(counts: &Counts, dry_run: bool) -> String {
    let Counts { read, appended, duplicates, rejected, .. } = counts;
    let appended_word = if dry_run { "new" } else { "appended" };
    let known = if *duplicates == 1 { "duplicate" } else { "duplicates" };
    let others = counts.other_bodies();
    format!("{read} read: {appended} {appended_word}, {duplicates} {known}{others}, {rejected} rejected")
}

/// The line of a replay: where it is known how much there is, with the part that is done and the time left.
fn replay_bar(bytes: Option<u64>) -> ProgressBar {
    let bar = progress_bar();
    if let Some(bytes) = bytes {
        bar.set_length(bytes);
        // The template is ours and sound; the one before would do as well.
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {percent}% {msg}; {eta} left") {
            bar.set_style(style);
        }
    }
    bar
}
