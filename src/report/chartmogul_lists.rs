//! Customers, subscriptions and plans in ChartMogul's shapes (docs/interface.md 3): what its client libraries list beside figures.
//!
//! Ids are Stripe's own, wherever ChartMogul has ids of its own: `uuid` and `external_id` are the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    ask::Ask,
    chartmogul::sign,
    customers::{CustomerEntry, SubscriptionEntry},
    reports::{AskError, Reports},
};
use crate::{
    event::CustomerKey,
    ledger::{
        fact::{Interval, IntervalUnit, Price, State},
        money::Mrr,
        outcome::Side,
        time::UnixTime,
    },
    store::derived::reports::{CustomerRow, MovementRow},
};

/// What all objects come from: ChartMogul calls that a data source.
pub const DATA_SOURCE: &str = "ds_stripe";

/// A page of a list in ChartMogul's shape.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// Whether every amount is converted into the reporting currency.
    pub converted: bool,
    /// What is listed on this page.
    pub entries: Vec<T>,
    /// Whether there is a further page.
    pub has_more: bool,
    /// How many entries a page has.
    pub per_page: i64,
    /// Where the next page begins; null at the end.
    pub cursor: Option<String>,
}

/// Whose ledger it is, and how it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulAccount)]
pub struct Account {
    /// Always `mrrd`: there is one account and one source of data.
    pub id: &'static str,
    /// Always `mrrd`: there is one account and one source of data.
    pub name: &'static str,
    /// The reporting currency, or the only one there is, in capitals; absent where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The zone of the accounting day, `ledger.timezone`.
    pub time_zone: String,
    /// Always `monday`: weeks begin on Mondays.
    pub week_start_on: &'static str,
}

/// A customer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulCustomer)]
pub struct Customer {
    /// Whether its amounts are converted into the reporting currency.
    pub converted: bool,
    /// A number made of its id.
    pub id: u64,
    /// Stripe's id of the customer, `cus_…`.
    pub uuid: String,
    /// Stripe's id of the customer, `cus_…`.
    pub external_id: String,
    /// The same in a list.
    pub external_ids: Vec<String>,
    /// Always the same: everything is Stripe's.
    pub data_source_uuid: &'static str,
    /// The same in a list.
    pub data_source_uuids: Vec<&'static str>,
    /// Its name, where names are shown; else empty.
    pub name: String,
    /// Its e-mail, where names are shown; else empty.
    pub email: String,
    /// `Active`, `Past_Due`, `Cancelled` or, of who never paid, `New_Lead`.
    pub status: &'static str,
    /// First instant of MRR above 0.
    #[serde(rename = "customer-since")]
    pub customer_since: Option<String>,
    /// Where it is, as far as it is known.
    pub address: Address,
    /// MRR in minor units of its currency, rounded half-even.
    pub mrr: i128,
    /// Twelve times the MRR, in minor units.
    pub arr: i128,
    /// The currency, in capitals; empty of who never paid.
    pub currency: String,
    /// Its sign, or the currency again.
    #[serde(rename = "currency-sign")]
    pub currency_sign: String,
    /// Always `Stripe`, where everything is billed.
    #[serde(rename = "billing-system-type")]
    pub billing_system_type: &'static str,
    /// What else ChartMogul keeps of a customer: nothing here.
    pub attributes: Attributes,
}

/// Where a customer is, as far as the log tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulAddress)]
pub struct Address {
    /// Two letters of ISO 3166; null where it isn't known.
    pub country: Option<String>,
}

/// What else ChartMogul keeps of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulAttributes)]
pub struct Attributes {
    /// Always empty: mrrd keeps none.
    pub tags: Vec<String>,
    /// Always empty: mrrd keeps none.
    pub custom: BTreeMap<String, String>,
}

/// A customer pays in several currencies, and nothing says which is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeveralCurrencies;

