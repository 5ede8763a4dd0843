//! The ledger against one of Stripe's own MRR exports: what agrees, what differs, and the likeliest reason for each
//! difference: a setting (one knob, some of the Dashboard's four, or another profile), a zone, or an event that is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    ask::Ask,
    knob_steps::Switch,
    money::Exact,
    reports::{AskError, Reports},
    stripe_export::{Export, ExportPeriod, Form, Said},
    stripe_figures::{Ours, Suspect, agree, figures, places},
    stripe_reason::{Reason, Reasons, Scores, candidates},
    table::Table,
};
use crate::{
    config::customers::CustomerRules,
    event::{CustomerKey, Seq},
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        outcome::CustomerLedger,
        profile::Profile,
        time::Zone,
    },
    reconciler::{Rules, derivation, joining::Joins},
};

/// What holding the ledger against an export found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportAudit {
    /// Which of Stripe's exports it is.
    pub form: Form,
    /// Under whose rules the ledger answered.
    pub profile: String,
    /// The first month or day of the export.
    pub from: String,
    /// The last month or day of the export.
    pub to: String,
    /// Figures held against each other: those of customers whom the export names.
    pub compared: usize,
    /// Those that agree, but for what Stripe rounds: less than one minor unit, or than one for each item that is no whole number
    /// of them.
    pub matched: usize,
    /// Those that don't: as many of `differences` as are of customers whom the export names.
    pub differ: usize,
    /// Currencies of the ledger that the export says nothing of, and how many figures in them were left aside.
    pub left_out: LeftOut,
    /// Customers whom the export names, and how many of them the ledger knows.
    pub named: Named,
    /// Customers of the ledger whom the export doesn't name, and how many figures of theirs are among the differences: what Stripe says
    /// of them isn't known.
    pub not_named: NotNamed,
    /// Those that don't agree, and those of customers whom the export doesn't name, by customer.
    pub differences: Vec<Difference>,
    /// The reasons, with how many differences each explains; the one that explains most comes first.
    pub reasons: Vec<Explained>,
}

/// What an export says nothing of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The currencies that the export says nothing of.
    pub currencies: BTreeSet<Currency>,
    /// How many of the ledger's figures.
    pub figures: usize,
}

/// Whom an export names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Named {
    /// How many customers.
    pub customers: usize,
    /// How many of them the ledger knows.
    pub in_ledger: usize,
    /// The first of them, where the ledger knows none: they show what was read as the customer's id.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

/// How many unknown customers are named: enough to see what was read as their ids.
const SHOWN: usize = 3;

/// Whom an export doesn't name though the ledger has figures of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotNamed {
    /// How many customers.
    pub customers: usize,
    /// How many of the ledger's figures.
    pub figures: usize,
}

/// A figure of Stripe's that isn't the ledger's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The currency of both figures.
    pub currency: String,
    /// The month or day it is about.
    pub at: String,
    /// Whether the export names the customer; where it doesn't, what Stripe says isn't known.
    pub named: bool,
    /// What Stripe says, in minor units; 0 where `named` is false, which is no more than a guess.
    pub stripe_exact: Exact,
    /// The ledger's figure, in minor units.
    pub ledger_exact: Exact,
    /// By how much the ledger's is above Stripe's, in minor units; 0 where only the kind of change is another.
    pub difference_exact: Exact,
    /// The kind of change Stripe names, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_kind: Option<&'static str>,
    /// The kind of the ledger's movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_kind: Option<&'static str>,
    /// The likeliest reason why the two differ.
    pub reason: Reason,
    /// The events behind what the ledger says there.
    pub events: Vec<String>,
}

/// A reason, and how much it explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The word of the reason.
    pub reason: &'static str,
    /// The knobs that would make the ledger's figure Stripe's, where it is a setting.
    pub knobs: Vec<Switch>,
    /// Said in a few words.
    pub text: String,
    /// How many differences it explains.
    pub differences: usize,
    /// How many of these are of customers whom the export names: as many of `differ`.
    pub named: usize,
}

