//! Why a figure of Stripe's export isn't the ledger's: settings are tried one by one, then what else it may be.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    knob_steps::{Switch, steps},
    stripe_export::{Export, ExportPeriod, Form, Said},
    stripe_figures::{Ours, Suspect, agree},
    units::said,
};
use crate::ledger::{
    money::{Currency, Mrr},
    outcome::QualityEntry,
    profile::Profile,
    time::{Day, UnixTime, Zone},
};

/// Values worth trying for each knob; those that only name a return don't move what stands.
const TRIED: &[(&str, &[&str])] = &[
    ("active_from", &["start", "first_payment"]),
    ("churn_at", &["request", "end"]),
    ("discount_repeating", &["subtract", "ignore"]),
    ("discount_once", &["subtract", "ignore"]),
    ("discount_forever", &["subtract", "ignore"]),
    ("past_due", &["count", "zero", "days:30"]),
    ("unpaid", &["churn", "count"]),
    ("pause_collection", &["count", "zero"]),
    ("metered", &["ignore", "last_invoice", "mean:3"]),
    ("zero_by_discount", &["churn", "contraction"]),
    ("netting", &["none", "window:60", "day", "month"]),
    ("reactivation_as", &["reactivation", "expansion", "new"]),
];

/// What is said of a customer whom a file doesn't name, where no setting explains it.
const NOT_NAMED: &str = "the file doesn't name this customer: it may be of some customers only, or Stripe counts nothing of this one; \
                         `mrrd audit` asks Stripe";

/// How many of the knobs above are settings of Stripe's Dashboard (rule `knobs`): tried together as well.
const DASHBOARD: usize = 4;

/// Another rule set that may be the one behind Stripe's figures.
pub(super) struct Candidate {
    /// In what it differs.
    pub(super) switches: Vec<Switch>,
    /// Its name, where it is a profile of its own.
    pub(super) named: Option<String>,
    pub(super) profile: Profile,
}

/// Every rule set that is tried: one knob, several of the Dashboard's, then each other profile there is.
pub(super) fn candidates(base: &Profile, known: &[Profile]) -> Vec<Candidate> {
    let with = |knobs: &[(&str, &str)], named: Option<&str>| {
        let profile = Profile::extend(base, &base.name, knobs).ok()?;
        let switches: Vec<Switch> = steps(base, &profile).ok()?.into_iter().map(|(switch, _)| switch).collect();
        (!switches.is_empty()).then(|| Candidate { switches, named: named.map(str::to_owned), profile })
    };
    let mut all: Vec<Candidate> = TRIED
        .iter()
        .flat_map(|(knob, values)| values.iter().map(move |value| (*knob, *value)))
        .filter_map(|pair| with(&[pair], None))
        .collect();
    let described: BTreeMap<&str, String> = base.describe().into_iter().collect();
    let flipped = |place: usize| {
        let (knob, values) = TRIED[place];
        let value = values.iter().find(|value| described.get(knob).is_none_or(|now| now != *value));
        (knob, value.copied().unwrap_or_default())
    };
    for set in 1_u32..1 << DASHBOARD {
        let knobs: Vec<_> = (0..DASHBOARD).filter(|place| set & (1 << place) != 0).map(flipped).collect();
        if knobs.len() > 1 {
            all.extend(with(&knobs, None));
        }
    }
    for other in known.iter().filter(|other| other.name != base.name) {
        let knobs = other.describe();
        let knobs: Vec<(&str, &str)> = knobs.iter().map(|(knob, value)| (*knob, value.as_str())).collect();
        all.extend(with(&knobs, Some(&other.name)));
    }
    all.sort_by_key(|one| (one.named.is_some(), one.switches.len()));
    all
}

/// Why a figure of Stripe's and the ledger's differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `setting`, `excluded`, `currency`, `time_zone`, `quality`, `kind`, `not_named` or `missing_event`.
    pub kind: &'static str,
    /// The knobs that make the ledger's figure Stripe's, where it is a setting.
    pub knobs: Vec<Switch>,
    /// The profile that has them, where it is one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Said to a person, with what to do.
    pub text: String,
}

impl Reason {
    /// The reason without what is this figure's alone.
    pub(super) fn in_general(&self) -> String {
        match self.kind {
            "setting" => self.text.clone(),
            "excluded" => "ledger.exclude leaves the customer out".into(),
            "currency" => "Stripe converts into the account's own currency".into(),
            "time_zone" => "the day is cut in another zone".into(),
            "quality" => "the log can't tell an amount".into(),
            "kind" => "the same amount under another name".into(),
            "not_named" => self.text.clone(),
            _ => "an event is missing: `mrrd audit` names the subscription, `mrrd audit --heal` appends it".into(),
        }
    }
}

