//! `mrrd demo`: a simulated Stripe account posts two years of signed webhooks to a daemon over a temporary ledger, the
//! daemon's figures are held against the account's own, and the account lives on.

use std::{
    io::IsTerminal,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    Context, Failure, Outcome, demo_folder::Folder, make_store, output, private_file, signals::Signals, values,
};
use crate::{
    access,
    clock::Clock,
    config::{self, Config, Environment},
    daemon::Daemon,
    demo::{
        Event, Ledger, REPORTING, RULES, Simulator,
        check::{Asked, Comparison, compare},
        delivery::Delivery,
        http::Client,
        months, months_after,
    },
    history::rates,
    ledger::{
        money::Currency,
        time::{Day, UnixTime, Zone},
    },
    report::units::{Places, grouped},
    store::records::audit_trail::Action,
    telemetry,
};

/// Shows mrrd at work, without any set-up: a simulated Stripe account and a temporary ledger
///
/// Two years of webhooks are posted, signed, over HTTP; every figure the daemon then answers is held against the
/// simulator's own. On a terminal the account lives on until Ctrl-C, with a dashboard to watch. Elsewhere, or with
/// --once, it ends there: 0 when every figure was right, else 1. Nothing is left behind, unless --keep says where to keep
/// it or the process is killed outright.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd demo\n  mrrd demo --once --seed 7\n  mrrd demo --customers 1000 --speed 120\n  \
    mrrd demo --port 9000 --keep demo"
)]
pub(super) struct Args {
    /// End after the check
    #[arg(long)]
    once: bool,
    /// The same seed lives the same life
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Customers won within the two years
    #[arg(long, default_value_t = 250, value_parser = values::number::<u32>(1..=100_000, 250))]
    customers: u32,
    /// What happens in a minute, once live
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 30, value_parser = values::number::<u32>(1..=6000, 30))]
    speed: u32,
    /// Where to listen [default: 127.0.0.1:8787, or any free port where that one is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// On which port of this machine's own address to listen
    #[arg(long, conflicts_with = "listen", value_parser = values::number::<u16>(0..=i64::from(u16::MAX), 8787))]
    port: Option<u16>,
    /// Keep the ledger and its configuration in this folder, new or empty, instead of nowhere
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Args {
    fn address(&self) -> Option<SocketAddr> {
        self.listen.or(self.port.map(|port| SocketAddr::from(([127, 0, 0, 1], port))))
    }
}

const YEARS: i64 = 2;
const CONNECTIONS: usize = 16;
/// How long the reconciler may take after the last webhook: far more than it needs.
const CATCH_UP: Duration = Duration::from_secs(300);

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    // Before anything lies anywhere: a signal is to end it in order from now on.
    let signals = Signals::of_terminal();
    let mut signals = signals.map_err(|error| Failure::Failed(format!("signals can't be caught: {error}")))?;
    let dir = match &args.keep {
        Some(dir) => Folder::kept(dir)?,
        None => Folder::temporary()?,
    };
    let secret: Arc<str> = format!("whsec_{:032x}", rand::random::<u128>()).into();
    let token = access::new_token();
    let listener = listener(args.address()).await?;
    let address = listener.local_addr().map_err(|error| Failure::Failed(format!("the daemon can't start: {error}")))?;
    let config = configuration(&dir.path, address, &secret, &token)?;
    telemetry::init(&config.log);
    let life = Life::new(args, &context.clock);
    import_rates(&life, &config, &context.clock).await?;
    let daemon = Daemon::start(config, context.clock.clone(), listener).await;
    let daemon = daemon.map_err(|error| Failure::Failed(format!("the daemon can't start: {error}")))?;
    let delivery =
        Delivery { address: daemon.address(), secret, clock: context.clock.clone(), connections: CONNECTIONS };
    let is_held = AtomicBool::new(false);
    let (stop, told) = oneshot::channel();
    let told = async {
        // Told, or nobody is left to tell: both end it.
        drop(told.await);
    };
    let lived = async {
        let lived = tokio::select! {
            lived = live(args, life, &delivery, &token, (&dir, &is_held), context) => lived,
            () = signals.first() => {
                if !is_held.load(Ordering::Relaxed) {
                    // The terminal may be what is gone.
                    drop(output::line("It ended before the check: no figure was held against the simulator's."));
                }
                Ok(())
            }
        };
        // A daemon that has ended already needs no telling.
        let _ = stop.send(());
        lived
    };
    let ((), lived) = tokio::join!(daemon.run(told), lived);
    lived
}

/// The account and the time it lives in: whole months, then what there is of this one.
struct Life {
    account: Simulator,
    start: UnixTime,
    now: UnixTime,
}

