//! What an alert says: observed against expected, how often by chance, what was lost, with whom, where to look next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{
    detector::{End, Finding},
    history::{Loss, Nature},
};
pub use crate::config::alert_rules::Rule;
use crate::{
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        time::Day,
    },
    report::{ReportError, money::Exact},
};

/// What history would have let expect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// How many are expected on average.
    pub mean: f64,
    /// Nine of ten windows lie from here …
    pub low: u64,
    /// … to here: the upper end.
    pub high: u64,
    /// Days in the window, the alert's own the last.
    pub days: u32,
    /// Chance alone brings as much once in so many years.
    pub by_chance_once_in_years: f64,
}

impl Expected {
    /// Whether so many lie within the range. A slow rise is found by how the days follow each other: as many in one window may be
    /// nothing rare, and the range would say that nothing happened.
    pub fn holds(&self, observed: u64) -> bool {
        observed <= self.high
    }

    fn range(&self) -> String {
        format!("{}–{}", self.low, self.high)
    }

    fn on_average(&self) -> String {
        format!("{:.1} expected on average", self.mean)
    }

    fn within(&self) -> String {
        if self.days == 1 { "in a day".to_owned() } else { format!("in {} days", self.days) }
    }

    fn seldom(&self) -> String {
        let years = self.by_chance_once_in_years;
        if years >= 1000.0 { "1000 years or more".into() } else { format!("{years:.1} years") }
    }
}

/// How far beyond its threshold an alert lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Just over what chance brings.
    Moderate,
    /// Chance brings it less than once in two years.
    High,
    /// Chance brings it less than once in ten years; or the rule leaves nothing to chance.
    VeryHigh,
}

/// MRR lost in one currency, by nature. The three sum to `total_exact`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The currency of every amount.
    pub currency: Currency,
    /// All of it, in minor units.
    pub total_exact: Exact,
    /// The part that customers asked for.
    pub voluntary_exact: Exact,
    /// The part that a payment, dispute or policy ended.
    pub involuntary_exact: Exact,
    /// The part for which nothing tells a reason.
    pub unknown_exact: Exact,
}

/// MRR lost by product, or for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The product or the reason; `unknown` where it isn't known.
    pub name: String,
    /// The currency of the amount.
    pub currency: Currency,
    /// Its amount, in minor units.
    pub amount_exact: Exact,
}

/// A customer behind an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The id of the customer.
    pub customer: String,
    /// The currency of the amount.
    pub currency: Currency,
    /// What it paid, in minor units.
    pub amount_exact: Exact,
    /// The reason of the loss, in a word.
    pub reason: &'static str,
    /// Where to look at it; null in a backtest.
    pub link: Option<String>,
}

/// Lines under a title: what a digest is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The title of the lines.
    pub title: String,
    /// What there is to say, in words.
    pub lines: Vec<String>,
}

/// Which of the counts stood out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Series {
    /// All customers together.
    All,
    /// Lost by payment, dispute or policy.
    Involuntary,
    /// Lost because the customer asked for it.
    Voluntary,
}

impl Series {
    /// In the order of the detector's counts.
    pub const ALL: [Self; 3] = [Self::All, Self::Involuntary, Self::Voluntary];

    /// Its word in API and messages.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether a loss of this nature is counted in it.
    pub fn counts(self, nature: Nature) -> bool {
        match self {
            Self::All => true,
            Self::Involuntary => nature == Nature::Involuntary,
            Self::Voluntary => nature == Nature::Voluntary,
        }
    }
}

