//! `mrrd token`: the tokens that open API and dashboard, kept as digests; each is shown once, when it is made.

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Context, Failure, Outcome, make_store, open_store, output};
use crate::{
    access::{self, first},
    report::table::Table,
    store::{
        StoreError,
        records::{
            access::{AccessRole, TokenRow},
            audit_trail::Action,
        },
    },
};

/// Makes, lists and revokes the tokens that open API and dashboard
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a token and prints it: the only time it is shown, for only its digest is kept
    #[command(
        after_help = "Examples:\n  mrrd token create 'Ada, finance'\n  mrrd token create ada --role admin --json"
    )]
    Create {
        /// Whose it is, or what for: the audit trail names it
        name: String,
        /// viewer reads; admin also closes months, acknowledges and mutes
        #[arg(long, default_value = "viewer", value_parser = role)]
        role: AccessRole,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Lists every token there ever was, without the tokens
    #[command(after_help = "Examples:\n  mrrd token list\n  mrrd token list --json")]
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Revokes a token, and ends the sessions opened with it
    #[command(after_help = "Examples:\n  mrrd token revoke tok_1a2b3c4d5e6f")]
    Revoke {
        /// Its id, as `mrrd token list` shows it
        id: String,
    },
    /// Prints a link that signs in with this machine's token: the first of api.tokens, else mrrd.token beside the database
    #[command(after_help = "Examples:\n  mrrd token link")]
    Link,
}

fn role(name: &str) -> Result<AccessRole, String> {
    AccessRole::named(name).ok_or_else(|| "viewer or admin".to_owned())
}

fn failed(error: StoreError) -> Failure {
    Failure::Failed(error.to_string())
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    match &args.command {
        Command::Create { name, role, json } => create(name, *role, *json, context).await,
        Command::List { json } => list(*json, context).await,
        Command::Revoke { id } => revoke(id, context).await,
        Command::Link => link(context),
    }
}

async fn create(name: &str, role: AccessRole, json: bool, context: &Context) -> Outcome {
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::Usage("a token needs a name: whose it is, or what for".into()));
    }
    let store = make_store(&*context.load()?, &context.clock).await?;
    let (token, row) = access::made(name, role, context.clock.now());
    let deed = access::at_the_command_line().does(row.created_at, Action::TokenCreated, row.id.clone());
    store.records.keep_token(&row, &deed.saying(format!("{name}, {}", role.as_str()))).await.map_err(failed)?;
    if json {
        let token = token.expose_secret();
        return Ok(output::json(&json!({ "id": row.id, "name": name, "role": role.as_str(), "token": token }))?);
    }
    // Alone on standard output, so that a script can take it.
    eprintln!("mrrd: {} for {name}, {}: it is not shown again", row.id, role.as_str());
    Ok(output::line(token.expose_secret())?)
}

async fn list(json: bool, context: &Context) -> Outcome {
    let store = open_store(&*context.load()?).await?;
    let tokens = store.records.access_tokens().await.map_err(failed)?;
    if json {
        let entry = |token: &TokenRow| {
            json!({
                "id": token.id, "name": token.name, "role": token.role.as_str(), "created_at": token.created_at.to_string(),
                "revoked_at": token.revoked_at.map(|at| at.to_string()),
            })
        };
        return Ok(output::json(&tokens.iter().map(entry).collect::<Vec<_>>())?);
    }
    if tokens.is_empty() {
        let said =
            "No token is kept here: those of api.tokens are in the configuration, and mrrd token create makes others.";
        return Ok(output::line(said)?);
    }
    let columns = vec!["id", "name", "role", "created", "revoked"];
    let row = |token: &TokenRow| {
        let revoked = token.revoked_at.map(|at| at.to_string()).unwrap_or_default();
        vec![token.id.clone(), token.name.clone(), token.role.as_str().into(), token.created_at.to_string(), revoked]
    };
    Ok(output::line(Table { columns, rows: tokens.iter().map(row).collect() }.terminal())?)
}

async fn revoke(id: &str, context: &Context) -> Outcome {
    let store = open_store(&*context.load()?).await?;
    let deed = access::at_the_command_line().does(context.clock.now(), Action::TokenRevoked, id);
    match store.records.revoke_token(id, &deed).await.map_err(failed)? {
        true => Ok(output::line(format_args!("{id} opens nothing any more, and its sessions have ended"))?),
        false => {
            Err(Failure::Failed(format!("there is no token {id} in force: `mrrd token list` shows those there are")))
        }
    }
}

fn link(context: &Context) -> Outcome {
    let config = context.load()?;
    let token = first::for_commands(&config).map_err(|error| Failure::Failed(error.to_string()))?;
    let Some(token) = token else {
        let path = first::path(&config);
        return Err(Failure::Failed(format!(
            "api.tokens is not set, and there is no {}: `mrrd serve` makes it at its first start, `mrrd token create` makes \
             others",
            path.display()
        )));
    };
    Ok(output::line(first::link(&token, config.server.listen))?)
}