impl Life {
    fn new(args: &Args, clock: &Clock) -> Self {
        let now = clock.now();
        let this_month = Zone::UTC.start_of(Day(Zone::UTC.day(now).0.first_of_month()));
        let start = months_after(this_month, -12 * YEARS);
        Self { account: Simulator::new(args.seed, args.customers, start, now), start, now }
    }
}

/// The table of rates comes before the first figure, as `mrrd fx import` would bring it.
async fn import_rates(life: &Life, config: &Config, clock: &Clock) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("the rates can't be imported: {error}"));
    let table = life.account.truth().rates().csv();
    let quotes = rates::read(&table, config.ledger.reporting_currency).map_err(|error| failed(&error))?.quotes;
    let store = make_store(config, clock).await?;
    let deed = access::at_the_command_line().does(clock.now(), Action::RatesImported, "rates of the simulated account");
    store.records.import_rates(&quotes, &deed).await.map_err(|error| failed(&error))?;
    Ok(())
}

async fn live(
    args: &Args,
    life: Life,
    delivery: &Delivery,
    token: &SecretString,
    (dir, is_held): (&Folder, &AtomicBool),
    context: &Context,
) -> Outcome {
    let begun = Instant::now();
    let Life { mut account, start, now } = life;
    let months = months(start, now);
    output::line(format_args!(
        "A simulated Stripe account with {} customers lives from {} to today and posts its webhooks to http://{}.",
        args.customers,
        Zone::UTC.day(start),
        delivery.address
    ))?;
    let bar = progress(months.len() + 1);
    let mut posted = 0;
    for (_, last) in &months {
        bar.set_message(last.to_string()[..7].to_owned());
        posted += post(delivery, account.advance(Zone::UTC.start_of(last.after()))).await?;
        bar.inc(1);
    }
    posted += post(delivery, account.advance(now)).await?;
    bar.set_message("waiting for the reconciler");
    settle(delivery.address, token).await?;
    bar.finish_and_clear();
    let took = begun.elapsed().as_secs();
    output::line(format_args!("{posted} signed webhooks were posted, kept and applied in {took} s."))?;
    let answers = Asked { address: delivery.address, token: token.expose_secret() };
    let comparison = compare(account.truth(), &months, &Ledger::ALL, answers).await;
    tell(&comparison.map_err(|error| Failure::Failed(error.to_string()))?)?;
    is_held.store(true, Ordering::Relaxed);
    say_mrr_now(delivery.address, token, context.clock.now()).await?;
    let configuration = dir.path.join(CONFIGURATION);
    if args.once || !std::io::stdout().is_terminal() {
        if dir.is_kept {
            let shown = configuration.display();
            output::line(format_args!(
                "It is kept. mrrd --config {shown} report mrr --last 12m reads it, serve goes on with it, and token link prints the \
                 link that signs in."
            ))?;
        }
        return Ok(());
    }
    let shown = configuration.display();
    output::line(format_args!(
        "\nThe dashboard: {}\nCommands, in another terminal: mrrd --config {shown} report mrr --last 12m\n\
         The account lives on; Ctrl-C ends it{}.\n",
        access::first::link(token, delivery.address),
        if dir.is_kept { "" } else { " and leaves nothing behind" },
    ))?;
    live_on(args, delivery, &mut account, &context.clock).await
}

/// Says where MRR stands: in the reporting currency, and in each currency's own ledger beside it.
async fn say_mrr_now(address: SocketAddr, token: &SecretString, now: UnixTime) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("the figures can't be asked for: {error}"));
    let mut client = Client::new(address).bearing(token.expose_secret());
    let day = Zone::UTC.day(now);
    let mut stands = Vec::new();
    for ledger in std::iter::once(Ledger::Reporting).chain(Ledger::NATIVE) {
        let query = ledger.as_str();
        let path = format!("/api/v1/mrr?from={day}&to={day}&interval=day&profile=stripe&currency={query}");
        let answer = client.get(&path).await.map_err(|error| failed(&error))?.json();
        let entry = &answer["data"][0];
        let currency: Option<Currency> = entry["currency"].as_str().and_then(|code| code.parse().ok());
        let closing = entry["closing_exact"].as_str();
        let stand = currency.zip(closing).and_then(|(currency, closing)| {
            let units = grouped(closing, currency, Places::Currency)?;
            Some(format!("{units} {}", currency.as_str().to_uppercase()))
        });
        match stand {
            Some(stand) => stands.push(stand),
            // Of few customers none may pay in it.
            _ if ledger != Ledger::Reporting => {}
            _ => return Err(failed(&format_args!("{path} answers no MRR"))),
        }
    }
    if let Some((all, own)) = stands.split_first() {
        output::line(format_args!(
            "MRR now: {all} with everything converted; in the currencies themselves {}.",
            own.join(", ")
        ))?;
    }
    Ok(())
}

