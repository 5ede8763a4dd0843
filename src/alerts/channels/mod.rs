//! The ways an alert leaves: each takes one message and says whether it was taken. No secret is in what they say.

mod email;
mod http;
mod pagerduty;
mod slack;
mod teams;
mod webhook;

use std::{io::Write as _, time::Duration};

use super::message::Message;
use crate::{
    clock::Clock,
    config::alerting::{Channel as Settings, ChannelKind},
};

/// Why a message wasn't taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In words, free of secrets.
    pub reason: String,
    /// Not to be tried again before.
    pub retry_after: Option<Duration>,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, retry_after: None }
    }
}

/// A channel, ready to send. Has no `Debug`: it holds secrets.
pub struct Channel(Kind);

enum Kind {
    Stdout,
    Webhook(webhook::Webhook),
    Slack(slack::Slack),
    Teams(teams::Teams),
    PagerDuty(pagerduty::PagerDuty),
    Email(Box<email::Mailer>),
}

impl Channel {
    /// Errors where it can't be used at all, in words.
    pub fn new(settings: &Settings, clock: &Clock) -> Result<Self, String> {
        Ok(Self(match &settings.kind {
            ChannelKind::Stdout => Kind::Stdout,
            ChannelKind::Webhook { url, secret } => Kind::Webhook(webhook::Webhook::new(url, secret, clock.clone())?),
            ChannelKind::Slack { url } => Kind::Slack(slack::Slack::new(url)?),
            ChannelKind::Teams { url } => Kind::Teams(teams::Teams::new(url)?),
            ChannelKind::PagerDuty { url, routing_key } => {
                Kind::PagerDuty(pagerduty::PagerDuty::new(url, routing_key)?)
            }
            ChannelKind::Email(email) => Kind::Email(Box::new(email::Mailer::new(email)?)),
        }))
    }

    /// Sends one message; an answer that doesn't come counts as a refusal.
    pub async fn send(&self, message: &Message) -> Result<(), Refusal> {
        match &self.0 {
            Kind::Stdout => written(message),
            Kind::Webhook(webhook) => webhook.send(message).await,
            Kind::Slack(slack) => slack.send(message).await,
            Kind::Teams(teams) => teams.send(message).await,
            Kind::PagerDuty(pagerduty) => pagerduty.send(message).await,
            Kind::Email(mailer) => mailer.send(message).await,
        }
    }
}

fn written(message: &Message) -> Result<(), Refusal> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{}\n", message.text).and_then(|()| out.flush());
    written.map_err(|error| Refusal::from(format!("standard output: {error}")))
}
