//! Comparing two profiles: the difference of a month's figures, customer by customer, by the knob that makes it.
//!
//! From the one profile to the other, the knobs in which they differ are switched one at a time in the order of rule `knobs`,
//! and every customer is derived again after each: what a switch changes is that knob's share. The shares sum exactly to
//! the difference; where knobs work on each other, the later one has what they do together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::Serialize;
use tokio::{sync::OwnedMutexGuard, time::Instant};

use super::{
    ReportError,
    ask::Ask,
    comparing::{Asked, Comparing, Everywhere, FiguresByStep, Found},
    derivations::Made,
    knob_steps::{Switch, steps},
    month::{Figures, Month, MonthFigures, figures},
    reports::{AskError, Reports},
    table::Table,
    units::said,
    view::{Tables, View as _},
};
use crate::{
    budget::charge,
    event::{CustomerKey, Seq},
    ledger::{
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Kind, QualityKind},
        profile::Profile,
        time::UnixTime,
    },
    limits,
    reconciler::known_at,
    store::derived::reports::*,
};

/// The difference of two profiles over a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The name of the profile that is compared.
    pub from: String,
    /// The name of the profile it is compared with.
    pub to: String,
    /// The calendar month, such as `2026-10`.
    pub month: String,
    /// Whether everything is converted into the reporting currency.
    pub converted: bool,
    /// The month is still running.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// In what they differ, in the order the knobs are switched.
    pub knobs: Vec<Switch>,
    /// All customers together, one entry a currency.
    pub totals: Vec<Compared>,
    /// The customers whose figures any of the knobs changes. Where both profiles are kept, whoever has the same ledger under
    /// both in every row isn't among them: what knobs would change and change back is nothing.
    pub data: Vec<Compared>,
}

/// The figures of a customer, or of all, under both profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The connected account; absent for the account's own, and for all customers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who; absent for all customers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The currency of every amount.
    pub currency: Currency,
    /// The month under the profile `from`.
    pub from: MonthFigures,
    /// The month under the profile `to`.
    pub to: MonthFigures,
    /// What each knob changes, where it changes anything: together `to` less `from`.
    pub by_knob: Vec<Share>,
}

/// What one knob by itself changes in the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The name of the knob in the configuration.
    pub knob: &'static str,
    /// How much more, or less, each line is.
    pub change: MonthFigures,
}

/// What a customer's key holds beside its figures, about.
const CUSTOMER_BYTES: usize = 128;

fn figures_by_step(
    ledgers: &[CustomerLedger],
    month: Month,
    cut: UnixTime,
) -> Result<BTreeMap<Currency, FiguresByStep>, ReportError> {
    let each = ledgers.iter().map(|ledger| figures(ledger, month, cut)).collect::<Result<Vec<_>, _>>()?;
    let currencies: BTreeSet<Currency> = each.iter().flat_map(|one| one.keys().copied()).collect();
    let of = |currency| each.iter().map(|one| one.get(&currency).copied().unwrap_or_default()).collect();
    Ok(currencies.into_iter().map(|currency| (currency, of(currency))).collect())
}

fn compared(
    whose: Option<&CustomerKey>,
    currency: Currency,
    by_step: &FiguresByStep,
    knobs: &[Switch],
) -> Result<Compared, ReportError> {
    let mut by_knob = Vec::new();
    for (switch, pair) in knobs.iter().zip(by_step.windows(2)) {
        let change = pair[1].less(&pair[0])?;
        if change != Figures::default() {
            by_knob.push(Share { knob: switch.knob, change: (&change).into() });
        }
    }
    let end = |figures: Option<&Figures>| MonthFigures::from(&figures.copied().unwrap_or_default());
    Ok(Compared {
        account: whose.and_then(|key| key.account.as_ref()).map(ToString::to_string),
        customer: whose.map(|key| key.customer.to_string()),
        currency,
        from: end(by_step.first()),
        to: end(by_step.last()),
        by_knob,
    })
}

