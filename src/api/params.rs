//! Query strings, read strictly: a parameter that isn't known, is given twice or can't be read is refused by its name.

use std::{collections::BTreeMap, str::FromStr};

use super::problem::ApiProblem;
use crate::{
    ledger::time::Day,
    report::{
        ask::{Ask, Basis, GroupBy, InCurrency, KnownAt},
        period::Interval,
    },
    store::derived::reports::AccountScope,
};

/// The most entries a page may have.
pub(super) const LIMIT_MAX: i64 = 1000;
/// How many a page has where nothing is asked for.
pub(super) const LIMIT_DEFAULT: i64 = 100;

/// The query string of one request; every reader takes its parameter out, and [`Params::end`] refuses what is left.
#[derive(Debug)]
pub(super) struct Params {
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl Params {
    /// Reads `a=1&b=2`.
    pub(super) fn read(query: Option<&str>) -> Result<Self, ApiProblem> {
        let mut given = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or_else(|| ApiProblem::parameter(name, "its name isn't readable text"))?;
            let value = decoded(value).ok_or_else(|| ApiProblem::parameter(&name, "its value isn't readable text"))?;
            if given.insert(name.clone(), value).is_some() {
                return Err(ApiProblem::parameter(&name, "it is given more than once"));
            }
        }
        Ok(Self { given, known: Vec::new() })
    }

    /// A parameter as text; an empty one counts as not given.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.given.remove(name).filter(|value| !value.is_empty())
    }

    /// A parameter as anything that reads itself; `expected` says what it should have been.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Result<Option<T>, ApiProblem> {
        self.with(name, expected, |text| text.parse().ok())
    }

    /// A parameter by a reader of words.
    pub(super) fn with<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiProblem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let unreadable = || ApiProblem::parameter(name, &format!("{text:?} is not {expected}"));
        read(&text).map(Some).ok_or_else(unreadable)
    }

    /// Days, e.g. `2026-01-31`.
    pub(super) fn day(&mut self, name: &'static str) -> Result<Option<Day>, ApiProblem> {
        self.parsed(name, "a day such as 2026-01-31")
    }

    /// `limit`.
    pub(super) fn limit(&mut self) -> Result<i64, ApiProblem> {
        let expected = format!("a whole number from 1 to {LIMIT_MAX}");
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        Ok(self.with("limit", &expected, read)?.unwrap_or(LIMIT_DEFAULT))
    }

    /// `format`: whether CSV is wanted.
    pub(super) fn csv(&mut self) -> Result<bool, ApiProblem> {
        let read = |text: &str| match text {
            "json" => Some(false),
            "csv" => Some(true),
            _ => None,
        };
        Ok(self.with("format", "json or csv", read)?.unwrap_or(false))
    }

    /// `account`: `None` where it isn't given.
    pub(super) fn account(&mut self) -> Option<AccountScope> {
        self.text("account").map(|account| match account.as_str() {
            "all" => AccountScope::All,
            "own" => AccountScope::One(None),
            account => AccountScope::One(Some(account.into())),
        })
    }

    /// `livemode`.
    pub(super) fn livemode(&mut self) -> Result<Option<bool>, ApiProblem> {
        self.parsed("livemode", "true or false")
    }

    /// The parameters that every report understands (docs/interface.md 5).
    pub(super) fn ask(&mut self) -> Result<Ask, ApiProblem> {
        Ok(Ask {
            profile: self.text("profile"),
            currency: self.parsed("currency", InCurrency::WORDS)?,
            livemode: self.livemode()?,
            account: self.account().unwrap_or(AccountScope::One(None)),
            test_clock: self.text("test_clock").map(|clock| clock.as_str().into()),
            as_known_at: self.with(
                "as_known_at",
                "an instant such as 2026-01-31T12:00:00Z, or a log sequence number",
                KnownAt::parse,
            )?,
            ..Ask::default()
        })
    }

    /// `from` and `to`.
    pub(super) fn span(&mut self, ask: Ask) -> Result<Ask, ApiProblem> {
        Ok(Ask { from: self.day("from")?, to: self.day("to")?, ..ask })
    }

    /// `interval`.
    pub(super) fn interval(&mut self) -> Result<Interval, ApiProblem> {
        let expected = format!("one of {}", Interval::WORDS.join(", "));
        Ok(self.with("interval", &expected, Interval::parse)?.unwrap_or_default())
    }

    /// The further parameters of bridges.
    pub(super) fn series(&mut self, ask: Ask) -> Result<Ask, ApiProblem> {
        let ask = self.span(ask)?;
        Ok(Ask {
            interval: self.interval()?,
            group_by: self.with("group_by", &format!("one of {}", GroupBy::words()), GroupBy::parse)?,
            scheduled: self.scheduled()?,
            basis: self.basis()?,
            ..ask
        })
    }

    /// `basis`.
    pub(super) fn basis(&mut self) -> Result<Basis, ApiProblem> {
        Ok(self.with("basis", "restated or closed", Basis::parse)?.unwrap_or_default())
    }

    /// `include=scheduled`.
    pub(super) fn scheduled(&mut self) -> Result<bool, ApiProblem> {
        Ok(self.with("include", "scheduled", |text| (text == "scheduled").then_some(()))?.is_some())
    }

    /// Refuses whatever no reader took.
    pub(super) fn end(self) -> Result<(), ApiProblem> {
        let Some(name) = self.given.keys().next() else { return Ok(()) };
        let nearest =
            self.known.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let hint = match nearest {
            Some(nearest) if strsim::jaro_winkler(nearest, name) > 0.7 => format!(": did you mean {nearest}?"),
            _ => format!("; this address takes {}", self.known.join(", ")),
        };
        Err(ApiProblem::parameter(name, &format!("there is no such parameter{hint}")))
    }
}