/// One alert, as of one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// The rule that raised it.
    pub rule: Rule,
    /// The accounting day it fires on.
    pub day: Day,
    /// The day this version tells of; `day` in the first.
    pub as_of: Day,
    /// 1 when it is raised; one more with each update.
    pub version: u32,
    /// The day its episode ended; null while it goes on, and for a rule without episodes.
    pub closed: Option<Day>,
    /// How its episode ended: `as_before`, `new_level` or `too_few`; null where `closed` is.
    pub ended: Option<End>,
    /// What it takes to fire, in words.
    pub threshold: String,
    /// Which of the counts stood out: `all`, `involuntary` or `voluntary`.
    pub series: Series,
    /// Customers counted; in an update those of the further rise.
    pub observed: u64,
    /// So many further customers within its last day would be told as an update; null for a rule without updates.
    pub further: Option<u64>,
    /// Against what; null where the rule expects nothing.
    pub expected: Option<Expected>,
    /// How seldom chance would bring it.
    pub confidence: Confidence,
    /// MRR lost (at risk, for `payment_failures`), by currency.
    pub lost: Vec<Lost>,
    /// The same by product, largest first.
    pub by_product: Vec<Share>,
    /// The same by reason, largest first.
    pub by_reason: Vec<Share>,
    /// The customers behind it, the largest loss first.
    pub customers: Vec<Named>,
    /// What to look at next.
    pub next: &'static str,
    /// What it says, where that isn't observed against expected.
    pub statement: Option<String>,
    /// Why the figures may not be whole: said first.
    pub warnings: Vec<String>,
    /// Planned events of these days.
    pub planned: Vec<String>,
    /// Further figures, each under a title.
    pub sections: Vec<Section>,
    /// Of one loss: its share of the currency's MRR in thousandths.
    pub permille_of_mrr: Option<i128>,
    /// Of one loss: how unusual it is for this account, in words.
    pub how_unusual: Option<String>,
    /// Further rises while its episode lasted, in order; only in a backtest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<Alert>,
    /// The customers in whom the rise itself lies: those of its window and series.
    #[serde(skip)]
    pub window: BTreeSet<CustomerId>,
}

impl Alert {
    /// One that leaves nothing to chance and says so in its own words.
    pub(super) fn saying(
        rule: Rule,
        day: Day,
        statement: String,
        threshold: String,
        losses: &[&Loss],
    ) -> Result<Self, ReportError> {
        let alert = Self::new(rule, day, threshold, Series::All, None, losses)?;
        let observed = u64::try_from(losses.len()).unwrap_or(u64::MAX);
        Ok(Self { statement: Some(statement), observed, ..alert })
    }