/// How much is wrong under each candidate, as a number below 0: a setting is one for all customers.
pub(super) struct Scores {
    pub(super) of: Vec<i64>,
    pub(super) now: i64,
}

impl Scores {
    /// Whether less is wrong under a candidate than is now.
    pub(super) fn better(&self, candidate: usize) -> bool {
        self.of[candidate] > self.now
    }
}

/// Finds reasons.
pub(super) struct Reasons<'a> {
    pub(super) candidates: &'a [Candidate],
    /// How many figures agree under each.
    pub(super) scores: &'a Scores,
    pub(super) export: &'a Export,
    pub(super) zone: &'a Zone,
}

impl Reasons<'_> {
    /// The likeliest reason of one difference.
    pub(super) fn likeliest(&self, suspect: &Suspect, at: (Currency, ExportPeriod)) -> Reason {
        let plain = |kind, text: String| Reason { kind, knobs: Vec::new(), profile: None, text };
        if suspect.included.as_ref().is_some_and(|all| agree(all, &suspect.said, &at)) {
            return plain("excluded", "ledger.exclude leaves this customer out, Stripe doesn't".into());
        }
        if let Some(candidate) = self.setting(suspect, &at) {
            let knobs = candidate.switches.iter().map(|one| format!("{} = {}", one.knob, one.to));
            let knobs = knobs.collect::<Vec<_>>().join(" and ");
            let text = match &candidate.named {
                Some(name) => format!("it is Stripe's under the profile {name} ({knobs})"),
                None => format!("it is Stripe's with {knobs}"),
            };
            let (profile, knobs) = (candidate.named.clone(), candidate.switches.clone());
            return Reason { kind: "setting", knobs, profile, text };
        }
        // What Stripe says of whom it doesn't name isn't known: nothing else can be held against it.
        if !suspect.named {
            return plain("not_named", NOT_NAMED.into());
        }
        if let Some(other) = currency(suspect, &at) {
            let text = format!("the ledger has it in {other}: Stripe converts into the account's own currency");
            return plain("currency", text);
        }
        if self.zoned(suspect, &at) {
            let text = "Stripe's figure stood within a day of it: ledger.timezone may not be the account's zone";
            return plain("time_zone", text.into());
        }
        if let Some(entry) = self.unsure(suspect, at.1) {
            let text = format!("{} of {}: {}", entry.kind.as_str(), entry.object, entry.settle);
            return plain("quality", text);
        }
        if let Some(kind) = of_kind(suspect, &at) {
            return plain("kind", format!("the amount agrees; Stripe calls it {kind}"));
        }
        plain("missing_event", self.missing(suspect, &at))
    }

    /// Of the settings that explain it, a single knob first, then the one under which most figures agree.
    fn setting(&self, suspect: &Suspect, at: &(Currency, ExportPeriod)) -> Option<&Candidate> {
        // One that makes more figures wrong than right isn't set.
        let explains = |place: &usize| {
            let all = suspect.otherwise.get(*place);
            self.scores.better(*place) && all.is_some_and(|all| agree(all, &suspect.said, at))
        };
        let simplest = |candidate: &Candidate| (candidate.named.is_some(), candidate.switches.len() > 1);
        let best = (0..self.candidates.len()).filter(explains).min_by_key(|place| {
            (simplest(&self.candidates[*place]), std::cmp::Reverse(self.scores.of[*place]), *place)
        });
        best.map(|place| &self.candidates[place])
    }

    /// Whether Stripe's figure is one the ledger has within a day of the place.
    fn zoned(&self, suspect: &Suspect, (currency, place): &(Currency, ExportPeriod)) -> bool {
        let near = |day: Day| [day.before(), day.after()];
        match (self.export.form, place) {
            (Form::PerMonth, ExportPeriod::Month(month)) => {
                let said = suspect.said.get(&(*currency, *place)).cloned().unwrap_or_default();
                near(month.last()).into_iter().any(|day| {
                    let until = self.zone.end_of(day);
                    let stands = mrr_until(suspect, *currency, until);
                    Ours { amount: stands, ..Ours::default() }.agrees(&Said { kind: None, ..said.clone() })
                })
            }
            (_, ExportPeriod::Day(day)) => near(*day).into_iter().any(|other| {
                let other = (*currency, ExportPeriod::Day(other));
                let here = (*currency, *place);
                let differs = !agree(&suspect.ours, &suspect.said, &other);
                let amount = |at| suspect.ours.get(&at).map_or(Mrr::ZERO, |ours: &Ours| ours.amount);
                let told = |at| suspect.said.get(&at).map_or(Mrr::ZERO, |said: &Said| said.amount);
                // What one of the two has on this day, the other has on the next or the last.
                differs && (told(here) == amount(other) && told(other) == amount(here))
            }),
            _ => false,
        }
    }

    /// What the log couldn't know of this customer by then.
    fn unsure<'s>(&self, suspect: &'s Suspect, place: ExportPeriod) -> Option<&'s QualityEntry> {
        let day = match place {
            ExportPeriod::Month(month) => month.last(),
            ExportPeriod::Day(day) => day,
        };
        let (begins, ends) = (self.zone.start_of(day), self.zone.end_of(day));
        let mut entries = suspect.ledger.quality.iter();
        entries.find(|entry| entry.at <= ends && entry.until.is_none_or(|until| until >= begins))
    }

    /// Which event may be missing, and since when.
    fn missing(&self, suspect: &Suspect, at: &(Currency, ExportPeriod)) -> String {
        let key = &suspect.key.customer;
        if suspect.ledger == Default::default() && suspect.ours.is_empty() {
            return format!("the log has nothing of {key}: `mrrd backfill --history` reads it from Stripe");
        }
        let amount = |at: &(Currency, ExportPeriod)| suspect.ours.get(at).map_or(Mrr::ZERO, |ours| ours.amount);
        let told = |at: &(Currency, ExportPeriod)| suspect.said.get(at).map_or(Mrr::ZERO, |said| said.amount);
        // As the answer has it: the ledger's less Stripe's.
        let more = Mrr(amount(at).0 - told(at).0);
        if self.export.form == Form::Changes {
            return match (amount(at), told(at)) {
                (Mrr::ZERO, _) => "the log has no event that changes it on this day".into(),
                (_, Mrr::ZERO) => "Stripe has no change on this day; these events made the ledger's".into(),
                _ => format!("the log has no event for a difference of {} on this day", said(more, at.0)),
            };
        }
        // The same difference in the months before: there it came from.
        let before = self.export.places.iter().rev().skip_while(|place| **place >= at.1);
        let since = before.take_while(|place| {
            let earlier = (at.0, **place);
            (amount(&earlier).0 - told(&earlier).0 - more.0).abs() < Mrr::MINOR
        });
        let since = since.last().unwrap_or(&at.1);
        let event = match (amount(at), told(at)) {
            (Mrr::ZERO, _) => "a start (customer.subscription.created, .resumed or .updated)",
            (_, Mrr::ZERO) => "an end (customer.subscription.deleted or .updated)",
            _ => "a change (customer.subscription.updated)",
        };
        format!("the log has no event in {since} for a difference of {}: {event}", said(more, at.0))
    }
}

