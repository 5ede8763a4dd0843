//! `alerts.*`, read and checked: each channel's kind says which keys it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use crate::{
    config::{
        alert_rules::Rule,
        alerting::{Alerts, Channel, ChannelKind, Digest, Email, LargeLoss, Security, Share},
    },
    ledger::money::Decimal,
};

/// Where PagerDuty's Events API answers.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Every key of a channel but `kind`, `rules` and the `_file` forms, with the kinds that know it.
const CHANNEL_KEYS: [(&str, &[&str]); 11] = [
    ("url", &["webhook", "slack", "teams", "pagerduty"]),
    ("secret", &["webhook"]),
    ("routing_key", &["pagerduty"]),
    ("smtp_host", &["email"]),
    ("smtp_port", &["email"]),
    ("smtp_security", &["email"]),
    ("smtp_ca_file", &["email"]),
    ("username", &["email"]),
    ("password", &["email"]),
    ("from", &["email"]),
    ("to", &["email"]),
];

impl Reader<'_> {
    pub(super) fn alerts(&mut self) -> Alerts {
        let names: BTreeSet<String> = self
            .values
            .keys()
            .filter_map(|key| Some(key.strip_prefix("alerts.channels.")?.split_once('.')?.0.to_owned()))
            .collect();
        let mut channels = BTreeMap::new();
        for name in names {
            if let Some(channel) = self.channel(&name) {
                channels.insert(name, channel);
            }
        }
        let url = self.values.contains_key("alerts.url").then(|| self.text("alerts.url"));
        if url.as_ref().is_some_and(|url| !(url.starts_with("https://") || url.starts_with("http://"))) {
            self.fault("alerts.url", "must begin with https:// or http://: it is where people reach the dashboard");
        }
        let budget = self.decimal("alerts.false_alerts_a_year", "0.05", "12");
        Alerts {
            rules: self.rules("alerts.rules"),
            // A rate of alerts, not money.
            false_alerts_a_year: budget.to_string().parse().unwrap_or(2.0),
            large_loss: LargeLoss {
                amount: self.decimal("alerts.large_loss_amount", "0", "1000000000"),
                share: Share(self.decimal("alerts.large_loss_percent", "0", "100")),
                a_month: self.decimal("alerts.large_losses_a_month", "0.05", "1000"),
            },
            second_look_seconds: self.integer("alerts.second_look_seconds", 0, 60).min(60).cast_signed(),
            scheduled_churn_share: Share(self.decimal("alerts.scheduled_churn_percent", "0", "100")),
            nrr_below: self.decimal("alerts.nrr_below", "0", "10"),
            digests: self.digests(),
            url: url.map(|url| url.trim_end_matches('/').to_owned()),
            channels,
        }
    }

    fn rules(&mut self, key: &str) -> Vec<Rule> {
        let mut rules = Vec::new();
        for name in self.list(key) {
            match Rule::parse(&name) {
                // Digests have a key of their own.
                Some(rule) if !rules.contains(&rule) => rules.push(rule),
                Some(_) => {}
                None => {
                    let known = Rule::ALL.map(Rule::as_str).join(", ");
                    self.fault(key, format_args!("holds {name:?}, which is no rule: choose from {known}"));
                }
            }
        }
        rules
    }

    fn digests(&mut self) -> Vec<Digest> {
        let key = "alerts.digests";
        let mut digests = Vec::new();
        for name in self.list(key) {
            match name.as_str() {
                "weekly" => digests.push(Digest::Weekly),
                "monthly" => digests.push(Digest::Monthly),
                _ => self.fault(key, format_args!("holds {name:?}: weekly and monthly are possible")),
            }
        }
        digests
    }

    fn decimal(&mut self, key: &str, least: &str, most: &str) -> Decimal {
        let text = self.text(key);
        let bound = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        match text.parse::<Decimal>() {
            Ok(number) if (bound(least)..=bound(most)).contains(&number) => number,
            _ => {
                self.fault(key, format_args!("is {text:?}: a number from {least} to {most} is expected"));
                bound(least)
            }
        }
    }

    fn channel(&mut self, name: &str) -> Option<Channel> {
        let key = |field: &str| format!("alerts.channels.{name}.{field}");
        self.checked_name("alerts.channels", name);
        let kind = self.text(&key("kind"));
        let known = ["stdout", "webhook", "slack", "teams", "pagerduty", "email"];
        if !known.contains(&kind.as_str()) {
            let complaint = format!("alerts.channels.{name}.kind is {kind:?}: choose from {}", known.join(", "));
            self.fault_of(&format!("alerts.channels.{name}"), complaint);
            return None;
        }
        for (field, kinds) in CHANNEL_KEYS {
            for field in [key(field), format!("{}_file", key(field))] {
                if !kinds.contains(&kind.as_str()) && self.values.contains_key(&field) {
                    self.fault(&field, format_args!("means nothing to a channel of kind {kind}: remove it"));
                }
            }
        }
        let rules = self.rules(&key("rules"));
        let before = self.faults.len();
        let kind = match kind.as_str() {
            "stdout" => Some(ChannelKind::Stdout),
            "webhook" => self
                .address(&key("url"), None)
                .zip(self.needed(&key("secret")))
                .map(|(url, secret)| ChannelKind::Webhook { url: url.into(), secret }),
            "slack" => self.address(&key("url"), None).map(|url| ChannelKind::Slack { url: url.into() }),
            "teams" => self.address(&key("url"), None).map(|url| ChannelKind::Teams { url: url.into() }),
            "pagerduty" => {
                let url = self.address(&key("url"), Some(PAGERDUTY));
                let routing_key = self.needed(&key("routing_key"));
                url.zip(routing_key).map(|(url, routing_key)| ChannelKind::PagerDuty { url: url.into(), routing_key })
            }
            _ => self.email(&key).map(ChannelKind::Email),
        };
        if kind.is_none() && self.faults.len() == before {
            self.fault_of(&format!("alerts.channels.{name}"), format_args!("alerts.channels.{name} can't be used"));
        }
        kind.map(|kind| Channel { kind, rules })
    }

    /// What people name has only some letters.
    pub(super) fn checked_name(&mut self, above: &str, name: &str) {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_') {
            let complaint = format!("{above}.{name}: a name has only lower-case letters, digits, - and _");
            self.fault_of(&format!("{above}.{name}"), complaint);
        }
    }

    /// A secret that must be there.
    pub(super) fn needed(&mut self, key: &str) -> Option<secrecy::SecretString> {
        let before = self.faults.len();
        let secret = self.secret(key);
        if secret.is_none() && self.faults.len() == before {
            let table = key.rsplit_once('.').map_or(key, |(table, _)| table);
            self.fault_of(table, format_args!("{key} is not set: this kind of channel needs it (or {key}_file)"));
        }
        secret
    }

    /// A URL, which may itself be a secret.
    pub(super) fn address(&mut self, key: &str, default: Option<&str>) -> Option<String> {
        use secrecy::ExposeSecret;
        let set = self.values.contains_key(key) || self.values.contains_key(&format!("{key}_file"));
        let url = match default.filter(|_| !set) {
            Some(default) => default.to_owned(),
            None => self.needed(key)?.expose_secret().to_owned(),
        };
        let sound = url.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !sound {
            // Not shown: it may be all it takes to post there.
            self.fault(key, "is no address: https://HOST/PATH is expected");
        }
        sound.then_some(url)
    }

    fn email(&mut self, key: &impl Fn(&str) -> String) -> Option<Email> {
        let before = self.faults.len();
        for field in ["smtp_host", "from", "to"] {
            if !self.values.contains_key(&key(field)) {
                let field = key(field);
                let table = field.rsplit_once('.').map_or(&*field, |(table, _)| table);
                self.fault_of(table, format_args!("{field} is not set: a channel of kind email needs it"));
            }
        }
        let word = if self.values.contains_key(&key("smtp_security")) {
            self.text(&key("smtp_security"))
        } else {
            "starttls".to_owned()
        };
        let (security, usual) = match word.as_str() {
            "starttls" => (Security::StartTls, 587),
            "tls" => (Security::Tls, 465),
            "none" => (Security::None, 25),
            _ => {
                self.fault(&key("smtp_security"), format_args!("is {word:?}: starttls, tls or none is possible"));
                (Security::StartTls, 587)
            }
        };
        let port = if self.values.contains_key(&key("smtp_port")) {
            u16::try_from(self.integer(&key("smtp_port"), 1, 65_535)).unwrap_or(usual)
        } else {
            usual
        };
        let username = self.values.contains_key(&key("username")).then(|| self.text(&key("username")));
        let password = self.secret(&key("password"));
        if username.is_some() != password.is_some() && self.faults.len() == before {
            let one = if username.is_some() { key("username") } else { key("password") };
            self.fault(&one, "is set alone: username and password go together, so set both or neither");
        }
        let ca = self.values.contains_key(&key("smtp_ca_file")).then(|| self.contents(&key("smtp_ca_file"))).flatten();
        let (from, to) = (self.text(&key("from")), self.list(&key("to")));
        let addresses = [(key("from"), std::slice::from_ref(&from)), (key("to"), to.as_slice())];
        for (field, list) in addresses {
            if list.iter().any(|address| address.parse::<lettre::message::Mailbox>().is_err()) && !list.is_empty() {
                self.fault(&field, "holds what is no e-mail address: finance@example.com is expected");
            }
        }
        let host = self.text(&key("smtp_host"));
        (self.faults.len() == before).then_some(Email { host, port, security, username, password, from, to, ca })
    }
}
