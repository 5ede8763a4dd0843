//! Lists that are written twice, once for people or a browser and once in code: they say the same.

use std::{collections::BTreeSet, fs, path::Path};

use mrrd::ledger::{
    fx::minor_units,
    money::Currency,
    outcome::{Cause, Kind, Rollup},
};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands between two marks, the first pair of them.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to:?} after {from:?}")).0
}

/// Rule `roll-ups`: the text names each cause once, under the roll-up that the code gives it, in the code's order of roll-ups.
#[test]
fn each_cause_has_the_roll_up_that_the_rules_give_it() {
    let rules = text("docs/rules.md");
    let mut pieces = between(&rules, "\n### roll-ups\n", "\n### ").split("**").skip(1);
    let mut told = Vec::new();
    while let (Some(rollup), Some(causes)) = (pieces.next(), pieces.next()) {
        let causes = causes.trim_start_matches(':').split(['.', '·']).next().unwrap();
        told.push((rollup, causes.split(',').map(str::trim).collect::<BTreeSet<_>>()));
    }
    let of =
        |rollup: Rollup| Cause::ALL.iter().filter(move |cause| cause.rollup() == rollup).map(|cause| cause.as_str());
    let have: Vec<_> =
        Rollup::ALL.iter().map(|&rollup| (rollup.as_str(), of(rollup).collect::<BTreeSet<_>>())).collect();
    assert_eq!(told, have);
}

/// The strings of a list of the dashboard's.
fn listed<'t>(script: &'t str, name: &str) -> BTreeSet<&'t str> {
    between(script, &format!("export const {name} = ["), "]").split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_dashboard_offers_every_kind_cause_and_roll_up() {
    let words = text("src/dashboard/assets/words.js");
    // Of these two the kind says the same.
    let offered = Cause::ALL.iter().filter(|cause| !matches!(cause, Cause::OpeningBalance | Cause::Fx));
    assert_eq!(listed(&words, "CAUSES"), offered.map(|cause| cause.as_str()).collect());
    assert_eq!(listed(&words, "ROLLUPS"), Rollup::ALL.iter().map(|rollup| rollup.as_str()).collect());
    assert_eq!(listed(&words, "KINDS"), Kind::ALL.iter().map(|kind| kind.as_str()).collect());
}

#[test]
fn the_dashboard_gives_every_currency_the_places_that_the_ledger_gives_it() {
    let format = text("src/dashboard/assets/format.js");
    let places: Vec<(&str, u32)> = between(&format, "const PLACES = {", "}")
        .split(',')
        .map(|one| one.trim().split_once(": ").unwrap())
        .map(|(code, places)| (code, places.parse().unwrap()))
        .collect();
    let letters = || 'a'..='z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    for code in codes {
        let currency: Currency = code.parse().unwrap();
        let shown = places.iter().find(|(other, _)| *other == code).map_or(2, |(_, places)| *places);
        assert_eq!(minor_units(currency), 10_i128.pow(shown), "{code}");
    }
}