impl Reports<'_> {
    /// Compares two profiles, kept or not, over a month that has begun.
    pub async fn compare(&self, ask: &Ask, from: &Profile, to: &Profile, month: Month) -> Result<Comparison, AskError> {
        let zone = &self.ledger.zone;
        // In the reporting currency, where there is one and the question names no other.
        let in_reporting = |profile: &Profile| match self.reporting(ask) {
            Some(currency) => Profile { reporting: Some(currency), ..profile.clone() },
            None => profile.clone(),
        };
        let (from, to) = (&in_reporting(from), &in_reporting(to));
        let refuse = |name, reason: String| AskError::Parameter { name, reason };
        let now = self.as_of(ask);
        if zone.start_of(month.first()) > now {
            return Err(refuse("month", format!("{month} hasn't begun yet")));
        }
        let known_at = self.known_at(ask).await?;
        let (knobs, profiles): (Vec<Switch>, Vec<Profile>) =
            steps(from, to).map_err(|error| refuse("profile", error.to_string()))?.into_iter().unzip();
        let profiles: Vec<Profile> = [from.clone()].into_iter().chain(profiles).collect();
        let cut = now.min(zone.end_of(month.last()));
        let steps = Steps { profiles, month, cut };
        let by_rows = if known_at.is_none() { self.where_rows_differ(ask, from, to, &steps).await? } else { None };
        let everywhere;
        let Found { figures, others, currencies } = match &by_rows {
            Some(found) => found,
            None => {
                everywhere = self.everywhere(ask, known_at, &steps).await?;
                &everywhere.found
            }
        };
        self.one_of(ask, currencies)?;
        let (mut data, mut totals) = (Vec::new(), others.clone());
        for ((key, currency), one) in figures {
            let sums = totals.entry(*currency).or_insert_with(|| vec![Figures::default(); one.len()]);
            sums.iter_mut().zip(one).try_for_each(|(sum, figures)| sum.add(figures))?;
            let compared = compared(Some(key), *currency, one, &knobs)?;
            if !compared.by_knob.is_empty() {
                data.push(compared);
            }
        }
        let totals = totals.iter().map(|(currency, sums)| compared(None, *currency, sums, &knobs));
        Ok(Comparison {
            from: from.name.as_ref().into(),
            to: to.name.as_ref().into(),
            month: month.to_string(),
            converted: from.reporting.is_some(),
            partial: cut < zone.end_of(month.last()),
            totals: totals.collect::<Result<_, _>>()?,
            knobs,
            data,
        })
    }
}

/// The profiles from one to another, and what is looked at under each.
struct Steps {
    profiles: Vec<Profile>,
    month: Month,
    cut: UnixTime,
}

