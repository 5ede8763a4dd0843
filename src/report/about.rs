//! What a question was, in words: for whoever holds a file of figures later.

use super::{
    ask::{Ask, Basis, GroupBy, InCurrency, KnownAt, Segment},
    notice::Notice,
    question::Asked,
    reports::{AskError, Reports},
};
use crate::store::derived::reports::AccountScope;

/// What was asked and how far the ledger was, in order: each with its name.
pub type About = Vec<(&'static str, String)>;

impl Reports<'_> {
    /// What `ask` is about, and what a reader of its answer has to be told. Nothing in it tells when it was asked: the same
    /// question of the same ledger gives the same words.
    pub async fn about(&self, ask: &Ask, notices: &[Notice]) -> Result<About, AskError> {
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        let mut about =
            vec![("profile", self.profile(ask)?.name.to_string()), ("time zone", self.ledger.timezone.clone())];
        about.push(match (self.reporting(ask), ask.currency) {
            (Some(to), _) => ("currency", format!("{to}, everything converted into it")),
            (None, Some(InCurrency::Own(own))) => ("currency", format!("{own}, its own ledger")),
            (None, _) => ("currency", "each currency's own ledger".to_owned()),
        });
        about.push(("events", if scope.livemode { "live" } else { "test" }.to_owned()));
        match &ask.account {
            AccountScope::One(None) => {}
            AccountScope::One(Some(account)) => about.push(("account", account.to_string())),
            AccountScope::All => about.push(("account", "all".to_owned())),
        }
        about.extend(ask.test_clock.as_ref().map(|clock| ("test clock", clock.to_string())));
        about.extend(ask.from.map(|day| ("from", day.to_string())));
        about.extend(ask.to.map(|day| ("to", day.to_string())));
        about.extend(ask.group_by.as_ref().map(|by| ("grouped by", GroupBy::as_string(by))));
        if let (Some(segment), Some(expression)) = (&ask.segment, self.expression(ask, &*view).await?) {
            about.push(match segment {
                Segment::Named(name) => ("segment", format!("{name}: {expression}")),
                Segment::Where(_) => ("where", expression.to_string()),
            });
        }
        if ask.current {
            about.push(("segments and attributes", "as they are today, for all history".to_owned()));
        }
        if ask.basis == Basis::Closed {
            about.push(("basis", "closed months as they were closed".to_owned()));
        }
        if let Some(KnownAt::Instant(at) | KnownAt::Cut { at, .. }) = ask.as_known_at {
            about.push(("as known at", at.to_string()));
        }
        let seq = match view.seq() {
            Some(seq) => seq,
            None => self.read_to().await?,
        };
        about.push(("log read to", format!("event {seq}")));
        about.extend(notices.iter().map(|notice| ("note", notice.detail.clone())));
        Ok(about)
    }
}