impl Customer {
    /// From a customer's row, with what it is called. Errors where it pays in several currencies: they aren't summed.
    pub fn from_row(row: &CustomerRow, named: &CustomerEntry, converted: bool) -> Result<Self, SeveralCurrencies> {
        let mut paying = row.mrr.iter().filter(|(_, mrr)| *mrr != Mrr::ZERO);
        let one = paying.next().or(row.mrr.first()).copied();
        if paying.next().is_some() {
            return Err(SeveralCurrencies);
        }
        let mrr = one.map_or(Mrr::ZERO, |(_, mrr)| mrr);
        let currency = one.map(|(currency, _)| currency.to_string().to_uppercase()).unwrap_or_default();
        let is_past_due = row.subscriptions.iter().any(|one| one.ended_at.is_none() && &*one.status == "past_due");
        let status = match (mrr > Mrr::ZERO, row.first_mrr_at) {
            (true, _) if is_past_due => "Past_Due",
            (true, _) => "Active",
            (false, Some(_)) => "Cancelled",
            (false, None) => "New_Lead",
        };
        Ok(Self {
            converted,
            id: number_of(row.customer.as_str()),
            uuid: row.customer.to_string(),
            external_id: row.customer.to_string(),
            external_ids: vec![row.customer.to_string()],
            data_source_uuid: DATA_SOURCE,
            data_source_uuids: vec![DATA_SOURCE],
            name: named.name.clone().unwrap_or_default(),
            email: named.email.clone().unwrap_or_default(),
            status,
            customer_since: row.first_mrr_at.map(date),
            address: Address { country: row.country.as_deref().map(str::to_owned) },
            mrr: mrr.minor(),
            // Rounded once: twelve rounded months are another amount.
            arr: Mrr(mrr.0.saturating_mul(12)).minor(),
            currency_sign: sign(&currency).to_owned(),
            currency,
            billing_system_type: "Stripe",
            attributes: Attributes::default(),
        })
    }
}

/// A subscription as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ChartMogulSubscription)]
pub struct Subscription {
    /// A number made of its id.
    pub id: u64,
    /// Stripe's id of the subscription, `sub_…`.
    pub uuid: String,
    /// Stripe's id of the subscription, `sub_…`.
    #[serde(rename = "external_id")]
    pub external_id: String,
    /// What its items are called, or their prices; null where no movement tells.
    pub plan: Option<String>,
    /// How many of all items; null where that isn't a whole number.
    pub quantity: Option<i64>,
    /// MRR in minor units of its currency, rounded half-even.
    pub mrr: i128,
    /// Twelve times the MRR, in minor units.
    pub arr: i128,
    /// `active` while it counts MRR, else `inactive`.
    pub status: &'static str,
    /// `day`, `week`, `month` or `year`; null where items differ.
    pub billing_cycle: Option<String>,
    /// How many of these make a cycle.
    pub billing_cycle_count: Option<u32>,
    /// When it started, by Stripe.
    pub start_date: String,
    /// When it ended or is set to end.
    pub end_date: Option<String>,
    /// The currency of its amounts, in capitals.
    pub currency: String,
    /// Its sign, or the currency again.
    pub currency_sign: String,
}

/// A subscription's items as its movements last told them, by id.
type Items<'a> = BTreeMap<&'a str, &'a Side>;

impl Subscription {
    /// The subscriptions of a customer whose movements these are, in order of time.
    pub fn all_of(
        row: &CustomerRow,
        movements: &[MovementRow],
        reporting: Option<crate::ledger::money::Currency>,
    ) -> Vec<Self> {
        let mut items: BTreeMap<&str, Items<'_>> = BTreeMap::new();
        for part in movements.iter().flat_map(|row| &row.movement.parts) {
            let of = items.entry(part.subscription.as_str()).or_default();
            match (&part.after, &part.before) {
                (Some(after), _) => drop(of.insert(part.item.as_str(), after)),
                // What is left of a subscription that ended is what it last was.
                (None, Some(before)) if of.len() <= 1 => drop(of.insert(part.item.as_str(), before)),
                (None, _) => drop(of.remove(part.item.as_str())),
            }
        }
        let one = |one: &crate::ledger::outcome::SubscriptionLedger| {
            let known = SubscriptionEntry::from_ledger(one, reporting);
            let items = items.get(one.id.as_str());
            let sides = || items.into_iter().flatten().map(|(_, side)| *side);
            let plans: BTreeSet<&str> = sides().map(|side| side.price.as_str()).collect();
            let cycles: BTreeSet<Interval> = sides().filter_map(|side| side.interval).collect();
            let cycle = cycles.first().filter(|_| cycles.len() == 1);
            let quantities: Option<Vec<i64>> = sides()
                .map(|side| side.quantity.as_ref().and_then(|quantity| quantity.to_string().parse::<i64>().ok()))
                .collect();
            let currency = known.currency.unwrap_or_default().to_uppercase();
            Self {
                id: number_of(one.id.as_str()),
                uuid: one.id.to_string(),
                external_id: one.id.to_string(),
                plan: (!plans.is_empty()).then(|| plans.into_iter().collect::<Vec<_>>().join(", ")),
                quantity: quantities
                    .filter(|all| !all.is_empty())
                    .and_then(|all| all.into_iter().try_fold(0_i64, i64::checked_add)),
                mrr: known.mrr,
                arr: Mrr(one.mrr.0.saturating_mul(12)).minor(),
                status: if one.mrr > Mrr::ZERO { "active" } else { "inactive" },
                billing_cycle: cycle.map(|cycle| unit_of(*cycle).to_owned()),
                billing_cycle_count: cycle.map(|cycle| cycle.count),
                start_date: date(one.started_at),
                end_date: one.ended_at.or(one.ends_at).map(date),
                currency_sign: sign(&currency).to_owned(),
                currency,
            }
        };
        row.subscriptions.iter().map(one).collect()
    }
}