/// What Stripe calls a change of the same amount.
fn of_kind(suspect: &Suspect, at: &(Currency, ExportPeriod)) -> Option<&'static str> {
    let (said, ours) = (suspect.said.get(at)?, suspect.ours.get(at)?);
    ours.agrees(&Said { kind: None, ..said.clone() }).then_some(said.kind?.as_str())
}

fn mrr_until(suspect: &Suspect, currency: Currency, until: UnixTime) -> Mrr {
    let deltas = suspect.ledger.deltas.iter().filter(|delta| delta.currency == currency && delta.at <= until);
    Mrr(deltas.map(|delta| delta.mrr.0).sum())
}

/// The currency in which the ledger has something where it has nothing in this one.
fn currency(suspect: &Suspect, (currency, place): &(Currency, ExportPeriod)) -> Option<Currency> {
    let ours = |at: &(Currency, ExportPeriod)| suspect.ours.get(at).map_or(Mrr::ZERO, |ours| ours.amount);
    let said = |at: &(Currency, ExportPeriod)| suspect.said.get(at).map_or(Mrr::ZERO, |said| said.amount);
    let here = (*currency, *place);
    let mut others = suspect.ours.keys().filter(|(other, at)| at == place && other != currency);
    let foreign = |at: &&(Currency, ExportPeriod)| ours(at) != Mrr::ZERO && said(at) == Mrr::ZERO;
    if ours(&here) == Mrr::ZERO {
        return others.find(foreign).map(|(other, _)| *other);
    }
    // The other side of the same: it is the ledger's currency that Stripe doesn't name.
    let told_elsewhere = suspect.said.iter().any(|((other, at), said)| {
        at == place && other != currency && said.amount != Mrr::ZERO && ours(&(*other, *at)) == Mrr::ZERO
    });
    (said(&here) == Mrr::ZERO && told_elsewhere).then_some(*currency)
}
