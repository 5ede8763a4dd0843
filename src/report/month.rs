//! One month of one customer, as closings, restatements and comparisons look at it: a bridge, in each currency.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ReportError, bridge::Lines, money::Exact};
pub use crate::ledger::month::Month;
use crate::{
    ledger::{
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Kind, Movement},
        time::{UnixTime, Zone},
    },
    store::derived::reports::FirstMrr,
};

/// The customers whose first MRR lies in a month of this zone.
pub fn first_mrr(month: Month, zone: &Zone) -> FirstMrr {
    FirstMrr { from: zone.start_of(month.first()), before: zone.start_of(month.last().after()) }
}

/// A bridge over one month: opening + lines = closing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// MRR at the end of the day before.
    pub opening: Mrr,
    /// The sums of the movements.
    pub lines: Lines,
    /// MRR at the end of the month.
    pub closing: Mrr,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) -> Result<(), ReportError> {
        let sum = |a: Mrr, b| a.checked_add(b).ok_or(ReportError::Overflow);
        (self.opening, self.closing) = (sum(self.opening, other.opening)?, sum(self.closing, other.closing)?);
        Kind::ALL.iter().try_for_each(|&kind| self.lines.add(kind, other.lines.get(kind)))
    }
}

/// Whether a movement is one of the month, as it stands at `cut`.
pub(super) fn of_month(movement: &Movement, month: Month, cut: UnixTime) -> bool {
    (month.first()..=month.last()).contains(&movement.day)
        && movement.kind != Kind::Transient
        && movement.visible_from <= cut
        && movement.visible_until.is_none_or(|until| cut < until)
}

/// A customer's month up to `cut`, in each currency in which it had MRR or movements. Errors when one doesn't close.
pub fn figures(
    ledger: &CustomerLedger,
    month: Month,
    cut: UnixTime,
) -> Result<BTreeMap<Currency, Figures>, ReportError> {
    let mut all: BTreeMap<Currency, Figures> = BTreeMap::new();
    for delta in ledger.deltas.iter().filter(|delta| delta.day <= month.last() && delta.at <= cut) {
        let one = all.entry(delta.currency).or_default();
        let opening = if delta.day < month.first() { delta.mrr } else { Mrr::ZERO };
        one.add(&Figures { opening, closing: delta.mrr, ..Figures::default() })?;
    }
    for movement in ledger.movements.iter().filter(|movement| of_month(movement, month, cut)) {
        all.entry(movement.currency).or_default().lines.add(movement.kind, movement.amount)?;
    }
    for (currency, one) in &all {
        let made = one.opening.checked_add(one.lines.total()?).ok_or(ReportError::Overflow)?;
        if made != one.closing {
            let rest = one.closing.checked_sub(made).ok_or(ReportError::Overflow)?;
            let (start, end) = (month.first(), month.last());
            return Err(ReportError::DoesNotClose { currency: *currency, group: None, start, end, rest });
        }
    }
    all.retain(|_, one| *one != Figures::default());
    Ok(all)
}

macro_rules! month_figures {
    ($($name:ident, $exact:ident, $of:expr;)+) => {
        /// A month: closing = opening + the lines between; or a difference of two, line by line.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct MonthFigures {
            $(
                #[doc = concat!("`", stringify!($name), "` of the month, in minor units.")]
                pub $name: i128,
                /// The same exactly, to 10⁻⁶ of a minor unit.
                pub $exact: Exact,
            )+
        }

        impl MonthFigures {
            /// Names of the exact amounts, in order.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($exact)),+];

            /// The exact amounts, as a table has them.
            pub fn cells(&self) -> Vec<String> {
                vec![$(self.$exact.to_string()),+]
            }
        }

        impl From<&Figures> for MonthFigures {
            fn from(figures: &Figures) -> Self {
                $(let $name = $of(figures);)+
                Self { $($name: $name.minor(), $exact: Exact($name)),+ }
            }
        }
    };
}

month_figures! {
    opening, opening_exact, |one: &Figures| one.opening;
    opening_balance, opening_balance_exact, |one: &Figures| one.lines.get(Kind::OpeningBalance);
    new, new_exact, |one: &Figures| one.lines.get(Kind::New);
    expansion, expansion_exact, |one: &Figures| one.lines.get(Kind::Expansion);
    reactivation, reactivation_exact, |one: &Figures| one.lines.get(Kind::Reactivation);
    contraction, contraction_exact, |one: &Figures| one.lines.get(Kind::Contraction);
    churn, churn_exact, |one: &Figures| one.lines.get(Kind::Churn);
    fx, fx_exact, |one: &Figures| one.lines.get(Kind::Fx);
    closing, closing_exact, |one: &Figures| one.closing;
}
