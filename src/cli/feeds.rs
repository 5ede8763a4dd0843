//! `mrrd feeds`: how far each feed of movements has come, and telling it again from a day on.

use clap::Subcommand;
use serde::Serialize;

use super::{Context, Failure, Outcome, open_to_read, output};
use crate::{feeds::FeedProgress, ledger::time::Day, report::table::Table, store::StoreError};

/// Movements as a feed: how far each has come, and telling it again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every feed, and how far it has come
    #[command(after_help = "Examples:\n  mrrd feeds list\n  mrrd feeds list --json")]
    List {
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Posts everything again from a day on, each message with the id it had
    #[command(after_help = "Examples:\n  mrrd feeds replay crm 2026-01-01")]
    Replay {
        /// Its name in the configuration
        feed: String,
        /// The first day whose movements are posted again
        day: Day,
    },
}

#[derive(Debug, Serialize)]
struct Entry {
    feed: String,
    kind: &'static str,
    from: Option<String>,
    cursor: String,
    waiting: usize,
    replays_from: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    let failed = |error: StoreError| Failure::Failed(error.to_string());
    match &args.command {
        Command::List { json } => {
            let mut entries = Vec::new();
            for (name, feed) in &config.feeds {
                let places = FeedProgress::for_feed(name);
                let cursor =
                    store.records.progress(&places.taken()).await.map_err(failed)?.unwrap_or_else(|| "0".into());
                let taken = cursor.parse().unwrap_or(0);
                // More than a page that waits is said as that.
                let waiting = store.records.feed_after(taken, WAITING_COUNTED).await.map_err(failed)?.len();
                let kept = store.records.progress(&places.from()).await.map_err(failed)?;
                entries.push(Entry {
                    feed: name.clone(),
                    kind: feed.channel.kind.as_str(),
                    from: feed.from.map(|day| day.to_string()).or(kept),
                    cursor,
                    waiting,
                    replays_from: store.records.progress(&places.replay()).await.map_err(failed)?,
                });
            }
            if *json {
                return Ok(output::json(&entries)?);
            }
            if entries.is_empty() {
                return Ok(output::line("No feed is configured: see feeds.NAME in `mrrd config show --defaults`.")?);
            }
            let columns = vec!["feed", "kind", "from", "cursor", "waiting", "posts again from"];
            let row = |entry: &Entry| {
                vec![
                    entry.feed.clone(),
                    entry.kind.into(),
                    entry.from.clone().unwrap_or_default(),
                    entry.cursor.clone(),
                    entry.waiting.to_string(),
                    entry.replays_from.clone().unwrap_or_default(),
                ]
            };
            Ok(output::line(Table { columns, rows: entries.iter().map(row).collect() }.terminal())?)
        }
        Command::Replay { feed, day } => {
            if !config.feeds.contains_key(feed) {
                let known = config.feeds.keys().cloned().collect::<Vec<_>>().join(", ");
                let known =
                    if known.is_empty() { "none is configured".to_owned() } else { format!("there are {known}") };
                return Err(Failure::Usage(format!("there is no feed {feed}: {known}")));
            }
            store
                .records
                .set_progress(&FeedProgress::for_feed(feed).replay(), &day.to_string())
                .await
                .map_err(failed)?;
            Ok(output::line(format_args!(
                "{feed} posts everything again from {day} on; serve does it, at once if it runs"
            ))?)
        }
    }
}

/// Waiting entries are counted up to here.
const WAITING_COUNTED: i64 = 10_000;
