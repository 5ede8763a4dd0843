//! How the ledger stands beside its log and its rules: no reader answers from figures that are behind, or of other rules,
//! without saying so.

use super::{
    ask::Ask,
    notice::{Notice, NoticeKind},
    reports::{AskError, Reports},
};
use crate::{
    event::Seq,
    ledger::profile::Profile,
    reconciler::rules::differences,
    store::{StoreError, derived::Generation},
};

/// The generation that answers, held against what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerStatus {
    /// Events of the log that its figures don't show yet.
    pub behind: i64,
    /// In which of its rules it differs from the configuration; empty where it is under the configuration's own.
    pub other_rules: Vec<String>,
}

impl LedgerStatus {
    /// What a reader has to be told.
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.behind > 0 {
            let events = if self.behind == 1 { "1 event".to_owned() } else { format!("{} events", self.behind) };
            let detail = format!("these figures are {events} behind the log");
            notices.push(Notice::new(NoticeKind::Behind, detail, None));
        }
        if !self.other_rules.is_empty() {
            let detail = format!(
                "these figures are still of other rules than the configuration's (differs in: {}): they are being computed \
                 anew, or serve runs with another configuration",
                self.other_rules.join(", ")
            );
            notices.push(Notice::new(NoticeKind::OtherRules, detail, None));
        }
        notices
    }
}

impl Reports<'_> {
    /// How the ledger stands from which `profile` is answered. Errors with [`AskError::NotDerived`] while there is none.
    pub async fn ledger_status(&self, profile: &Profile) -> Result<LedgerStatus, AskError> {
        let Some(current) = self.answering(profile).await? else {
            return Ok(LedgerStatus { behind: 0, other_rules: Vec::new() });
        };
        // The log's end before the ledger's: what comes in between may count as behind, never the other way round.
        let last_seq = self.store.log.end().await?;
        let applied_seq = self.applied_to(&current, last_seq).await?;
        let ours = self.rules(&[]).await?.fingerprint();
        let others: Vec<String> = differences(&current.fingerprint, &ours)
            .into_iter()
            // Profiles are compared one by one; rates are read by whoever keeps the ledger.
            .filter(|what| what != "profile" && what != "rates")
            .chain((!current.fingerprint.lines().any(|line| line == line_of(profile))).then(|| "profile".to_owned()))
            .collect();
        Ok(LedgerStatus { behind: last_seq.distance(applied_seq), other_rules: others })
    }

    /// The place in the log up to which all is in the figures; 0 while nothing is derived.
    pub(super) async fn read_to(&self) -> Result<Seq, AskError> {
        let last_seq = self.store.log.end().await?;
        match self.store.derived.generations().await?.into_iter().find(|generation| generation.current) {
            Some(current) => Ok(self.applied_to(&current, last_seq).await?.min(last_seq)),
            None => Ok(Seq::START),
        }
    }

    async fn applied_to(&self, current: &Generation, last_seq: Seq) -> Result<Seq, AskError> {
        match self.store.derived.applied(current.id).await {
            // A rebuild has just replaced it by one that is further.
            Err(StoreError::Corrupt { .. }) => Ok(last_seq),
            applied => Ok(applied?.seq()),
        }
    }

    /// How the ledger stands that `ask` is answered from; `None` for a prefix of the log, which is derived for it.
    pub async fn ledger_status_of(&self, ask: &Ask) -> Result<Option<LedgerStatus>, AskError> {
        if ask.as_known_at.is_some() {
            return Ok(None);
        }
        self.ledger_status(&self.kept(ask)?).await.map(Some)
    }

    /// The generation that answers for `profile`.
    ///
    /// `None` where the log is empty as well: there is nothing to derive.
    pub(super) async fn answering(&self, profile: &Profile) -> Result<Option<Generation>, AskError> {
        let current = self.store.derived.generations().await?.into_iter().find(|generation| generation.current);
        let named = format!("profile Profile {{ name: {:?},", profile.name);
        let ours = current.filter(|current| current.fingerprint.lines().any(|line| line.starts_with(&named)));
        if ours.is_none() && self.store.log.end().await? > Seq::START {
            let events = self.store.log.head().await?.events;
            return Err(AskError::NotDerived { profile: profile.name.as_ref().into(), events });
        }
        Ok(ours)
    }
}

/// As a fingerprint names a profile with all its knobs.
fn line_of(profile: &Profile) -> String {
    format!("profile {profile:?}")
}