/// Says what the comparison found; the first differences in full, for each is a fault of mrrd or of the simulator.
fn tell(comparison: &Comparison) -> Outcome {
    let Comparison { months, figures, movements, differences } = comparison;
    let (profiles, currencies) = (RULES.len(), Ledger::NATIVE.len());
    let months = months / profiles / Ledger::ALL.len();
    let reporting = REPORTING.as_str();
    let scope =
        format!("{months} months × {currencies} currencies, and all of them in {reporting}, × {profiles} profiles");
    if differences.is_empty() {
        output::line(output::judged(
            &format!("{scope}: every figure equals the simulator's truth ({figures} figures, {movements} movements)."),
            true,
        ))?;
        return Ok(());
    }
    output::line(output::judged(
        &format!("{scope}: {} differences from the simulator's truth.", differences.len()),
        false,
    ))?;
    for difference in differences.iter().take(5) {
        output::line(format_args!("  {difference}"))?;
    }
    Err(Failure::Said)
}

/// Something happens every now and then, until a signal ends it.
async fn live_on(args: &Args, delivery: &Delivery, account: &mut Simulator, clock: &Clock) -> Outcome {
    let mut pace = tokio::time::interval(Duration::from_secs(60) / args.speed);
    loop {
        pace.tick().await;
        let events = account.act(clock.now());
        for event in &events {
            output::line(format_args!("{}  {}  {}", event.created, event.id, event.kind))?;
        }
        post(delivery, events).await?;
    }
}

async fn post(delivery: &Delivery, events: Vec<Event>) -> Result<usize, Failure> {
    let count = events.len();
    let posted = delivery.deliver(events, |_| {}).await;
    posted.map(|()| count).map_err(|error| Failure::Failed(error.to_string()))
}

/// Waits until everything posted is visible.
async fn settle(address: SocketAddr, token: &SecretString) -> Outcome {
    let (mut client, since) = (Client::new(address).bearing(token.expose_secret()), Instant::now());
    loop {
        let answer = client.get("/api/v1/status").await.map_err(|error| Failure::Failed(error.to_string()))?;
        let status = answer.json();
        if status["reconciler"]["lag_events"] == 0 {
            return Ok(());
        }
        if answer.status != 200 || since.elapsed() > CATCH_UP {
            return Err(Failure::Failed(format!("the reconciler does not catch up: {} {status}", answer.status)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn progress(steps: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(0));
    // The template is ours and sound; the default one would do as well.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} months  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The configuration's file within the folder.
const CONFIGURATION: &str = "mrrd.toml";

/// Defaults, but for what the demonstration needs; neither files nor environment are asked. What it does without on purpose is
/// nothing to warn of.
fn configuration(dir: &Path, address: SocketAddr, secret: &str, token: &SecretString) -> Result<Arc<Config>, Failure> {
    let file = dir.join(CONFIGURATION);
    let text = format!(
        "[server]\nlisten = \"{address}\"\n[database]\nurl = {:?}\n[stripe]\nwebhook_secrets = [{secret:?}]\n[ledger]\n\
         profiles = [\"stripe\", \"finance\"]\nreporting_currency = {:?}\n[api]\ntokens = [{:?}]\n[log]\nfilter = \"error\"\n",
        format!("sqlite://{}", dir.join("mrrd.db").display()),
        REPORTING.as_str(),
        token.expose_secret(),
    );
    private_file::write(&file, text.as_bytes())
        .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    Ok(Arc::new(config::load(Some(&file), &Environment::default())?))
}

/// Listens where it was asked to; else on the usual port where it is free, or on any.
async fn listener(asked: Option<SocketAddr>) -> Result<TcpListener, Failure> {
    let cannot = |address: SocketAddr| {
        move |error: std::io::Error| Failure::Failed(format!("{address} can't be listened on: {error}"))
    };
    if let Some(address) = asked {
        return TcpListener::bind(address).await.map_err(cannot(address));
    }
    let (usual, any) = (SocketAddr::from(([127, 0, 0, 1], 8787)), SocketAddr::from(([127, 0, 0, 1], 0)));
    match TcpListener::bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(any).await.map_err(cannot(any)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_has_a_configuration_of_its_own() {
        let dir = Folder::temporary().unwrap();
        let address = "127.0.0.1:9000".parse().unwrap();
        let config = configuration(&dir.path, address, "whsec_test", &access::new_token()).unwrap();
        assert_eq!(config.server.listen, address);
        assert!(config.stripe.can_verify());
        assert_eq!(config.ledger.profiles.len(), RULES.len());
        assert_eq!(config.ledger.reporting_currency.map(|currency| currency.to_string()), Some("usd".to_owned()));
        let path = dir.path.clone();
        drop(dir);
        assert!(!path.exists());
    }
}
