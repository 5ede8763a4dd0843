//! The answer of `/api/v1/customers/{id}/explain`: the chain from event to money, rule by rule.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    customers::CurrencyMrr,
    error::settling_rates,
    money::Exact,
    table::Table,
    units::{Places, said},
    variants::CountingVariant,
};
use crate::ledger::{
    explain::{Stage, Step},
    ids::PriceId,
    money::Currency,
    outcome::QualityEntry,
    sentence::Sentence,
    time::Zone,
};

/// How one customer's MRR came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Explanation {
    /// The profile whose rules were applied.
    pub profile: String,
    /// Whether MRR and movements are converted into the reporting currency; states and amounts are as they are billed.
    pub converted: bool,
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The accounting day asked for; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Stripe's customers that are one here; absent unless `ledger.customer_key` joins customers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stripe_customers: Vec<String>,
    /// The prices its subscriptions name, and what they are called; in order of their ids.
    pub prices: Vec<PriceCalled>,
    /// MRR at its end, or now; empty where it has none, and where a rate is missing.
    pub mrr: Vec<CurrencyMrr>,
    /// Why its MRR in the reporting currency isn't known; null where it is.
    pub missing_rate: Option<MissingRate>,
    /// Events of the steps that came in several bodies, each with the one that counts; absent where none did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<CountingVariant>,
    /// Every state, rule and movement in order of time; of that day only, where one was asked for.
    pub steps: Vec<StepEntry>,
}

/// A rate without which an amount can't be converted (rule `rates`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingRate {
    /// From when on nothing is known in the reporting currency.
    pub at: String,
    /// Which rate of which day.
    pub detail: String,
    /// What would settle it, in words.
    pub settle: String,
}

impl From<&QualityEntry> for MissingRate {
    fn from(entry: &QualityEntry) -> Self {
        Self { at: entry.at.to_string(), detail: entry.detail.clone(), settle: settling_rates(entry) }
    }
}

/// What a price and its product are called, as the log last told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceCalled {
    /// Stripe's id of the price, `price_…`.
    pub price: String,
    /// Its nickname; null where it has none.
    pub price_name: Option<String>,
    /// Its product; null where it has none, as old plans.
    pub product: Option<String>,
    /// The product's name; null where the log doesn't tell it.
    pub product_name: Option<String>,
}

/// One rule applied, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepEntry {
    /// The instant from which it holds.
    pub at: String,
    /// The accounting day of it.
    pub day: String,
    /// `state`, `amount`, `counts`, `quality` or `movement`.
    pub stage: &'static str,
    /// Which subscription it is about; null for a movement, which is the customer's.
    pub subscription: Option<String>,
    /// Which item it is about, where it is one.
    pub item: Option<String>,
    /// The rule, by its place in the rules of money.
    pub rule: &'static str,
    /// What the rule says here, in a sentence.
    #[schema(value_type = String)]
    pub text: Sentence,
    /// Minor units a month: what counts from here, or by how much MRR moved.
    pub amount: Option<i128>,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Option<Exact>,
    /// The currency of the amount.
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
    /// The events it rests on.
    pub events: Vec<String>,
}

