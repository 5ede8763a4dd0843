//! The table itself.

use std::collections::BTreeSet;

use mrrd::ledger::{
    cohorts::{Customer, Month, cohorts},
    fact::{CancelReason, Duration, IntervalUnit, Scheme, Status},
    metrics::{self, Flows, Pair, Rate},
    money::{Decimal, Mrr},
    outcome::{Kind, QualityKind, Rollup},
    time::{Day, UnixTime},
};
use serde_json::Value;

use super::story::{Story, at, coupon, line, monthly, price, yearly};

const TABLE: &str = include_str!("../../data/vectors/metrics.jsonl");

/// Rows that no figure of rule `metrics` answers, and why.
const NOT_OURS: &[(&str, &str)] = &[
    (
        "CM-15",
        "percentage changes between periods are a presentation of figures, not one of the metrics of rule `metrics`",
    ),
    (
        "CB-03",
        "a growth rate of total MRR under the name of expansion; our expansion is a movement, never the total change",
    ),
];

/// One row of the table.
struct Row {
    inputs: Value,
    expected: Value,
    tolerance: Decimal,
}

fn decimal(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().unwrap(),
        number => number.to_string().parse().unwrap(),
    }
}

impl Row {
    fn input(&self, name: &str) -> i64 {
        self.inputs[name].as_i64().unwrap_or_else(|| panic!("{name} in {}", self.inputs))
    }

    fn count(&self, name: &str) -> u64 {
        self.inputs[name].as_u64().unwrap_or_else(|| panic!("{name} in {}", self.inputs))
    }

    fn mrr(&self, name: &str) -> Mrr {
        // Rows leave out what is nothing.
        Mrr(decimal(self.inputs.get(name).unwrap_or(&Value::from(0))).units() / (Decimal::ONE_UNITS / Mrr::MINOR))
    }

    fn is(&self, actual: &str, expected: &Value) {
        let (actual, expected) = (actual.parse::<Decimal>().unwrap().units(), decimal(expected).units());
        assert!((actual - expected).abs() <= self.tolerance.units(), "{actual} is not {expected}: {}", self.expected);
    }

    fn rate(&self, rate: &Rate, name: &str) {
        self.is(rate.value.as_deref().unwrap(), &self.expected[name]);
    }

    fn flows(&self) -> Flows {
        let mut flows = Flows::starting(self.mrr("start"));
        for (kind, name) in [
            (Kind::New, "new"),
            (Kind::Expansion, "expansion"),
            (Kind::Reactivation, "reactivation"),
            (Kind::Contraction, "contraction"),
            (Kind::Churn, "churn"),
        ] {
            let amount = self.mrr(name);
            // Some rows write what is lost as positive amounts, some as negative ones.
            let lost = matches!(kind, Kind::Contraction | Kind::Churn);
            flows.add(kind, if lost { Mrr(-amount.0.abs()) } else { amount }).unwrap();
        }
        flows
    }

    /// The row's coupon on its price, under a profile: what the ledger counts.
    fn discounted(&self, profile: &str, duration: Duration) -> String {
        let prices = [(self.price(), 1)];
        let percent = self.inputs["coupon"]["percent"].as_i64().unwrap();
        let story = Story::new()
            .begins("2026-01-01", "sub", &prices)
            .changes("2026-01-01", "sub", |state| state.discounts = vec![coupon(percent, duration)])
            .pays("2026-01-01", "sub", 1, Vec::new());
        story.mrr(profile, "2026-01-01").to_string()
    }

    fn price(&self) -> mrrd::ledger::fact::Price {
        if self.inputs["interval"] == "year" { yearly(self.input("amount")) } else { monthly(self.input("amount")) }
    }

    /// The row's subscriptions, each one price for ever: MRR, in minor units.
    fn normalised(&self) -> Mrr {
        let prices: Vec<_> = self.inputs["subs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|subscription| {
                let interval = match subscription["interval"].as_str().unwrap() {
                    "month" => Some(IntervalUnit::Month),
                    "year" => Some(IntervalUnit::Year),
                    _ => None,
                };
                let count = u32::try_from(subscription["interval_count"].as_u64().unwrap_or(1)).unwrap();
                let amount = decimal(&subscription["amount"]).to_string();
                (price("price", &amount, interval.map(|unit| (unit, count))), subscription["n"].as_i64().unwrap())
            })
            .collect();
        Story::new().begins("2026-01-01", "sub", &prices).mrr("stripe", "2026-01-31")
    }

    /// Rounded half up to the places of the expected figure.
    fn normalised_is(&self, places: u32) {
        let scale = 10i128.pow(6 - places);
        let rounded = (self.normalised().0 + scale / 2).div_euclid(scale) * scale;
        self.is(&Mrr(rounded).to_string(), &self.expected["mrr"]);
    }

    fn movements(&self, story: &Story, profile: &str, expected: &[&str]) {
        assert_eq!(story.movements(profile), expected, "{}", self.expected);
    }
}

