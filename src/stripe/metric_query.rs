//! Stripe's own MRR by customer, from its Metrics API: a preview, asked and read by the shapes that Stripe publishes with its
//! libraries and its command line. What isn't what was asked for is refused, never half read.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ledger::{
    ids::CustomerId,
    money::Currency,
    time::{Day, UnixTime, Zone},
};

/// Where it is asked.
pub const PATH: &str = "/v2/data/analytics/metric_query";

/// The version it is asked in: previews have versions of their own.
pub const VERSION: &str = "2026-04-22.preview";

/// The metric: MRR of active and past-due subscriptions at the end of a period.
const METRIC: &str = "revenue.mrr";

/// What each customer's MRR is at the end of one month, to Stripe.
#[derive(Clone, Debug)]
pub struct MonthAsked<'a> {
    /// The month's first day …
    pub first: Day,
    /// … and its last.
    pub last: Day,
    /// The zone that cuts its days.
    pub zone: &'a Zone,
    /// Into which Stripe converts.
    pub currency: Currency,
}

/// What Stripe told of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthTold {
    /// How fresh the figures are: events after this aren't in them.
    pub refreshed_at: UnixTime,
    /// MRR in minor units, by customer; who isn't named has none.
    pub mrr: BTreeMap<CustomerId, i64>,
}

#[derive(Serialize)]
struct Question<'a> {
    metrics: [Metric; 1],
    starts_at: String,
    ends_at: String,
    granularity: &'static str,
    group_by: [&'static str; 1],
    currency: &'a str,
    timezone: &'a str,
}

#[derive(Serialize)]
struct Metric {
    name: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    refreshed_at: Instant,
    next_page_url: Option<String>,
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    results: Vec<Figure>,
    timestamp: Instant,
}

#[derive(Deserialize)]
struct Figure {
    name: String,
    currency: Option<String>,
    value: Whole,
}

/// RFC 3339 as Stripe's second API writes it, or seconds as its first one does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Instant {
    Text(String),
    Seconds(i64),
}

/// An integer, as text or as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Whole {
    Text(String),
    Number(i64),
}

impl Instant {
    fn read(&self) -> Result<UnixTime, String> {
        match self {
            Self::Seconds(seconds) => Ok(UnixTime(*seconds)),
            Self::Text(text) => {
                let instant = text.parse::<jiff::Timestamp>().map_err(|_| format!("{text:?} is no instant"))?;
                Ok(UnixTime(instant.as_second()))
            }
        }
    }
}

impl Whole {
    fn read(&self) -> Result<i64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => text.parse().map_err(|_| format!("{text:?} is no whole number of minor units")),
        }
    }
}

