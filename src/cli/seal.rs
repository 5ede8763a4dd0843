//! `mrrd seal`: the head of the log's chain of seals, to be kept elsewhere.

use serde_json::json;

use super::{Context, Failure, Outcome, open_to_read, output};

/// The head of the log's seals: kept elsewhere, it shows whether the log was changed or cut since
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Head(Head),
}

/// Prints the head: one line that holds every event sealed so far
///
/// Whoever can write the log can change events and make their seals anew; a head kept out of their reach (another machine, a
/// mail, paper) shows it. `mrrd verify --head` holds the log against it, whatever was appended since.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd seal head >> heads.txt\n  mrrd verify --head $(tail -1 heads.txt)")]
struct Head {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let Command::Head(Head { json: as_json }) = &args.command;
    let store = open_to_read(&*context.load()?).await?;
    let head = store.log.seal_head().await;
    let head = head.map_err(|error| Failure::Failed(format!("the seals can't be read: {error}")))?;
    let Some(head) = head else {
        return Err(Failure::Failed("nothing is sealed yet: serve seals the log every ten seconds".into()));
    };
    if *as_json {
        output::json(&json!({
            "head": head.to_string(), "log": head.log, "to_seq": head.to_seq, "root": head.root,
        }))?;
    } else {
        output::line(format_args!("{head}"))?;
    }
    Ok(())
}