fn minor(amount: i128) -> Mrr {
    Mrr(amount * Mrr::MINOR)
}

fn pair(opening: i128, closing: i128) -> Pair {
    Pair { opening: minor(opening), closing: minor(closing) }
}

/// MRR by month: each month one price, 0 ends it, and a price after 0 begins another subscription.
fn by_months(amounts: &[i64]) -> Story {
    let mut story = Story::new();
    let mut running: Option<String> = None;
    for (index, amount) in amounts.iter().enumerate() {
        let day = format!("2026-{:02}-01", index + 1);
        story = match (&running, amount) {
            (None, 0) => story,
            (Some(id), 0) => story.ends(&day, id),
            (Some(id), _) => story.changes(&day, id, |state| {
                state.items[0].price.scheme = Scheme::PerUnit(Decimal::whole(*amount));
            }),
            (None, _) => story.begins(&day, &format!("sub_{index}"), &[(monthly(*amount), 1)]),
        };
        running = match (running, amount) {
            (_, 0) => None,
            (None, _) => Some(format!("sub_{index}")),
            (running, _) => running,
        };
    }
    story
}

/// Customers at the end of a day, over customers who are each one story.
fn customers(stories: &[Story], profile: &str, day: &str) -> u64 {
    stories.iter().filter(|story| story.mrr(profile, day) > Mrr::ZERO).count() as u64
}

