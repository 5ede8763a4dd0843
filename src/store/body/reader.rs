//! Rows read column by column, in the order in which their statement names them, whichever driver brings them.

use std::{str::FromStr, sync::Arc};

use sqlx::Row as _;

use super::{super::dialect::Row, rows::account_of};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{ids::AccountId, money::Mrr, time::UnixTime},
    store::{StoreError, errors::corrupt},
};

pub(super) const DOING: &str = "reading rows";

/// Reads the columns of one row from left to right: in the order in which the statement names them.
pub(in super::super) struct Columns<'r> {
    row: &'r dyn Cells,
    next: usize,
}

pub(in super::super) type Read<T> = Result<T, StoreError>;

/// A row as whoever reads it hands it out, column by column.
pub(in super::super) trait Cells {
    fn text(&self, place: usize) -> Read<Option<&str>>;
    fn number(&self, place: usize) -> Read<Option<i64>>;
    fn truth(&self, place: usize) -> Read<bool>;
    fn bytes(&self, place: usize) -> Read<Option<Vec<u8>>>;
}

impl Cells for Row {
    fn text(&self, place: usize) -> Read<Option<&str>> {
        self.try_get(place).map_err(|error| corrupt(DOING, error.to_string()))
    }

    fn number(&self, place: usize) -> Read<Option<i64>> {
        self.try_get(place).map_err(|error| corrupt(DOING, error.to_string()))
    }

    fn truth(&self, place: usize) -> Read<bool> {
        self.try_get(place).map_err(|error| corrupt(DOING, error.to_string()))
    }

    fn bytes(&self, place: usize) -> Read<Option<Vec<u8>>> {
        self.try_get(place).map_err(|error| corrupt(DOING, error.to_string()))
    }
}

fn there<T>(cell: Option<T>) -> Read<T> {
    cell.ok_or_else(|| corrupt(DOING, "a column that is never null is null"))
}

impl<'r> Columns<'r> {
    /// From column `first` on.
    pub(in super::super) fn of(row: &'r dyn Cells, first: usize) -> Self {
        Self { row, next: first }
    }

    fn place(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(in super::super) fn text(&mut self) -> Read<String> {
        there(self.text_or_null()?)
    }

    pub(super) fn text_or_null(&mut self) -> Read<Option<String>> {
        Ok(self.str_or_null()?.map(str::to_owned))
    }

    /// The text where it lies in the row: most texts become ids and words, and need no room of their own before.
    pub(super) fn str(&mut self) -> Read<&'r str> {
        there(self.str_or_null()?)
    }

    pub(super) fn str_or_null(&mut self) -> Read<Option<&'r str>> {
        let place = self.place();
        self.row.text(place)
    }

    pub(in super::super) fn number(&mut self) -> Read<i64> {
        there(self.number_or_null()?)
    }

    pub(super) fn number_or_null(&mut self) -> Read<Option<i64>> {
        let place = self.place();
        self.row.number(place)
    }

    pub(in super::super) fn truth(&mut self) -> Read<bool> {
        let place = self.place();
        self.row.truth(place)
    }

    pub(super) fn bytes(&mut self) -> Read<Vec<u8>> {
        there(self.bytes_or_null()?)
    }

    pub(super) fn bytes_or_null(&mut self) -> Read<Option<Vec<u8>>> {
        let place = self.place();
        self.row.bytes(place)
    }

    pub(super) fn seq(&mut self) -> Read<Seq> {
        self.number().map(Seq)
    }

    pub(super) fn account(&mut self) -> Read<Option<AccountId>> {
        self.text().map(account_of)
    }

    /// A customer from three columns: livemode, account and customer.
    pub(super) fn customer(&mut self) -> Read<CustomerKey> {
        Ok(CustomerKey { livemode: self.truth()?, account: self.account()?, customer: self.id()? })
    }

    pub(super) fn time(&mut self) -> Read<UnixTime> {
        self.number().map(UnixTime)
    }

    pub(super) fn time_or_null(&mut self) -> Read<Option<UnixTime>> {
        Ok(self.number_or_null()?.map(UnixTime))
    }

    pub(super) fn mrr(&mut self) -> Read<Mrr> {
        self.number().map(|units| Mrr(units.into()))
    }

    pub(super) fn id<T: From<Arc<str>>>(&mut self) -> Read<T> {
        Ok(T::from(self.str()?.into()))
    }

    pub(super) fn parsed<T: FromStr>(&mut self, what: &str) -> Read<T> {
        parsed(self.str()?, what)
    }
}

pub(super) fn parsed<T: FromStr>(text: &str, what: &str) -> Read<T> {
    text.parse().map_err(|_| corrupt(DOING, format!("{text:?} is not a {what}")))
}

/// A word of a closed list again.
pub(super) fn word<T>(text: &str, parse: impl Fn(&str) -> Option<T>, what: &str) -> Read<T> {
    parse(text).ok_or_else(|| corrupt(DOING, format!("{text:?} is not a {what}")))
}
