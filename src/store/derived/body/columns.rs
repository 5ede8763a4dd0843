//! The derived rows, column by column: what is written and how it is read again stand side by side.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    reader::{Columns, DOING, Read, parsed, word},
    rows::{TableRows, Values},
};
use crate::{
    ledger::{
        ahead::{Prospect, ProspectKind},
        fact::{Interval, IntervalUnit},
        ids::EventId,
        money::{Currency, Decimal, Mrr},
        outcome::*,
        time::Day,
    },
    store::{errors::corrupt, log::prepared::clean},
};

/// A derived table: after generation, profile, livemode, account and customer come `lead` and `columns`.
pub(in super::super) struct Table {
    pub(in super::super) name: &'static str,
    /// What tells the rows of one customer apart, and what readers need beside it: the test clock, and a movement's place in
    /// the list of them.
    pub(super) lead: &'static str,
    pub(in super::super) columns: &'static str,
    /// The order of a customer's rows.
    pub(in super::super) order: &'static str,
}

impl Table {
    /// The columns of a whole row, and how many they are.
    pub(super) fn whole(&self) -> (String, usize) {
        let lead = if self.lead.is_empty() { String::new() } else { format!("{}, ", self.lead) };
        let columns = format!("generation, profile, livemode, account, customer, {lead}{}", self.columns);
        let width = columns.split(',').count();
        (columns, width)
    }

    /// What the row says, each column of the table as `alias`.
    pub(super) fn columns_of(&self, alias: &str) -> String {
        self.columns.split(", ").map(|column| format!("{alias}.{}", column.trim())).collect::<Vec<_>>().join(", ")
    }

    /// Whether a customer's rows are numbered, in the order of time.
    pub(in super::super) fn numbered(&self) -> bool {
        self.lead.starts_with("ordinal")
    }

    /// So many rows of it, one for each of `of`.
    pub(super) fn rows<T>(&self, of: &[T], bind: impl Fn(Values, &T) -> Values) -> TableRows {
        let (columns, width) = self.whole();
        let rows = of.iter().map(|one| bind(Values::with_width(width), one)).collect();
        TableRows { table: self.name, columns, rows }
    }
}

pub(in super::super) const CUSTOMER: Table = Table {
    name: "customer_ledger",
    lead: "test_clock",
    columns: "country, first_mrr_at, metadata",
    order: "customer",
};
pub(in super::super) const DELTA: Table = Table {
    name: "item_delta",
    lead: "ordinal, test_clock",
    columns: "at, day, currency, subscription, item, product, price, interval, mrr, list, estimated, at_risk, \
              scheduled_churn",
    order: "ordinal",
};
pub(in super::super) const COUNT: Table = Table {
    name: "count_delta",
    lead: "ordinal, test_clock",
    columns: "at, day, currency, customers, subscriptions, trials",
    order: "ordinal",
};
pub(in super::super) const MOVEMENT: Table = Table {
    name: "movement",
    lead: "ordinal, test_clock, id",
    columns: "currency, day, window_start, effective_at, kind, amount, mrr_before, mrr_after, visible_from, visible_until",
    order: "ordinal",
};
pub(in super::super) const PART: Table = Table {
    name: "movement_part",
    lead: "ordinal, part, moved_on, moved_at",
    columns: "subscription, item, cause, amount, effective_at, before_product, before_price, before_interval, \
              before_quantity, before_amount, after_product, after_price, after_interval, after_quantity, after_amount, \
              events, feedback, end_reason",
    order: "ordinal, part",
};
pub(in super::super) const SUBSCRIPTION: Table = Table {
    name: "subscription_ledger",
    lead: "",
    columns: "subscription, status, currency, mrr, started_at, ended_at, ends_at, event",
    order: "subscription",
};
pub(in super::super) const QUALITY: Table = Table {
    name: "quality",
    lead: "ordinal",
    columns: "kind, object, event, at, until, detail, settle",
    order: "ordinal",
};
pub(in super::super) const TRIAL: Table = Table {
    name: "trial",
    lead: "ordinal",
    columns: "subscription, started_at, ended_at, converted_at",
    order: "ordinal",
};

