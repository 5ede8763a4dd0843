//! Customers found in ledgers held in memory, as the store finds them in its tables.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{ReportError, memory::Memory};
use crate::{
    event::CustomerKey,
    ledger::money::Mrr,
    store::derived::{
        names::{CustomerNamed, NAMED, NAMELESS, sorted_by},
        reports::*,
    },
};

impl Memory {
    /// Up to `limit` customers by what is known of them, each with its place in the list.
    pub fn customers_found(
        &self,
        scope: &Scope,
        asked: &CustomerSearch,
        named: &[CustomerNamed],
        limit: i64,
    ) -> Result<Vec<(FoundPosition, CustomerRow)>, ReportError> {
        let names: BTreeMap<&CustomerKey, &CustomerNamed> = named.iter().map(|one| (&one.key, one)).collect();
        let text = asked.text.to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let rows = self.customer_page(scope, &CustomersAsked::After(None), i64::MAX)?;
        let mut found = Vec::new();
        for (row, (key, ledger)) in rows.into_iter().zip(self.sorted(scope)) {
            let name = names.get(key);
            let says = |word: &&str| {
                let pair = word.split_once([':', '=']);
                row.customer.as_str().to_lowercase().contains(word)
                    || name.is_some_and(|one| format!("{}\n{}", one.name, one.email).to_lowercase().contains(word))
                    || ledger.metadata.iter().any(|(key, value)| match pair {
                        Some((asked, wanted)) => key.to_lowercase() == asked && value.to_lowercase() == wanted,
                        None => value.to_lowercase().contains(word) || key.to_lowercase().contains(word),
                    })
            };
            let paying = row.mrr.iter().any(|(_, mrr)| *mrr > Mrr::ZERO);
            let has = |status: &[&str]| row.subscriptions.iter().any(|one| status.contains(&one.status.as_ref()));
            let stands = match asked.state {
                None => true,
                Some(CustomerState::Paying) => paying,
                Some(CustomerState::Left) => row.first_mrr_at.is_some() && !paying,
                Some(CustomerState::PastDue) => has(&["past_due", "unpaid"]),
                Some(CustomerState::Trialing) => has(&["trialing"]),
                Some(CustomerState::Ending) => row
                    .subscriptions
                    .iter()
                    .any(|one| one.ended_at.is_none() && one.ends_at.is_some_and(|at| at > scope.cut)),
            };
            let of_cohort = asked.cohort.is_none_or(|cohort| cohort.holds(row.first_mrr_at));
            if !stands || !of_cohort || !words.iter().all(says) {
                continue;
            }
            let in_currency = row.mrr.iter().find(|(currency, _)| Some(*currency) == asked.currency);
            let whole = in_currency.map_or(0, |(_, mrr)| mrr.0 / Mrr::MINOR);
            let since = row.first_mrr_at.map_or(0, |at| i128::from(at.0));
            let ends = row.subscriptions.iter().filter(|one| one.ended_at.is_none()).filter_map(|one| one.ends_at);
            let ends = ends.filter(|at| *at > scope.cut).min().map_or(i64::MAX, |at| at.0);
            let name = name.map(|one| sorted_by(&one.name)).filter(|name| !name.is_empty());
            let (number, text) = match asked.order {
                CustomerOrder::Mrr => (whole, String::new()),
                CustomerOrder::Since => (since, String::new()),
                CustomerOrder::Ends => (-i128::from(ends), String::new()),
                CustomerOrder::Name => (0, name.map_or_else(|| NAMELESS.into(), |name| format!("{NAMED}{name}"))),
                CustomerOrder::Id => (0, row.customer.to_string()),
            };
            found.push((Reverse(number), text, row.account.clone(), row.customer.clone(), row));
        }
        found.sort_by(|a, b| (&a.0, &a.1, &a.2, &a.3).cmp(&(&b.0, &b.1, &b.2, &b.3)));
        let beyond = |one: &(Reverse<i128>, String, _, _, CustomerRow)| match &asked.after {
            None => true,
            Some(after) => {
                let numbered = matches!(asked.order, CustomerOrder::Mrr | CustomerOrder::Since | CustomerOrder::Ends);
                let number = if numbered { after.key.parse().unwrap_or(0) } else { 0 };
                let text = if numbered { String::new() } else { after.key.clone() };
                (&one.0, &one.1, &one.2, &one.3) > (&Reverse(number), &text, &after.account, &after.customer)
            }
        };
        let place = |(number, text, account, customer, row): (Reverse<i128>, String, _, _, CustomerRow)| {
            let key = if text.is_empty() { number.0.to_string() } else { text };
            (FoundPosition { key, account, customer }, row)
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(found.into_iter().filter(|one| beyond(one)).take(limit).map(place).collect())
    }
}
