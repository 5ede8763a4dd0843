//! `mrrd quality`: what couldn't be known, and what would settle it.

use super::{Context, Failure, Outcome, ask, open_to_read, up_to_date};
use crate::{
    event::{ReadAs, Seq},
    limits,
    report::{
        quality::{QualityItem, QualityList},
        service::Reports,
        thin,
    },
    store::{derived::reports::QualityAsked, log::EventFilter},
};

/// Lists unreadable and unfilled thin events, unpriced items, unresolved discounts, gaps, ties and overdue changes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd quality\n  mrrd quality --profile finance --format csv")]
pub(super) struct Args {
    #[command(flatten)]
    ledger: ask::Ledger,
    #[command(flatten)]
    output: ask::Output,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let question = args.ledger.ask();
    let mut data = Vec::new();
    let missing = reports.missing_subscriptions(&question).await.map_err(ask::failure)?;
    data.extend(missing.map(|missing| QualityItem::missing(&missing, context.clock.now())));
    let (unreadable, mut seq) =
        (EventFilter { reading: Some(ReadAs::Unreadable), ..EventFilter::default() }, Seq::START);
    loop {
        let page = store.log.events(&unreadable, seq, limits::LOG_PAGE_EVENTS).await;
        let page = page.map_err(|error| Failure::Failed(format!("the log can't be read: {error}")))?;
        let Some(last) = page.last() else { break };
        seq = last.seq;
        data.extend(page.iter().map(QualityItem::unreadable));
    }
    let mut after = Some(Seq::START);
    while let Some(seq) = after {
        let page = thin::unfilled(store.reader(), &EventFilter::default(), seq, usize::MAX).await;
        let (rows, next) = page.map_err(|error| Failure::Failed(format!("the log can't be read: {error}")))?;
        data.extend(rows.iter().map(QualityItem::unfilled));
        after = next;
    }
    let mut after = None;
    loop {
        let page = reports.quality(&question, &QualityAsked::All, after.as_ref(), limits::LOG_PAGE_EVENTS).await;
        let (rows, next) = page.map_err(ask::failure)?;
        data.extend(rows.iter().map(QualityItem::from));
        after = next;
        if after.is_none() {
            break;
        }
    }
    let profile = reports.profile(&question).map_err(ask::failure)?.name.as_ref().into();
    let converted = reports.reporting(&question).is_some();
    let mut told = ask::told(&reports, &question, false).await.map_err(ask::failure)?;
    if data.is_empty() {
        told.notices.push(reports.nothing_unknown(&question).await.map_err(ask::failure)?);
    }
    let list = QualityList { profile, converted, data, next_cursor: None };
    Ok(args.output.print_as(&list, &told, QualityList::table, QualityList::text)?)
}
