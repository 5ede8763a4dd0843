//! What derived rows depend on besides the log: profiles, zone, versions. Its fingerprint names a generation's content.

use std::sync::Arc;

use super::CustomerRules;
use crate::ledger::{self, fact::NORMALISER, profile::Profile, time::Zone};

/// The rules of one configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Each is kept in rows of its own.
    pub profiles: Arc<[Profile]>,
    /// Cuts time into accounting days.
    pub zone: Zone,
    /// The zone's IANA name.
    pub timezone: Arc<str>,
    /// Which metadata of customers is kept, and who is left out.
    pub customers: CustomerRules,
}

impl Rules {
    /// Everything that could give the same facts other rows, one thing a line (architecture.md, decision 8). The order in
    /// which profiles are configured is not among them.
    pub fn fingerprint(&self) -> String {
        let mut profiles: Vec<_> = self.profiles.iter().collect();
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        let mut lines = vec![
            format!("ledger {}", ledger::VERSION),
            format!("normaliser {NORMALISER}"),
            format!("zone {} {}", self.timezone, self.zone.data_version()),
        ];
        lines.push(format!("customers {:?}", self.customers));
        // The derived Debug form names every knob, so none can be forgotten here.
        lines.extend(profiles.iter().map(|profile| format!("profile {profile:?}")));
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
        for (changed, what) in [
            (kept, "customers"),
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