impl Reports<'_> {
    /// Every customer derived under every profile. Who asks the same again goes on where the last question ended.
    async fn everywhere(
        &self,
        ask: &Ask,
        known_at: Option<Seq>,
        steps: &Steps,
    ) -> Result<OwnedMutexGuard<Everywhere>, AskError> {
        let rules = self.rules(&steps.profiles).await?;
        // A place that stays, so that the next question is asked of the same.
        let place = match (known_at, self.shared) {
            (None, Some(_)) => Some(self.store.log.horizon().await?),
            _ => known_at,
        };
        let (comparing, known_at) = match (self.sharing_up_to(place).await?, place) {
            (Some(shared), Some(seq)) => {
                let made = Made { seq, rules: rules.fingerprint(), cuts: Vec::new() };
                let asked = Asked {
                    month: steps.month,
                    cut: steps.cut,
                    account: ask.account.clone(),
                    livemode: ask.livemode,
                    test_clock: ask.test_clock.clone(),
                    currency: ask.own_currency(),
                };
                let begun = async || Ok::<_, AskError>(Comparing::default());
                (Some(shared.comparing.get_or_derive((made, asked), begun).await?), Some(seq))
            }
            _ => (None, known_at),
        };
        let shared = comparing.is_some();
        let comparing = comparing.unwrap_or_default();
        let mut everywhere = Arc::clone(&comparing.everywhere).lock_owned().await;
        if !everywhere.done {
            let pages = known_at::KnownAt::new(self.store, rules, known_at).after(everywhere.after.clone());
            let until = shared.then(|| Instant::now() + limits::DERIVING_TIME);
            self.figures_by_knob(ask, pages, steps, &mut everywhere, (until, &comparing.bytes)).await?;
            // A ledger that only ever saw test events answers for those.
            let saw_live = everywhere.saw_live;
            everywhere.found.figures.retain(|(key, _), _| ask.livemode.is_some() || key.livemode == saw_live);
        }
        Ok(everywhere)
    }

    /// Adds the figures of all customers of these pages, and whether any of them is live; up to a time, and the bytes that they take.
    async fn figures_by_knob(
        &self,
        ask: &Ask,
        mut pages: known_at::KnownAt<'_>,
        steps: &Steps,
        everywhere: &mut Everywhere,
        (until, bytes): (Option<Instant>, &AtomicUsize),
    ) -> Result<(), AskError> {
        while let Some(page) = pages.next_page().await? {
            let last = page.last().map(|(key, _)| key.clone());
            let Everywhere { found, saw_live, .. } = &mut *everywhere;
            for (key, ledgers) in page {
                *saw_live |= key.livemode;
                let asked = ask.account.includes(key.account.as_ref());
                let simulated = ledgers.iter().any(|ledger| ledger.test_clock != ask.test_clock);
                let unrated = ledgers.iter().flat_map(|ledger| &ledger.quality);
                let unrated =
                    unrated.filter(|entry| entry.kind == QualityKind::MissingRate && entry.at <= steps.cut).min();
                if !asked || simulated || ask.livemode.is_some_and(|livemode| livemode != key.livemode) {
                    continue;
                }
                if let Some(entry) = unrated {
                    return Err(ReportError::missing_rate(entry).into());
                }
                found.currencies.extend(ledgers.iter().flat_map(CustomerLedger::currencies));
                for (currency, one) in figures_by_step(&ledgers, steps.month, steps.cut)? {
                    if ask.own_currency().is_none_or(|only| only == currency) {
                        let held = one.len() * size_of::<Figures>() + CUSTOMER_BYTES;
                        charge(held).map_err(ReportError::from)?;
                        if found.figures.insert((key.clone(), currency), one).is_none() {
                            bytes.fetch_add(held, Ordering::Relaxed);
                        }
                    }
                }
            }
            // Of a page nobody may be left: then it is looked at again.
            everywhere.after = last.or(everywhere.after.take());
            if until.is_some_and(|until| Instant::now() > until) {
                let customers = everywhere.found.figures.len();
                return Err(ReportError::StillComparing { customers }.into());
            }
        }
        everywhere.done = true;
        Ok(())
    }

    /// The same where both ends are kept in rows: only customers whose rows differ between them are derived, and all others are
    /// what the sums say less these. `None` where rows don't tell it, or changed meanwhile.
    async fn where_rows_differ(
        &self,
        ask: &Ask,
        from: &Profile,
        to: &Profile,
        steps: &Steps,
    ) -> Result<Option<Found>, AskError> {
        let kept = self.all_kept();
        let kept_as =
            |one: &Profile| kept.iter().find(|kept| Profile { name: kept.name.clone(), ..one.clone() } == **kept);
        let (Some(from), Some(to)) = (kept_as(from), kept_as(to)) else { return Ok(None) };
        let rows = self.store.derived.rows_state().await?;
        let Some(rows) = rows.filter(|rows| rows.waiting == 0) else { return Ok(None) };
        if self.rules_of_rows(&[from.clone(), to.clone()]).await?.is_none() {
            return Ok(None);
        }
        let scope =
            Scope { cut: steps.cut, ..self.resolve_now(&Ask { currency: None, ..ask.clone() }, from).await?.scope };
        let of_to = Scope { profile: to.name.clone(), ..scope.clone() };
        let tables = Tables { store: self.store, zone: &self.ledger.zone };
        let Some(differing) = self.store.derived.differing_customers(&scope, &to.name).await? else { return Ok(None) };
        if differing.len() > limits::EXCHANGED_CUSTOMERS {
            return Ok(None);
        }
        let missing = QualityAsked::Kind(QualityKind::MissingRate);
        let (mut whole, mut currencies) = (Vec::new(), BTreeSet::new());
        for scope in [&scope, &of_to] {
            if !tables.quality_page(scope, &missing, None, 1).await?.is_empty() {
                return Ok(None);
            }
            currencies.extend(tables.currencies(scope).await?);
            whole.push(whole_month(&tables.ledger_rows(scope, RowGroup::Whole).await?, steps.month)?);
        }
        let pages = known_at::KnownAt::new(self.store, self.rules(&steps.profiles).await?, Some(rows.position));
        let mut everywhere = Everywhere::default();
        let pages = pages.of_customers(differing);
        self.figures_by_knob(ask, pages, steps, &mut everywhere, (None, &AtomicUsize::default())).await?;
        let mut found = everywhere.found;
        let mut others = whole.into_iter().zip([0, steps.profiles.len() - 1]).map(|(whole, step)| {
            let mut others = whole;
            others.retain(|currency, _| ask.own_currency().is_none_or(|only| only == *currency));
            for ((_, currency), figures) in &found.figures {
                let of_all = others.entry(*currency).or_default();
                *of_all = of_all.less(&figures[step])?;
            }
            others.retain(|_, figures| *figures != Figures::default());
            Ok::<_, ReportError>(others)
        });
        let (Some(at_from), Some(at_to)) = (others.next().transpose()?, others.next().transpose()?) else {
            return Ok(None);
        };
        drop(others);
        // Who is the same under both is so in sum; and rows may have changed while they were read.
        if at_from != at_to || self.store.derived.rows_state().await? != Some(rows) {
            return Ok(None);
        }
        let at_each = |figures| vec![figures; steps.profiles.len()];
        found.others = at_from.into_iter().map(|(currency, figures)| (currency, at_each(figures))).collect();
        found.currencies.extend(currencies);
        Ok(Some(found))
    }
}

