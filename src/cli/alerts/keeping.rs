//! `mrrd alerts list|show|ack|mute|unmute|plan`: what was raised, and what is to be done about it.

use serde_json::json;

use super::super::{Context, Failure, Outcome, open_store, output, values};
use crate::{
    access::at_the_command_line,
    config::alert_rules::Rule,
    ledger::time::{Day, UnixTime},
    report::{alerts::AlertEntry, table::Table},
    store::{
        Store, StoreError,
        records::{
            alerts::{AlertFilter, AlertRow, Annotation, AnnotationKind, Mute},
            audit_trail::{Action, Deed},
        },
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only those that go on
    #[arg(long)]
    open: bool,
    /// Only this rule's
    #[arg(long, value_name = "RULE", value_parser = rule)]
    rule: Option<Rule>,
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = values::number::<i64>(1..=1000, 50))]
    limit: i64,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Its id, as `mrrd alerts list` shows it
    id: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct AckArgs {
    /// Its id, as `mrrd alerts list` shows it
    id: String,
    /// Who takes it on
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct MuteArgs {
    /// A rule, or all
    #[arg(value_parser = rule_or_all)]
    rule: String,
    /// For how long
    #[arg(long, default_value_t = 7, value_parser = values::days::<i64>(1..=366, 7))]
    days: i64,
    /// Why
    #[arg(long, default_value = "by hand")]
    note: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct UnmuteArgs {
    /// A rule, or all
    #[arg(value_parser = rule_or_all)]
    rule: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// First day; without any, planned events are listed
    #[arg(requires = "note")]
    first: Option<Day>,
    /// Last day
    last: Option<Day>,
    /// What is planned
    note: Option<String>,
    /// Forgets a planned event by its number
    #[arg(long, value_name = "NUMBER", conflicts_with = "first", value_parser = values::number::<i64>(1..=i64::MAX, 3))]
    remove: Option<i64>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

fn rule(text: &str) -> Result<Rule, String> {
    Rule::parse(text).ok_or_else(|| Rule::ALL.map(Rule::as_str).join(", "))
}

fn rule_or_all(text: &str) -> Result<String, String> {
    if text == "all" { Ok(text.to_owned()) } else { rule(text).map(|rule| rule.as_str().to_owned()) }
}

fn failed(error: StoreError) -> Failure {
    Failure::Failed(error.to_string())
}

fn deed(context: &Context, action: Action, subject: &str) -> Deed {
    at_the_command_line().does(context.clock.now(), action, subject)
}

async fn store(context: &Context) -> Result<Store, Failure> {
    open_store(&*context.load()?).await
}

async fn found(store: &Store, id: &str) -> Result<AlertRow, Failure> {
    let found = store.records.alert(id).await.map_err(failed)?;
    found.ok_or_else(|| Failure::Failed(format!("there is no alert {id}: `mrrd alerts list` shows those there are")))
}

pub(super) async fn list(args: &ListArgs, context: &Context) -> Outcome {
    let store = store(context).await?;
    let filter = AlertFilter {
        rule: args.rule.map(|rule| rule.as_str().to_owned()),
        open: args.open.then_some(true),
        ..AlertFilter::default()
    };
    let rows = store.records.alerts(&filter, None, args.limit).await.map_err(failed)?;
    let entries = AlertEntry::with_deliveries(&store.records, rows).await.map_err(failed)?;
    if args.json {
        return Ok(output::json(&entries)?);
    }
    let mutes = store.records.mutes(context.clock.now()).await.map_err(failed)?;
    if entries.is_empty() {
        output::line("No alert was raised.")?;
    } else {
        let columns = vec!["raised", "id", "what", "state", "sent"];
        let rows = entries.iter().map(|entry| {
            vec![entry.raised_at.clone(), entry.id.clone(), entry.headline.clone(), entry.state(), entry.sent()]
        });
        output::line(Table { columns, rows: rows.collect() }.terminal())?;
    }
    for mute in mutes {
        output::line(format_args!("{} is muted until {}: {}", mute.rule, mute.until, mute.note))?;
    }
    Ok(())
}

pub(super) async fn show(args: &ShowArgs, context: &Context) -> Outcome {
    let store = store(context).await?;
    let row = found(&store, &args.id).await?;
    let entries = AlertEntry::with_deliveries(&store.records, vec![row]).await.map_err(failed)?;
    let Some(entry) = entries.first() else { return Err(Failure::Said) };
    if args.json {
        return Ok(output::json(entry)?);
    }
    output::line(entry.alert.as_ref().and_then(|said| said["text"].as_str()).unwrap_or(&entry.headline))?;
    output::line(format_args!("\n{}, raised {}", entry.state(), entry.raised_at))?;
    for delivery in &entry.deliveries {
        let error = delivery.last_error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
        output::line(format_args!("{} {} to {}{error}", delivery.event, delivery.state, delivery.channel))?;
    }
    Ok(())
}

pub(super) async fn acknowledge(args: &AckArgs, context: &Context) -> Outcome {
    let store = store(context).await?;
    found(&store, &args.id).await?;
    let deed = deed(context, Action::AlertAcknowledged, &args.id).saying(args.by.as_deref().unwrap_or_default());
    store.records.acknowledge_alert(&args.id, args.by.as_deref(), &deed).await.map_err(failed)?;
    Ok(output::line(format_args!("{} is acknowledged", args.id))?)
}

pub(super) async fn mute(args: &MuteArgs, context: &Context) -> Outcome {
    let (store, now) = (store(context).await?, context.clock.now());
    let until = now.plus(args.days * UnixTime::DAY_SECONDS);
    let mute = Mute { rule: args.rule.clone(), until, note: args.note.clone() };
    let deed = deed(context, Action::RuleMuted, &args.rule).saying(format!("until {until}: {}", args.note));
    store.records.mute(&mute, &deed).await.map_err(failed)?;
    Ok(output::line(format_args!("{} is muted until {until}", args.rule))?)
}

pub(super) async fn unmute(args: &UnmuteArgs, context: &Context) -> Outcome {
    let was = store(context)
        .await?
        .records
        .unmute(&args.rule, &deed(context, Action::RuleUnmuted, &args.rule))
        .await
        .map_err(failed)?;
    Ok(output::line(format_args!("{} {}", args.rule, if was { "speaks again" } else { "was not muted" }))?)
}

pub(super) async fn plan(args: &PlanArgs, context: &Context) -> Outcome {
    let store = store(context).await?;
    if let Some(id) = args.remove {
        return match store
            .records
            .remove_annotation(id, &deed(context, Action::PlanRemoved, &id.to_string()))
            .await
            .map_err(failed)?
        {
            true => Ok(output::line(format_args!("planned event {id} is forgotten"))?),
            false => Err(Failure::Failed(format!("there is no planned event {id}: `mrrd alerts plan` lists them"))),
        };
    }
    if let (Some(first), Some(last), Some(note)) = (args.first, args.last, &args.note) {
        if first > last {
            return Err(Failure::Usage(format!("{first} is after {last}")));
        }
        let planned = Annotation { id: 0, first, last, kind: AnnotationKind::Planned, note: note.clone() };
        let deed = deed(context, Action::EventPlanned, &format!("{first} to {last}")).saying(note.as_str());
        let id = store.records.annotate(&planned, &deed).await.map_err(failed)?;
        return Ok(output::line(format_args!("planned event {id}: {first} to {last}, {note}"))?);
    }
    let planned = store.records.annotations().await.map_err(failed)?;
    if args.json {
        let entry = |one: &Annotation| json!({"id": one.id, "from": one.first.to_string(), "to": one.last.to_string(), "kind": one.kind.as_str(), "note": one.note});
        return Ok(output::json(&planned.iter().map(entry).collect::<Vec<_>>())?);
    }
    for one in planned {
        output::line(format_args!("{}  {} to {}  {}", one.id, one.first, one.last, one.note))?;
    }
    Ok(())
}
