//! Answers in the shapes of ChartMogul's API, so that its client libraries read this ledger (docs/interface.md 3).
//!
//! Money is in minor units, rates are percentages, and dates are the last days of periods, as ChartMogul writes them. Where
//! mrrd says that a figure has no value, ChartMogul writes 0, and so does this; `/api/v1/metrics` tells the two apart.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use super::{
    metrics::{Metric, MetricsAnswer, MetricsEntry},
    mrr::MrrEntry,
};
use crate::{
    ledger::{money::Mrr, outcome::Kind},
    store::derived::reports::MovementRow,
};

/// One figure of ChartMogul's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// MRR at the end of the period.
    Mrr,
    /// Twelve times the MRR at the end.
    Arr,
    /// MRR at the end over the customers who pay then.
    Arpa,
    /// New MRR per new customer.
    Asp,
    /// Paying customers at the end.
    Customers,
    /// The customer churn of the period, in percent.
    CustomerChurnRate,
    /// Net MRR churn, in percent.
    MrrChurnRate,
    /// ARPA over the customer churn of a month.
    Ltv,
}

impl Figure {
    /// Every figure, in the order in which ChartMogul lists them.
    pub const ALL: [Self; 8] = [
        Self::Mrr,
        Self::Arr,
        Self::Arpa,
        Self::Asp,
        Self::Customers,
        Self::CustomerChurnRate,
        Self::MrrChurnRate,
        Self::Ltv,
    ];

    /// The name of its field in ChartMogul's answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mrr => "mrr",
            Self::Arr => "arr",
            Self::Arpa => "arpa",
            Self::Asp => "asp",
            Self::Customers => "customers",
            Self::CustomerChurnRate => "customer-churn-rate",
            Self::MrrChurnRate => "mrr-churn-rate",
            Self::Ltv => "ltv",
        }
    }

    /// The last part of its address.
    pub fn route(self) -> &'static str {
        match self {
            Self::Customers => "customer-count",
            other => other.name(),
        }
    }

    /// Its value, in millionths: of a minor unit, a customer or a percent. 0 where there is none.
    fn value(self, entry: &MetricsEntry) -> i128 {
        let money = |metric: &Metric| Mrr(value(metric)).minor().saturating_mul(MILLION);
        match self {
            Self::Mrr => money(&entry.mrr),
            Self::Arr => money(&entry.arr),
            Self::Arpa => money(&entry.arpa),
            Self::Asp => money(&entry.asp),
            Self::Customers => millionths(&entry.arpa.denominator).unwrap_or(0),
            Self::CustomerChurnRate => value(&entry.customer_churn).saturating_mul(100),
            Self::MrrChurnRate => value(&entry.net_mrr_churn).saturating_mul(100),
            Self::Ltv => money(&entry.ltv),
        }
    }
}

const MILLION: i128 = 1_000_000;

fn value(metric: &Metric) -> i128 {
    metric.millionths.unwrap_or(0)
}

/// Reads a decimal of at most six places.
fn millionths(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: i128 = whole.parse().ok()?;
    let places: i128 = format!("{places:0<6}").parse().ok()?;
    Some(sign * (whole.checked_mul(MILLION)?.checked_add(places)?))
}

