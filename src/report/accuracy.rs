//! The answer of `/api/v1/accuracy`: what was reported of each closed month against what is known of it now, and how far each
//! reported figure can be trusted (rule `classes`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Ask,
    last_audit::LastAudit,
    metrics::Metric,
    money::Exact,
    month::Month,
    question::Asked,
    restatements::Restatement,
    service::{AskError, Reports, one_currency},
    table::Table,
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ids::EventId,
        metrics,
        money::{Currency, Mrr},
        outcome::QualityKind,
    },
    store::derived::reports::{AccountScope, QualityAsked},
};

/// Quality entries read at once.
const PAGE: i64 = 1000;
/// Under so many customers a figure rests on few.
const FEW: u64 = 30;

/// How far closed months can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccuracyAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// The connected account that the entries are of, or `all`; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// The last time the figures were held against Stripe's own (`mrrd audit --csv`, `--metrics`); null where they never were, and
    /// of a day before now, which nobody keeps.
    pub last_audit: Option<LastAudit>,
    /// In order of month and currency; empty where no month is closed.
    pub data: Vec<AccuracyEntry>,
}

/// A closed month's MRR in one currency: `reported` + `restated` = `now`, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccuracyEntry {
    /// The calendar month, such as `2026-10`.
    #[schema(value_type = String)]
    pub month: Month,
    /// The currency of every amount.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// When the month was closed.
    pub closed_at: String,
    /// The log up to here made the reported figures.
    #[schema(value_type = i64)]
    pub closed_seq: Seq,
    /// MRR at the month's end as it was closed, in minor units.
    pub reported: i128,
    /// `reported` exactly, to 10⁻⁶ of a minor unit.
    pub reported_exact: Exact,
    /// What is known of it now, in minor units.
    pub now: i128,
    /// `now` exactly, to 10⁻⁶ of a minor unit.
    pub now_exact: Exact,
    /// By how much it was restated since, in minor units.
    pub restated: i128,
    /// `restated` exactly, to 10⁻⁶ of a minor unit.
    pub restated_exact: Exact,
    /// The share of what was reported that was restated, whatever its sign.
    pub restated_share: Metric,
    /// Customers with a figure of the month that is another now.
    pub restated_customers: u64,
    /// Which events brought that, by their type; none where only rules changed.
    pub causes: Vec<AccuracyCause>,
    /// Which rules are others now than when the month was closed: `profile`, `rates`, `ledger`, …
    pub rules_changed: Vec<String>,
    /// What was reported on estimates, in minor units.
    pub estimated: i128,
    /// `estimated` exactly, to 10⁻⁶ of a minor unit.
    pub estimated_exact: Exact,
    /// The share of what was reported that rests on estimates.
    pub estimated_share: Metric,
    /// Paying customers at the month's end, as it was closed.
    pub customers: u64,
    /// Of the month's customers those with quality entries that stand now.
    pub customers_in_quality: u64,
    /// How far what was reported can be trusted.
    pub class: Class,
    /// Why it isn't essential; null where it is.
    pub class_reason: Option<&'static str>,
}

/// Events of one type that changed what was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccuracyCause {
    /// Their type, e.g. `customer.subscription.updated`.
    pub event_type: String,
    /// How many events of this type changed the figure.
    pub events: u64,
}

/// How far a figure can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Exact, of a closed period, nothing in it estimated or unpriced.
    Essential,
    /// Exact, but resting on few, on something estimated, or with quality entries about its customers.
    Supporting,
    /// Of a period that still runs, or isn't closed: it will change.
    ShortTerm,
}

/// What a closed figure is judged by.
#[derive(Clone, Copy, Debug, Default)]
struct Ground {
    customers: u64,
    estimated: Mrr,
    in_quality: u64,
}

