//! A route's query parameters, declared once: from the one struct come what is read, what is refused and what OpenAPI says.
//!
//! A handler takes [`Query<T>`] and its description `params(T)`, for utoipa doesn't look at the arguments; a test holds the two
//! against each other (tests/it/api/parameters.rs). What `T` doesn't declare is refused by its name, and so is what is given
//! twice or can't be read.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use http::request::Parts;
use utoipa::openapi::{
    Required as IsRequired,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::Object,
};

use super::problem::ApiProblem;

/// Declares the query parameters of a route: `name: Option<T>` for one that may be left away, `name: Required<T>` for one that
/// may not, `["its-name"] field: …` where Rust can't spell the name, and another declaration as the type of a field for the
/// parameters that it shares with other routes. The comment on a parameter is its description in OpenAPI.
macro_rules! parameters {
    (
        $(#[doc = $of:literal])*
        $visible:vis struct $Declared:ident {
            $($(#[doc = $about:literal])* $([$written:literal])? $field:ident: $part:ty),* $(,)?
        }
    ) => {
        $(#[doc = $of])*
        #[derive(Debug)]
        $visible struct $Declared {
            $($(#[doc = $about])* pub(super) $field: $part),*
        }

        impl $crate::api::query::Part for $Declared {
            fn take(
                given: &mut $crate::api::query::Given,
                _: &'static str,
            ) -> Result<Self, $crate::api::problem::ApiProblem> {
                Ok(Self {
                    $($field: $crate::api::query::Part::take(
                        given,
                        $crate::api::query::written(stringify!($field), &[$($written)?]),
                    )?),*
                })
            }

            fn describe(_: &'static str, _: &[&str]) -> Vec<utoipa::openapi::path::Parameter> {
                let parts = [$(<$part as $crate::api::query::Part>::describe(
                    $crate::api::query::written(stringify!($field), &[$($written)?]),
                    &[$($about),*],
                )),*];
                parts.concat()
            }
        }

        impl utoipa::IntoParams for $Declared {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                <Self as $crate::api::query::Part>::describe("", &[])
            }
        }
    };
}

pub(super) use parameters;

/// What a route takes that takes nothing: anything given is refused, never ignored.
#[derive(Debug)]
pub(super) struct Nothing;

impl Part for Nothing {
    fn take(_: &mut Given, _: &'static str) -> Result<Self, ApiProblem> {
        Ok(Self)
    }

    fn describe(_: &'static str, _: &[&str]) -> Vec<Parameter> {
        Vec::new()
    }
}

/// The query string of a request, read as `T` declares it.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: Part, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiProblem> {
        Self::read(parts.uri.query())
    }
}

impl<T: Part> Query<T> {
    /// Reads `a=1&b=2`, and refuses whatever `T` didn't take.
    pub(super) fn read(query: Option<&str>) -> Result<Self, ApiProblem> {
        let mut given = Given::read(query)?;
        let taken = T::take(&mut given, "")?;
        match given.0.keys().next() {
            None => Ok(Self(taken)),
            Some(name) => Err(no_such(name, T::describe("", &[]).iter().map(|one| one.name.as_str()).collect())),
        }
    }
}

/// A parameter that nothing declares, with the likeliest one that was meant.
fn no_such(name: &str, declared: Vec<&str>) -> ApiProblem {
    // One letter too many, too few, another or in the wrong place: `form` is `from`, though `format` begins like it.
    let slipped = declared.iter().find(|one| strsim::osa_distance(one, name) == 1);
    let likeness = |one: &str| strsim::jaro_winkler(one, name);
    let alike = || declared.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = slipped.or_else(|| alike().filter(|one| likeness(one) > 0.7));
    let hint = match nearest {
        Some(nearest) => format!(": did you mean {nearest}?"),
        None if declared.is_empty() => "; this address takes none".to_owned(),
        None => format!("; this address takes {}", declared.join(", ")),
    };
    ApiProblem::parameter(name, &format!("there is no such parameter{hint}"))
}

/// A type that a parameter may have.
pub(super) trait Value: Sized {
    /// Reads what was given; `None` where it is no such value.
    fn read(text: &str) -> Option<Self>;

    /// What it should have been, as in "\"x\" is not …".
    fn expected() -> String;

    /// The same to whoever gave this text, where that tells what was meant.
    fn expected_for(_text: &str) -> String {
        Self::expected()
    }

    /// As OpenAPI has it, with an example.
    fn schema() -> Object;
}

/// What is given and wasn't taken yet, by name.
#[derive(Debug)]
pub(super) struct Given(BTreeMap<String, String>);

impl Given {
    fn read(query: Option<&str>) -> Result<Self, ApiProblem> {
        let mut given = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or_else(|| ApiProblem::parameter(name, "its name isn't readable text"))?;
            let value = decoded(value).ok_or_else(|| ApiProblem::parameter(&name, "its value isn't readable text"))?;
            if given.insert(name.clone(), value).is_some() {
                return Err(ApiProblem::parameter(&name, "it is given more than once"));
            }
        }
        Ok(Self(given))
    }

    /// Takes one out and reads it. An empty one counts as not given.
    pub(super) fn take<T: Value>(&mut self, name: &str) -> Result<Option<T>, ApiProblem> {
        let Some(text) = self.0.remove(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        let unreadable = || ApiProblem::parameter(name, &format!("{text:?} is not {}", T::expected_for(&text)));
        T::read(&text).map(Some).ok_or_else(unreadable)
    }
}

/// What a field of a declaration stands for: one parameter, or those of another declaration.
pub(super) trait Part: Sized {
    /// Takes it out of what is given.
    fn take(given: &mut Given, name: &'static str) -> Result<Self, ApiProblem>;

    /// As OpenAPI has it; `about` are the lines of its description.
    fn describe(name: &'static str, about: &[&str]) -> Vec<Parameter>;
}

impl<T: Value> Part for Option<T> {
    fn take(given: &mut Given, name: &'static str) -> Result<Self, ApiProblem> {
        given.take(name)
    }

    fn describe(name: &'static str, about: &[&str]) -> Vec<Parameter> {
        vec![described::<T>(name, about).build()]
    }
}

/// A parameter without which the question makes no sense.
#[derive(Debug)]
pub(super) struct Required<T>(pub(super) T);

impl<T: Value> Part for Required<T> {
    fn take(given: &mut Given, name: &'static str) -> Result<Self, ApiProblem> {
        let missing = || ApiProblem::parameter(name, &format!("it is missing: give {}", T::expected()));
        given.take(name)?.map(Self).ok_or_else(missing)
    }

    fn describe(name: &'static str, about: &[&str]) -> Vec<Parameter> {
        vec![described::<T>(name, about).required(IsRequired::True).build()]
    }
}

/// A parameter as OpenAPI has it, left away at will.
pub(super) fn described<T: Value>(name: &str, about: &[&str]) -> ParameterBuilder {
    let about = about.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(IsRequired::False)
        .description(Some(about))
        .schema(Some(T::schema()))
}

/// A parameter's name: the field's, unless another was written.
pub(super) fn written(field: &'static str, written: &[&'static str]) -> &'static str {
    written.first().copied().unwrap_or(field)
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
                let (code, after) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{mrr::SeriesQuery, params::LedgerQuery, profiles::CompareQuery};

    fn refusal<T: Part>(query: &str) -> String {
        match Query::<T>::read(Some(query)) {
            Ok(_) => "fine".into(),
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
            ("form=2026-11", "form: there is no such parameter: did you mean from?"),
            ("from=yesterday", "from: \"yesterday\" is not a day such as 2026-01-31"),
            (
                "as_known_at=2026-10-31",
                "as_known_at: \"2026-10-31\" is not an instant but a day: for its end in UTC write 2026-10-31T23:59:59Z, in another \
                 zone with its offset, as 2026-10-31T23:59:59-05:00 (mrrd's days are those of ledger.timezone)",
            ),
            ("from=2026-02-30", "from: \"2026-02-30\" is not a day: 2026-02 ends on 2026-02-28"),
            ("interval=fortnight", "interval: \"fortnight\" is not one of day, week, month, quarter, year"),
            ("currency=dollars", "currency: \"dollars\" is not a currency such as usd, or reporting"),
            ("basis=old", "basis: \"old\" is not restated or closed"),
            ("include=all", "include: \"all\" is not scheduled"),
            ("from=2026-01-01&from=2026-01-02", "from: it is given more than once"),
            ("livemode=yes", "livemode: \"yes\" is not true or false"),
            ("from=%zz", "from: its value isn't readable text"),
        ] {
            assert_eq!(refusal::<SeriesQuery>(query), said, "{query}");
        }
    }

    #[test]
    fn what_is_needed_is_asked_for_and_what_nothing_takes_is_refused() {
        let said = "month: it is missing: give a month such as 2026-10";
        assert_eq!(refusal::<CompareQuery>("with=finance"), said);
        assert_eq!(refusal::<CompareQuery>("with=finance&month=2026-10"), "fine");
        assert_eq!(refusal::<Nothing>("from=2026-01-01"), "from: there is no such parameter; this address takes none");
    }

    #[test]
    fn a_plus_in_an_instant_is_read_as_written_when_encoded() {
        let read = Query::<LedgerQuery>::read(Some("as_known_at=2026-01-01T02%3A00%3A00%2B02%3A00"));
        assert!(read.unwrap().0.ask().as_known_at.is_some());
    }
}
