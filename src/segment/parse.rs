//! From the words of a text to a segment, or to the place where it goes wrong.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{
    language::{Check, Comparison, Expression, Key, Literal, STATUSES, Test, WORDS},
    tokens::{Token, Wrong, tokens},
};
use crate::ledger::{
    money::{Currency, Decimal},
    time::Day,
};

/// The longest text of a segment, in characters.
const LENGTH_MAX: usize = 4_000;

/// How deep brackets and `not` may lie within each other.
const DEPTH_MAX: usize = 50;

/// Where a text goes wrong, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Mistake {
    /// The whole text.
    text: String,
    /// The place, in characters from the text's beginning.
    pub at: usize,
    /// What is wrong at that place, in words.
    pub reason: String,
}

impl fmt::Display for Mistake {
    /// The reason, and where the text has several words the text with a caret below the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(f, "{}, at character {}\n  {line}\n  {}^", self.reason, self.at + 1, " ".repeat(self.at))
    }
}

/// Reads the text of a segment; errors name the place of the first mistake.
pub fn parse(text: &str) -> Result<Expression, Mistake> {
    let mistake = |(at, reason): Wrong| Mistake { text: text.to_owned(), at, reason };
    if text.chars().count() > LENGTH_MAX {
        return Err(Mistake {
            text: text.chars().take(60).collect(),
            at: 0,
            reason: format!("it is longer than {LENGTH_MAX} characters"),
        });
    }
    let tokens = tokens(text).map_err(mistake)?;
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.chars().count() };
    let expression = parser.either(0).map_err(mistake)?;
    match parser.peek() {
        None => Ok(expression),
        Some((at, token)) => Err(mistake((*at, format!("{token} is not expected here: and, or, or the end is")))),
    }
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    end: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t (usize, Token)> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<&'t (usize, Token)> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    /// Takes the word where it is next.
    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some((_, Token::Bare(next))) if next == word);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), Wrong> {
        match self.take() {
            Some((_, next)) if next == token => Ok(()),
            Some((at, next)) => Err((*at, format!("{next} is not expected here: {what} is"))),
            None => Err((self.end, format!("it ends too early: {what} is missing"))),
        }
    }

    fn either(&mut self, depth: usize) -> Result<Expression, Wrong> {
        let mut all = vec![self.both(depth)?];
        while self.word("or") {
            all.push(self.both(depth)?);
        }
        Ok(Expression::or(all))
    }

    fn both(&mut self, depth: usize) -> Result<Expression, Wrong> {
        let mut all = vec![self.one(depth)?];
        while self.word("and") {
            all.push(self.one(depth)?);
        }
        Ok(Expression::and(all))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, Wrong> {
        if depth > DEPTH_MAX {
            let at = self.peek().map_or(self.end, |(at, _)| *at);
            return Err((at, format!("brackets and not lie more than {DEPTH_MAX} deep")));
        }
        if self.word("not") {
            return Ok(self.one(depth + 1)?.negated());
        }
        if let Some((_, Token::Open)) = self.peek() {
            self.next += 1;
            let inside = self.either(depth + 1)?;
            self.expect(&Token::Close, "\")\"")?;
            return Ok(inside);
        }
        let (begins, key) = self.key()?;
        Ok(Expression::Test(self.check(begins, key)?))
    }

    fn key(&mut self) -> Result<(usize, Key), Wrong> {
        let (at, word) = match self.take() {
            Some((at, Token::Bare(word))) if !WORDS.contains(&word.as_str()) => (*at, word),
            Some((at, token)) => return Err((*at, format!("{token} is no key: there are {}", Key::WORDS))),
            None => return Err((self.end, format!("it ends too early: a key is missing; there are {}", Key::WORDS))),
        };
        let name = if let Some((_, Token::Colon)) = self.peek() {
            self.next += 1;
            match self.take() {
                Some((_, Token::Bare(name) | Token::Quoted(name))) if !name.is_empty() => Some(name.as_str()),
                Some((at, token)) => return Err((*at, format!("{token} is no name of a key"))),
                None => return Err((self.end, format!("it ends too early: the name behind {word}: is missing"))),
            }
        } else {
            None
        };
        let key = Key::named(word, name).ok_or_else(|| match (word.as_str(), name) {
            ("attribute" | "metadata", None) => (at, format!("{word:?} takes a name: {word}:KEY")),
            (word, Some(_)) if Key::named(word, None).is_some() => (at, format!("{word:?} takes no name")),
            _ => (at, format!("{word:?} is no key: there are {}", Key::WORDS)),
        })?;
        Ok((at, key))
    }

    fn check(&mut self, begins: usize, key: Key) -> Result<Test, Wrong> {
        let check = match self.take() {
            Some((_, Token::Bare(word))) if word == "exists" => Check::Exists,
            Some((_, Token::Bare(word))) if word == "in" => Check::In(self.list(&key)?),
            Some((at, Token::Compare(comparison))) => {
                let (place, literal) = self.literal(&key)?;
                let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                if ordered && matches!(literal, Literal::Text(_)) && key != Key::Cohort {
                    let reason =
                        format!("{key} can't be compared with {comparison} to the text {literal}: =, != and in can");
                    return Err((if is_of_texts(&key) { *at } else { place }, reason));
                }
                Check::Is(*comparison, literal)
            }
            Some((at, token)) => {
                return Err((
                    *at,
                    format!("{token} is not expected here: after {key} comes =, !=, <, <=, >, >=, in or exists"),
                ));
            }
            None => {
                let reason = format!("it ends too early: after {key} comes =, !=, <, <=, >, >=, in or exists");
                return Err((self.end.max(begins), reason));
            }
        };
        Ok(Test { key, check })
    }

    fn list(&mut self, key: &Key) -> Result<Vec<Literal>, Wrong> {
        self.expect(&Token::Open, "a list such as (a, b)")?;
        let mut all: Vec<Literal> = Vec::new();
        loop {
            let (at, literal) = self.literal(key)?;
            if all.first().is_some_and(|first| std::mem::discriminant(first) != std::mem::discriminant(&literal)) {
                return Err((
                    at,
                    format!("{literal} is of another type than the list's first: numbers, texts or days, not mixed"),
                ));
            }
            all.push(literal);
            match self.take() {
                Some((_, Token::Comma)) => {}
                Some((_, Token::Close)) => return Ok(all),
                Some((at, token)) => return Err((*at, format!("{token} is not expected here: \",\" or \")\" is"))),
                None => return Err((self.end, "it ends too early: \")\" is missing".into())),
            }
        }
    }

    /// A value, checked against what the key can be.
    fn literal(&mut self, key: &Key) -> Result<(usize, Literal), Wrong> {
        let (at, literal) = match self.take() {
            Some((at, Token::Quoted(text))) => (*at, Literal::Text(text.as_str().into())),
            Some((at, Token::Bare(word))) if !WORDS.contains(&word.as_str()) => (*at, bare(word)),
            Some((at, token)) => return Err((*at, format!("{token} is no value: a number, a text or a day is"))),
            None => return Err((self.end, "it ends too early: a value is missing".into())),
        };
        let fits = |text: Result<Literal, String>| text.map(|literal| (at, literal)).map_err(|reason| (at, reason));
        match (key, &literal) {
            (Key::Attribute(_) | Key::Metadata(_), _) => Ok((at, literal)),
            (Key::Mrr | Key::Seats | Key::TenureDays, Literal::Number(_)) => Ok((at, literal)),
            (Key::Mrr | Key::Seats | Key::TenureDays, other) => {
                Err((at, format!("{key} is a number, {other} is none")))
            }
            (_, Literal::Text(text)) => fits(fitting(key, text).map(|()| literal.clone())),
            (_, other) => {
                // Ids and months may look like numbers: they stand in quotes.
                Err((at, format!("{key} is a text: write \"{other}\" in quotes if it is one")))
            }
        }
    }
}

