//! `mrrd init`: three questions, a configuration, and what to do at Stripe.

use std::{
    fs,
    io::{self, IsTerminal, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Context, Failure, Outcome, init_wait, output};
use crate::{config, ledger::time::Zone};

/// Writes a configuration for your own account: asks three questions (or takes them as options), then says what to do at Stripe
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd init\n  mrrd init --secret whsec_… --database sqlite:///var/lib/mrrd/mrrd.db --timezone Europe/Berlin\n  mrrd --config /etc/mrrd/mrrd.toml init"
)]
pub(super) struct Args {
    /// Signing secret of the webhook endpoint at Stripe
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// IANA zone of the accounting day, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Wait so long for the first signed event, and say of each that comes what is wrong with it [default: asks on a terminal]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

/// Where a configuration is looked for that was named nowhere.
const DEFAULT: &str = "config/mrrd.toml";

/// What an endpoint has to send; everything else is kept and counts in nothing.
const EVENTS: &str = "customer.*, invoice.*, price.*, plan.*, product.*, coupon.*, tax_rate.*, subscription_schedule.*";

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let path = context.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT));
    if path.exists() {
        return Err(Failure::Usage(format!(
            "{} is there already: change it by hand, `mrrd config check` says whether it can be used",
            path.display()
        )));
    }
    let secret = answer(args.secret.as_deref(), "--secret", "Signing secret of the webhook endpoint (whsec_…)", None)?;
    if let Some(wrong) = not_a_signing_secret(&secret) {
        return Err(Failure::Usage(wrong));
    }
    let database = answer(args.database.as_deref(), "--database", "Database", Some("sqlite://mrrd.db"))?;
    if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
        return Err(Failure::Usage("the database is neither sqlite://PATH nor postgres://…".into()));
    }
    let timezone = answer(args.timezone.as_deref(), "--timezone", "Zone of your accounting days", Some("UTC"))?;
    Zone::named(&timezone).map_err(|error| Failure::Usage(format!("{timezone} is no zone: {error}")))?;
    write(&path, &text(&secret, &database, &timezone))?;
    // Whatever is wrong with it is said now, and not when it is started.
    config::load(Some(&path), &config::Environment::of_process())?;
    output::line(next_steps(&path))?;
    match args.wait {
        Some(seconds) => init_wait::for_the_first(&path, Some(Duration::from_secs(seconds)), context).await,
        None if io::stdin().is_terminal() && io::stdout().is_terminal() => {
            let asked = answer(None, "--wait", "\nWait for the first event now (yes or no)?", Some("yes"))?;
            if asked.starts_with(['y', 'Y']) { init_wait::for_the_first(&path, None, context).await } else { Ok(()) }
        }
        None => Ok(()),
    }
}

/// An option's value, else what is typed; without a terminal and without a default that is a usage error.
fn answer(given: Option<&str>, option: &str, question: &str, default: Option<&str>) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.trim().to_owned());
    }
    if !io::stdin().is_terminal() {
        return default.map(str::to_owned).ok_or_else(|| {
            Failure::Usage(format!(
                "there is no terminal to ask on: give {option} (`mrrd init --help` lists the options)"
            ))
        });
    }
    let suggested = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    loop {
        print!("{question}{suggested}: ");
        io::stdout().flush()?;
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            return Err(Failure::Failed("nothing was written".into()));
        }
        match (line.trim(), default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => continue,
            (typed, _) => return Ok(typed.to_owned()),
        }
    }
}

/// What is wrong with a signing secret, where that can be seen.
fn not_a_signing_secret(secret: &str) -> Option<String> {
    let kind = match secret {
        _ if secret.starts_with("sk_") || secret.starts_with("rk_") => "a key of Stripe's API",
        _ if secret.starts_with("pk_") => "a publishable key",
        _ if secret.starts_with("we_") => "an endpoint's id",
        _ if secret.chars().any(char::is_whitespace) || !secret.starts_with("whsec_") => "no signing secret",
        _ => return None,
    };
    Some(format!(
        "that is {kind}: the signing secret begins with whsec_ and stands on the endpoint's own page at Stripe"
    ))
}

fn text(secret: &str, database: &str, timezone: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    format!(
        "# mrrd's configuration. Every other key has its default: `mrrd config show --defaults` prints them with their meaning.\n\n\
         [server]\nlisten = \"127.0.0.1:8787\"\n\n[database]\nurl = {}\n\n[stripe]\nwebhook_secrets = [{}]\n\n\
         [ledger]\ntimezone = {}\n",
        quoted(database),
        quoted(secret),
        quoted(timezone)
    )
}

/// For its owner alone: a secret stands in it.
fn write(path: &Path, text: &str) -> Outcome {
    let failed = |error: io::Error| Failure::Failed(format!("{} can't be written: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn next_steps(path: &Path) -> String {
    format!(
        "{} is written; it holds your secret, and only you can read it.\n\n\
         1. Start it:              mrrd --config {} serve\n\
         \x20  It prints a link that signs in to the dashboard, once.\n\
         2. Put TLS in front of it: deploy/proxies has nginx and Caddy.\n\
         3. At Stripe, Developers, Webhooks: the endpoint https://YOUR-HOST/webhooks/stripe, for the events\n\
         \x20  {EVENTS}\n\
         \x20  (sending everything does no harm).\n\
         4. Or try it from here:    stripe listen --forward-to 127.0.0.1:8787/webhooks/stripe\n\
         \x20  and put the secret that it prints into the file as well.\n\
         5. What came before:       mrrd backfill --history (with stripe.api_key), or mrrd replay FILE\n\
         6. Is it well?             mrrd doctor",
        path.display(),
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_signing_secret_is_named() {
        for (given, said) in [
            ("sk_live_1", "key of Stripe's API"),
            ("pk_test_1", "publishable"),
            ("we_1", "endpoint's id"),
            ("", "no signing secret"),
            ("foo", "no signing secret"),
        ] {
            assert!(not_a_signing_secret(given).unwrap().contains(said), "{given}");
        }
        assert_eq!(not_a_signing_secret("whsec_1"), None);
    }

    #[test]
    fn what_is_written_is_a_configuration_whatever_is_typed() {
        let text = text("whsec_\"x\\", "sqlite:///a b/m.db", "UTC");
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["stripe"]["webhook_secrets"][0].as_str(), Some("whsec_\"x\\"));
        assert_eq!(read["database"]["url"].as_str(), Some("sqlite:///a b/m.db"));
    }
}
