//! Questions that sums kept beside the rows answer: in groups by whole months, and of customers by periods of the calendar.

use super::{
    ask::{Ask, GroupBy},
    period::{Period, cuts},
    reports::{AskError, Reports},
    retained,
    view::View,
};
use crate::store::derived::reports::{Dimension, LedgerRows, RetentionRows, Scope};

impl Reports<'_> {
    /// Rows by month in the groups that are asked for, where they are summed so and all periods are of whole months, and the
    /// periods.
    pub(super) async fn months_by_group(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
    ) -> Result<Option<(LedgerRows, Vec<Period>)>, AskError> {
        let dimension = match &ask.group_by {
            Some(GroupBy::Product) => Dimension::Product,
            Some(GroupBy::Price) => Dimension::Price,
            Some(GroupBy::Interval) => Dimension::Interval,
            Some(GroupBy::Currency) => Dimension::Currency,
            Some(GroupBy::Cause) => Dimension::Cause,
            Some(GroupBy::Country) => Dimension::Country,
            Some(GroupBy::Cohort) => Dimension::Cohort,
            Some(GroupBy::Metadata(key)) => Dimension::Metadata(key.clone()),
            Some(GroupBy::Customer | GroupBy::Attribute(_)) | None => return Ok(None),
        };
        let today = self.ledger.zone.day(scope.cut);
        let whole_months = ask.from.is_none_or(|from| from.0.day() == 1)
            && ask.to.is_none_or(|to| to >= today || to.after().0.day() == 1);
        if retained::span(ask.interval).is_none() || !whole_months {
            return Ok(None);
        }
        let Some(mut rows) = view.group_months(scope, &dimension).await? else { return Ok(None) };
        if let Some(currency) = ask.own_currency() {
            rows.keep_currency(currency);
        }
        let periods = self.periods(ask, scope, rows.first_day())?;
        Ok(cuts(self.kept(ask)?.netting, &periods, today).is_empty().then_some((rows, periods)))
    }

    /// What days add to the figures that look at customers one by one, where that is kept and every period begins with one of
    /// the calendar's, and the periods.
    pub(super) async fn days_of_people(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
    ) -> Result<Option<(RetentionRows, Vec<Period>)>, AskError> {
        let begins = ask.from.is_none_or(|from| ask.interval.first_day(from) == from);
        if retained::span(ask.interval).is_none() || !begins {
            return Ok(None);
        }
        let Some(mut rows) = view.retention(scope).await? else { return Ok(None) };
        if let Some(currency) = ask.own_currency() {
            rows.whole.keep_currency(currency);
        }
        let periods = self.periods(ask, scope, rows.whole.first_day())?;
        let today = self.ledger.zone.day(scope.cut);
        Ok(cuts(self.kept(ask)?.netting, &periods, today).is_empty().then_some((rows, periods)))
    }
}