pub(in super::super) const PROSPECT: Table = Table {
    name: "prospect",
    lead: "ordinal, test_clock",
    columns: "shown_from, shown_until, at, kind, known_at, subscription, item, product, price, currency, amount, \
              estimated, event, detail",
    order: "ordinal",
};

/// All of them; the one that names the customers comes last, so that whoever deletes by it never leaves rows behind.
pub(in super::super) const TABLES: [Table; 9] =
    [DELTA, COUNT, PART, MOVEMENT, SUBSCRIPTION, QUALITY, TRIAL, PROSPECT, CUSTOMER];

fn interval_or_null(columns: &mut Columns<'_>) -> Read<Option<Interval>> {
    columns.str_or_null()?.map(interval).transpose()
}

/// The text of an [`Interval`] again.
fn interval(text: &str) -> Read<Interval> {
    let (count, unit) = text.split_once(' ').unwrap_or(("1", text));
    let unit = match unit {
        "day" => IntervalUnit::Day,
        "week" => IntervalUnit::Week,
        "month" => IntervalUnit::Month,
        "year" => IntervalUnit::Year,
        _ => return Err(corrupt(DOING, format!("{text:?} is not an interval"))),
    };
    Ok(Interval { unit, count: parsed(count, "count of intervals")? })
}

