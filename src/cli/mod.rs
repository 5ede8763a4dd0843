//! The command line: one file a command. Exit codes: 0 done, 1 the thing asked about failed, 2 usage or configuration.

mod alerts;
mod ask;
mod audit;
mod audit_csv;
mod audit_metrics;
mod audit_trail;
mod backfill;
mod backup;
mod backup_steps;
mod close;
mod compare;
mod completions;
mod config;
mod demo;
mod demo_folder;
mod doctor;
mod doctor_finding;
mod doctor_machine;
mod doctor_quality;
mod doctor_webhooks;
mod endpoints;
mod erase;
mod events;
mod events_export;
mod explain;
mod feeds;
mod first_sign_in;
mod fx;
mod goal;
mod healthcheck;
mod import;
mod init;
mod init_wait;
mod input;
mod instant;
mod listening;
mod man;
mod mcp;
mod openapi;
mod output;
mod private_file;
mod progress;
mod prompt;
mod quality;
mod rebuild;
mod redeliver;
mod replay;
mod report;
mod restore;
mod rules;
mod seal;
mod segment;
mod serve;
mod signals;
mod token;
mod up_to_date;
mod values;
mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use secrecy::ExposeSecret;

use crate::{
    clock::Clock,
    config::{Config, ConfigError, Environment},
    daemon::waiting,
    ingest::{keeping, months},
    report::table::printable,
    store::{self, OlderSchema, Options, OtherLog, Store, StoreError},
};