impl Reports<'_> {
    /// Holds the ledger, under a profile kept or not, against one of Stripe's exports.
    pub async fn against_export(&self, ask: &Ask, profile: &Profile, export: &Export) -> Result<ExportAudit, AskError> {
        let candidates = candidates(profile, &self.ledger.known);
        let profiles: Vec<Profile> = candidates.iter().map(|one| one.profile.clone()).collect();
        let rules = self.rules(std::slice::from_ref(profile)).await?;
        let others = Rules { profiles: profiles.into(), ..rules.clone() };
        let everybody = Rules { customers: CustomerRules::default(), ..rules.clone() };
        let known_at = self.known_at(ask).await?;
        let said_of = self.said_of_ledgers(ask, export, known_at).await?;
        let mut unseen = said_of.clone();
        let mut named = Named { customers: said_of.len(), ..Named::default() };
        let told: BTreeSet<Currency> = export.said.keys().map(|(_, currency, _)| *currency).collect();
        // A file of one currency says nothing of who pays in another.
        let told_of = |ledger: &CustomerLedger, said: &BTreeMap<(Currency, ExportPeriod), Said>| {
            let mut ours = figures(ledger, export, self.now);
            ours.retain(|(currency, _), _| told.contains(currency) || !said.is_empty());
            ours
        };
        let (mut compared, mut matched, mut suspects) = (0, 0, Vec::new());
        let mut left_out = LeftOut::default();
        let mut pages = derivation::KnownAt::new(self.store, rules.clone(), known_at);
        while let Some(page) = pages.next_page().await? {
            for (key, ledgers) in page {
                let Some(ledger) = ledgers.into_iter().next().filter(|ledger| asked(ask, &key, ledger)) else {
                    continue;
                };
                let said = unseen.remove(&key.customer);
                named.in_ledger += usize::from(said.is_some());
                let (is_named, said) = (export.names_all || said.is_some(), said.unwrap_or_default());
                let ours = told_of(&ledger, &said);
                for ((currency, _), one) in figures(&ledger, export, self.now) {
                    if one.amount != Mrr::ZERO && !told.contains(&currency) && said.is_empty() {
                        left_out.currencies.insert(currency);
                        left_out.figures += 1;
                    }
                }
                let mut suspect =
                    Suspect { key, said, ledger, ours, otherwise: Vec::new(), named: is_named, included: None };
                let places = suspect.places();
                let agreeing = places.iter().filter(|at| agree(&suspect.ours, &suspect.said, at)).count();
                // What Stripe says of whom the file doesn't name isn't known: there is nothing to compare.
                if is_named {
                    compared += places.len();
                    matched += agreeing;
                }
                if agreeing == places.len() {
                    continue;
                }
                let one = std::slice::from_ref(&suspect.key);
                for known in derivation::read(self.store, &others, one, known_at).await? {
                    let derived = derivation::derive_one(&known, &others).unwrap_or_default();
                    suspect.otherwise = derived.iter().map(|one| told_of(&one.ledger, &suspect.said)).collect();
                    let all = derivation::derive_one(&known, &everybody).unwrap_or_default();
                    suspect.included = all.first().map(|one| told_of(&one.ledger, &suspect.said));
                }
                suspects.push(suspect);
            }
        }
        if named.in_ledger == 0 {
            named.unknown = unseen.keys().take(SHOWN).map(ToString::to_string).collect();
        }
        // Whom the log doesn't know: Stripe's zeroes agree with that.
        for (customer, said) in unseen {
            let nothing = said.values().filter(|said| Ours::default().agrees(said)).count();
            compared += said.len();
            matched += nothing;
            if nothing < said.len() {
                let key = CustomerKey { livemode: ask.livemode.unwrap_or(true), account: None, customer };
                let (ledger, ours) = (CustomerLedger::default(), BTreeMap::new());
                suspects.push(Suspect { key, said, ledger, ours, otherwise: Vec::new(), named: true, included: None });
            }
        }
        suspects.sort_by(|one, other| one.key.customer.cmp(&other.key.customer));
        let mut scores = scores(&suspects, candidates.len());
        let held = HeldAgainst { said_of: &said_of, told_of: &told_of, known_at };
        self.broken(ask, &others, &suspects, &held, &mut scores).await?;
        let differences = differences(&suspects, &candidates, &scores, export, &self.ledger.zone);
        let name = |place: Option<&ExportPeriod>| place.map(ExportPeriod::to_string).unwrap_or_default();
        Ok(ExportAudit {
            form: export.form,
            profile: profile.name.as_ref().into(),
            from: name(export.places.first()),
            to: name(export.places.last()),
            compared,
            matched,
            differ: differences.iter().filter(|one| one.named).count(),
            left_out,
            named,
            not_named: not_named(&differences),
            reasons: summed(&differences),
            differences,
        })
    }
}