/// A JSON number of these millionths, at most four places.
fn number(millionths: i128) -> Number {
    let hundred = millionths.checked_add(50 * millionths.signum()).unwrap_or(millionths) / 100;
    let sign = if hundred < 0 { "-" } else { "" };
    let (whole, places) = (hundred.unsigned_abs() / 10_000, hundred.unsigned_abs() % 10_000);
    let text = format!("{sign}{whole}.{places:04}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // A decimal is always a JSON number.
    text.parse().unwrap_or_else(|_| Number::from(0))
}

/// How much more `current` is than `previous`, in percent; 0 where there was nothing before, as ChartMogul has it.
fn change(current: i128, previous: i128) -> Number {
    let grown = current.saturating_sub(previous).saturating_mul(100 * MILLION).checked_div(previous.abs());
    // One place, as ChartMogul writes it.
    let (tenth, grown) = (MILLION / 10, grown.unwrap_or(0));
    number(grown.saturating_add(tenth / 2 * grown.signum()) / tenth * tenth)
}

/// Entries over time with a summary.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChartMogulSeries)]
pub struct Series {
    /// The currency of its amounts, in capitals; null where there are none.
    pub currency: Option<String>,
    /// Whether everything is converted into that currency.
    pub converted: bool,
    /// One a period, in order of time.
    pub entries: Vec<Entry>,
    /// The last 30 days beside the 30 days before: `current`, `previous` and `percentage-change`.
    #[schema(value_type = BTreeMap<String, f64>)]
    pub summary: BTreeMap<String, Number>,
}

/// The figures of one period.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChartMogulEntry)]
pub struct Entry {
    /// The last day of the period, `2026-01-31`.
    pub date: String,
    /// Its figures by name: money in minor units, rates in percent.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub figures: BTreeMap<&'static str, Number>,
}

impl Series {
    /// One figure over `entries`, with the summary of two windows of 30 days. For MRR, `lines` are its movements.
    pub fn of_one(figure: Figure, entries: &[MetricsEntry], windows: &[MetricsEntry], lines: &[MrrEntry]) -> Self {
        let mut before: Option<i128> = None;
        let entry = |entry: &MetricsEntry| {
            let now = figure.value(entry);
            let mut figures = BTreeMap::from([(figure.name(), number(now))]);
            figures.insert("percentage-change", change(now, before.unwrap_or(0)));
            before = Some(now);
            if let Some(line) = lines.iter().find(|line| line.start == entry.start) {
                for (name, amount) in [
                    ("mrr-new-business", line.new),
                    ("mrr-expansion", line.expansion),
                    ("mrr-contraction", line.contraction),
                    ("mrr-churn", line.churn),
                    ("mrr-reactivation", line.reactivation),
                ] {
                    figures.insert(name, number(amount.saturating_mul(MILLION)));
                }
            }
            Entry { date: entry.end.to_string(), figures }
        };
        let summary = summary(figure, windows, "", "");
        Self { currency: None, converted: false, entries: entries.iter().map(entry).collect(), summary }
    }

    /// Every figure of each entry, with a summary over `windows`.
    pub fn of_all(entries: &[MetricsEntry], windows: &[MetricsEntry]) -> Self {
        let figures = |entry: &MetricsEntry| Figure::ALL.map(|figure| (figure.name(), number(figure.value(entry))));
        let entry = |entry: &MetricsEntry| Entry { date: entry.end.to_string(), figures: figures(entry).into() };
        let of =
            |figure: Figure| summary(figure, windows, &format!("-{}", figure.name()), &format!("{}-", figure.name()));
        let summary = Figure::ALL.into_iter().flat_map(of).collect();
        Self { currency: None, converted: false, entries: entries.iter().map(entry).collect(), summary }
    }

    /// The same, of the ledger that this answer is of.
    pub fn told_of(self, answer: &MetricsAnswer) -> Self {
        let currency = answer.currency.as_deref().map(str::to_uppercase);
        Self { currency, converted: answer.converted, ..self }
    }
}

fn summary(figure: Figure, windows: &[MetricsEntry], after: &str, before: &str) -> BTreeMap<String, Number> {
    let [previous, current] = [0, 1].map(|at| windows.get(at).map_or(0, |entry| figure.value(entry)));
    BTreeMap::from([
        (format!("current{after}"), number(current)),
        (format!("previous{after}"), number(previous)),
        (format!("{before}percentage-change"), change(current, previous)),
    ])
}

/// A page of a customer's activities.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChartMogulActivities)]
pub struct Activities {
    /// Whether every amount is converted into the reporting currency.
    pub converted: bool,
    /// One a movement, in order of time.
    pub entries: Vec<Activity>,
    /// Whether there is a further page.
    pub has_more: bool,
    /// How many entries a page has.
    pub per_page: i64,
    /// Where the next page begins.
    pub cursor: Option<String>,
}

/// One movement of one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ChartMogulActivity)]
pub struct Activity {
    /// A number made of the movement's id.
    pub id: u64,
    /// The movement's id in this API, `mov_…`.
    pub uuid: String,
    /// When the last part of the movement took effect.
    pub date: String,
    /// `new_biz`, `expansion`, `reactivation`, `contraction` or `churn`.
    pub r#type: &'static str,
    /// Why: the causes of its parts.
    pub description: String,
    /// 12 × MRR after it.
    pub activity_arr: i128,
    /// The customer's MRR after it, in minor units.
    pub activity_mrr: i128,
    /// By how much MRR moved, in minor units.
    pub activity_mrr_movement: i128,
    /// The currency of both amounts, in capitals.
    pub currency: String,
    /// Its sign, or the currency again.
    pub currency_sign: String,
    /// The subscription of its first part.
    pub subscription_external_id: String,
}

impl Activity {
    /// From a movement; `None` for what ChartMogul doesn't know: a revaluation, or what came and went at once.
    pub fn from_row(row: &MovementRow) -> Option<Self> {
        let movement = &row.movement;
        let kind = match movement.kind {
            Kind::New | Kind::OpeningBalance => "new_biz",
            Kind::Expansion => "expansion",
            Kind::Reactivation => "reactivation",
            Kind::Contraction => "contraction",
            Kind::Churn => "churn",
            Kind::Fx | Kind::Transient => return None,
        };
        let mut causes: Vec<String> = Vec::new();
        for part in &movement.parts {
            let cause = part.cause.as_str().replace('_', " ");
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        let currency = movement.currency.to_string().to_uppercase();
        let digits: String = row.id.chars().filter(char::is_ascii_hexdigit).take(13).collect();
        Some(Self {
            // 52 bits: every client's numbers hold it.
            id: u64::from_str_radix(&digits, 16).unwrap_or(0),
            uuid: row.id.as_ref().into(),
            date: movement.effective_at.to_string().replace('Z', "+00:00"),
            r#type: kind,
            description: causes.join(", "),
            // Rounded once: twelve rounded months are another amount.
            activity_arr: Mrr(movement.after.0.saturating_mul(12)).minor(),
            activity_mrr: movement.after.minor(),
            activity_mrr_movement: movement.amount.minor(),
            currency_sign: sign(&currency).into(),
            currency,
            subscription_external_id: movement
                .parts
                .first()
                .map(|part| part.subscription.to_string())
                .unwrap_or_default(),
        })
    }
}

pub(super) fn sign(currency: &str) -> &str {
    match currency {
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{outcome::Movement, time::UnixTime};

    #[test]
    fn numbers_are_exact_and_short() {
        for (text, expected) in
            [("0", "0"), ("2.5", "2.5"), ("-12.345678", "-12.3457"), ("254000", "254000"), ("0.00004", "0")]
        {
            assert_eq!(number(millionths(text).unwrap()).to_string(), expected, "{text}");
        }
        assert_eq!(change(110, 100).to_string(), "10");
        assert_eq!(change(100, 0).to_string(), "0");
        assert_eq!(change(2, 3).to_string(), "-33.3");
    }

    #[test]
    fn a_year_is_twelve_exact_months() {
        // 10000 a year is 833.333333 a month.
        let after = Mrr(833_333_333);
        let movement = Movement {
            currency: "usd".parse().unwrap(),
            day: "2026-01-01".parse().unwrap(),
            window: UnixTime(0),
            effective_at: UnixTime(0),
            kind: Kind::New,
            amount: after,
            before: Mrr::ZERO,
            after,
            visible_from: UnixTime(0),
            visible_until: None,
            parts: Vec::new(),
        };
        let row = MovementRow { id: "00".into(), account: None, customer: "cus_1".into(), ordinal: 0, movement };
        let activity = Activity::from_row(&row).unwrap();
        assert_eq!((activity.activity_mrr, activity.activity_arr), (833, 10_000));
    }
}
