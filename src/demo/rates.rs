//! What the company's currencies were worth in dollars on each working day: drawn, and the same for one seed.

use std::collections::BTreeMap;

use num_rational::Ratio;

use crate::ledger::time::{Day, UnixTime, Zone};

use super::{catalog::Money, random::Random, worth::half_even};

/// The currency the company reports in.
pub const REPORTING: Money = Money::Usd;

/// A year and a half beyond the span: a discount that runs on ends at a rate as well.
const AHEAD: i64 = 550 * UnixTime::DAY_SECONDS;
const MILLION: i128 = 1_000_000;

/// Millionths of a dollar for one unit, by currency and day.
#[derive(Clone, Debug, Default)]
pub struct Rates(BTreeMap<Money, BTreeMap<Day, i128>>);

impl Rates {
    /// Those of a span, as they wander from day to day; weekends have none.
    pub(super) fn drawn(seed: u64, start: UnixTime, end: UnixTime) -> Self {
        let mut random = Random::new(seed ^ 0x0052_4154_4553);
        let mut rates = Self::default();
        for (currency, begun) in [(Money::Eur, 1_085_000_i64), (Money::Jpy, 6_700)] {
            let (mut day, mut rate) = (Zone::UTC.day(start.plus(-10 * UnixTime::DAY_SECONDS)), begun);
            let of_days = rates.0.entry(currency).or_default();
            while day <= Zone::UTC.day(end.plus(AHEAD)) {
                if !matches!(day.0.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
                    let step = begun / 200;
                    rate = (rate + random.between(-step, step)).clamp(begun * 3 / 4, begun * 5 / 4);
                    of_days.insert(day, i128::from(rate));
                }
                day = day.after();
            }
        }
        rates
    }

    /// As a table of `mrrd fx import`: day, currency, dollars for one unit of it.
    pub fn csv(&self) -> String {
        let mut lines = String::from("day,currency,rate\n");
        for (currency, of_days) in &self.0 {
            for (day, rate) in of_days {
                lines.push_str(&format!("{day},{},{}.{:06}\n", currency.as_str(), rate / MILLION, rate % MILLION));
            }
        }
        lines
    }

    /// Millionths of a minor unit of `currency` in those of the reporting currency, by the last rate of `day` or before.
    pub(super) fn convert(&self, amount: i128, currency: Money, day: Day) -> i128 {
        let last = self.0.get(&currency).and_then(|of_days| of_days.range(..=day).next_back());
        let rate = last.map_or(MILLION, |(_, rate)| *rate);
        half_even(Ratio::new(amount * rate * REPORTING.minor_units(), MILLION * currency.minor_units()))
    }
}
