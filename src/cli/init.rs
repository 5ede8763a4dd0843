//! `mrrd init`: three questions, a configuration, and what to do at Stripe.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Context, Failure, Outcome, init_wait, output, prompt::Prompt, values};
use crate::{config, ledger::time::Zone};

/// Writes a configuration for your own account: asks three questions (or takes them as options), then says what to do at Stripe
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd init\n  mrrd init --secret whsec_… --database sqlite:///var/lib/mrrd/mrrd.db --timezone Europe/Berlin\n  mrrd --config /etc/mrrd/mrrd.toml init --secret-file /etc/mrrd/webhook-secrets"
)]
pub(super) struct Args {
    /// Signing secret of the webhook endpoint at Stripe, written into the configuration
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// A file that holds the signing secret, or several, one a line: the configuration names it, and no command line shows them
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    secret_file: Option<PathBuf>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// IANA zone of the accounting day, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Wait so long for the first signed event, and say of each that comes what is wrong with it [default: asks on a terminal]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds::<u64>(60))]
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
    let mut prompt = match io::stdin().is_terminal() {
        true => Some(Prompt::new("interrupted: nothing was written")?),
        false => None,
    };
    let prompt = &mut prompt;
    let signing = match &args.secret_file {
        Some(file) => Signing::in_file(file)?,
        None => Signing::Itself(secret(args.secret.as_deref(), prompt).await?),
    };
    let database = answer(args.database.as_deref(), "--database", "Database", Some("sqlite://mrrd.db"), prompt).await?;
    if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
        return Err(Failure::Usage("the database is neither sqlite://PATH nor postgres://…".into()));
    }
    let asked = "Zone of your accounting days";
    let timezone = answer(args.timezone.as_deref(), "--timezone", asked, Some("UTC"), prompt).await?;
    Zone::named(&timezone).map_err(|error| Failure::Usage(format!("{timezone} is no zone: {error}")))?;
    write(&path, &text(&signing, &database, &timezone))?;
    // Whatever is wrong with it is said now, and not when it is started.
    let config = config::load(Some(&path), &config::Environment::of_process())?;
    output::line(next_steps(&path, &signing))?;
    for warning in config.warnings() {
        output::line(format_args!("warning: {warning}"))?;
    }
    match args.wait {
        Some(seconds) => init_wait::for_the_first(&path, Some(Duration::from_secs(seconds)), context).await,
        None if io::stdin().is_terminal() && io::stdout().is_terminal() => {
            if let Some(prompt) = prompt {
                prompt.interrupted_says("interrupted: the configuration is written, and nothing waits for an event");
            }
            let asked = "\nWait for the first event now (yes or no)?";
            let asked = answer(None, "--wait", asked, Some("yes"), prompt).await?;
            if asked.starts_with(['y', 'Y']) { init_wait::for_the_first(&path, None, context).await } else { Ok(()) }
        }
        None => Ok(()),
    }
}

/// How the configuration is to know the signing secret.
enum Signing {
    /// It stands in it.
    Itself(String),
    /// In a file that it names by a whole path.
    InFile(PathBuf),
}

impl Signing {
    /// Errors where the file can't be read, or where a line of it is no signing secret.
    fn in_file(file: &Path) -> Result<Self, Failure> {
        let unread = |error: io::Error| {
            let file = file.display();
            Failure::Usage(format!("--secret-file {file} can't be read: {error}; it holds the signing secret, whsec_…"))
        };
        let text = fs::read_to_string(file).map_err(unread)?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        if lines.peek().is_none() {
            return Err(Failure::Usage(format!("--secret-file {} is empty", file.display())));
        }
        if let Some(wrong) = lines.find_map(not_a_signing_secret) {
            return Err(Failure::Usage(format!("--secret-file {}: {wrong}", file.display())));
        }
        // The daemon may be started in another folder.
        Ok(Self::InFile(std::path::absolute(file).map_err(unread)?))
    }
}

/// The secret that was given, else one that is typed and not shown, as no password is.
async fn secret(given: Option<&str>, prompt: &mut Option<Prompt>) -> Result<String, Failure> {
    const QUESTION: &str = "Signing secret of the webhook endpoint (whsec_…)";
    let secret = match prompt {
        Some(prompt) if given.is_none() && io::stdout().is_terminal() => loop {
            let typed = prompt.hidden(&format!("{QUESTION}, not shown: ")).await?;
            if !typed.is_empty() {
                break typed;
            }
        },
        prompt => answer(given, "--secret or --secret-file", QUESTION, None, prompt).await?,
    };
    not_a_signing_secret(&secret).map_or(Ok(secret), |wrong| Err(Failure::Usage(wrong)))
}

/// An option's value, else what is typed; without a terminal and without a default that is a usage error.
async fn answer(
    given: Option<&str>,
    option: &str,
    question: &str,
    default: Option<&str>,
    prompt: &mut Option<Prompt>,
) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.trim().to_owned());
    }
    let Some(prompt) = prompt else {
        return default.map(str::to_owned).ok_or_else(|| {
            Failure::Usage(format!(
                "there is no terminal to ask on: give {option} (`mrrd init --help` lists the options)"
            ))
        });
    };
    let suggested = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    loop {
        let typed = prompt.shown(&format!("{question}{suggested}: ")).await?;
        match (typed.is_empty(), default) {
            (true, Some(default)) => return Ok(default.to_owned()),
            (true, None) => {}
            (false, _) => return Ok(typed),
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

fn text(signing: &Signing, database: &str, timezone: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let secrets = match signing {
        Signing::Itself(secret) => format!("webhook_secrets = [{}]", quoted(secret)),
        Signing::InFile(file) => format!("webhook_secrets_file = {}", quoted(&file.to_string_lossy())),
    };
    format!(
        "# mrrd's configuration. Every other key has its default: `mrrd config show --defaults` prints them with their meaning.\n\n\
         [server]\nlisten = \"127.0.0.1:8787\"\n\n[database]\nurl = {}\n\n[stripe]\n{secrets}\n\n\
         [ledger]\ntimezone = {}\n",
        quoted(database),
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

fn next_steps(path: &Path, signing: &Signing) -> String {
    let path = path.display();
    let holds = match signing {
        Signing::Itself(_) => "it holds your secret, and only you can read it".to_owned(),
        Signing::InFile(file) => format!("your secret stays in {}", file.display()),
    };
    format!(
        "{path} is written; {holds}.\n\n\
         1. Start it:              mrrd --config {path} serve\n\
         \x20  Sign in to the dashboard by the link that this prints: mrrd --config {path} token link\n\
         2. Put TLS in front of it: deploy/proxies has nginx and Caddy.\n\
         3. At Stripe, Developers, Webhooks: the endpoint https://YOUR-HOST/webhooks/stripe, for the events\n\
         \x20  {EVENTS}\n\
         \x20  (sending everything does no harm).\n\
         4. Or try it from here:    stripe listen --forward-to 127.0.0.1:8787/webhooks/stripe\n\
         \x20  and put the secret that it prints into the file as well.\n\
         5. What came before:       mrrd --config {path} backfill --history (with stripe.api_key),\n\
         \x20                          or mrrd --config {path} replay FILE\n\
         6. Is it well?             mrrd --config {path} doctor",
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
        let text = text(&Signing::Itself("whsec_\"x\\".into()), "sqlite:///a b/m.db", "UTC");
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["stripe"]["webhook_secrets"][0].as_str(), Some("whsec_\"x\\"));
        assert_eq!(read["database"]["url"].as_str(), Some("sqlite:///a b/m.db"));
    }
}