impl Class {
    /// The class of a closed figure, and why it isn't essential.
    fn for_ground(ground: Ground) -> (Self, Option<&'static str>) {
        let reason = if ground.estimated != Mrr::ZERO {
            "something of it rests on estimates"
        } else if ground.in_quality > 0 {
            "quality entries stand about its customers"
        } else if ground.customers < FEW {
            "it rests on fewer than 30 customers"
        } else {
            return (Self::Essential, None);
        };
        (Self::Supporting, Some(reason))
    }

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Supporting => "supporting",
            Self::ShortTerm => "short_term",
        }
    }
}

impl Reports<'_> {
    /// Each closed month as it was reported, held against now.
    pub async fn accuracy(&self, ask: &Ask) -> Result<AccuracyAnswer, AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let seq = view.seq();
        let mut changed: BTreeMap<(Month, Currency), Vec<Restatement>> = BTreeMap::new();
        for one in self.restatements(ask, None).await?.data {
            changed.entry((one.month, one.currency)).or_default().push(one);
        }
        let in_quality = self.customers_in_quality(&*view, &scope).await?;
        let mut data = Vec::new();
        for closing in self.closings_at(seq).await? {
            let month = closing.month;
            let asked = ask.from.is_none_or(|from| month.last() >= from) && ask.to.is_none_or(|to| month.first() <= to);
            if closing.profile != scope.profile || scope.test_clock.is_some() || !asked {
                continue;
            }
            let mut stood: BTreeMap<Currency, (Mrr, Ground)> = BTreeMap::new();
            for total in self.store.records.closed_totals(&closing).await? {
                if !scope.includes(total.livemode, total.account.as_ref()) {
                    continue;
                }
                let (reported, ground) = stood.entry(total.currency).or_default();
                let add = |sum: Mrr| sum.checked_add(total.amount).ok_or(ReportError::Overflow);
                match &*total.line {
                    "closing" => *reported = add(*reported)?,
                    "estimated" => ground.estimated = add(ground.estimated)?,
                    "customers" => {
                        let count = u64::try_from(total.amount.0 / Mrr::MINOR).map_err(|_| ReportError::Overflow)?;
                        ground.customers = ground.customers.checked_add(count).ok_or(ReportError::Overflow)?;
                    }
                    _ => {}
                }
            }
            for one in self.store.records.closed_customers(&closing).await? {
                if scope.includes(one.key.livemode, one.key.account.as_ref()) && in_quality.contains(&one.key) {
                    stood.entry(one.currency).or_default().1.in_quality += 1;
                }
            }
            for (currency, (reported, ground)) in stood {
                if ask.own_currency().is_some_and(|own| own != currency) {
                    continue;
                }
                let restatements = changed.remove(&(month, currency)).unwrap_or_default();
                let mut restated = Mrr::ZERO;
                for one in &restatements {
                    let moved = one.after.closing_exact.0.checked_sub(one.before.closing_exact.0);
                    restated = moved.and_then(|moved| restated.checked_add(moved)).ok_or(ReportError::Overflow)?;
                }
                let now = reported.checked_add(restated).ok_or(ReportError::Overflow)?;
                let share = |part: Mrr| Metric::from(metrics::mrr_share(part, reported));
                let (class, class_reason) = Class::for_ground(ground);
                data.push(AccuracyEntry {
                    month,
                    currency,
                    closed_at: closing.closed_at.to_string(),
                    closed_seq: closing.seq,
                    reported: reported.minor(),
                    reported_exact: Exact(reported),
                    now: now.minor(),
                    now_exact: Exact(now),
                    restated: restated.minor(),
                    restated_exact: Exact(restated),
                    restated_share: share(Mrr(restated.0.saturating_abs())),
                    restated_customers: restatements.len() as u64,
                    causes: self.kinds_of(&restatements).await?,
                    rules_changed: restatements.first().map(|one| one.rules_changed.clone()).unwrap_or_default(),
                    estimated: ground.estimated.minor(),
                    estimated_exact: Exact(ground.estimated),
                    estimated_share: share(ground.estimated),
                    customers: ground.customers,
                    customers_in_quality: ground.in_quality,
                    class,
                    class_reason,
                });
            }
        }
        data.sort_by_key(|entry| (entry.month, entry.currency));
        Ok(AccuracyAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            account: match &ask.account {
                AccountScope::One(account) => account.as_ref().map(ToString::to_string),
                AccountScope::All => Some("all".to_owned()),
            },
            as_known_at_seq: seq,
            last_audit: match ask.as_known_at {
                None => LastAudit::last(&self.store.records).await?,
                Some(_) => None,
            },
            data,
        })
    }

    /// Customers of whom something isn't known that figures rest on.
    async fn customers_in_quality(
        &self,
        view: &dyn super::view::View,
        scope: &crate::store::derived::reports::Scope,
    ) -> Result<BTreeSet<CustomerKey>, AskError> {
        let (mut all, mut after) = (BTreeSet::new(), None);
        loop {
            let rows = view.quality_page(scope, &QualityAsked::All, after.as_ref(), PAGE).await?;
            let read = rows.len();
            after = rows.last().map(|(position, _)| position.clone());
            // What was read off later events is known by now.
            let open =
                |kind: QualityKind| !matches!(kind, QualityKind::DurationInferred | QualityKind::DiscountEstimated);
            all.extend(rows.into_iter().filter(|(_, row)| open(row.entry.kind)).map(|(_, row)| CustomerKey {
                livemode: scope.livemode,
                account: row.account,
                customer: row.customer,
            }));
            if i64::try_from(read).is_ok_and(|read| read < PAGE) {
                return Ok(all);
            }
        }
    }

    /// The types of the events that restated something.
    async fn kinds_of(&self, restatements: &[Restatement]) -> Result<Vec<AccuracyCause>, AskError> {
        let ids: BTreeSet<&str> = restatements.iter().flat_map(|one| &one.events).map(String::as_str).collect();
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for id in ids {
            if let Some(event) = self.store.log.event(&EventId::from(id)).await? {
                *kinds.entry(event.kind).or_default() += 1;
            }
        }
        Ok(kinds.into_iter().map(|(event_type, events)| AccuracyCause { event_type, events }).collect())
    }
}