/// A page of prices, which ChartMogul calls plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulPlans)]
pub struct Plans {
    /// The prices of this page, in order of their ids.
    pub plans: Vec<Plan>,
    /// Whether there is a further page.
    pub has_more: bool,
    /// Where the next page begins; null at the end.
    pub cursor: Option<String>,
}

/// A price, which ChartMogul calls a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChartMogulPlan)]
pub struct Plan {
    /// Stripe's id of the price, `price_…`.
    pub uuid: String,
    /// Stripe's id of the price, `price_…`.
    pub external_id: String,
    /// Always the same: everything is Stripe's.
    pub data_source_uuid: &'static str,
    /// Its nickname, its product's name, or its id.
    pub name: String,
    /// `day`, `week`, `month` or `year`; null where it isn't told.
    pub interval_unit: Option<String>,
    /// How many of these make a cycle.
    pub interval_count: Option<u32>,
}

/// Customers whose facts are read at once for the prices they hold.
const HOLDERS_AT_ONCE: usize = 100;

impl Reports<'_> {
    /// Every price that is or was paid, by id, as its holders' subscriptions last told it.
    pub async fn plans(&self, ask: &Ask) -> Result<Vec<Plan>, AskError> {
        let scope = self.resolve_unrated(ask).await?.scope;
        let holders: BTreeSet<CustomerKey> =
            self.store.derived.price_holders(&scope.profile, scope.livemode).await?.into_iter().collect();
        let holders: Vec<CustomerKey> = holders.into_iter().collect();
        let mut prices: BTreeMap<String, (UnixTime, Price)> = BTreeMap::new();
        for some in holders.chunks(HOLDERS_AT_ONCE) {
            for fact in self.store.log.customer_facts(some, None).await?.iter().flatten() {
                let State::Subscription { before, after } = &fact.state else { continue };
                for item in before.as_deref().into_iter().chain([&**after]).flat_map(|state| &state.items) {
                    let known =
                        prices.entry(item.price.id.to_string()).or_insert_with(|| (fact.at, item.price.clone()));
                    if known.0 < fact.at {
                        *known = (fact.at, item.price.clone());
                    }
                }
            }
        }
        let ids = prices.values().flat_map(|(_, price)| {
            price.product.as_ref().map(ToString::to_string).into_iter().chain([price.id.to_string()])
        });
        let called = self.called(scope.livemode, &ask.account, &ids.collect(), &[]).await?;
        let plan = |(id, (_, price)): (String, (UnixTime, Price))| {
            let product = price.product.as_ref().map(|product| product.as_str());
            let nickname = called.price(&id).or_else(|| price.nickname.as_deref().map(str::to_owned));
            Plan {
                name: nickname.or_else(|| called.product(product)).unwrap_or_else(|| id.clone()),
                uuid: id.clone(),
                external_id: id,
                data_source_uuid: DATA_SOURCE,
                interval_unit: price.interval.map(|interval| unit_of(interval).to_owned()),
                interval_count: price.interval.map(|interval| interval.count),
            }
        };
        Ok(prices.into_iter().map(plan).collect())
    }
}

fn unit_of(interval: Interval) -> &'static str {
    match interval.unit {
        IntervalUnit::Day => "day",
        IntervalUnit::Week => "week",
        IntervalUnit::Month => "month",
        IntervalUnit::Year => "year",
    }
}

/// As ChartMogul writes instants.
pub(super) fn date(at: UnixTime) -> String {
    at.to_string().replace('Z', "+00:00")
}

/// A number made of an id: 52 bits, which every client's numbers hold.
fn number_of(id: &str) -> u64 {
    Sha256::digest(id.as_bytes()).iter().take(7).fold(0, |number, byte| (number << 8) | u64::from(*byte)) >> 4
}