/// The MRR daemon: Stripe webhooks in, a ledger of monthly recurring revenue out, every cent traceable.
#[derive(Debug, Parser)]
#[command(name = "mrrd", version, disable_help_subcommand = true, max_term_width = 110)]
struct Cli {
    /// Configuration file [default: MRRD_CONFIG, config/mrrd.toml, /etc/mrrd/mrrd.toml, or built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Init(init::Args),
    Replay(replay::Args),
    Backfill(backfill::Args),
    Rebuild(rebuild::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Verify(verify::Args),
    Seal(seal::Args),
    Audit(audit::Args),
    AuditTrail(audit_trail::Args),
    Report(report::Args),
    Events(events::Args),
    Explain(explain::Args),
    Alerts(alerts::Args),
    Feeds(feeds::Args),
    Close(close::Args),
    Compare(compare::Args),
    Fx(fx::Args),
    Import(import::Args),
    Goal(goal::Args),
    Segment(segment::Args),
    Quality(quality::Args),
    Rules(rules::Args),
    Erase(erase::Args),
    Doctor(doctor::Args),
    Openapi(openapi::Args),
    Token(token::Args),
    Config(config::Args),
    Mcp(mcp::Args),
    Healthcheck(healthcheck::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Why a command didn't do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The thing asked about failed: exit code 1.
    Failed(String),
    /// Usage or configuration is wrong: exit code 2.
    Usage(String),
    /// Somebody interrupted a question: exit code 130, as a shell tells it.
    Interrupted(String),
    /// Exit code 1 without another word: the command has said what there is to say.
    Said,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Whoever read our output has read enough (`mrrd events list | head`).
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::Said
        } else {
            Self::Failed(format!("the output can't be written: {error}"))
        }
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<(), Failure>;

/// What every command is handed.
pub(crate) struct Context {
    config: Option<PathBuf>,
    clock: Clock,
}

impl Context {
    /// The configuration, with every fault named when it can't be used.
    fn load(&self) -> Result<Arc<Config>, Failure> {
        Ok(Arc::new(crate::config::load(self.config.as_deref(), &Environment::of_process())?))
    }

    /// The same over this file, where another would be taken.
    fn serving(&self, file: &Path) -> Self {
        Self { config: Some(file.into()), clock: self.clock.clone() }
    }

    /// Another command over the same configuration, as it is typed.
    fn command(&self, command: &str) -> String {
        match &self.config {
            Some(file) => format!("mrrd --config {} {command}", file.display()),
            None => format!("mrrd {command}"),
        }
    }
}

/// Opens the ledger of `config` for a command that changes something in it; a mistyped path is not made into an empty ledger.
async fn open_store(config: &Config) -> Result<Store, Failure> {
    is_there(config)?;
    open_there(config, Options::default()).await
}

/// The same for a command that only asks: one of another version is left as it is, and what it needs is said.
async fn open_to_read(config: &Config) -> Result<Store, Failure> {
    open_to_read_of(config, OtherLog::Refuse).await
}

/// The same; `other_log` says what to do with a log that isn't the one remembered beside it.
async fn open_to_read_of(config: &Config, other_log: OtherLog) -> Result<Store, Failure> {
    is_there(config)?;
    open_there(config, Options { other_log, schema: OlderSchema::Tell, ..Options::default() }).await
}

fn is_there(config: &Config) -> Outcome {
    if config.database.is_absent_file() {
        let described = config.database.described();
        if let Some(missing) = store::missing_folder(config.database.url.expose_secret()) {
            return Err(Failure::Usage(format!("there is no ledger at {described}: {missing}")));
        }
        return Err(Failure::Usage(format!(
            "there is no ledger at {described}: check database.url; serve or replay makes one"
        )));
    }
    Ok(())
}

/// Opens the ledger of `config` for a command that appends to it, made where there is none.
async fn make_store(config: &Config, clock: &Clock) -> Result<Store, Failure> {
    let store = open_there(config, Options::default()).await?;
    months::make_ahead(&store.log, clock).await;
    Ok(store)
}

/// Opens the database of `config`; every command may do so beside a live `serve`.
async fn open_there(config: &Config, options: Options) -> Result<Store, Failure> {
    let options = Options { keeping: keeping::configured(config), ..options };
    let opened = Store::open_with(config.database.url.expose_secret(), &options).await;
    opened.map_err(|error| match error {
        StoreError::NoLedger(_) => Failure::Usage(format!("{error}; check database.url")),
        // What SQLite calls an I/O error, while it makes its files.
        error if waiting::is_disk_full(config) => {
            let described = config.database.described();
            Failure::Failed(format!(
                "{described} can't be opened: the disk that it lies on is full; make room there ({error})"
            ))
        }
        error => Failure::Failed(format!("{} can't be opened: {error}", config.database.described())),
    })
}

/// Parses the command line, runs the command and returns its exit code.
pub fn run() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return shown(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return shown(&error),
    };
    let context = Context { config: cli.config, clock: Clock::system() };
    let outcome = match cli.command {
        Command::Demo(args) => blocking(demo::run(&args, &context)),
        Command::Serve(args) => blocking(serve::run(&args, &context)),
        Command::Backfill(args) => blocking(backfill::run(&args, &context)),
        Command::Replay(args) => blocking(replay::run(&args, &context)),
        Command::Rebuild(args) => blocking(rebuild::run(&args, &context)),
        Command::Backup(args) => blocking(backup::run(&args, &context)),
        Command::Restore(args) => blocking(restore::run(&args, &context)),
        Command::Verify(args) => blocking(verify::run(&args, &context)),
        Command::Seal(args) => blocking(seal::run(&args, &context)),
        Command::Audit(args) => blocking(audit::run(&args, &context)),
        Command::AuditTrail(args) => blocking(audit_trail::run(&args, &context)),
        Command::Token(args) => blocking(token::run(&args, &context)),
        Command::Report(args) => blocking(report::run(&args, &context)),
        Command::Alerts(args) => blocking(alerts::run(&args, &context)),
        Command::Feeds(args) => blocking(feeds::run(&args, &context)),
        Command::Close(args) => blocking(close::run(&args, &context)),
        Command::Compare(args) => blocking(compare::run(&args, &context)),
        Command::Goal(args) => blocking(goal::run(&args, &context)),
        Command::Segment(args) => blocking(segment::run(&args, &context)),
        Command::Fx(args) => blocking(fx::run(&args, &context)),
        Command::Import(args) => blocking(import::run(&args, &context)),
        Command::Quality(args) => blocking(quality::run(&args, &context)),
        Command::Rules(args) => rules::run(&args),
        Command::Erase(args) => blocking(erase::run(&args, &context)),
        Command::Doctor(args) => blocking(doctor::run(&args, &context)),
        Command::Init(args) => blocking(init::run(&args, &context)),
        Command::Openapi(args) => openapi::run(&args),
        Command::Events(args) => blocking(events::run(&args, &context)),
        Command::Explain(args) => blocking(explain::run(&args, &context)),
        Command::Config(args) => config::run(&args, &context),
        Command::Mcp(args) => blocking(mcp::run(&args, &context)),
        Command::Healthcheck(args) => blocking(healthcheck::run(&args, &context)),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Said) => ExitCode::from(1),
        Err(Failure::Failed(reason)) => complain(&reason, 1),
        Err(Failure::Usage(reason)) => complain(&reason, 2),
        Err(Failure::Interrupted(reason)) => complain(&reason, 130),
    }
}

/// Every command's help as one Markdown text: docs/reference/cli.md, which a test holds to this.
pub fn reference() -> String {
    let mut text = String::from("# Commands\n\nWhat `mrrd COMMAND --help` says of each.\n");
    // A width of its own: a reference that changed with somebody's terminal couldn't be compared.
    let mut root = Cli::command().term_width(100);
    root.build();
    written(&mut root, &mut text);
    text
}

fn written(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("mrrd").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim()));
    command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()).for_each(|sub| written(sub, text));
}

/// Help and version go to standard output with 0, usage errors to standard error with 2.
fn shown(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when the terminal is gone.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn complain(reason: &str, code: u8) -> ExitCode {
    for line in reason.lines() {
        eprintln!("mrrd: {}", printable(line));
    }
    ExitCode::from(code)
}

/// Runs a command that waits for network or disk.
fn blocking(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no threads could be started: {error}")))?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command.get_subcommands().for_each(|sub| check(sub, &path));
            } else {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Examples:\n  "), "{path} --help shows no example");
            }
        }
        check(&Cli::command(), "");
    }
}
