//! The daemon's answers held against the truth, figure by figure and movement by movement.

use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::Value;
use thiserror::Error;

use crate::ledger::time::Day;

use super::{
    http::{Client, ClientError},
    truth::{Change, Figures, Ledger, Truth},
    worth::{RULES, Rules, exact, read_exact},
};

/// The comparison couldn't be made.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An answer that isn't what the API promises.
    #[error("GET {path} answered {status}: {body}")]
    Answer {
        /// The path that was asked.
        path: String,
        /// The HTTP status of the answer.
        status: u16,
        /// The beginning of what came.
        body: String,
    },
}

/// How much was compared, and what differed.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Months × ledgers × profiles.
    pub months: usize,
    /// Single amounts and counts compared.
    pub figures: usize,
    /// Movements compared, one by one.
    pub movements: usize,
    /// Each figure that differs, in words.
    pub differences: Vec<String>,
}

impl Comparison {
    fn figure(&mut self, what: impl FnOnce() -> String, truth: &str, answered: &str) {
        self.figures += 1;
        if truth != answered {
            self.differences.push(format!("{}: the account has {truth}, mrrd answers {answered}", what()));
        }
    }
}

/// A daemon that can be asked.
pub struct Asked<'t> {
    /// The address it listens on.
    pub address: SocketAddr,
    /// Of somebody who may read figures.
    pub token: &'t str,
}

/// Compares every month, profile and one of `ledgers` with what a daemon answers.
pub async fn compare(
    truth: &Truth,
    months: &[(Day, Day)],
    ledgers: &[Ledger],
    asked: Asked<'_>,
) -> Result<Comparison, CheckError> {
    let mut client = Client::new(asked.address).bearing(asked.token);
    let mut comparison = Comparison::default();
    let (Some((from, _)), Some((_, to))) = (months.first(), months.last()) else { return Ok(comparison) };
    let status = answered(&mut client, "/api/v1/status", |json| json["currencies"].is_array()).await?;
    // Of few customers none may pay in a currency: then it has no ledger to ask.
    let is_there = |ledger: Ledger| {
        let mut currencies = status["currencies"].as_array().into_iter().flatten();
        ledger == Ledger::Reporting || currencies.any(|code| code == ledger.as_str())
    };
    for rules in &RULES {
        for &ledger in ledgers {
            let asked = format!("profile={}&currency={}&from={from}&to={to}", rules.profile, ledger.as_str());
            let path = format!("/api/v1/mrr?{asked}&interval=month");
            let answer = if is_there(ledger) { get(&mut client, &path).await? } else { Value::Null };
            let entries = answer["data"].as_array().cloned().unwrap_or_default();
            for (from, to) in months {
                let start = from.to_string();
                let entry = entries.iter().find(|entry| entry["start"] == start.as_str());
                let place = format!("{}, {}, {}", rules.profile, ledger.as_str(), &start[..7]);
                let figures = truth.figures(rules, ledger, *from, *to);
                compare_month(&mut comparison, &place, &figures, entry.unwrap_or(&Value::Null));
            }
            if is_there(ledger) {
                compare_movements(&mut comparison, &mut client, truth, rules, ledger, (*from, *to)).await?;
            }
        }
    }
    Ok(comparison)
}

fn compare_month(comparison: &mut Comparison, place: &str, truth: &Figures, entry: &Value) {
    comparison.months += 1;
    if entry.is_null() && *truth == Figures::default() {
        // Before a currency's first event there is no ledger to answer for.
        return;
    }
    for (name, amount) in truth.amounts() {
        let answered = entry[format!("{name}_exact")].as_str().unwrap_or("nothing").to_owned();
        // Any spelling of the same number will do.
        let answered = read_exact(&answered).map_or(answered, exact);
        comparison.figure(|| format!("{place}: {name}"), &exact(amount), &answered);
    }
    for (name, count) in [("customers", truth.customers), ("subscriptions", truth.subscriptions)] {
        comparison.figure(|| format!("{place}: {name}"), &count.to_string(), &entry[name].to_string());
    }
}

async fn compare_movements(
    comparison: &mut Comparison,
    client: &mut Client,
    truth: &Truth,
    rules: &Rules,
    ledger: Ledger,
    (from, to): (Day, Day),
) -> Result<(), CheckError> {
    let line = |change: &Change| format!("{} {} {} {}", change.day, change.customer, change.kind, exact(change.amount));
    let expected: BTreeSet<String> = truth.changes(rules, ledger, from, to).iter().map(line).collect();
    let mut answered = BTreeSet::new();
    let asked = format!(
        "/api/v1/movements?profile={}&currency={}&from={from}&to={to}&limit=1000",
        rules.profile,
        ledger.as_str()
    );
    let mut cursor = String::new();
    loop {
        let page = get(client, &format!("{asked}{cursor}")).await?;
        let moved = page["data"].as_array().into_iter().flatten();
        // Revaluation is told by the months' figures.
        for movement in moved.filter(|movement| movement["kind"] != "fx") {
            let text = |name: &str| movement[name].as_str().unwrap_or("nothing").to_owned();
            let amount = read_exact(&text("amount_exact")).map_or(text("amount_exact"), exact);
            answered.insert(format!("{} {} {} {amount}", text("day"), text("customer"), text("kind")));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    comparison.movements += expected.len();
    for missing in expected.difference(&answered) {
        comparison.differences.push(format!("{}: movement of the account missing from mrrd: {missing}", rules.profile));
    }
    for extra in answered.difference(&expected) {
        comparison
            .differences
            .push(format!("{}: movement of mrrd the account knows nothing of: {extra}", rules.profile));
    }
    Ok(())
}

/// An answer that has data.
async fn get(client: &mut Client, path: &str) -> Result<Value, CheckError> {
    answered(client, path, |json| json["data"].is_array()).await
}

/// An answer that `holds` what is looked for.
async fn answered(client: &mut Client, path: &str, holds: fn(&Value) -> bool) -> Result<Value, CheckError> {
    let answer = client.get(path).await?;
    let json = answer.json();
    if answer.status != 200 || !holds(&json) {
        let body: String = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
        return Err(CheckError::Answer { path: path.to_owned(), status: answer.status, body });
    }
    Ok(json)
}