impl Reports<'_> {
    /// What an export says, by the ledger's customer: of several of Stripe's that are one (`ledger.customer_key`), together.
    /// Which kind of change each is to Stripe is then no longer said: the second one's `new` is the first one's `expansion`.
    async fn said_of_ledgers(
        &self,
        ask: &Ask,
        export: &Export,
        known_at: Option<Seq>,
    ) -> Result<BTreeMap<CustomerId, BTreeMap<(Currency, ExportPeriod), Said>>, AskError> {
        let account = ask.account.one().cloned();
        let livemode = ask.livemode.unwrap_or(true);
        let named: BTreeSet<&CustomerId> = export.said.keys().map(|(customer, ..)| customer).collect();
        let keys: Vec<CustomerKey> = named
            .iter()
            .map(|&customer| CustomerKey { livemode, account: account.clone(), customer: customer.clone() })
            .collect();
        let joins = Joins::current(self.store, &self.ledger.customers, known_at).await?;
        let ledgers = joins.ledgers_of(self.store, &keys, known_at).await?.into_iter().map(|key| key.customer);
        let ledger_of: BTreeMap<&CustomerId, CustomerId> = named.into_iter().zip(ledgers).collect();
        let joined: BTreeSet<&CustomerId> =
            ledger_of.iter().filter(|(customer, ledger)| **customer != *ledger).map(|(_, ledger)| ledger).collect();
        let mut said_of: BTreeMap<CustomerId, BTreeMap<(Currency, ExportPeriod), Said>> = BTreeMap::new();
        for ((customer, currency, place), said) in &export.said {
            let ledger = ledger_of.get(customer).unwrap_or(customer);
            let together = said_of.entry(ledger.clone()).or_default().entry((*currency, *place)).or_default();
            together.amount = together.amount.checked_add(said.amount).ok_or(super::ReportError::Overflow)?;
            together.kind = said.kind.filter(|_| !joined.contains(ledger));
            together.rows += said.rows;
        }
        Ok(said_of)
    }
}

/// A ledger's figures as far as the export says anything of the kind.
type TellsOf<'a> = dyn Fn(&CustomerLedger, &BTreeMap<(Currency, ExportPeriod), Said>) -> BTreeMap<(Currency, ExportPeriod), Ours>
    + Sync
    + 'a;

/// What the customers of the ledger are held against.
struct HeldAgainst<'a> {
    /// What the export says, by the ledger's customer.
    said_of: &'a BTreeMap<CustomerId, BTreeMap<(Currency, ExportPeriod), Said>>,
    told_of: &'a TellsOf<'a>,
    /// The log up to here makes the ledger; `None` for all of it.
    known_at: Option<Seq>,
}

impl Reports<'_> {
    /// Takes from each candidate that explains anything what it would break among the customers that agree now.
    async fn broken(
        &self,
        ask: &Ask,
        others: &Rules,
        suspects: &[Suspect],
        held: &HeldAgainst<'_>,
        scores: &mut Scores,
    ) -> Result<(), AskError> {
        let likely: Vec<usize> = (0..others.profiles.len()).filter(|one| scores.better(*one)).collect();
        if likely.is_empty() {
            return Ok(());
        }
        let profiles: Vec<Profile> = likely.iter().map(|one| others.profiles[*one].clone()).collect();
        let rules = Rules { profiles: profiles.into(), ..others.clone() };
        let nothing = BTreeMap::new();
        let mut pages = derivation::KnownAt::new(self.store, rules, held.known_at);
        while let Some(page) = pages.next_page().await? {
            for (key, ledgers) in page {
                let other = suspects.iter().all(|suspect| suspect.key != key);
                if !other || !ledgers.first().is_some_and(|ledger| asked(ask, &key, ledger)) {
                    continue;
                }
                let said = held.said_of.get(&key.customer).unwrap_or(&nothing);
                for (candidate, ledger) in likely.iter().zip(&ledgers) {
                    let ours = (held.told_of)(ledger, said);
                    let wrong = places(said, &ours).iter().filter(|at| !agree(&ours, said, at)).count();
                    scores.of[*candidate] -= i64::try_from(wrong).unwrap_or(i64::MAX);
                }
            }
        }
        Ok(())
    }
}

fn scores(suspects: &[Suspect], candidates: usize) -> Scores {
    // What Stripe says of the others isn't known, so it speaks for no setting.
    let named = || suspects.iter().filter(|one| one.named);
    // What a candidate newly says, and Stripe doesn't, counts against it.
    let wrong = |all: &BTreeMap<(Currency, ExportPeriod), Ours>, one: &Suspect| {
        let mut at = one.places();
        at.extend(places(&one.said, all));
        let wrong = at.iter().filter(|at| !agree(all, &one.said, at)).count();
        i64::try_from(wrong).unwrap_or(i64::MAX)
    };
    let nothing = BTreeMap::new();
    let under = |candidate: usize| {
        let all = named().map(|one| wrong(one.otherwise.get(candidate).unwrap_or(&nothing), one));
        -all.sum::<i64>()
    };
    let now = -named().map(|one| wrong(&one.ours, one)).sum::<i64>();
    Scores { of: (0..candidates).map(under).collect(), now }
}

