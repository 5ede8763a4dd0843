//! Custom profiles: `[profiles.NAME]` extends a built-in one or another custom one by the knobs that differ.

use std::collections::BTreeMap;

use crate::ledger::profile::Profile;

/// The knobs of each custom profile as written, `extends` among them.
pub(super) type Written = BTreeMap<String, BTreeMap<String, String>>;

/// The profile `name`: built in, or as written. Errors say what to write instead.
pub(super) fn named(name: &str, written: &Written) -> Result<Profile, String> {
    find(name, written, &mut Vec::new())
}

/// What is wrong with the profiles as written, used or not, with the name of each.
pub(super) fn faults(written: &Written) -> Vec<(String, String)> {
    let shadowing = |name: &&String| Profile::BUILT_IN.contains(&name.as_str());
    let shadows = written.keys().filter(shadowing).map(|name| {
        let fault = format!(
            "profiles.{name}: {name} is built in and stays what it is: choose another name, and extends = {name:?}"
        );
        (name.clone(), fault)
    });
    let broken = written.keys().filter(|name| !shadowing(name));
    let broken = broken.filter_map(|name| Some((name.clone(), named(name, written).err()?)));
    shadows.chain(broken).collect()
}

/// Every name there is.
pub(super) fn names(written: &Written) -> String {
    let all = Profile::BUILT_IN.map(str::to_owned).into_iter().chain(written.keys().cloned());
    all.collect::<Vec<_>>().join(", ")
}

fn find<'a>(name: &'a str, written: &'a Written, below: &mut Vec<&'a str>) -> Result<Profile, String> {
    if let Some(profile) = Profile::built_in(name) {
        return Ok(profile);
    }
    let Some(own) = written.get(name) else {
        return Err(format!("{name:?} is no profile: choose from {}", names(written)));
    };
    if below.contains(&name) {
        return Err(format!("profiles.{name} extends itself by way of {}", below.join(", ")));
    }
    below.push(name);
    let Some(base) = own.get("extends") else {
        return Err(format!("profiles.{name} doesn't say what it extends: add extends = \"stripe\""));
    };
    let base = find(base, written, below).map_err(|fault| match fault.strip_prefix("profiles.") {
        Some(_) => fault,
        None => format!("profiles.{name}.extends: {fault}"),
    })?;
    let knobs = own.iter().filter(|(knob, _)| *knob != "extends");
    let knobs: Vec<_> = knobs.map(|(knob, value)| (knob.as_str(), value.as_str())).collect();
    Profile::extend(&base, name, &knobs).map_err(|fault| fault.to_string())
}
