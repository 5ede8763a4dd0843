//! The table of exchange rates: what one unit of a currency is worth in another on a day (rule `rates`).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    money::{Currency, Decimal, Mrr},
    pricing::exact::Exact,
    time::Day,
};

/// For how many days the last rate stands in for one that isn't there: weekends and holidays have none (rule `rates`).
pub const REACH_DAYS: i64 = 7;

/// One line of a table of rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quote {
    /// The currency the file's rates are told against.
    pub base: Currency,
    /// The day it is the rate of.
    pub day: Day,
    /// The currency whose rate it tells.
    pub currency: Currency,
    /// How much, always above 0.
    pub rate: Decimal,
    /// True: units of `currency` for one of `base`, as the European Central Bank writes them. False: units of `base` for
    /// one of `currency`.
    pub per_base: bool,
}

impl Quote {
    /// One unit of `currency` in units of `base`; `None` for a rate that is not above 0.
    fn value(&self) -> Option<Exact> {
        let rate = Some(self.rate.units()).filter(|units| *units > 0)?;
        Some(if self.per_base {
            Exact::ratio(Decimal::ONE_UNITS, rate)
        } else {
            Exact::ratio(rate, Decimal::ONE_UNITS)
        })
    }
}

/// What each currency was worth in a base, in order of days.
type Values = BTreeMap<Currency, Vec<(Day, Exact)>>;

/// All rates that were loaded.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    bases: BTreeMap<Currency, Values>,
    /// `fx = "constant"`: the one day whose rates hold on every day.
    fixed: Option<Day>,
    digest: String,
}

impl Rates {
    /// A table; of two quotes for one day the later one counts. With `fixed`, that day's rates hold for ever.
    pub fn new(quotes: impl IntoIterator<Item = Quote>, fixed: Option<Day>) -> Self {
        let mut lines: BTreeMap<(Currency, Currency, Day), Quote> = BTreeMap::new();
        lines.extend(quotes.into_iter().map(|quote| ((quote.base, quote.currency, quote.day), quote)));
        let mut hash = Sha256::new();
        let mut bases: BTreeMap<Currency, Values> = BTreeMap::new();
        for ((base, currency, day), quote) in lines {
            hash.update(format!("{base} {currency} {day} {} {}\n", quote.rate, quote.per_base));
            if let Some(value) = quote.value() {
                bases.entry(base).or_default().entry(currency).or_default().push((day, value));
            }
        }
        let digest = hex::encode(&hash.finalize()[..12]);
        Self { bases, fixed, digest }
    }

    /// Names the content: other rates have another.
    pub fn fingerprint(&self) -> String {
        match self.fixed {
            Some(day) => format!("constant {day} {}", self.digest),
            None => format!("daily {}", self.digest),
        }
    }

    /// The one day whose rates hold for ever, where there is one.
    pub fn fixed(&self) -> Option<Day> {
        self.fixed
    }

    /// Whether rates never change (`fx = "constant"`).
    pub fn constant(&self) -> bool {
        self.fixed.is_some()
    }

    /// Minor units of `to` for one minor unit of `from` on `day`, from that day's rates or the last ones at most
    /// [`REACH_DAYS`] before; by way of the file's base where neither is it. `None` where there is none.
    pub fn rate(&self, from: Currency, to: Currency, day: Day) -> Option<Exact> {
        if from == to {
            return Some(Exact::ONE);
        }
        let value = self.told(from, to, day)?.per_unit;
        value.times(Exact::ratio(minor_units(to), minor_units(from))).ok()
    }

    /// An amount of `from` in `to` at the rate of `day`, rounded once, half to even; `None` where there is no rate, or beyond what
    /// an amount holds.
    pub fn worth(&self, amount: Mrr, from: Currency, to: Currency, day: Day) -> Option<Mrr> {
        super::times(amount, self.rate(from, to, day)?)
    }

    /// Units of `to` for one unit of `from` on `day` as [`Rates::rate`] takes them, and of which days' quotes they were made.
    pub fn told(&self, from: Currency, to: Currency, day: Day) -> Option<RateTold> {
        let day = self.fixed.unwrap_or(day);
        // A file that tells rates in the reporting currency itself needs no way round.
        let direct = self.bases.get_key_value(&to);
        let others = self.bases.iter().filter(|(base, _)| **base != to);
        direct.into_iter().chain(others).find_map(|(base, values)| {
            let worth = |currency| match currency == *base {
                true => Some((None, Exact::ONE)),
                false => on(values.get(&currency)?, day).map(|(quoted, value)| (Some(quoted), value)),
            };
            let ((of_from, from), (of_to, to)) = (worth(from)?, worth(to)?);
            let quoted = of_from.into_iter().chain(of_to).collect();
            Some(RateTold { per_unit: from.over(to).ok()?, quoted, fixed: self.fixed.is_some() })
        })
    }
}

/// A rate as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateTold {
    /// Units of the one currency for one unit of the other.
    pub per_unit: Exact,
    /// The days whose quotes it was made of: two where each currency was quoted last on another day.
    pub quoted: BTreeSet<Day>,
    /// Whether it holds on all days (`fx = "constant"`).
    pub fixed: bool,
}

impl RateTold {
    /// `1.0823 USD for 1 EUR, the rate of 2026-06-12, the last before 2026-06-14`.
    pub(crate) fn in_words(&self, from: Currency, to: Currency, day: Day) -> String {
        let code = |currency: Currency| currency.to_string().to_uppercase();
        let units = self.per_unit.scaled(Decimal::ONE_UNITS).ok();
        let rate = units.map_or_else(|| "a rate".to_owned(), |units| Decimal::from_units(units).to_string());
        // Of what has no end twelve places are shown.
        let more = if Decimal::ONE_UNITS % self.per_unit.denominator() == 0 { "" } else { "…" };
        let days: Vec<String> = self.quoted.iter().map(Day::to_string).collect();
        let when = match (self.fixed, self.quoted.len()) {
            (true, _) => format!(", the rate of {}, which holds on all days", days.join(" and ")),
            (false, 1) if self.quoted.contains(&day) => format!(", the rate of {day}"),
            (false, 1) => format!(", the rate of {}, the last before {day}", days.join("")),
            (false, _) => format!(", of the rates of {}, the last up to {day}", days.join(" and ")),
        };
        format!("{rate}{more} {} for 1 {}{when}", code(to), code(from))
    }
}

/// The value on `day`, or the last one before that is recent enough.
fn on(values: &[(Day, Exact)], day: Day) -> Option<(Day, Exact)> {
    let (quoted, value) = values[..values.partition_point(|(quoted, _)| *quoted <= day)].last()?;
    let reach = quoted.0.checked_add(jiff::Span::new().days(REACH_DAYS)).unwrap_or(quoted.0);
    (reach >= day.0).then_some((*quoted, *value))
}

/// How many of Stripe's minor units make one unit: 100, but 1 in zero-decimal and 1000 in three-decimal currencies. The
/// króna and the Ugandan shilling have no decimals, yet Stripe counts them in hundredths.
pub fn minor_units(currency: Currency) -> i128 {
    match currency.as_str() {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
        | "xof" | "xpf" => 1,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 1000,
        _ => 100,
    }
}
