//! From a question to what answers it: under whose rules, of which ledger, cut when, as known when, read from where. Every
//! question goes through here once, and what it may not ask is refused here.

use std::collections::BTreeSet;

use super::{
    ReportError,
    ask::{Ask, InCurrency, KnownAt},
    error::settling_rates,
    reports::{AskError, Reports},
    view::{Tables, View},
};
use crate::{
    event::Seq,
    ledger::{
        ids::{AccountId, CustomerId},
        money::Currency,
        outcome::QualityKind,
        profile::{ChurnAt, Profile},
        time::{UnixTime, Zone},
    },
    limits::{self, CLOCK_LEAD_SECONDS},
    store::derived::reports::*,
};

/// A question resolved: which ledger is asked, and what answers.
pub(super) struct Asked<'a> {
    /// Which ledger, cut when.
    pub(super) scope: Scope,
    /// Where its rows are read.
    pub(super) view: Box<dyn View + 'a>,
}

impl<'a> Reports<'a> {
    /// Resolves a question about figures. Refuses it where a rate is missing for what it is to tell.
    pub(super) async fn resolve(&self, ask: &Ask) -> Result<Asked<'a>, AskError> {
        let asked = self.resolve_unrated(ask).await?;
        if self.reporting(ask).is_some() {
            self.no_rate_missing(ask, &asked).await?;
        }
        Ok(asked)
    }

    /// Resolves a question that can be answered whether or not a rate is missing.
    ///
    /// Errors with [`AskError::NotDerived`] while no generation answers for its profile: nothing would be told as 0.
    pub(super) async fn resolve_unrated(&self, ask: &Ask) -> Result<Asked<'a>, AskError> {
        let kept = self.kept(ask)?;
        if ask.as_known_at.is_none() {
            self.answering(&kept).await?;
        }
        self.resolve_under(ask, &kept).await
    }

    /// The same as things stand now, whatever the question says of when.
    pub(super) async fn resolve_now(&self, ask: &Ask, profile: &Profile) -> Result<Asked<'a>, AskError> {
        self.resolve_under(&Ask { as_known_at: None, ..ask.clone() }, profile).await
    }

    /// The same under a profile that needn't be the question's.
    pub(super) async fn resolve_under(&self, ask: &Ask, profile: &Profile) -> Result<Asked<'a>, AskError> {
        let view: Box<dyn View + 'a> = match self.known_at(ask).await? {
            None => Box::new(Tables { store: self.store, zone: &self.ledger.zone }),
            Some(seq) => self.earlier(seq, profile).await?,
        };
        let cut = self.as_of(ask);
        // An event that is here has happened, whatever our clock says: half of a netting window can't be told.
        let ahead = match ask.as_known_at {
            // Where the question says itself where it is cut, it is cut there.
            Some(KnownAt::Cut { .. }) => None,
            _ => self.store.log.newest_created(view.seq(), cut.plus(CLOCK_LEAD_SECONDS)).await?,
        };
        let cut = ahead.map_or(cut, |created| cut.max(created));
        let cut = match (ask.scheduled, ask.to) {
            (true, Some(to)) => cut.max(self.ledger.zone.end_of(to)),
            (true, None) => cut.max(self.ledger.zone.end_of(ask.interval.last_day(self.ledger.zone.day(cut)))),
            (false, _) => cut,
        };
        let livemode = match ask.livemode {
            Some(livemode) => livemode,
            None => view.livemode(&profile.name).await?,
        };
        let scope = Scope {
            profile: profile.name.clone(),
            livemode,
            account: ask.account.clone(),
            test_clock: ask.test_clock.clone(),
            cut,
        };
        let asked = Asked { scope, view };
        // A currency of which there is no ledger is refused: zeros would be an answer.
        if ask.currency.is_some() && self.reporting(ask).is_none() {
            self.one_of(ask, &asked.view.currencies(&asked.scope).await?)?;
        }
        Ok(asked)
    }

    /// The last place of the log that a question is asked as of; `None` for all there is.
    ///
    /// Refuses a place beyond the log's end, and an instant after the running day: what will be known then isn't, and what is
    /// known today would pass for it (rule `as-known-at`).
    pub(super) async fn known_at(&self, ask: &Ask) -> Result<Option<Seq>, AskError> {
        let Some(asked) = ask.as_known_at else { return Ok(None) };
        let refuse = |reason| Err(AskError::Parameter { name: "as_known_at", reason });
        let end = self.store.log.end().await?;
        let (place, instant) = match asked {
            KnownAt::Seq(seq) => (Some(seq), None),
            KnownAt::Instant(at) => (None, Some(at)),
            KnownAt::Cut { seq, at } => (Some(seq), Some(at)),
        };
        if let Some(place) = place.filter(|place| *place > end) {
            return refuse(format!("the log ends at place {end}: of place {place} nothing is known yet"));
        }
        if let Some(at) = instant.filter(|at| *at > self.today_ends()) {
            return refuse(format!(
                "{at} is yet to come: without as_known_at the answer is of all that is known now, and the log ends at place {end}"
            ));
        }
        Ok(Some(match asked {
            KnownAt::Seq(seq) | KnownAt::Cut { seq, .. } => seq,
            KnownAt::Instant(at) => self.store.log.last_seq_received_by(at).await?,
        }))
    }

    /// The last instant that belongs to today: as of a day is as of its end, in the ledger's days or in UTC's. Another clock may
    /// be ahead of ours.
    fn today_ends(&self) -> UnixTime {
        let ends = [&self.ledger.zone, &Zone::UTC].map(|zone| zone.end_of(zone.day(self.now)));
        ends.into_iter().fold(self.now.plus(CLOCK_LEAD_SECONDS), UnixTime::max)
    }

    /// The instant a question is asked as of: nothing later is shown.
    pub(super) fn as_of(&self, ask: &Ask) -> UnixTime {
        match ask.as_known_at {
            Some(KnownAt::Instant(at) | KnownAt::Cut { at, .. }) => at.min(self.now),
            Some(KnownAt::Seq(_)) | None => self.now,
        }
    }

    /// Whether a cancellation counts when it is asked for, so that what is set to end is out of MRR already (rule `churn-at`).
    pub fn counts_requests(&self, ask: &Ask) -> Result<bool, AskError> {
        Ok(self.profile(ask)?.churn_at == ChurnAt::Request)
    }

    /// The profile a question names, else the default one.
    pub fn profile(&self, ask: &Ask) -> Result<&'a Profile, AskError> {
        let found = match &ask.profile {
            None => self.ledger.profiles.first(),
            Some(name) => self.ledger.profiles.iter().find(|profile| *profile.name == **name),
        };
        found.ok_or_else(|| {
            let kept = self.ledger.profiles.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
            let asked = ask.profile.as_deref().unwrap_or_default();
            AskError::Parameter {
                name: "profile",
                reason: format!("{asked:?} is not kept: ledger.profiles has {kept}"),
            }
        })
    }

    /// The currency everything is converted into, unless the question is of a currency's own ledger: docs/interface.md 5.
    pub fn reporting(&self, ask: &Ask) -> Option<Currency> {
        self.ledger.reporting_currency.filter(|_| ask.own_currency().is_none())
    }

    /// The profile a question is about, or its twin in the reporting currency.
    pub fn kept(&self, ask: &Ask) -> Result<Profile, AskError> {
        let profile = self.profile(ask)?;
        Ok(self.reporting(ask).map_or_else(|| profile.clone(), |currency| profile.reporting(currency)))
    }

    /// What the customers of a ledger are grouped by.
    pub async fn traits(&self, ask: &Ask) -> Result<Vec<CustomerTraits>, AskError> {
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        view.customer_traits(&scope).await
    }

    /// Whether a question is about the live ledger.
    pub async fn livemode(&self, ask: &Ask) -> Result<bool, AskError> {
        Ok(self.resolve_unrated(&Ask { as_known_at: None, ..ask.clone() }).await?.scope.livemode)
    }

    /// The same, true while nothing is derived yet.
    pub async fn livemode_so_far(&self, ask: &Ask) -> Result<bool, AskError> {
        let asked = self.resolve_under(&Ask { currency: None, ..ask.clone() }, self.profile(ask)?).await?;
        Ok(asked.scope.livemode)
    }

    /// The connected accounts with customers, by id, and how many each has.
    pub async fn accounts(&self, ask: &Ask) -> Result<Vec<(AccountId, i64)>, AskError> {
        let profile = self.profile(ask)?;
        self.answering(profile).await?;
        Ok(self.store.derived.connected_accounts(&profile.name, self.livemode(ask).await?).await?)
    }

    /// The currencies that have a ledger of their own.
    pub async fn currencies(&self, ask: &Ask) -> Result<BTreeSet<Currency>, AskError> {
        let asked = self.resolve_under(&Ask { currency: None, ..ask.clone() }, self.profile(ask)?).await?;
        asked.view.currencies(&asked.scope).await
    }

    /// The currencies that anybody pays or paid in, in whatever account, mode or test clock; none while nothing is derived.
    pub async fn currencies_of_all(&self) -> Result<BTreeSet<Currency>, AskError> {
        let profile = self.profile(&Ask::default())?;
        let mut all = BTreeSet::new();
        for there in self.store.derived.ledgers_there(&profile.name, None).await? {
            let scope = Scope {
                profile: profile.name.clone(),
                livemode: there.livemode,
                account: AccountScope::One(there.account),
                test_clock: there.test_clock,
                cut: self.now,
            };
            all.extend(self.store.derived.currencies(&scope).await?);
        }
        Ok(all)
    }

    /// Refuses a question about a currency that is none of `currencies`, in which there are ledgers.
    pub(super) fn one_of(&self, ask: &Ask, currencies: &BTreeSet<Currency>) -> Result<(), AskError> {
        let own = match ask.currency {
            None => return Ok(()),
            Some(InCurrency::Reporting) if self.ledger.reporting_currency.is_some() => return Ok(()),
            Some(InCurrency::Reporting) => None,
            Some(InCurrency::Own(currency)) if currencies.contains(&currency) => return Ok(()),
            Some(InCurrency::Own(currency)) => Some(currency),
        };
        let refuse = |reason| Err(AskError::Parameter { name: "currency", reason });
        let mut there: Vec<String> = currencies.iter().map(ToString::to_string).collect();
        if let Some(reporting) = self.ledger.reporting_currency {
            there.push(format!("reporting (everything converted into {reporting})"));
        }
        let there = if there.is_empty() { "none yet".into() } else { there.join(", ") };
        match own {
            Some(own) => refuse(format!("there is no ledger in {own}; there are: {there}")),
            None => {
                refuse(format!("no reporting currency is configured (ledger.reporting_currency); there are: {there}"))
            }
        }
    }

    /// A missing rate is an error, never a rate of 1 (rule `rates`).
    async fn no_rate_missing(&self, ask: &Ask, asked: &Asked<'_>) -> Result<(), AskError> {
        let scope = Scope { cut: asked.scope.cut.min(self.now), ..asked.scope.clone() };
        let rows = asked.view.quality_page(&scope, &QualityAsked::Kind(QualityKind::MissingRate), None, 1).await?;
        match rows.into_iter().next() {
            Some((_, row)) if ask.to.is_none_or(|to| row.entry.at <= self.ledger.zone.end_of(to)) => Err(lacking(row)),
            _ => Ok(()),
        }
    }

    /// The same of one customer alone.
    pub(super) async fn no_rate_missing_of(
        &self,
        scope: &Scope,
        view: &dyn View,
        customer: &CustomerId,
    ) -> Result<(), AskError> {
        let scope = Scope { cut: scope.cut.min(self.now), ..scope.clone() };
        let (only, mut after) = (QualityAsked::Customer(customer.clone()), None);
        loop {
            let rows = view.quality_page(&scope, &only, after.as_ref(), limits::CUSTOMERS_PAGE).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(last.clone());
            if let Some((_, row)) = rows.into_iter().find(|(_, row)| row.entry.kind == QualityKind::MissingRate) {
                return Err(lacking(row));
            }
        }
    }
}

/// Whose amounts can't be converted, and what would settle it.
fn lacking(row: QualityRow) -> AskError {
    let detail = format!("{} ({})", row.entry.detail, row.customer);
    ReportError::MissingRate { detail, settle: settling_rates(&row.entry) }.into()
}
