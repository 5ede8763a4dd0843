//! `ledger.*`, profiles and plans: whose rules count what, in which zone and currency.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Reader;
use crate::{
    config::{
        currencies,
        customers::{CustomerRules, Exclusion},
        layers::Data,
        profiles::{self, Written},
        settings::Ledger,
    },
    ledger::{
        ids::{PriceId, ProductId},
        money::Currency,
        plans::Plans,
        profile::Profile,
        time::{Day, Zone},
    },
    segment::{self, Expression},
};

impl Reader<'_> {
    pub(super) fn ledger(&mut self) -> Ledger {
        let timezone = self.text("ledger.timezone");
        let zone = Zone::named(&timezone);
        if zone.is_err() {
            self.fault(
                "ledger.timezone",
                format_args!("is {timezone:?}: an IANA name such as Europe/Berlin is expected"),
            );
        }
        let (mut profiles, mut known) = self.profiles();
        let (customers, plans) = (self.customers(), Arc::new(self.plans()));
        profiles.iter_mut().chain(&mut known).for_each(|profile| profile.plans = plans.clone());
        Ledger {
            profiles,
            known,
            timezone,
            zone: zone.unwrap_or(Zone::UTC),
            reporting_currency: self.reporting_currency(),
            fx_day: self.fx_day(),
            customers,
            segments: self.segments(),
        }
    }

    fn segments(&mut self) -> BTreeMap<Arc<str>, Expression> {
        let names: BTreeSet<String> = self
            .values
            .keys()
            .filter_map(|key| Some(key.strip_prefix("segments.")?.split_once('.')?.0.to_owned()))
            .collect();
        let mut segments = BTreeMap::new();
        for name in names {
            self.checked_name("segments", &name);
            let key = format!("segments.{name}.where");
            match segment::parse(&self.text(&key)) {
                Ok(expression) => {
                    segments.insert(name.into(), expression);
                }
                Err(mistake) => self.fault(&key, format_args!("is no segment: {mistake}")),
            }
        }
        segments
    }

    fn reporting_currency(&mut self) -> Option<Currency> {
        let key = "ledger.reporting_currency";
        self.values.contains_key(key).then(|| self.text(key)).and_then(|code| {
            let currency: Option<Currency> = code.parse().ok().filter(|_| currencies::is_one(&code));
            if currency.is_none() {
                self.fault(
                    key,
                    format_args!("is {code:?}, which no currency has: an ISO code such as eur is expected"),
                );
            }
            currency
        })
    }

    /// The day of `fx = "constant"`; daily rates have none.
    fn fx_day(&mut self) -> Option<Day> {
        let (mode, key) = (self.text("ledger.fx"), "ledger.fx_day");
        let written = self.values.contains_key(key).then(|| self.text(key));
        match (mode.as_str(), written) {
            ("daily", None) => None,
            ("daily", Some(_)) => {
                self.fault(key, "is set, but ledger.fx is daily: set ledger.fx = \"constant\", or remove the day");
                None
            }
            ("constant", Some(text)) => {
                let day = text.parse().ok();
                if day.is_none() {
                    self.fault(key, format_args!("is {text:?}: a day such as 2026-01-01 is expected"));
                }
                day
            }
            ("constant", None) => {
                self.fault("ledger.fx", "is constant: set ledger.fx_day to the day whose rates are to hold for ever");
                None
            }
            (other, _) => {
                let complaint = format!("is {other:?}: daily or constant is possible");
                self.fault("ledger.fx", complaint);
                None
            }
        }
    }

    fn customers(&mut self) -> CustomerRules {
        let mut exclude = Vec::new();
        for text in self.list("ledger.exclude") {
            match Exclusion::parse(&text) {
                Some(exclusion) => exclude.push(exclusion),
                None if plan_left_out(&text).is_some() => {}
                None => {
                    let expected = "a customer's id, metadata:KEY=VALUE, product:ID or price:ID is expected";
                    self.fault("ledger.exclude", format_args!("has {text:?}: {expected}"));
                }
            }
        }
        let metadata_keys = self.list("ledger.metadata_keys").iter().map(|key| key.as_str().into()).collect();
        let customer_key = Some(self.text("ledger.customer_key")).filter(|key| !key.is_empty()).map(Into::into);
        CustomerRules { metadata_keys, exclude, customer_key }
    }

    /// `ledger.same_plan`, and what `ledger.exclude` says of products and prices.
    fn plans(&mut self) -> Plans {
        let mut pairs = Vec::new();
        for text in self.list("ledger.same_plan").iter().filter(|text| !text.is_empty()) {
            let pair = text.split_once('=').map(|(one, other)| (one.trim(), other.trim()));
            match pair.filter(|(one, other)| !one.is_empty() && !other.is_empty() && !other.contains('=')) {
                Some((one, other)) => pairs.push((one.into(), other.into())),
                None => {
                    let expected =
                        "two ids of prices are expected, such as [\"price_1\", \"price_2\"], or price_1=price_2";
                    self.fault("ledger.same_plan", format_args!("has {text:?}: {expected}"));
                }
            }
        }
        let left_out = self.list("ledger.exclude");
        let left_out = || left_out.iter().filter_map(|text| plan_left_out(text));
        let products = left_out().filter_map(|one| if let LeftOut::Product(id) = one { Some(id) } else { None });
        let prices = left_out().filter_map(|one| if let LeftOut::Price(id) = one { Some(id) } else { None });
        Plans::new(pairs, products, prices)
    }

    /// The profiles kept, and all there are.
    fn profiles(&mut self) -> (Vec<Profile>, Vec<Profile>) {
        let mut written = Written::new();
        for (key, value) in self.values {
            if let Some((name, knob)) = key.strip_prefix("profiles.").and_then(|rest| rest.split_once('.')) {
                let value = match &value.data {
                    Data::Text(text) => text.clone(),
                    Data::Integer(number) => number.to_string(),
                    Data::List(items) => items.join(","),
                };
                written.entry(name.to_owned()).or_default().insert(knob.to_owned(), value);
            }
        }
        for (name, fault) in profiles::faults(&written) {
            self.fault_of(&format!("profiles.{name}"), fault);
        }
        self.faults.dedup();
        let mut profiles: Vec<Profile> = Vec::new();
        let names = self.list("ledger.profiles");
        for name in &names {
            if profiles.iter().any(|profile| *profile.name == **name) {
                self.fault("ledger.profiles", format_args!("names {name:?} twice"));
            }
            match profiles::named(name, &written) {
                Ok(profile) => profiles.push(profile),
                // A profile that is written, but wrongly, was complained about above.
                Err(_) if written.contains_key(name) => {}
                Err(fault) => self.fault("ledger.profiles", format_args!("names what isn't there: {fault}")),
            }
        }
        if names.is_empty() {
            self.fault("ledger.profiles", "is empty: name at least one profile");
        }
        let all = Profile::BUILT_IN.into_iter().chain(written.keys().map(String::as_str));
        // What can't be read was complained about above.
        let known = all.filter_map(|name| profiles::named(name, &written).ok()).collect();
        (profiles, known)
    }
}

/// What `ledger.exclude` may leave out beside customers.
enum LeftOut {
    Product(ProductId),
    Price(PriceId),
}

/// Reads `product:ID`, `price:ID`, or one of Stripe's own ids of these.
fn plan_left_out(text: &str) -> Option<LeftOut> {
    let whole = |prefix: &str| text.strip_prefix(prefix).filter(|rest| !rest.is_empty());
    match (whole("product:"), whole("price:"), whole("prod_").or(whole("price_"))) {
        (Some(id), ..) => Some(LeftOut::Product(id.into())),
        (_, Some(id), _) => Some(LeftOut::Price(id.into())),
        (_, _, Some(_)) if text.starts_with("prod_") => Some(LeftOut::Product(text.into())),
        (_, _, Some(_)) => Some(LeftOut::Price(text.into())),
        _ => None,
    }
}
