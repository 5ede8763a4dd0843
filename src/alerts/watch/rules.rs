//! Every rule asked once: those over movements and the days they make, and those over the log and what was verified.

use std::time::Instant;

use super::{PAGE, SLOW, Watcher};
use crate::{
    alerts::{
        alert::Alert,
        digest, drift, goals,
        history::AccountDay,
        judge::{self, Candidate, Judged, Verdict},
        levels,
        look::Look,
        past::Past,
        silence,
    },
    config::alert_rules::Rule,
    ledger::time::UnixTime,
    limits,
    report::service::AskError,
    store::StoreError,
};

impl Watcher {
    /// The rules over movements, and over the days they make.
    pub(super) async fn moved(&mut self, look: &Look<'_>, now: UnixTime) -> Result<Vec<Verdict>, AskError> {
        let told = levels::plus(look.today, -limits::ALERT_RECENT_DAYS - 60);
        let settings = look.settings;
        let past = Past {
            since: Some(levels::plus(look.today, -limits::ALERT_HISTORY_DAYS)),
            from: Some(told),
            to: None,
            // Of these days each loss is looked at twice.
            whole: Some(levels::plus(look.today, -limits::ALERT_SECOND_LOOK_DAYS)),
            budget: settings.false_alerts_a_year,
            large: &settings.large_loss,
        };
        let mut days = past.days(&look.reports, &look.ask).await?;
        let Some(first) = days.first().map(|day| day.day) else { return Ok(Vec::new()) };
        let mut verdicts = match self.episodes(look, &past, &days, now)? {
            Some(verdicts) => verdicts,
            None => {
                days = past.of_rows(&look.reports, &look.ask, look.today).await?;
                // Of these every loss was read, so that there is an answer.
                self.episodes(look, &past, &days, now)?.unwrap_or_default()
            }
        };
        let slow = self.slow.is_none_or(|(at, day)| at.elapsed() >= SLOW || day != look.today);
        if slow {
            if look.has(Rule::ScheduledChurn) {
                verdicts.extend(levels::scheduled_churn(look).await?);
            }
            if look.has(Rule::NrrBelow) {
                verdicts.extend(levels::nrr_below(look).await?);
            }
            if look.has(Rule::GoalAtRisk) {
                verdicts.extend(goals::at_risk(look).await?);
            }
            if look.has(Rule::NewRecord) {
                verdicts.extend(levels::new_record(&days)?);
            }
            for &digest in &settings.digests {
                verdicts.extend(digest::due(look, digest, first).await?);
            }
            self.slow = Some((Instant::now(), look.today));
        }
        Ok(verdicts)
    }

    /// The rules over losses. `None` where they would tell of losses that weren't read: a rise that begins earlier without what is
    /// too new to tell it from.
    fn episodes(
        &mut self,
        look: &Look<'_>,
        past: &Past<'_>,
        days: &[AccountDay],
        now: UnixTime,
    ) -> Result<Option<Vec<Verdict>>, AskError> {
        let settings = look.settings;
        let judged = |found: &_, settled: &_| {
            judge::episodes(&Judged { days, found, settled, today: look.today }, &look.stored, &settings.rules)
        };
        let Some(found) = past.found(days)? else { return Ok(None) };
        let verdicts = judged(&found, &found);
        self.second_look.note(days, look.today, now);
        let tells = |verdict: &Verdict| match verdict {
            Verdict::Raise(candidate) => judge::OF_LOSSES.contains(&candidate.alert.rule),
            Verdict::Update(..) => true,
            Verdict::Close { .. } => false,
        };
        let settled = if verdicts.iter().any(tells) {
            self.second_look.settled(days, look.today, now, settings.second_look_seconds)
        } else {
            None
        };
        self.look_again_at = settled.as_ref().map(|settled| settled.next);
        let Some(settled) = settled else { return Ok(Some(verdicts)) };
        Ok(past.found(&settled.days)?.map(|without| judged(&found, &without)))
    }

    /// The rules over the log and over what was verified.
    pub(super) async fn stands(&mut self, look: &Look<'_>, now: UnixTime) -> Result<Vec<Verdict>, AskError> {
        let mut verdicts = Vec::new();
        let saying = |rule, subject: &str, key: String, statement, threshold: &str| {
            let alert = Alert::saying(rule, look.today, statement, threshold.to_owned(), &[])?;
            Ok::<_, AskError>(Candidate { alert, subject: subject.to_owned(), key })
        };
        if look.has(Rule::WebhookSilence) {
            // Where too little is known of this account to tell, nothing is said.
            if let Some((last, limit)) = self.gaps(now).await? {
                let silent = now.0 - last.0 > limit;
                // While it was not running it could hear nothing: nothing is raised yet, and nothing is over.
                let heard_long_enough = now.0 - self.started_at.0 > limit;
                let on = if silent {
                    let hours = |seconds: i64| format!("{}:{:02} hours", seconds / 3600, seconds % 3600 / 60);
                    let (since, usual) = (hours(now.0 - last.0), hours(limit));
                    let statement = format!("no event for {since}, where {usual} would be unusual");
                    let threshold = "at most 1 false alert a year";
                    Some(saying(Rule::WebhookSilence, "", last.to_string(), statement, threshold)?)
                } else {
                    None
                };
                if heard_long_enough || !silent {
                    verdicts.extend(judge::level(Rule::WebhookSilence, "", on, &look.stored, "Events arrive again."));
                }
            }
        }
        if look.has(Rule::LedgerDrift) {
            for source in drift::SOURCES {
                let found = drift::last(&self.store.records, source).await?;
                let on = match found {
                    Some(drift::Found { at, difference: Some(difference) }) => {
                        let statement = format!("`mrrd {source}` found a difference: {difference}");
                        Some(saying(Rule::LedgerDrift, source, at.to_string(), statement, "any difference")?)
                    }
                    _ => None,
                };
                let over = format!("`mrrd {source}` finds no difference any more.");
                verdicts.extend(judge::level(Rule::LedgerDrift, source, on, &look.stored, &over));
            }
        }
        Ok(verdicts)
    }

    /// When the last event was made that a webhook brought, and how long a silence may be; `None` where too few came to
    /// tell. What healing and replays append is not heard.
    async fn gaps(&mut self, now: UnixTime) -> Result<Option<(UnixTime, i64)>, StoreError> {
        let known = self.silence.filter(|(at, _)| at.elapsed() < SLOW);
        if matches!(known, Some((_, None))) {
            return Ok(None);
        }
        let heard = self.store.log.heard(now, if known.is_some() { PAGE / 10 } else { 5 * PAGE }).await?;
        let last = heard.iter().max().copied();
        let limit = match known {
            Some((_, limit)) => limit,
            None => {
                let limit = silence::limit(&mut heard.into_iter().map(|at| at.0).collect());
                self.silence = Some((Instant::now(), limit));
                limit
            }
        };
        Ok(last.zip(limit))
    }
}