/// Percent-decoded UTF-8, `+` as a space.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let code = rest.get(..2).and_then(|code| std::str::from_utf8(code).ok())?;
                bytes.push(u8::from_str_radix(code, 16).ok()?);
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> String {
        let mut params = match Params::read(Some(query)) {
            Ok(params) => params,
            Err(problem) => return problem.to_string(),
        };
        let asked = params.ask().and_then(|ask| params.series(ask));
        match asked.and_then(|_| params.end()) {
            Ok(()) => "fine".into(),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn a_bad_parameter_is_named_with_what_would_be_good() {
        for (query, said) in [
            ("", "fine"),
            ("from=2026-01-01&to=2026-12-31&interval=week&group_by=product&include=scheduled", "fine"),
            ("as_known_at=2026-01-01T00%3A00%3A00Z", "fine"),
            ("as_known_at=120", "fine"),
            ("group_by=metadata:industry", "fine"),
            ("currency=reporting", "fine"),
            ("intervall=week", "intervall: there is no such parameter: did you mean interval?"),
            ("from=yesterday", "from: \"yesterday\" is not a day such as 2026-01-31"),
            ("from=2026-02-30", "from: \"2026-02-30\" is not a day such as 2026-01-31"),
            ("interval=fortnight", "interval: \"fortnight\" is not one of day, week, month, quarter, year"),
            ("currency=dollars", "currency: \"dollars\" is not a currency such as usd, or reporting"),
            ("from=2026-01-01&from=2026-01-02", "from: it is given more than once"),
            ("livemode=yes", "livemode: \"yes\" is not true or false"),
            ("from=%zz", "from: its value isn't readable text"),
        ] {
            assert_eq!(refusal(query), said, "{query}");
        }
    }

    #[test]
    fn a_plus_in_an_instant_is_read_as_written_when_encoded() {
        let mut params = Params::read(Some("as_known_at=2026-01-01T02%3A00%3A00%2B02%3A00")).unwrap();
        assert!(params.ask().unwrap().as_known_at.is_some());
    }
}
