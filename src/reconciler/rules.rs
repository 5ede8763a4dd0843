//! What derived rows depend on besides the log: profiles, zone, versions. Its fingerprint names a generation's content.

use std::sync::Arc;

use crate::{
    config,
    config::customers::CustomerRules,
    ledger::{self, fact::NORMALISER, fx::Rates, profile::Profile, time::Zone},
    store::{StoreError, derived::SUMS_VERSION, records::Records},
};

/// The rules of one configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Each is kept in rows of its own.
    pub profiles: Arc<[Profile]>,
    /// Cuts time into accounting days.
    pub zone: Zone,
    /// The IANA name of the zone in which days begin.
    pub timezone: Arc<str>,
    /// Which metadata of customers is kept, and who is left out.
    pub customers: CustomerRules,
    /// What the profiles that report in a currency are converted with.
    pub rates: Arc<Rates>,
}

impl Rules {
    /// What a configuration derives rows under: each profile, and its twin in the reporting currency with the rates that
    /// were imported. Errors when these can't be read.
    pub async fn load(config: &config::Ledger, records: &Records) -> Result<Self, StoreError> {
        let twins = config.profiles.iter().filter_map(|one| config.reporting_currency.map(|to| one.reporting(to)));
        let rules = Self {
            profiles: config.profiles.iter().cloned().chain(twins).collect(),
            zone: config.zone.clone(),
            timezone: config.timezone.as_str().into(),
            customers: config.customers.clone(),
            rates: Arc::new(Rates::new([], config.fx_day)),
        };
        if rules.converts() { rules.with_rates(records).await } else { Ok(rules) }
    }

    /// Whether any profile is converted.
    pub fn converts(&self) -> bool {
        self.profiles.iter().any(|profile| profile.reporting.is_some())
    }

    /// The same rules with the rates as they are imported now.
    pub async fn with_rates(&self, records: &Records) -> Result<Self, StoreError> {
        let rates = Rates::new(records.rates().await?, self.rates.fixed());
        Ok(Self { rates: Arc::new(rates), ..self.clone() })
    }

    /// Everything that could give the same facts other rows, one thing a line (docs/decisions/008-rebuild-by-generation.md). The order in
    /// which profiles are configured is not among them.
    pub fn fingerprint(&self) -> String {
        let mut profiles: Vec<_> = self.profiles.iter().collect();
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        let mut lines = vec![
            format!("ledger {}", ledger::VERSION),
            format!("normaliser {NORMALISER}"),
            format!("sums {SUMS_VERSION}"),
            format!("zone {} {}", self.timezone, self.zone.data_version()),
        ];
        let CustomerRules { metadata_keys, exclude, customer_key } = &self.customers;
        lines.push(format!("customers CustomerRules {{ metadata_keys: {metadata_keys:?}, exclude: {exclude:?} }}"));
        lines.extend(customer_key.iter().map(|key| format!("customer_key {key:?}")));
        // The derived Debug form names every knob, so none can be forgotten here.
        lines.extend(profiles.iter().map(|profile| format!("profile {profile:?}")));
        if self.converts() {
            lines.push(format!("rates {}", self.rates.fingerprint()));
        }
        lines.join("\n")
    }
}

/// Which lines of two fingerprints differ, by their first words: `ledger`, `zone`, `profile`, …
pub fn differences(one: &str, other: &str) -> Vec<String> {
    let only_in = |these: &str, those: &str| -> Vec<String> {
        these
            .lines()
            .filter(|line| !those.lines().any(|other| other == *line))
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect()
    };
    let mut words = only_in(one, other);
    words.extend(only_in(other, one));
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::profile::{Netting, PastDue};

    fn rules(profiles: &[Profile], timezone: &str) -> Rules {
        Rules {
            profiles: profiles.into(),
            zone: Zone::named(timezone).unwrap(),
            timezone: timezone.into(),
            customers: CustomerRules::default(),
            rates: Arc::default(),
        }
    }

    #[test]
    fn any_knob_any_profile_and_the_zone_change_the_fingerprint_and_their_order_does_not() {
        let (stripe, finance) = (Profile::built_in("stripe").unwrap(), Profile::built_in("finance").unwrap());
        let both = rules(&[stripe.clone(), finance.clone()], "Europe/Berlin").fingerprint();
        assert_eq!(both, rules(&[finance.clone(), stripe.clone()], "Europe/Berlin").fingerprint());
        let knob = Profile { past_due: PastDue::Days(3), ..stripe.clone() };
        let value = Profile { netting: Netting::Window(61), ..stripe.clone() };
        let keys = CustomerRules { metadata_keys: vec!["tier".into()], ..CustomerRules::default() };
        let kept = Rules { customers: keys, ..rules(&[stripe.clone(), finance.clone()], "Europe/Berlin") };
        let joins = CustomerRules { customer_key: Some("company".into()), ..CustomerRules::default() };
        let joined = Rules { customers: joins, ..kept.clone() };
        for (changed, what) in [
            (kept, "customers"),
            (joined, "customer_key"),
            (rules(&[knob, finance.clone()], "Europe/Berlin"), "profile"),
            (rules(&[value, finance.clone()], "Europe/Berlin"), "profile"),
            (rules(std::slice::from_ref(&stripe), "Europe/Berlin"), "profile"),
            (rules(&[stripe.clone(), finance.clone()], "Europe/Paris"), "zone"),
        ] {
            assert_eq!(differences(&both, &changed.fingerprint()), [what]);
        }
        assert!(differences(&both, &both).is_empty());
    }
}