impl StepEntry {
    /// A step of the ledger, on its accounting day.
    pub fn from_step(step: &Step, zone: &Zone) -> Self {
        Self {
            at: step.at.to_string(),
            day: zone.day(step.at).to_string(),
            stage: match step.stage {
                Stage::State => "state",
                Stage::Amount => "amount",
                Stage::Counts => "counts",
                Stage::Quality => "quality",
                Stage::Movement => "movement",
            },
            subscription: step.subscription.as_ref().map(ToString::to_string),
            item: step.item.as_ref().map(ToString::to_string),
            rule: step.rule,
            text: step.text.clone(),
            amount: step.amount.map(|amount| amount.minor()),
            amount_exact: step.amount.map(Exact),
            currency: step.currency,
            events: step.events.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Explanation {
    /// As a table for CSV and terminal, one row a step.
    pub fn table(&self) -> Table {
        let columns = vec!["at", "stage", "subscription", "item", "rule", "text", "amount_exact", "currency", "events"];
        let row = |step: &StepEntry| {
            vec![
                step.at.clone(),
                step.stage.into(),
                step.subscription.clone().unwrap_or_default(),
                step.item.clone().unwrap_or_default(),
                step.rule.into(),
                step.text.to_string(),
                step.amount_exact.map(|amount| amount.to_string()).unwrap_or_default(),
                step.currency.map(|currency| currency.to_string()).unwrap_or_default(),
                step.events.join(" "),
            ]
        };
        Table { columns, rows: self.steps.iter().map(row).collect() }
    }

    /// The same for a person to read: a state, what was reckoned from it, what moved, and each line's rule and events. What counts
    /// and moves has the currency's own places, where not all are wanted; how it was reckoned is told to the last place.
    pub fn text(&self, places: Places) -> String {
        let amounts: Vec<String> = self.mrr.iter().map(|mrr| said(mrr.mrr_exact.0, mrr.currency)).collect();
        let amounts = if amounts.is_empty() { "no MRR".into() } else { format!("MRR {}", amounts.join(", ")) };
        let when = self.day.as_ref().map(|day| format!(" at the end of {day}")).unwrap_or_default();
        let mut text = match &self.missing_rate {
            None => format!("{} has {amounts} a month{when} under profile {}.\n", self.customer, self.profile),
            Some(MissingRate { detail, settle, .. }) => {
                format!(
                    "The MRR of {} isn't known{when} under profile {}: {detail}; {settle}\n",
                    self.customer, self.profile
                )
            }
        };
        if !self.stripe_customers.is_empty() {
            text.push_str(&format!("Stripe's customers in it: {}\n", self.stripe_customers.join(", ")));
        }
        for step in &self.steps {
            let said = step.text.shown(places, |price| self.called(price));
            let about = [step.subscription.as_deref(), step.item.as_deref()].into_iter().flatten().collect::<Vec<_>>();
            let source = if step.events.is_empty() {
                step.rule.to_owned()
            } else {
                let events: Vec<String> = step.events.iter().map(|event| self.event(event)).collect();
                format!("{}; {}", step.rule, events.join(" "))
            };
            let line = match (step.stage, about.as_slice()) {
                ("state", _) => {
                    format!("\n{}  {}: {said}", step.at, about.join(" "))
                }
                ("movement", []) => format!("  ► {said}"),
                ("movement", _) => format!("    {}: {said}", about.join(" ")),
                (_, [.., last]) => format!("    {last}: {said}"),
                (_, []) => format!("    {said}"),
            };
            text.push_str(&format!("{line}  [{source}]\n"));
        }
        text.trim_end().to_owned()
    }

    /// An event's id, with which body counts where it came in several.
    fn event(&self, event: &str) -> String {
        let several = self.variants.iter().find(|one| one.event == event);
        several.map_or_else(|| event.to_owned(), CountingVariant::said)
    }

    /// A price by its own name, else its product's, with its id behind it; by its id alone where the log tells no name.
    fn called(&self, price: &PriceId) -> String {
        let called = self.prices.iter().find(|called| called.price == price.as_str());
        let name = called.and_then(|called| called.price_name.as_ref().or(called.product_name.as_ref()));
        name.map_or_else(|| price.to_string(), |name| format!("\"{name}\" ({price})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::money::Mrr;

    fn explained() -> Explanation {
        let step = |stage, subscription: Option<&str>, text: Sentence, amount: Option<i128>| StepEntry {
            at: "2026-01-14T00:00:00Z".into(),
            day: "2026-01-14".into(),
            stage,
            subscription: subscription.map(str::to_owned),
            item: None,
            rule: "kinds",
            text,
            amount,
            amount_exact: amount.map(|amount| Exact(Mrr(amount * Mrr::MINOR))),
            currency: amount.map(|_| "usd".parse().unwrap()),
            events: vec!["evt_1".into()],
        };
        let called = |price: &str, price_name: Option<&str>, product_name: Option<&str>| PriceCalled {
            price: price.into(),
            price_name: price_name.map(str::to_owned),
            product: Some("prod_1".into()),
            product_name: product_name.map(str::to_owned),
        };
        let state = Sentence::from("active, 2 × ".to_owned()).naming("price_1".into()).and(", 1 × ");
        let state = state.naming("price_10".into()).and(", 1 × ").naming("price_100".into());
        let usd = "usd".parse().ok();
        let (moved, nothing) = (Mrr(2_098_318_200), Mrr(0));
        let moved = Sentence::from("new of ".to_owned())
            .amount_told(moved, usd)
            .and(": ")
            .amount(nothing, usd)
            .and(" → ")
            .amount(moved, usd);
        Explanation {
            profile: "stripe".into(),
            converted: false,
            customer: "cus_1".into(),
            account: None,
            day: None,
            stripe_customers: Vec::new(),
            missing_rate: None,
            variants: Vec::new(),
            prices: vec![called("price_1", None, Some("Team")), called("price_10", Some("Pro"), Some("Team"))],
            mrr: Vec::new(),
            steps: vec![step("state", Some("sub_1"), state, None), step("movement", None, moved, Some(2098))],
        }
    }

    #[test]
    fn prices_are_named_beside_their_ids() {
        let text = explained().text(Places::Currency);
        assert!(text.contains("2 × \"Team\" (price_1), 1 × \"Pro\" (price_10), 1 × price_100"), "{text}");
    }

    #[test]
    fn an_amount_is_said_once() {
        let text = explained().text(Places::All);
        assert!(text.contains("new of 20.983182 USD: 0.00 → 20.983182  [kinds; evt_1]"), "{text}");
        assert!(!text.contains("20.98 USD"), "{text}");
        let text = explained().text(Places::Currency);
        assert!(text.contains("new of 20.98 USD: 0.00 → 20.98  [kinds; evt_1]"), "{text}");
    }
}