impl MonthAsked<'_> {
    /// The question's body.
    pub fn body(&self) -> Result<Bytes, serde_json::Error> {
        let question = Question {
            metrics: [Metric { name: METRIC }],
            starts_at: self.zone.start_of(self.first).to_string(),
            ends_at: self.zone.end_of(self.last).to_string(),
            granularity: "month",
            group_by: ["customer"],
            currency: self.currency.as_str(),
            timezone: self.zone.name().unwrap_or("UTC"),
        };
        Ok(serde_json::to_vec(&question)?.into())
    }

    /// Reads the answer. Errors say what of it isn't what was asked for.
    pub fn read(&self, answer: &[u8]) -> Result<MonthTold, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        if answer.next_page_url.is_some() {
            return Err("it has a second page, which the preview's description rules out".into());
        }
        let mut mrr: BTreeMap<CustomerId, i64> = BTreeMap::new();
        for row in &answer.data {
            // A period's timestamp is its end; of one that runs, the last day with data.
            let day = self.zone.day(row.timestamp.read()?);
            if day < self.first || day > self.last {
                return Err(format!("it tells of {day}, and was asked of {} to {}", self.first, self.last));
            }
            let customer = row.dimensions.get("customer").or_else(|| row.dimensions.get("customer_id"));
            let customer = customer.filter(|id| !id.is_empty()).ok_or("a row names no customer")?;
            let [figure] = &row.results[..] else { return Err(format!("a row of {customer} has no one figure")) };
            if figure.name != METRIC {
                return Err(format!("it tells of {}, and was asked for {METRIC}", figure.name));
            }
            let currency = figure.currency.as_deref().unwrap_or_default();
            if !currency.eq_ignore_ascii_case(self.currency.as_str()) {
                return Err(format!("it is in {currency:?}, and was asked for in {}", self.currency));
            }
            if mrr.insert(CustomerId::from(customer.as_str()), figure.value.read()?).is_some() {
                return Err(format!("it tells of {customer} twice"));
            }
        }
        Ok(MonthTold { refreshed_at: answer.refreshed_at.read()?, mrr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(zone: &Zone) -> MonthAsked<'_> {
        let day = |text: &str| text.parse().unwrap();
        MonthAsked { first: day("2026-01-01"), last: day("2026-01-31"), zone, currency: "usd".parse().unwrap() }
    }

    fn answer(rows: &str) -> String {
        format!(
            r#"{{"id":"mqr_1","object":"v2.data.analytics.metric_query_result","created":"2026-02-03T10:00:00.000Z",
            "livemode":true,"next_page_url":null,"previous_page_url":null,
            "refreshed_at":"2026-02-03T09:00:00.000Z","data":[{rows}]}}"#
        )
    }

    fn row(customer: &str, currency: &str, value: &str, at: &str) -> String {
        format!(
            r#"{{"id":"r","dimensions":{{"customer":"{customer}"}},"timestamp":"{at}",
            "results":[{{"metric":"metric_1","name":"revenue.mrr","currency":"{currency}","value":{value}}}]}}"#
        )
    }

    #[test]
    fn a_month_is_asked_for_by_its_first_and_last_second_in_the_ledgers_zone() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let body: serde_json::Value = serde_json::from_slice(&asked(&berlin).body().unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"metrics": [{"name": "revenue.mrr"}], "starts_at": "2025-12-31T23:00:00Z",
                "ends_at": "2026-01-31T22:59:59Z", "granularity": "month", "group_by": ["customer"], "currency": "usd",
                "timezone": "Europe/Berlin"})
        );
    }

    #[test]
    fn whole_minor_units_are_read_whether_they_are_text_or_numbers() {
        let end = "2026-01-31T00:00:00Z";
        let text = answer(&[row("cus_1", "usd", "\"2000\"", end), row("cus_2", "USD", "-5", end)].join(","));
        let told = asked(&Zone::UTC).read(text.as_bytes()).unwrap();
        assert_eq!(told.refreshed_at.to_string(), "2026-02-03T09:00:00Z");
        assert_eq!(told.mrr.into_iter().collect::<Vec<_>>(), [("cus_1".into(), 2000), ("cus_2".into(), -5)]);
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let end = "2026-01-31T00:00:00Z";
        for (rows, said) in [
            (row("cus_1", "eur", "1", end), "in \"eur\""),
            (row("cus_1", "usd", "\"1.5\"", end), "no whole number"),
            (row("", "usd", "1", end), "names no customer"),
            (row("cus_1", "usd", "1", "2026-02-28T00:00:00Z"), "tells of 2026-02-28"),
            ([row("cus_1", "usd", "1", end), row("cus_1", "usd", "2", end)].join(","), "twice"),
            (row("cus_1", "usd", "1", end).replace("revenue.mrr", "revenue.arr"), "tells of revenue.arr"),
        ] {
            let error = asked(&Zone::UTC).read(answer(&rows).as_bytes()).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let paged = answer("").replace("\"next_page_url\":null", "\"next_page_url\":\"/v2/more\"");
        assert!(asked(&Zone::UTC).read(paged.as_bytes()).unwrap_err().contains("second page"));
    }
}