fn asked(ask: &Ask, key: &CustomerKey, ledger: &CustomerLedger) -> bool {
    ask.account.includes(key.account.as_ref())
        && key.livemode == ask.livemode.unwrap_or(true)
        && ledger.test_clock.is_none()
}

fn differences(
    suspects: &[Suspect],
    candidates: &[super::stripe_reason::Candidate],
    scores: &Scores,
    export: &Export,
    zone: &Zone,
) -> Vec<Difference> {
    let reasons = Reasons { candidates, scores, export, zone };
    let (no_said, no_ours) = (Said::default(), Ours::default());
    let mut all = Vec::new();
    for suspect in suspects {
        for at @ (currency, period) in suspect.places() {
            let (said, ours) = (suspect.said.get(&at).unwrap_or(&no_said), suspect.ours.get(&at).unwrap_or(&no_ours));
            if ours.agrees(said) {
                continue;
            }
            let kinds = said.kind.zip(ours.kind);
            all.push(Difference {
                customer: suspect.key.customer.to_string(),
                currency: currency.to_string(),
                at: period.to_string(),
                named: suspect.named,
                stripe_exact: Exact(said.amount),
                ledger_exact: Exact(ours.amount),
                difference_exact: Exact(Mrr(ours.amount.0 - said.amount.0)),
                stripe_kind: kinds.map(|(theirs, _)| theirs.as_str()),
                ledger_kind: kinds.map(|(_, ours)| ours.as_str()),
                reason: reasons.likeliest(suspect, at),
                events: ours.events.iter().cloned().collect(),
            });
        }
    }
    all
}

fn not_named(differences: &[Difference]) -> NotNamed {
    let theirs: Vec<&str> = differences.iter().filter(|one| !one.named).map(|one| one.customer.as_str()).collect();
    NotNamed { customers: theirs.iter().collect::<BTreeSet<_>>().len(), figures: theirs.len() }
}

/// The reasons, with how many differences each explains.
fn summed(differences: &[Difference]) -> Vec<Explained> {
    let mut all: Vec<Explained> = Vec::new();
    for Difference { reason, named, .. } in differences {
        let (text, named) = (reason.in_general(), usize::from(*named));
        match all.iter_mut().find(|one| one.text == text) {
            Some(one) => {
                one.differences += 1;
                one.named += named;
            }
            None => {
                all.push(Explained { reason: reason.kind, knobs: reason.knobs.clone(), text, differences: 1, named });
            }
        }
    }
    all.sort_by_key(|one| (std::cmp::Reverse(one.differences), one.knobs.is_empty()));
    all
}

impl ExportAudit {
    /// Whether the ledger knows none of the customers whom the export names: one of the two is of another account.
    pub fn is_of_others(&self) -> bool {
        self.named.customers > 0 && self.named.in_ledger == 0
    }

    /// Whether there is anything to look at.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && !self.is_of_others()
    }

    /// As a table for CSV, one row a difference.
    pub fn table(&self) -> Table {
        self.tabled("0")
    }

    /// As a table for a terminal: of customers whom the export doesn't name it says that instead of an amount.
    pub fn terminal(&self) -> String {
        self.tabled("not named").terminal()
    }

    /// One row a difference, with `unnamed` for what Stripe says of customers whom the export doesn't name.
    fn tabled(&self, unnamed: &str) -> Table {
        let columns = vec![
            "customer",
            "at",
            "currency",
            "stripe_exact",
            "ledger_exact",
            "difference_exact",
            "reason",
            "why",
            "events",
        ];
        let row = |one: &Difference| {
            let with = |amount: Exact, kind: Option<&str>| match kind {
                Some(kind) => format!("{kind} {amount}"),
                None => amount.to_string(),
            };
            vec![
                one.customer.clone(),
                one.at.clone(),
                one.currency.clone(),
                if one.named { with(one.stripe_exact, one.stripe_kind) } else { unnamed.to_owned() },
                with(one.ledger_exact, one.ledger_kind),
                one.difference_exact.to_string(),
                one.reason.kind.into(),
                one.reason.text.clone(),
                one.events.join(" "),
            ]
        };
        Table { columns, rows: self.differences.iter().map(row).collect() }
    }
}

impl std::fmt::Display for ExportPeriod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Month(month) => month.fmt(f),
            Self::Day(day) => day.fmt(f),
        }
    }
}
