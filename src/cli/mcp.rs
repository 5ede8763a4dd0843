//! `mrrd mcp`: figures as tools for an assistant that starts the command itself, over standard input and output.

use super::{Context, Failure, Outcome, open_to_read, up_to_date};
use crate::{daemon::asked, mcp::Server};

/// Answers an assistant on standard input and output (Model Context Protocol)
///
/// For an assistant on this machine, which starts it. The tools are those of `POST /mcp`, over the database that `mrrd report` reads,
/// and they only read. It ends when its input does.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  {\"mcpServers\":{\"mrrd\":{\"command\":\"mrrd\",\"args\":[\"--config\",\"/etc/mrrd/mrrd.toml\",\"mcp\"]}}}"
)]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let dashboard = format!("http://{}", config.server.listen);
    let (state, _running) = asked::state(config, context.clock.clone(), &store)
        .await
        .map_err(|error| Failure::Failed(format!("the ledger can't be looked at: {error}")))?;
    Server::new(&state, dashboard).on_standard_streams().await.map_err(Failure::Failed)
}
