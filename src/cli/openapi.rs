//! `mrrd openapi`: the API's description, as `/api/openapi.json` answers it.

use super::{Outcome, output};

/// Prints the OpenAPI description of the HTTP API
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd openapi > openapi.json")]
pub(super) struct Args {
    /// Accepted for symmetry: the description is JSON
    #[arg(long, hide = true)]
    json: bool,
}

pub(super) fn run(_args: &Args) -> Outcome {
    Ok(output::json(&crate::api::document())?)
}
