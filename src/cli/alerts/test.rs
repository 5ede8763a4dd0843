//! `mrrd alerts test`: a sample to a channel, now.

use serde::Serialize;

use super::super::{Context, Failure, Outcome, output};
use crate::alerts::{channels::Channel, message::Message, sample};

#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// Its name in the configuration
    #[arg(required_unless_present = "all")]
    channel: Option<String>,
    /// Every channel there is
    #[arg(long, conflicts_with = "channel")]
    all: bool,
    /// Print a list of {"channel":…,"delivered":…,"error":…}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Sent {
    channel: String,
    kind: &'static str,
    delivered: bool,
    error: Option<String>,
}

pub(super) async fn run(args: &TestArgs, context: &Context) -> Outcome {
    let config = context.load()?;
    let channels = &config.alerts.channels;
    let known = channels.keys().cloned().collect::<Vec<_>>().join(", ");
    let names: Vec<&String> = match &args.channel {
        Some(name) => {
            let known = if known.is_empty() { "none is configured".to_owned() } else { format!("there are {known}") };
            let found = channels.get_key_value(name).map(|(name, _)| name);
            vec![found.ok_or_else(|| Failure::Usage(format!("there is no channel {name}: {known}")))?]
        }
        None => channels.keys().collect(),
    };
    if names.is_empty() {
        return Err(Failure::Usage(
            "no channel is configured: see alerts.channels in `mrrd config show --defaults`".into(),
        ));
    }
    let now = context.clock.now();
    let message = Message::test(&format!("al_test_{:016x}", rand::random::<u64>()), now, &sample::alert(now));
    let mut sent = Vec::new();
    for name in names {
        let Some(settings) = channels.get(name) else { continue };
        let outcome = match Channel::new(settings, &context.clock) {
            Ok(channel) => channel.send(&message).await.map_err(|refusal| refusal.reason),
            Err(reason) => Err(reason),
        };
        let kind = settings.kind.as_str();
        sent.push(Sent { channel: name.clone(), kind, delivered: outcome.is_ok(), error: outcome.err() });
    }
    if args.json {
        output::json(&sent)?;
    } else {
        for one in &sent {
            let Sent { channel, kind, .. } = one;
            match &one.error {
                None => output::line(format_args!("{channel} ({kind}): delivered"))?,
                Some(error) => output::line(format_args!("{channel} ({kind}): not delivered: {error}"))?,
            }
        }
    }
    if sent.iter().all(|one| one.delivered) { Ok(()) } else { Err(Failure::Said) }
}
