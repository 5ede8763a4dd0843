//! What follows from a verdict: an alert is kept with its messages, unless its day was planned or its rule is muted.

use std::collections::BTreeSet;

use super::Watcher;
use crate::{
    alerts::{
        alert::Alert,
        health,
        judge::Candidate,
        look::Look,
        message::{Message, stripe_link},
    },
    config::{alert_rules::Rule, alerting::Alerts},
    ledger::time::{Day, UnixTime},
    report::service::AskError,
    store::{
        StoreError,
        records::alerts::{AlertUpdate, Ending, NewAlert, Outgoing},
    },
    telemetry::event::{AlertRaised, AlertUpdated},
};

impl Watcher {
    /// Raises what is new; whether it was.
    pub(super) async fn raise(
        &self,
        look: &Look<'_>,
        candidate: Candidate,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<bool, AskError> {
        let id = candidate.id(&look.ledger);
        if look.stored.iter().any(|row| row.alert.id == id) {
            return Ok(false);
        }
        let Candidate { mut alert, subject, .. } = candidate;
        let (rule, day) = (alert.rule, alert.day);
        let (silenced, channels) = self.completed(look, &mut alert, profile, live, now).await?;
        let message = Message::raised(&id, now, &alert);
        let new = NewAlert {
            id: id.clone(),
            rule: rule.as_str().into(),
            subject,
            day,
            raised_at: now,
            headline: message.headline.clone(),
            content: content(&message),
            silenced: silenced.clone(),
            closed: !rule.has_episodes(),
        };
        let outgoing =
            Outgoing { event: "raised", message: serde_json::to_string(&message).unwrap_or_default(), channels };
        let raised = self.store.records.raise_alert(&new, &outgoing).await?;
        if raised {
            AlertRaised { id: &id, rule: rule.as_str(), silenced: silenced.as_deref() }.emit(&self.metrics);
        }
        Ok(raised)
    }

    /// Tells an open alert's next version.
    pub(super) async fn update(
        &self,
        look: &Look<'_>,
        id: &str,
        mut alert: Alert,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<bool, AskError> {
        let (rule, version) = (alert.rule, i64::from(alert.version));
        let (silenced, channels) = self.completed(look, &mut alert, profile, live, now).await?;
        let message = Message::updated(id, now, &alert);
        let update = AlertUpdate {
            id: id.to_owned(),
            version,
            at: now,
            headline: message.headline.clone(),
            content: content(&message),
            silenced: silenced.clone(),
        };
        let outgoing =
            Outgoing { event: "updated", message: serde_json::to_string(&message).unwrap_or_default(), channels };
        let updated = self.store.records.update_alert(&update, &outgoing).await?;
        if updated {
            AlertUpdated { id, rule: rule.as_str(), version, silenced: silenced.as_deref() }.emit();
        }
        Ok(updated)
    }

    /// Adds what the rules don't know: whether figures are whole, where to look, what was planned. Says why nobody is told,
    /// or which channels are.
    async fn completed(
        &self,
        look: &Look<'_>,
        alert: &mut Alert,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<(Option<String>, Vec<String>), AskError> {
        alert.warnings = health::warnings(&self.store, profile, now).await?;
        for named in &mut alert.customers {
            named.link = Some(link(look.settings, live, &named.customer));
        }
        let silenced = self.silenced(alert, alert.as_of, now).await?;
        let channels = look.settings.channels.iter().filter(|(_, channel)| channel.hears(alert.rule));
        let channels = channels.map(|(name, _)| name.clone()).filter(|_| silenced.is_none()).collect();
        Ok((silenced, channels))
    }

    /// Why nobody is told: the rule is muted, or the day was planned.
    async fn silenced(&self, alert: &mut Alert, day: Day, now: UnixTime) -> Result<Option<String>, StoreError> {
        let about_customers =
            !matches!(alert.rule, Rule::WebhookSilence | Rule::LedgerDrift | Rule::GoalAtRisk | Rule::Digest);
        for planned in self.store.records.annotations().await? {
            if about_customers && planned.kind.silences() && (planned.first..=planned.last).contains(&day) {
                alert.planned.push(planned.note);
            }
        }
        let muted = self.store.records.mutes(now).await?;
        let muted = muted.into_iter().find(|mute| mute.rule == "all" || mute.rule == alert.rule.as_str());
        Ok(match (muted, alert.planned.first()) {
            (Some(mute), _) => Some(format!("muted until {}: {}", mute.until, mute.note)),
            (None, Some(note)) => Some(format!("planned: {note}")),
            (None, None) => None,
        })
    }

    /// Ends an open alert, and tells whoever was told that it began.
    pub(super) async fn close(&self, look: &Look<'_>, id: &str, ending: &Ending<'_>) -> Result<bool, StoreError> {
        let Some(row) = look.stored.iter().find(|row| row.alert.id == id) else { return Ok(false) };
        let told = self.store.records.deliveries(&[id]).await?;
        let told = told.into_iter().filter(|delivery| matches!(delivery.event.as_str(), "raised" | "updated"));
        let told: BTreeSet<String> = told.map(|delivery| delivery.channel).collect();
        let channels = told.into_iter().filter(|name| look.settings.channels.contains_key(name)).collect();
        let message = serde_json::to_string(&Message::closed(row, ending.at, ending.why)).unwrap_or_default();
        self.store.records.close_alert(id, ending, &Outgoing { event: "closed", message, channels }).await
    }
}

/// What is kept of an alert: all it says, and the text that people were sent.
fn content(message: &Message) -> String {
    let mut content = message.json["alert"].clone();
    content["text"] = message.text.clone().into();
    content.to_string()
}

/// Where to look at a customer: the dashboard's page of it, where it is known how mrrd is reached, else Stripe's.
fn link(settings: &Alerts, live: bool, customer: &str) -> String {
    match &settings.url {
        Some(url) => format!("{url}/customers/{customer}{}", if live { "" } else { "?livemode=false" }),
        None => stripe_link(live, customer),
    }
}