    pub(super) fn new(
        rule: Rule,
        day: Day,
        threshold: String,
        series: Series,
        finding: Option<&Finding>,
        losses: &[&Loss],
    ) -> Result<Self, ReportError> {
        let mut largest = losses.to_vec();
        largest.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.customer.cmp(&b.customer)));
        let expected = finding.map(|finding| Expected {
            mean: finding.expected,
            low: finding.low,
            high: finding.high,
            days: finding.days,
            by_chance_once_in_years: finding.once_in_years(),
        });
        Ok(Self {
            rule,
            day,
            as_of: day,
            version: 1,
            closed: None,
            ended: None,
            threshold,
            series,
            observed: finding.map_or(1, |finding| finding.observed),
            further: finding.map(|finding| finding.further),
            expected,
            confidence: match expected.map(|expected| expected.by_chance_once_in_years) {
                Some(years) if years < 2.0 => Confidence::Moderate,
                Some(years) if years < 10.0 => Confidence::High,
                _ => Confidence::VeryHigh,
            },
            lost: lost(losses)?,
            by_product: shares(losses, |loss| {
                loss.product.as_ref().map_or("unknown", |product| product.as_str()).into()
            })?,
            by_reason: shares(losses, |loss| loss.reason.as_str().into())?,
            customers: largest.into_iter().map(named).collect(),
            next: rule.next(),
            statement: None,
            warnings: Vec::new(),
            planned: Vec::new(),
            sections: Vec::new(),
            permille_of_mrr: None,
            how_unusual: None,
            updates: Vec::new(),
            window: BTreeSet::new(),
        })
    }

    /// One line: a mail's subject, a pager's summary.
    pub fn headline(&self) -> String {
        let what = match self.rule {
            Rule::ChurnSpike => "customers left",
            Rule::ContractionSpike => "customers pay less",
            Rule::PaymentFailures => "customers' payments fail",
            _ => return format!("{}: {}", self.rule.title(), self.sentence()),
        };
        let (title, observed) = (self.rule.title(), self.observed);
        let series = match self.series {
            Series::All => String::new(),
            series => format!(" ({})", series.as_str()),
        };
        let Some(expected) = self.expected else {
            return format!("{title}: {observed} {what}{series}");
        };
        let within = expected.within();
        let against = match expected.holds(observed) {
            false => format!("{} expected", expected.range()),
            true => format!("{}, by chance once in {}", expected.on_average(), expected.seldom()),
        };
        if self.version > 1 {
            return format!(
                "{title}, update {}: {observed} further {what} {within}{series}, {against}; {} since {}",
                self.version,
                self.distinct_customers(),
                self.day
            );
        }
        format!("{title}: {observed} {what} {within}{series}, {against}")
    }

    /// How many customers are behind it: one may have left in several currencies.
    pub fn distinct_customers(&self) -> usize {
        self.customers.iter().map(|one| one.customer.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// "expected 2–6, saw 14; by chance once in 3 years"; of a slow rise within its range "1.6 expected on average, saw 5; …".
    pub fn sentence(&self) -> String {
        match &self.expected {
            None => self.statement.clone().unwrap_or_else(|| self.threshold.clone()),
            Some(expected) => {
                let usual = match expected.holds(self.observed) {
                    false => format!("expected {}", expected.range()),
                    true => expected.on_average(),
                };
                format!(
                    "{} {usual}, saw {} ({}); by chance once in {}",
                    expected.within(),
                    self.observed,
                    self.series.as_str(),
                    expected.seldom()
                )
            }
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.day, self.rule.as_str(), self.sentence())
    }
}

fn named(loss: &Loss) -> Named {
    Named {
        customer: loss.customer.to_string(),
        currency: loss.currency,
        amount_exact: Exact(loss.amount),
        reason: loss.reason.as_str(),
        link: None,
    }
}

fn lost(losses: &[&Loss]) -> Result<Vec<Lost>, ReportError> {
    let mut sums: BTreeMap<Currency, BTreeMap<Option<Nature>, Mrr>> = BTreeMap::new();
    for loss in losses {
        let natures = sums.entry(loss.currency).or_default();
        for slot in [None, Some(loss.nature)] {
            add(natures.entry(slot).or_default(), loss.amount)?;
        }
    }
    let line = |(currency, natures): (Currency, BTreeMap<Option<Nature>, Mrr>)| {
        let of = |nature: Option<Nature>| Exact(natures.get(&nature).copied().unwrap_or_default());
        Lost {
            currency,
            total_exact: of(None),
            voluntary_exact: of(Some(Nature::Voluntary)),
            involuntary_exact: of(Some(Nature::Involuntary)),
            unknown_exact: of(Some(Nature::Unknown)),
        }
    };
    Ok(sums.into_iter().map(line).collect())
}

fn shares(losses: &[&Loss], name: impl Fn(&Loss) -> String) -> Result<Vec<Share>, ReportError> {
    let mut sums: BTreeMap<(Currency, String), Mrr> = BTreeMap::new();
    for loss in losses {
        add(sums.entry((loss.currency, name(loss))).or_default(), loss.amount)?;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, amount)| std::cmp::Reverse(*amount));
    let share =
        |((currency, name), amount): ((Currency, String), Mrr)| Share { name, currency, amount_exact: Exact(amount) };
    Ok(sums.into_iter().map(share).collect())
}

fn add(sum: &mut Mrr, amount: Mrr) -> Result<(), ReportError> {
    *sum = sum.checked_add(amount).ok_or(ReportError::Overflow)?;
    Ok(())
}
