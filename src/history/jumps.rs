//! Rates that lie far from the day before: most of all a decimal point out of place, which moves every figure it converts.

use std::collections::BTreeMap;

use super::rates::Table;
use crate::ledger::{
    fx::Quote,
    money::{Currency, Decimal},
    time::Day,
};

/// So many times apart, rates of neighbouring days are told: a slip by one decimal place does it, what markets do in a day doesn't.
const APART: i128 = 8;

/// How many of them are told one by one.
const SHOWN: usize = 5;

/// A rate, and the line of the file that tells it; `None` for one that was there already.
#[derive(Clone, Copy)]
struct Told {
    day: Day,
    rate: Decimal,
    line: Option<usize>,
}

/// A sentence for each rate of a file that lies far from that of the day before, or of which that of the day after does; `kept` are
/// the rates there were before the file. Of a rate that is far off and those around it only the one is told; where a new level
/// begins, its first.
pub fn warnings(kept: &[Quote], table: &Table) -> Vec<String> {
    let mut series: BTreeMap<(Currency, Currency, bool), BTreeMap<Day, Told>> = BTreeMap::new();
    let read = table.quotes.iter().zip(table.lines.iter().map(|line| Some(*line)));
    for (quote, line) in kept.iter().zip(std::iter::repeat(None)).chain(read) {
        let days = series.entry((quote.base, quote.currency, quote.per_base)).or_default();
        days.insert(quote.day, Told { day: quote.day, rate: quote.rate, line });
    }
    let mut jumps: Vec<(usize, String)> = Vec::new();
    for ((_, currency, _), days) in &series {
        let (mut before, mut far): (Option<Told>, Option<Told>) = (None, None);
        for one in days.values() {
            let apart = before.and_then(|before| Some((before, times(before.rate, one.rate)?)));
            match apart {
                Some(_) if far.is_some_and(|far| times(far.rate, one.rate).is_none()) => {
                    (before, far) = (Some(*one), None);
                }
                Some((before, times)) => {
                    if let Some(line) = one.line.or(before.line) {
                        jumps.push((line, said(*currency, one, &before, &times)));
                    }
                    far = Some(*one);
                }
                None => (before, far) = (Some(*one), None),
            }
        }
    }
    jumps.sort();
    let more = jumps.len().saturating_sub(SHOWN);
    let mut warnings: Vec<String> = jumps.into_iter().take(SHOWN).map(|(_, said)| said).collect();
    if more > 0 {
        warnings.push(format!("{more} more rates lie as far from that of the day before"));
    }
    warnings
}

/// How far two rates lie apart, as `100 times` or `1/100 of`; `None` where it is as far as rates may move.
fn times(before: Decimal, after: Decimal) -> Option<String> {
    let (before, after) = (before.units(), after.units());
    let rounded = |more: i128, less: i128| (more + less / 2) / less.max(1);
    if after >= before.saturating_mul(APART) {
        Some(format!("{} times", rounded(after, before)))
    } else if before >= after.saturating_mul(APART) {
        Some(format!("1/{} of", rounded(before, after)))
    } else {
        None
    }
}

fn said(currency: Currency, one: &Told, before: &Told, times: &str) -> String {
    // Where only the day before stands in the file, that line is to be looked at.
    let line = one.line.or(before.line).unwrap_or_default();
    format!(
        "line {line}: the rate of {currency} on {}, {}, is {times} that of {}, {}: it is taken; where a decimal point is out of place, \
         mend the file and import it again",
        one.day, one.rate, before.day, before.rate
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::rates;

    fn told(kept: &str, file: &str) -> Vec<usize> {
        let read = |text: &str| rates::read(&format!("day,currency,rate\n{text}"), "eur".parse().ok()).unwrap();
        let kept = if kept.is_empty() { Vec::new() } else { read(kept).quotes };
        let line = |text: &String| text.strip_prefix("line ").and_then(|rest| rest.split(':').next()?.parse().ok());
        warnings(&kept, &read(file)).iter().filter_map(line).collect()
    }

    #[test]
    fn the_line_that_is_far_off_is_told_and_not_its_neighbours() {
        let fine = "2026-01-14,usd,0.92\n2026-01-15,usd,0.7\n2026-01-16,usd,1.3\n2026-01-16,sek,92\n";
        assert_eq!(told("", fine), [0; 0]);
        assert_eq!(told("", "2026-01-14,usd,0.92\n2026-01-15,usd,92\n2026-01-16,usd,0.91\n"), [3]);
        // In whatever order the file has its days, and by one place too.
        assert_eq!(told("", "2026-01-16,usd,0.91\n2026-01-15,usd,0.092\n2026-01-14,usd,0.92\n"), [3]);
        // A new level is told where it begins.
        assert_eq!(told("", "2026-01-14,usd,0.92\n2026-01-15,usd,92\n2026-01-16,usd,91\n"), [3]);
        // The neighbour may be there already, before it or after it; what was there alone is told no more.
        assert_eq!(told("2026-01-14,usd,0.92\n", "2026-01-15,usd,92\n"), [2]);
        assert_eq!(told("2026-01-15,usd,0.92\n", "2026-01-14,usd,92\n"), [2]);
        assert_eq!(told("2026-01-14,usd,0.92\n2026-01-15,usd,92\n", "2026-01-16,usd,0.9\n"), [0; 0]);
        assert_eq!(told("2026-01-14,usd,0.92\n2026-01-15,usd,92\n", "2026-01-15,usd,0.9\n"), [0; 0]);
    }
}