fn check(id: &str, row: &Row) {
    match id {
        "STR-03" => {
            row.rate(&metrics::trial_conversion(row.count("converted_30d"), row.count("trials_ended_30d")), "rate");
        }
        "STR-04" => {
            let rate = metrics::customer_churn_stripe(row.count("churned"), row.count("start"), row.count("new"));
            row.rate(&rate, "rate");
        }
        "STR-06" => {
            // A hundred customers of which a tenth goes each month; who goes is whole.
            let mut left = row.input("cohort");
            let first = Month::of(at_day("2026-01-01"));
            let mut customers = Vec::new();
            for (age, stays) in (1..).zip(row.expected["month_1_5"].as_array().unwrap()) {
                // 0.9 of the hundred, to the power of the age, rounded half up.
                let share = (100 * 9i64.pow(age) * 2 + 10i64.pow(age)) / (2 * 10i64.pow(age));
                assert_eq!(Some(share), stays.as_i64());
                let gone = Customer {
                    first,
                    closings: [(first, minor(1)), (first.plus(i32::try_from(age).unwrap()), Mrr::ZERO)].into(),
                };
                customers.extend(std::iter::repeat_n(gone, usize::try_from(left - share).unwrap()));
                left = share;
            }
            let stayed = Customer { first, closings: [(first, minor(1))].into() };
            customers.extend(std::iter::repeat_n(stayed, usize::try_from(left).unwrap()));
            let ages = &cohorts(&customers, first.plus(5))[0].ages;
            let held: Vec<u64> = ages[1..].iter().map(|age| age.customers).collect();
            assert_eq!(serde_json::json!(held), row.expected["month_1_5"]);
            assert_eq!(ages[1].customer_retention.value.as_deref(), Some("0.9000"));
        }
        "STR-07" => {
            let price = i128::from(row.input("price"));
            let (churned, upgraded) = (row.count("churned"), row.count("upgraded"));
            let customers = (0..row.count("cohort")).map(|index| match index {
                index if index < churned => pair(price, 0),
                index if index < churned + upgraded => pair(price, row.input("upgrade_to").into()),
                _ => pair(price, price),
            });
            let rate = metrics::nrr(customers);
            row.rate(&rate, "nrr");
            assert_ne!(rate.value.as_deref(), Some("1.0250"), "the source's own figure is a slip");
        }
        "STR-09" => {
            let start = row.count("start");
            let closing = Mrr(row.mrr("arpu").0 * i128::from(start));
            let ltv = metrics::ltv(closing, start, row.count("churned"), start);
            row.rate(&ltv, "ltv_unrounded");
            assert_ne!(ltv.value.as_deref(), Some("5555"), "the rate is not rounded first");
        }
        "STR-10" => {
            let story = Story::new()
                .begins("2026-01-01", "sub", &[(monthly(100), 1)])
                .changes("2026-01-05", "sub", |state| state.discounts = vec![coupon(100, Duration::Forever)])
                .changes("2026-01-09", "sub", |state| state.discounts.clear());
            row.movements(&story, "stripe", &["new 100", "churn -100", "reactivation 100"]);
        }
        "STR-12" => {
            row.is(&row.discounted("stripe", Duration::Forever), &row.expected["mrr"]);
            assert_eq!(row.discounted("stripe", Duration::Once), "100");
            assert_eq!(row.discounted("stripe", Duration::Repeating), "100");
        }
        "STR-13" => {
            let story = Story::new()
                .begins("2026-01-01", "sub_60", &[(monthly(60), 1)])
                .begins("2026-01-01", "sub_40", &[(monthly(40), 1)])
                .ends("2026-01-10", "sub_60")
                .ends("2026-01-20", "sub_40");
            row.movements(&story, "stripe", &["new 100", "contraction -60", "churn -40"]);
        }
        "STR-15" => {
            let last_attempt = row.inputs["final_payment_attempt"].as_str().unwrap();
            let story = Story::new()
                .begins("2019-01-15", "sub", &[(monthly(100), 1)])
                .changes("2019-02-16", "sub", |state| state.status = Status::PastDue)
                .changes(last_attempt, "sub", |state| state.status = Status::Unpaid);
            let ledger = story.derive("stripe");
            let churn = ledger.movements.iter().find(|movement| movement.kind == Kind::Churn).unwrap();
            assert_eq!(serde_json::json!(churn.day.to_string()), row.expected["churn_date"]);
        }
        "CM-01" => {
            let story = Story::new()
                .begins("2025-01-01", "gold", &[(yearly(50_000), 4)])
                .pays("2025-01-01", "gold", 200_000, Vec::new())
                .begins("2025-02-01", "silver", &[(monthly(3_000), 2)])
                .pays("2025-02-01", "silver", 6_000, Vec::new())
                .cancelled("2025-03-15", "silver")
                .ends("2025-04-01", "silver")
                .cancelled("2025-09-01", "gold")
                .ends("2026-01-01", "gold")
                .begins("2026-02-01", "gold_2", &[(monthly(5_000), 3)])
                .pays("2026-02-01", "gold_2", 15_000, Vec::new());
            row.movements(
                &story,
                "chartmogul",
                &[
                    "new 16666.666667",
                    "expansion 6000",
                    "contraction -6000",
                    "churn -16666.666667",
                    "reactivation 15000",
                ],
            );
        }
        "CM-03" => {
            row.rate(&metrics::gross_mrr_churn(&row.flows()), "gross");
            row.rate(&metrics::net_mrr_churn(&row.flows()), "net");
        }
        "CM-04" => {
            // Of one day.
            let mut day = Flows::starting(row.mrr("day_start"));
            day.add(Kind::Churn, Mrr(row.mrr("day_end").0 - row.mrr("day_start").0)).unwrap();
            row.rate(&metrics::gross_mrr_churn(&day), "gross");
        }
        "CM-06" => {
            let all = row.inputs["customer_mrr"].as_array().unwrap();
            let total: i64 = all.iter().filter_map(Value::as_i64).sum();
            row.rate(&metrics::arpa(minor(total.into()), all.len() as u64), "arpa");
        }
        "CM-07" => {
            let all = row.inputs["new_mrr"].as_array().unwrap();
            let total: i64 = all.iter().filter_map(Value::as_i64).sum();
            row.rate(&metrics::asp(minor(total.into()), all.len() as u64), "asp");
        }
        "CM-09" => row.normalised_is(6),
        "CM-10" => {
            // MRR here is price based: a prorated line is never the base of anything, not even of an estimate.
            let mut unknown = monthly(0);
            unknown.scheme = Scheme::Unknown;
            let prorated = line("sub", row.input("amount_minor"), "2026-01-21", "2026-01-31", true);
            let story = Story::new().begins("2026-01-01", "sub", &[(unknown, 1)]).pays(
                "2026-01-21",
                "sub",
                row.input("amount_minor"),
                vec![prorated],
            );
            assert_eq!(story.mrr("chartmogul", "2026-01-31"), Mrr::ZERO);
            assert!(story.derive("chartmogul").quality.iter().any(|entry| entry.kind == QualityKind::UnpricedItem));
        }
        "CM-16" => row.rate(&metrics::arr(row.mrr("mrr_minor")), "arr_minor"),
        "BM-03" => row.is(&row.discounted("stripe", Duration::Forever), &row.expected["mrr"]),
        "BM-04" => {
            let story =
                Story::new()
                    .begins("2026-01-01", "sub", &[(monthly(10), 1)])
                    .changes("2026-01-05", "sub", |state| state.discounts = vec![coupon(100, Duration::Forever)]);
            row.movements(&story, "stripe", &["new 10", "churn -10"]);
        }
        "BM-07" => {
            // A lifetime is the LTV of a customer who pays one a month.
            row.rate(&metrics::ltv(minor(1), 1, 5, 100), "months");
            assert_eq!(decimal(&row.inputs["churn_rate"]), "0.05".parse().unwrap());
        }
        "CB-01" => {
            let lost = |group: &str, reason: Option<CancelReason>, rollup: Rollup| -> i128 {
                let number = row.inputs[group]["n"].as_i64().unwrap();
                let amount = row.inputs[group]["price"].as_i64().unwrap();
                let story = Story::new().begins("2026-01-01", "sub", &[(monthly(amount), 1)]).changes(
                    "2026-02-01",
                    "sub",
                    |state| {
                        state.status = Status::Canceled;
                        state.ended_at = Some(at("2026-02-01"));
                        state.cancel_reason = reason;
                    },
                );
                let ledger = story.derive("finance");
                let churn = ledger.movements.iter().filter(|movement| movement.kind == Kind::Churn);
                let parts = churn.flat_map(|movement| &movement.parts).filter(|part| part.cause.rollup() == rollup);
                i128::from(number) * parts.map(|part| -part.amount.0).sum::<i128>()
            };
            let requested = Some(CancelReason::CancellationRequested);
            let voluntary = Mrr(lost("voluntary", requested, Rollup::Voluntary)).to_string();
            row.is(&voluntary, &row.expected["voluntary_mrr"]);
            let failed = Some(CancelReason::PaymentFailed);
            let involuntary = Mrr(lost("involuntary", failed, Rollup::Involuntary)).to_string();
            row.is(&involuntary, &row.expected["involuntary_mrr"]);
            assert_eq!(lost("voluntary", None, Rollup::Voluntary), 0, "no evidence is unknown, never voluntary");
            assert_eq!(lost("voluntary", None, Rollup::Unknown), 150 * Mrr::MINOR);
        }
        "CB-02" => {
            let rate = metrics::grr([pair(row.input("start").into(), row.input("end").into())]);
            row.rate(&rate, "grr");
            assert_ne!(rate.value.as_deref(), Some("0.0100"), "the source prints 1 %");
        }
        "CB-04" => {
            let story = by_months(&[row.input("from"), row.input("to")]);
            row.movements(&story, "stripe", &["new 100", "contraction -30"]);
            assert_eq!(customers(&[story], "stripe", "2026-02-28"), 1, "nobody is lost");
        }
        "CB-05" => {
            let prices = [(monthly(row.input("plan")), 1), (monthly(row.input("addon")), 1)];
            let mut off = coupon(0, Duration::Forever);
            let usd = "usd".parse().unwrap();
            off.terms.as_mut().unwrap().off =
                Some(mrrd::ledger::fact::Off::Amount(Decimal::whole(row.input("discount")), usd));
            let story = Story::new()
                .begins("2026-01-01", "sub", &prices)
                .changes("2026-01-01", "sub", |state| state.discounts = vec![off]);
            row.is(&story.mrr("stripe", "2026-01-31").to_string(), &row.expected["mrr"]);
        }
        "RC-01" => {
            let story = by_months(&[row.input("last_month"), row.input("this_month")]);
            row.movements(&story, "stripe", &["new 100", "contraction -20"]);
        }
        "KB-01" | "KB-02" | "KB-03" | "KB-06" | "KB-07" | "KB-08" | "KB-09" | "KB-10" | "KB-11" => row.normalised_is(4),
        "PO-01" => {
            // One customer each; a figure of the ledger is rounded once, in sum.
            let stories: Vec<_> = row.inputs["subs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|subscription| {
                    let amount = subscription["amount_minor"].as_i64().unwrap();
                    let price = if subscription["interval"] == "year" { yearly(amount) } else { monthly(amount) };
                    Story::new().begins(subscription["start"].as_str().unwrap(), "sub", &[(price, 1)])
                })
                .collect();
            for (day, expected) in row.expected.as_object().unwrap() {
                let total = Mrr(stories.iter().map(|story| story.mrr("stripe", day).0).sum());
                assert_eq!(total.minor(), i128::from(expected.as_i64().unwrap()), "{day}");
            }
        }
        "PO-02" => {
            let story = Story::new()
                .begins("2024-01-01", "sub_1", &[(monthly(10_000), 1)])
                .begins("2024-02-01", "sub_2", &[(monthly(10_000), 1)])
                .cancelled("2024-02-01", "sub_2")
                .ends("2024-03-01", "sub_2");
            let series = |profile| {
                ["2024-01-31", "2024-02-29", "2024-03-31"]
                    .map(|day| i64::try_from(story.mrr(profile, day).minor()).unwrap())
            };
            assert_eq!(serde_json::json!(series("finance")), row.expected["mrr"]);
            assert_eq!(serde_json::json!(series("stripe")), row.expected["committed_mrr"], "churn_at = request");
        }
        "PO-03" => {
            // Trial MRR is no figure of ours; what counts is.
            let trial = |id: &str| {
                Story::new().begins("2024-01-01", id, &[(monthly(10_000), 1)]).changes("2024-01-01", id, |state| {
                    state.status = Status::Trialing;
                    state.trial_end = Some(at("2024-03-01"));
                })
            };
            let stories = [
                Story::new().begins("2024-01-01", "sub_1", &[(monthly(10_000), 1)]),
                trial("sub_2").changes("2024-03-01", "sub_2", |state| state.status = Status::Active),
                trial("sub_3").ends("2024-02-20", "sub_3"),
            ];
            let months = ["2024-01-31", "2024-02-29", "2024-03-31"];
            let series =
                months.map(|day| stories.iter().map(|story| story.mrr("stripe", day).0).sum::<i128>() / Mrr::MINOR);
            assert_eq!(serde_json::json!(series.map(|mrr| i64::try_from(mrr).unwrap())), row.expected["mrr"]);
        }
        "PO-09" => {
            // Lost within [t − 30 days, t) of those present before; one of the five asks for an end.
            let asked = row.inputs["canceled_at"].as_str().unwrap();
            let begins = || Story::new().begins("2024-01-01", "sub", &[(monthly(100), 1)]);
            let mut stories: Vec<_> = (1..row.count("subs")).map(|_| begins()).collect();
            stories.push(begins().cancelled(asked, "sub"));
            for (day, expected) in row.expected.as_object().unwrap() {
                let until = at(day);
                let before = |at: UnixTime| day_of(at.plus(-1)).to_string();
                let from = until.plus(-30 * UnixTime::DAY_SECONDS);
                let present: Vec<_> =
                    stories.iter().filter(|story| story.mrr("stripe", &before(from)) > Mrr::ZERO).collect();
                let lost = present.iter().filter(|story| story.mrr("stripe", &before(until)) == Mrr::ZERO).count();
                let rate = metrics::customer_churn(lost as u64, present.len() as u64);
                row.is(rate.value.as_deref().unwrap(), expected);
            }
        }
        "PO-10" => {
            let story = || Story::new().begins("2024-01-01", "sub", &[(monthly(100), 1)]);
            let leaves = story().cancelled("2024-02-15", "sub").ends("2024-03-01", "sub");
            let stories = [story(), leaves];
            let months = [("2023-12-31", "2024-01-31"), ("2024-01-31", "2024-02-29"), ("2024-02-29", "2024-03-31")];
            for ((start, end), expected) in months.into_iter().zip(row.expected["rate"].as_array().unwrap()) {
                let at_start = customers(&stories, "finance", start);
                let lost = at_start.saturating_sub(customers(&stories, "finance", end));
                let rate = metrics::customer_churn(lost, at_start);
                match rate.value {
                    Some(value) => row.is(&value, expected),
                    // They print 0 where nobody was there to lose; we print why there is no rate.
                    None => assert_eq!(rate.reason, Some("no customers at the start")),
                }
            }
        }
        "LG-01" | "LG-02" | "LG-03" | "LG-04" => {
            let closing = row.flows().closing().unwrap();
            row.is(&closing.to_string(), &row.expected["end"]);
            row.is(&closing.checked_sub(row.mrr("start")).unwrap().to_string(), &row.expected["change"]);
        }
        "FV-01" => {
            let story = Story::new()
                .begins("2025-05-15", "sub", &[(monthly(100), 1)])
                .cancelled("2025-05-20", "sub")
                .ends("2025-06-15", "sub");
            for (month, expected) in [("2025-05", "counted"), ("2025-06", "churned")] {
                assert_eq!(row.expected[month], expected);
                let last = if month == "2025-05" { "2025-05-31" } else { "2025-06-30" };
                assert_eq!(story.mrr("finance", last) > Mrr::ZERO, expected == "counted", "{month}");
            }
        }
        "FV-02" | "FV-03" => {
            let months: Vec<i64> =
                row.inputs["monthly_mrr"].as_array().unwrap().iter().filter_map(Value::as_i64).collect();
            let story = by_months(&months);
            row.movements(
                &story,
                "stripe",
                &["new 100", "expansion 20", "contraction -30", "churn -90", "reactivation 80"],
            );
        }
        "CS-01" => {
            row.is(&row.discounted("stripe", Duration::Once), &row.expected["mrr_stripe_default"]);
            row.is(&row.discounted("chartmogul", Duration::Once), &row.expected["mrr_discounts_subtracted"]);
        }
        "TP-02" => {
            row.rate(&metrics::nrr_bridge(&row.flows()), "nrr");
            let (start, expansion) = (i128::from(row.input("start")), i128::from(row.input("expansion")));
            let (contraction, churn) = (i128::from(row.input("contraction")), i128::from(row.input("churn")));
            let grew = start - 2 * contraction - churn;
            let customers =
                [pair(grew, grew + expansion), pair(2 * contraction, contraction), pair(churn, 0), pair(0, 5)];
            row.rate(&metrics::nrr(customers), "nrr");
            row.rate(&metrics::grr(customers), "grr");
        }
        "TP-03" => {
            let rate = metrics::nrr_bridge(&row.flows());
            row.rate(&rate, "nrr");
            assert_ne!(rate.value.as_deref(), Some("1.2340"), "new MRR retains nothing");
        }
        "TP-05" => {
            let mut flows = Flows::default();
            flows.add(Kind::New, row.mrr("gained")).unwrap();
            flows.add(Kind::Churn, Mrr(-row.mrr("lost").0)).unwrap();
            row.rate(&metrics::quick_ratio(&flows), "quick_ratio");
        }
        "TP-06" => {
            let mut flows = Flows::default();
            flows.add(Kind::Reactivation, minor(1_000)).unwrap();
            flows.add(Kind::New, row.mrr("gained").checked_sub(minor(1_000)).unwrap()).unwrap();
            flows.add(Kind::Contraction, Mrr(-row.mrr("lost").0)).unwrap();
            row.rate(&metrics::quick_ratio(&flows), "quick_ratio");
            let without = metrics::quick_ratio_without_reactivation(&flows);
            assert_eq!(without.value.as_deref(), Some("3.0000"));
        }
        "TP-08" => {
            // Each day as a period of its own; a sum of daily rates is no rate of ours.
            let days = row.inputs["daily"].as_array().unwrap().iter().zip(row.expected["days"].as_array().unwrap());
            for (day, expected) in days {
                let (start, end) = (day[0].as_u64().unwrap(), day[1].as_u64().unwrap());
                row.is(metrics::customer_churn(start - end, start).value.as_deref().unwrap(), expected);
            }
        }
        _ => panic!("{id} is new in the table: check it here, or name it in NOT_OURS with the reason"),
    }
}

fn at_day(day: &str) -> Day {
    day.parse().unwrap()
}

fn day_of(at: UnixTime) -> Day {
    mrrd::ledger::time::Zone::UTC.day(at)
}

#[test]
fn every_row_of_the_table_is_checked_or_named() {
    let mut seen = BTreeSet::new();
    for text in TABLE.lines() {
        let row: Value = serde_json::from_str(text).unwrap();
        let id = row["id"].as_str().unwrap();
        assert!(seen.insert(id.to_owned()), "{id} twice");
        if NOT_OURS.iter().any(|(other, _)| *other == id) {
            continue;
        }
        println!("{id}: {}", row["inputs"]);
        let tolerance = decimal(&row["tolerance"]);
        check(id, &Row { inputs: row["inputs"].clone(), expected: row["expected"].clone(), tolerance });
    }
    assert_eq!(seen.len(), 54);
    for (id, reason) in NOT_OURS {
        assert!(seen.contains(*id) && !reason.is_empty(), "{id} is not in the table any more");
    }
}
