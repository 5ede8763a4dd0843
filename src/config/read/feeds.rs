//! `feeds.*`, read and checked: a feed is posted to a webhook, or told in Slack or on standard output.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use crate::config::{
    alerting::{Channel, ChannelKind},
    feeding::Feed,
};

impl Reader<'_> {
    pub(super) fn feeds(&mut self) -> BTreeMap<String, Feed> {
        let names: BTreeSet<String> = self
            .values
            .keys()
            .filter_map(|key| Some(key.strip_prefix("feeds.")?.split_once('.')?.0.to_owned()))
            .collect();
        let mut feeds = BTreeMap::new();
        for name in names {
            if let Some(feed) = self.feed(&name) {
                let _ = feeds.insert(name, feed);
            }
        }
        feeds
    }

    fn feed(&mut self, name: &str) -> Option<Feed> {
        let key = |field: &str| format!("feeds.{name}.{field}");
        self.checked_name("feeds", name);
        let kind = if self.values.contains_key(&key("kind")) { self.text(&key("kind")) } else { "webhook".to_owned() };
        let wanted: &[&str] = match kind.as_str() {
            "webhook" => &["url", "secret"],
            "slack" => &["url"],
            "stdout" => &[],
            _ => {
                self.fault(&key("kind"), format_args!("is {kind:?}: choose from webhook, slack, stdout"));
                return None;
            }
        };
        for field in ["url", "secret"] {
            for field in [key(field), format!("{}_file", key(field))] {
                let known = wanted.iter().any(|wanted| field.starts_with(&key(wanted)));
                if !known && self.values.contains_key(&field) {
                    self.fault(&field, format_args!("means nothing to a feed of kind {kind}: remove it"));
                }
            }
        }
        let from = self.values.contains_key(&key("from")).then(|| self.text(&key("from")));
        let from = match from.map(|text| text.parse()) {
            Some(Err(_)) => {
                self.fault(&key("from"), "is no day: one such as 2026-01-31 is expected");
                return None;
            }
            Some(Ok(day)) => Some(day),
            None => None,
        };
        let kind = match kind.as_str() {
            "stdout" => ChannelKind::Stdout,
            "slack" => ChannelKind::Slack { url: self.address(&key("url"), None)?.into() },
            _ => {
                let (url, secret) = (self.address(&key("url"), None), self.needed(&key("secret")));
                ChannelKind::Webhook { url: url?.into(), secret: secret? }
            }
        };
        Some(Feed { channel: Channel { kind, rules: Vec::new() }, from })
    }
}