/// Units as their column holds them. `sum::amounts_fit` has refused what doesn't fit before anything is bound.
pub(super) fn units(amount: Mrr) -> i64 {
    i64::try_from(amount.0).unwrap_or(if amount.0 < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn bind_delta(query: Values, row: &Delta) -> Values {
    query
        .bind(row.at.0)
        .bind(row.day.to_string())
        .bind(row.currency.to_string())
        .bind(clean(row.subscription.as_str()))
        .bind(clean(row.item.as_str()))
        .bind(row.product.as_ref().map(|product| clean(product.as_str())))
        .bind(clean(row.price.as_str()))
        .bind(row.interval.map(|interval| interval.to_string()))
        .bind(units(row.mrr))
        .bind(units(row.list))
        .bind(units(row.estimated))
        .bind(units(row.at_risk))
        .bind(units(row.scheduled_churn))
}

pub(in super::super) fn read_delta(columns: &mut Columns<'_>) -> Read<Delta> {
    Ok(Delta {
        at: columns.time()?,
        day: columns.parsed("day")?,
        currency: columns.parsed("currency")?,
        subscription: columns.id()?,
        item: columns.id()?,
        product: columns.str_or_null()?.map(|product| Arc::<str>::from(product).into()),
        price: columns.id()?,
        interval: interval_or_null(columns)?,
        mrr: columns.mrr()?,
        list: columns.mrr()?,
        estimated: columns.mrr()?,
        at_risk: columns.mrr()?,
        scheduled_churn: columns.mrr()?,
    })
}

pub(super) fn bind_count(query: Values, row: &CountDelta) -> Values {
    query
        .bind(row.at.0)
        .bind(row.day.to_string())
        .bind(row.currency.map(|currency| currency.to_string()).unwrap_or_default())
        .bind(row.customers)
        .bind(row.subscriptions)
        .bind(row.trials)
}

pub(in super::super) fn read_count(columns: &mut Columns<'_>) -> Read<CountDelta> {
    Ok(CountDelta {
        at: columns.time()?,
        day: columns.parsed::<Day>("day")?,
        currency: Some(columns.str()?)
            .filter(|text| !text.is_empty())
            .map(|text| parsed::<Currency>(text, "currency"))
            .transpose()?,
        customers: columns.number()?,
        subscriptions: columns.number()?,
        trials: columns.number()?,
    })
}

pub(super) fn bind_movement(query: Values, row: &Movement) -> Values {
    query
        .bind(row.currency.to_string())
        .bind(row.day.to_string())
        .bind(row.window.0)
        .bind(row.effective_at.0)
        .bind(row.kind.as_str())
        .bind(units(row.amount))
        .bind(units(row.before))
        .bind(units(row.after))
        .bind(row.visible_from.0)
        .bind(row.visible_until.map(|until| until.0))
}

/// Without its parts: they are rows of their own.
pub(in super::super) fn read_movement(columns: &mut Columns<'_>) -> Read<Movement> {
    Ok(Movement {
        currency: columns.parsed("currency")?,
        day: columns.parsed("day")?,
        window: columns.time()?,
        effective_at: columns.time()?,
        kind: word(columns.str()?, Kind::parse, "kind of movement")?,
        amount: columns.mrr()?,
        before: columns.mrr()?,
        after: columns.mrr()?,
        visible_from: columns.time()?,
        visible_until: columns.time_or_null()?,
        parts: Vec::new(),
    })
}

pub(super) fn bind_part(query: Values, row: &Part) -> Values {
    let query = query
        .bind(clean(row.subscription.as_str()))
        .bind(clean(row.item.as_str()))
        .bind(row.cause.as_str())
        .bind(units(row.amount))
        .bind(row.effective_at.0);
    let query = bind_side(bind_side(query, row.before.as_ref()), row.after.as_ref());
    let events: Vec<String> = row.events.iter().map(|event| clean(event.as_str())).collect();
    query.bind(events.join(" ")).bind(row.feedback.as_deref().map(clean)).bind(row.end_reason.map(Cause::as_str))
}

fn bind_side(query: Values, side: Option<&Side>) -> Values {
    query
        .bind(side.and_then(|side| side.product.as_ref()).map(|product| clean(product.as_str())))
        .bind(side.map(|side| clean(side.price.as_str())))
        .bind(side.and_then(|side| side.interval).map(|interval| interval.to_string()))
        .bind(side.and_then(|side| side.quantity).map(|quantity| quantity.to_string()))
        .bind(side.map(|side| units(side.amount)))
}

pub(in super::super) fn read_part(columns: &mut Columns<'_>) -> Read<Part> {
    Ok(Part {
        subscription: columns.id()?,
        item: columns.id()?,
        cause: word(columns.str()?, Cause::parse, "cause")?,
        amount: columns.mrr()?,
        effective_at: columns.time()?,
        before: read_side(columns)?,
        after: read_side(columns)?,
        events: columns.str()?.split(' ').filter(|event| !event.is_empty()).map(EventId::from).collect(),
        feedback: columns.str_or_null()?.map(Into::into),
        end_reason: columns.str_or_null()?.map(|text| word(text, Cause::parse, "cause")).transpose()?,
    })
}

fn read_side(columns: &mut Columns<'_>) -> Read<Option<Side>> {
    let product = columns.str_or_null()?;
    let price = columns.str_or_null()?;
    let interval = interval_or_null(columns)?;
    let quantity = columns.str_or_null()?;
    let amount = columns.number_or_null()?;
    let Some(price) = price else { return Ok(None) };
    Ok(Some(Side {
        product: product.map(|product| Arc::<str>::from(product).into()),
        price: Arc::<str>::from(price).into(),
        interval,
        quantity: quantity.map(|text| parsed::<Decimal>(text, "quantity")).transpose()?,
        amount: Mrr(amount.unwrap_or_default().into()),
    }))
}

pub(super) fn bind_subscription(query: Values, row: &SubscriptionLedger) -> Values {
    query
        .bind(clean(row.id.as_str()))
        .bind(clean(&row.status))
        .bind(row.currency.map(|currency| currency.to_string()))
        .bind(units(row.mrr))
        .bind(row.started_at.0)
        .bind(row.ended_at.map(|at| at.0))
        .bind(row.ends_at.map(|at| at.0))
        .bind(clean(row.event.as_str()))
}

pub(in super::super) fn read_subscription(columns: &mut Columns<'_>) -> Read<SubscriptionLedger> {
    Ok(SubscriptionLedger {
        id: columns.id()?,
        status: columns.str()?.into(),
        currency: columns.str_or_null()?.map(|text| parsed(text, "currency")).transpose()?,
        mrr: columns.mrr()?,
        started_at: columns.time()?,
        ended_at: columns.time_or_null()?,
        ends_at: columns.time_or_null()?,
        event: columns.id()?,
    })
}

pub(super) fn bind_quality(query: Values, row: &QualityEntry) -> Values {
    query
        .bind(row.kind.as_str())
        .bind(clean(&row.object))
        .bind(row.event.as_ref().map(|event| clean(event.as_str())))
        .bind(row.at.0)
        .bind(row.until.map(|until| until.0))
        .bind(clean(&row.detail))
        .bind(clean(&row.settle))
}

pub(in super::super) fn read_quality(columns: &mut Columns<'_>) -> Read<QualityEntry> {
    Ok(QualityEntry {
        kind: word(columns.str()?, QualityKind::parse, "kind of quality entry")?,
        object: columns.str()?.into(),
        event: columns.str_or_null()?.map(EventId::new),
        at: columns.time()?,
        until: columns.time_or_null()?,
        detail: columns.text()?,
        settle: columns.text()?,
    })
}

pub(super) fn bind_trial(query: Values, row: &Trial) -> Values {
    let query = query.bind(clean(row.subscription.as_str())).bind(row.started_at.0).bind(row.ended_at.0);
    query.bind(row.converted_at.map(|at| at.0))
}

pub(in super::super) fn read_trial(columns: &mut Columns<'_>) -> Read<Trial> {
    Ok(Trial {
        subscription: columns.id()?,
        started_at: columns.time()?,
        ended_at: columns.time()?,
        converted_at: columns.time_or_null()?,
    })
}

pub(super) fn bind_prospect(query: Values, row: &Prospect) -> Values {
    query
        .bind(row.shown_from.0)
        .bind(row.shown_until.map(|until| until.0))
        .bind(row.at.0)
        .bind(row.kind.as_str())
        .bind(row.known_at.0)
        .bind(clean(row.subscription.as_str()))
        .bind(row.item.as_ref().map(|item| clean(item.as_str())))
        .bind(row.product.as_ref().map(|product| clean(product.as_str())))
        .bind(row.price.as_ref().map(|price| clean(price.as_str())))
        .bind(row.currency.map(|currency| currency.to_string()))
        .bind(row.amount.map(units))
        .bind(row.estimated)
        .bind(row.event.as_ref().map(|event| clean(event.as_str())))
        .bind(row.detail.as_deref().map(clean))
}

pub(in super::super) fn read_prospect(columns: &mut Columns<'_>) -> Read<Prospect> {
    fn id_or_null<T: From<Arc<str>>>(columns: &mut Columns<'_>) -> Read<Option<T>> {
        Ok(columns.str_or_null()?.map(|text| Arc::<str>::from(text).into()))
    }
    Ok(Prospect {
        shown_from: columns.time()?,
        shown_until: columns.time_or_null()?,
        at: columns.time()?,
        kind: word(columns.str()?, ProspectKind::parse, "kind of what is known ahead")?,
        known_at: columns.time()?,
        subscription: columns.id()?,
        item: id_or_null(columns)?,
        product: id_or_null(columns)?,
        price: id_or_null(columns)?,
        currency: columns.str_or_null()?.map(|text| parsed(text, "currency")).transpose()?,
        amount: columns.number_or_null()?.map(|units| Mrr(units.into())),
        estimated: columns.truth()?,
        event: id_or_null(columns)?,
        detail: columns.str_or_null()?.map(Into::into),
    })
}

pub(super) fn bind_customer(query: Values, row: &CustomerLedger) -> Values {
    // Texts by text always serialise.
    let metadata = serde_json::to_string(&row.metadata).unwrap_or_default();
    query.bind(row.country.as_deref().map(clean)).bind(row.first_mrr_at.map(|at| at.0)).bind(clean(&metadata))
}

/// Without what the other tables hold.
pub(in super::super) fn read_customer(columns: &mut Columns<'_>) -> Read<CustomerLedger> {
    Ok(CustomerLedger {
        test_clock: Some(columns.str()?).filter(|clock| !clock.is_empty()).map(|clock| Arc::<str>::from(clock).into()),
        country: columns.str_or_null()?.map(Into::into),
        first_mrr_at: columns.time_or_null()?,
        metadata: read_metadata(columns)?,
        ..CustomerLedger::default()
    })
}

/// A customer's metadata, as `bind_customer` writes it.
pub(super) fn read_metadata(columns: &mut Columns<'_>) -> Read<BTreeMap<Arc<str>, Arc<str>>> {
    serde_json::from_str(columns.str()?).map_err(|error| corrupt(DOING, format!("metadata: {error}")))
}