/// A month of all customers, from sums by day.
fn whole_month(rows: &LedgerRows, month: Month) -> Result<BTreeMap<Currency, Figures>, ReportError> {
    let mut all: BTreeMap<Currency, Figures> = BTreeMap::new();
    for row in rows.amounts.iter().filter(|row| row.day <= month.last()) {
        let opening = if row.day < month.first() { row.mrr } else { Mrr::ZERO };
        all.entry(row.currency).or_default().add(&Figures { opening, closing: row.mrr, ..Figures::default() })?;
    }
    let of_month = |row: &&DayLine| (month.first()..=month.last()).contains(&row.day) && row.kind != Kind::Transient;
    for row in rows.lines.iter().filter(of_month) {
        all.entry(row.currency).or_default().lines.add(row.kind, row.amount)?;
    }
    Ok(all)
}

impl Comparison {
    /// A sentence for each currency, then the table.
    pub fn text(&self, exact: bool) -> String {
        let mut text = String::new();
        for total in &self.totals {
            let currency = total.currency;
            let (from, to) = (total.from.closing_exact.0, total.to.closing_exact.0);
            let differ = self.data.iter().filter(|one| one.currency == total.currency).count();
            let change = to.checked_sub(from).unwrap_or_default();
            let how = match change.0 {
                0 => "the same".to_owned(),
                small if small.abs() < Mrr::MINOR => {
                    format!("the same to less than {}", said(Mrr(Mrr::MINOR), currency))
                }
                more if more > 0 => format!("{} more", said(change, currency)),
                _ => format!("{} less", said(Mrr(-change.0), currency)),
            };
            let end = if self.partial { "so far in" } else { "at the end of" };
            let customers =
                if differ == 1 { "1 customer differs".to_owned() } else { format!("{differ} customers differ") };
            text.push_str(&format!(
                "MRR {end} {}: {} under {}, {} under {}, which is {how}; {customers}.\n",
                self.month,
                said(from, currency),
                self.from,
                said(to, currency),
                self.to,
            ));
        }
        if self.knobs.is_empty() {
            text.push_str(&format!("{} and {} are the same in every knob.\n", self.from, self.to));
        }
        let table = self.table().telling_converted(self.converted);
        if !table.rows.is_empty() {
            text.push('\n');
            text.push_str(&table.shown(exact));
        }
        text.trim_end().to_owned()
    }

    /// A row for each customer and knob, then all customers together: by how much each line differs.
    pub fn table(&self) -> Table {
        let mut columns = vec!["account", "customer", "currency", "knob", "from", "to"];
        columns.extend(MonthFigures::COLUMNS);
        let mut rows = Vec::new();
        for one in self.data.iter().chain(&self.totals) {
            for share in &one.by_knob {
                let switch = self.knobs.iter().find(|switch| switch.knob == share.knob);
                let mut row = vec![
                    one.account.clone().unwrap_or_default(),
                    one.customer.clone().unwrap_or_else(|| "all customers".into()),
                    one.currency.to_string(),
                    share.knob.into(),
                    switch.map(|switch| switch.from.clone()).unwrap_or_default(),
                    switch.map(|switch| switch.to.clone()).unwrap_or_default(),
                ];
                row.extend(share.change.cells());
                rows.push(row);
            }
        }
        Table { columns, rows }
    }
}

impl Figures {
    /// These less others, line by line.
    fn less(&self, other: &Self) -> Result<Self, ReportError> {
        let difference = |a: Mrr, b| a.checked_sub(b).ok_or(ReportError::Overflow);
        let mut less = Self {
            opening: difference(self.opening, other.opening)?,
            closing: difference(self.closing, other.closing)?,
            ..Self::default()
        };
        for &kind in Kind::ALL {
            less.lines.add(kind, difference(self.lines.get(kind), other.lines.get(kind))?)?;
        }
        Ok(less)
    }
}
