//! The audit trail as it is kept: who did what, when and from where. It is written in the transaction of the deed itself, so
//! that neither is there without the other.

use crate::ledger::time::UnixTime;

/// How somebody came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// A token with the request.
    Token,
    /// A session opened with a token.
    Session,
    /// A single-sign-on proxy in front of mrrd says so.
    Proxy,
    /// A command, run by a user of the machine.
    Command,
    /// Nobody asked: mrrd did it by itself.
    Mrrd,
}

impl KnownBy {
    /// As it is kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Proxy => "proxy",
            Self::Command => "command",
            Self::Mrrd => "mrrd",
        }
    }
}

/// Who did something, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A token's name, a proxy's user, or the user of a command.
    pub who: String,
    /// How the daemon knows who it is.
    pub by: KnownBy,
    /// From where; empty for a command on the machine itself.
    pub address: String,
}

/// What is kept a trail of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says it by its name")]
pub enum Action {
    MonthClosed,
    ClosingSuperseded,
    AlertAcknowledged,
    RuleMuted,
    RuleUnmuted,
    EventPlanned,
    PlanRemoved,
    GoalSet,
    GoalEnded,
    SegmentSaved,
    SegmentDropped,
    RatesImported,
    AttributesImported,
    SpendImported,
    EventsImported,
    CustomerErased,
    LedgerRebuilt,
    HistoryFetched,
    LedgerHealed,
    BackupRestored,
    TokenCreated,
    TokenRevoked,
    SignedIn,
}

impl Action {
    /// Every deed, in the order in which they are documented.
    pub const ALL: [Self; 23] = [
        Self::MonthClosed,
        Self::ClosingSuperseded,
        Self::AlertAcknowledged,
        Self::RuleMuted,
        Self::RuleUnmuted,
        Self::EventPlanned,
        Self::PlanRemoved,
        Self::GoalSet,
        Self::GoalEnded,
        Self::SegmentSaved,
        Self::SegmentDropped,
        Self::RatesImported,
        Self::AttributesImported,
        Self::SpendImported,
        Self::EventsImported,
        Self::CustomerErased,
        Self::LedgerRebuilt,
        Self::HistoryFetched,
        Self::LedgerHealed,
        Self::BackupRestored,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::SignedIn,
    ];

    /// As it is kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MonthClosed => "month_closed",
            Self::ClosingSuperseded => "closing_superseded",
            Self::AlertAcknowledged => "alert_acknowledged",
            Self::RuleMuted => "rule_muted",
            Self::RuleUnmuted => "rule_unmuted",
            Self::EventPlanned => "event_planned",
            Self::PlanRemoved => "plan_removed",
            Self::GoalSet => "goal_set",
            Self::GoalEnded => "goal_ended",
            Self::SegmentSaved => "segment_saved",
            Self::SegmentDropped => "segment_dropped",
            Self::RatesImported => "rates_imported",
            Self::AttributesImported => "attributes_imported",
            Self::SpendImported => "spend_imported",
            Self::EventsImported => "events_imported",
            Self::CustomerErased => "customer_erased",
            Self::LedgerRebuilt => "ledger_rebuilt",
            Self::HistoryFetched => "history_fetched",
            Self::LedgerHealed => "ledger_healed",
            Self::BackupRestored => "backup_restored",
            Self::TokenCreated => "token_created",
            Self::TokenRevoked => "token_revoked",
            Self::SignedIn => "signed_in",
        }
    }

    /// The action of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// One line of the trail, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When it was done, by mrrd's clock.
    pub at: UnixTime,
    /// Who did it, and how that is known.
    pub actor: Actor,
    /// What was done, by its word.
    pub action: Action,
    /// With what: a month, an alert's id, a rule, a file.
    pub subject: String,
    /// And how, where there is more to say.
    pub detail: String,
}

impl Actor {
    /// What this actor does now, with nothing more to say.
    pub fn does(&self, at: UnixTime, action: Action, subject: impl Into<String>) -> Deed {
        Deed { at, actor: self.clone(), action, subject: subject.into(), detail: String::new() }
    }
}

impl Deed {
    /// The same with more to say.
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// One line of the trail, as it stands. Another version of mrrd may have written words this one doesn't know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailRow {
    /// Its place: later lines have greater ones.
    pub id: i64,
    /// When it was done, by mrrd's clock.
    pub at: UnixTime,
    /// Who did it, as the trail shows it.
    pub who: String,
    /// How it is known who did it: a word of [`KnownBy`].
    pub by: String,
    /// The address of the network that it came from.
    pub address: String,
    /// What was done, by its word.
    pub action: String,
    /// What it was done to: a token's name, a month, a customer's id.
    pub subject: String,
    /// What else there is to say of it; empty where there is nothing.
    pub detail: String,
}