impl AccuracyAnswer {
    /// One row a month and currency.
    pub fn table(&self) -> Table {
        let columns = vec![
            "month",
            "account",
            "currency",
            "reported_exact",
            "now_exact",
            "restated_exact",
            "restated_customers",
            "causes",
            "rules_changed",
            "estimated_exact",
            "customers",
            "customers_in_quality",
            "class",
            "class_reason",
        ];
        let row = |entry: &AccuracyEntry| {
            let causes = entry.causes.iter().map(|cause| format!("{} {}", cause.events, cause.event_type));
            vec![
                entry.month.to_string(),
                self.account.clone().unwrap_or_default(),
                entry.currency.to_string(),
                entry.reported_exact.to_string(),
                entry.now_exact.to_string(),
                entry.restated_exact.to_string(),
                entry.restated_customers.to_string(),
                causes.collect::<Vec<_>>().join(", "),
                entry.rules_changed.join(", "),
                entry.estimated_exact.to_string(),
                entry.customers.to_string(),
                entry.customers_in_quality.to_string(),
                entry.class.as_str().to_owned(),
                entry.class_reason.unwrap_or_default().to_owned(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }.telling_converted(self.converted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule `classes`.
    #[test]
    fn a_closed_figure_is_essential_only_where_nothing_speaks_against_it() {
        let sound = Ground { customers: FEW, estimated: Mrr::ZERO, in_quality: 0 };
        assert_eq!(Class::for_ground(sound), (Class::Essential, None));
        for (ground, word) in [
            (Ground { customers: FEW - 1, ..sound }, "30"),
            (Ground { estimated: Mrr(1), ..sound }, "estimates"),
            (Ground { in_quality: 1, ..sound }, "quality"),
        ] {
            let (class, reason) = Class::for_ground(ground);
            assert_eq!(class, Class::Supporting);
            assert!(reason.unwrap().contains(word), "{reason:?}");
        }
    }
}
