//! The ledger against one of Stripe's own MRR exports: what agrees, what differs, and the likeliest reason for each
//! difference: a setting (one knob, some of the Dashboard's four, or another profile), a zone, or an event that is missing.

use std::collections::{BTreeMap, BTreeSet};

pub use super::stripe_audit_answer::ExportAudit;
use super::{
    ask::Ask,
    money::Exact,
    reports::{AskError, Reports},
    stripe_audit_answer::{Difference, Explained, LeftOut, Named, NotNamed},
    stripe_export::{Export, ExportPeriod, Said},
    stripe_figures::{Ours, Suspect, agree, figures, places},
    stripe_reason::{Reasons, Scores, candidates},
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
    reconciler::{ReconcileError, Rules, derivation, joining::Joins, known_at},
};

/// How many unknown customers are named: enough to see what was read as their ids.
const SHOWN: usize = 3;

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
        let mut pages = known_at::KnownAt::new(self.store, rules.clone(), known_at);
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
                    let under = |rules: &Rules| {
                        derivation::derive_one(&known, rules)
                            .map_err(|reason| ReconcileError::Customer { customer: suspect.key.clone(), reason })
                    };
                    let (derived, all) = (under(&others)?, under(&everybody)?);
                    suspect.otherwise = derived.iter().map(|one| told_of(&one.ledger, &suspect.said)).collect();
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
        let mut pages = known_at::KnownAt::new(self.store, rules, held.known_at);
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
