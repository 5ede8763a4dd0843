//! From one profile to another, one knob at a time.

use serde::Serialize;

use crate::ledger::{knobs::KnobError, profile::Profile};

/// A knob in which two profiles differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// The name of the knob in the configuration.
    pub knob: &'static str,
    /// Its value in the first profile.
    pub from: String,
    /// Its value in the second.
    pub to: String,
}

/// The steps from one profile to another: each knob that differs, with the profile as it is once that knob is switched.
/// The last is the second profile in all but its name.
pub(super) fn steps(from: &Profile, to: &Profile) -> Result<Vec<(Switch, Profile)>, KnobError> {
    let mut steps = Vec::new();
    let mut stands = from.clone();
    for ((knob, was), (_, is)) in from.describe().into_iter().zip(to.describe()) {
        if was != is {
            stands = Profile::extend(&stands, &format!("{} with {knob} = {is}", stands.name), &[(knob, &is)])?;
            steps.push((Switch { knob, from: was, to: is }, stands.clone()));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_ends_at_the_second_profile_one_knob_at_a_time() {
        for (from, to) in Profile::BUILT_IN.iter().flat_map(|from| Profile::BUILT_IN.map(|to| (*from, to))) {
            let (from, to) = (Profile::built_in(from).unwrap(), Profile::built_in(to).unwrap());
            let steps = steps(&from, &to).unwrap();
            let mut stands = from.clone();
            for (switch, next) in &steps {
                let differ = |(one, other): &((&str, String), (&str, String))| one != other;
                let changed: Vec<_> = stands.describe().into_iter().zip(next.describe()).filter(differ).collect();
                assert_eq!(changed.len(), 1, "{switch:?}");
                assert_eq!(changed[0], ((switch.knob, switch.from.clone()), (switch.knob, switch.to.clone())));
                stands = next.clone();
            }
            assert_eq!(stands.describe(), to.describe());
            assert_eq!(steps.is_empty(), from == to);
        }
    }
}