/// Keys that are never anything but texts.
fn is_of_texts(key: &Key) -> bool {
    !matches!(key, Key::Attribute(_) | Key::Metadata(_))
}

fn bare(word: &str) -> Literal {
    if let Some(day) = word.parse::<Day>().ok().filter(|day| day.to_string() == word) {
        return Literal::Day(day);
    }
    // Without an exponent: 1e3 is a text.
    let plain = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    match word.parse::<Decimal>() {
        Ok(number) if plain => Literal::Number(number),
        _ => Literal::Text(Arc::from(word)),
    }
}

/// Whether a key can ever be this text.
fn fitting(key: &Key, text: &str) -> Result<(), String> {
    let is_month = || {
        let day = format!("{text}-01");
        text.len() == 7 && day.parse::<Day>().is_ok_and(|parsed| parsed.to_string() == day)
    };
    match key {
        Key::Country if text.len() != 2 || !text.chars().all(|c| c.is_ascii_uppercase()) => {
            Err(format!("{text:?} is no country: two capital letters such as DE are"))
        }
        Key::Currency if text.parse::<Currency>().is_err() || text != text.to_lowercase() => {
            Err(format!("{text:?} is no currency: three small letters such as usd are"))
        }
        Key::Cohort if !is_month() => Err(format!("{text:?} is no cohort: a month such as 2026-01 is")),
        Key::Status if !STATUSES.contains(&text) => {
            Err(format!("{text:?} is no status: there are {}", STATUSES.join(", ")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read_is_printed_in_one_way() {
        for (text, printed) in [
            ("country=DE", "country = DE"),
            (
                "attribute:size >= 200 and country in (DE,AT , CH) and not product = prod_trial",
                "attribute:size >= 200 and country in (DE, AT, CH) and not product = prod_trial",
            ),
            ("a:b = 1", "\"a\" is no key"),
            ("(mrr > 10 or seats<5) and status = paying", "(mrr > 10 or seats < 5) and status = paying"),
            ("mrr > 10 or seats<5 and status = paying", "mrr > 10 or (seats < 5 and status = paying)"),
            ("((mrr > 10))", "mrr > 10"),
            ("not not (mrr > 10 and mrr < 20)", "not not (mrr > 10 and mrr < 20)"),
            ("mrr = 1 and (mrr = 2 and mrr = 3)", "mrr = 1 and mrr = 2 and mrr = 3"),
            ("metadata:\"account type\" = \"in\"", "metadata:\"account type\" = \"in\""),
            ("attribute:since >= 2026-05-10", "attribute:since >= 2026-05-10"),
            ("attribute:code = \"200\"", "attribute:code = \"200\""),
            ("attribute:share = -0.50", "attribute:share = -0.5"),
            ("attribute:code = 1e3", "attribute:code = \"1e3\""),
            ("cohort >= 2026-01", "cohort >= \"2026-01\""),
            ("attribute:size exists", "attribute:size exists"),
        ] {
            let read = parse(text).map_or_else(|mistake| mistake.reason, |read| read.to_string());
            assert!(read.starts_with(printed), "{text}: {read}");
        }
    }

    #[test]
    fn a_mistake_points_at_its_place() {
        for (text, at, word) in [
            ("", 0, "a key is missing"),
            ("size = 1", 0, "is no key"),
            ("country = DE nad mrr > 5", 13, "nad"),
            ("country = de", 10, "two capital letters"),
            ("country < DE", 8, "can't be compared"),
            ("attribute:size < large", 17, "can't be compared"),
            ("attribute = 3", 0, "takes a name"),
            ("mrr:x = 3", 0, "takes no name"),
            ("mrr = many", 6, "is a number"),
            ("country in (DE, 5)", 16, "is a text"),
            ("attribute:a in (x, 5)", 19, "another type"),
            ("attribute:a in (x", 17, "\")\" is missing"),
            ("attribute:a in x", 15, "a list"),
            ("attribute:a = \"x", 14, "no end"),
            ("attribute:a = 'x'", 14, "quotes"),
            ("(mrr > 1", 8, "\")\" is missing"),
            ("mrr > 1)", 7, "and, or, or the end"),
            ("mrr", 3, "after mrr comes"),
            ("status = happy", 9, "paying, past_due"),
            ("cohort = 2026-13", 9, "a month such as"),
            ("currency = EUR", 11, "small letters"),
            ("mrr > and", 6, "is no value"),
        ] {
            let mistake = parse(text).expect_err(text);
            assert_eq!(mistake.at, at, "{text}: {mistake}");
            assert!(mistake.reason.contains(word), "{text}: {mistake}");
        }
        let shown = parse("country = DE nad mrr > 5").unwrap_err().to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1..], ["  country = DE nad mrr > 5", "               ^"]);
    }

    fn literal() -> impl Strategy<Value = Literal> {
        prop_oneof![
            (-1_000_000_i64..1_000_000, 0_u32..4).prop_map(|(number, places)| {
                Literal::Number(Decimal::from_units(i128::from(number) * 10_i128.pow(12 - places)))
            }),
            "\\PC{0,12}".prop_map(|text| Literal::Text(text.into())),
            "[a-z]{1,8}".prop_map(|text| Literal::Text(text.into())),
            (1970_i16..2100, 1_i8..13, 1_i8..29)
                .prop_map(|(year, month, day)| Literal::Day(Day(jiff::civil::date(year, month, day)))),
        ]
    }

    fn comparison() -> impl Strategy<Value = Comparison> {
        use Comparison::*;
        prop::sample::select(vec![Equal, NotEqual, Less, AtMost, Greater, AtLeast])
    }

    fn test() -> impl Strategy<Value = Expression> {
        let key = prop_oneof!["[a-z.]{1,6}", "\\PC{1,6}"].prop_map(|name| Key::Attribute(name.as_str().into()));
        let check = prop_oneof![
            Just(Check::Exists),
            (comparison(), literal()).prop_map(|(comparison, literal)| match literal {
                Literal::Text(_) => Check::Is(Comparison::NotEqual, literal),
                literal => Check::Is(comparison, literal),
            }),
            prop::collection::vec("\\PC{0,5}".prop_map(|text| Literal::Text(text.into())), 1..4).prop_map(Check::In),
        ];
        let others = prop_oneof![
            (comparison(), -500_i64..500)
                .prop_map(|(is, n)| Test { key: Key::Mrr, check: Check::Is(is, Literal::Number(Decimal::whole(n))) }),
            prop::sample::select(STATUSES.to_vec())
                .prop_map(|word| Test { key: Key::Status, check: Check::In(vec![Literal::Text(word.into())]) }),
        ];
        prop_oneof![3 => (key, check).prop_map(|(key, check)| Test { key, check }), 1 => others]
            .prop_map(Expression::Test)
    }

    pub(crate) fn expression() -> impl Strategy<Value = Expression> {
        test().prop_recursive(5, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::and),
                prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::or),
                inner.prop_map(Expression::negated),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_it_was(expression in expression()) {
            prop_assert_eq!(parse(&expression.to_string()), Ok(expression));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,80}") {
            if let Err(mistake) = parse(&text) {
                prop_assert!(mistake.at <= text.chars().count(), "{}", mistake);
            }
        }

        #[test]
        fn no_words_are_too_odd(words in prop::collection::vec(prop::sample::select(vec![
            "and", "or", "not", "in", "(", ")", ",", "mrr", "attribute", ":", "size", "=", "!=", "<", "exists", "\"a\"", "5", "-", "2026-05-10",
        ]), 0..30)) {
            let text = words.join(" ");
            if let Ok(read) = parse(&text) {
                prop_assert_eq!(parse(&read.to_string()), Ok(read));
            }
        }
    }

    #[test]
    fn what_lies_too_deep_or_is_too_long_is_refused() {
        for text in ["(".repeat(3000), "not ".repeat(900), format!("mrr > {}", "1".repeat(5000))] {
            assert!(parse(&text).is_err());
        }
    }
}
