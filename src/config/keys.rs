//! Every key there is, with the kind of its value; and the nearest one to a name that is none.

/// What kind of value a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number, not negative.
    Integer,
    /// Strings; comma separated in the environment.
    List,
    /// Pairs of strings; in the environment `a=b`, comma separated.
    Pairs,
    /// A string that is never shown; also readable from `KEY_file`.
    Secret,
    /// Strings that are never shown; also readable from `KEY_file`, one a line.
    Secrets,
    /// The path of a file that holds a secret.
    SecretFile,
    /// One word, or a whole number: a rule of a profile.
    Knob,
    Switch,
    /// A number that need not be whole; kept as it is written, never as a float.
    Decimal,
}

/// `*` stands for a name the user chose.
const KEYS: &[(&str, Kind)] = &[
    ("server.listen", Kind::Text),
    ("server.roles", Kind::List),
    ("server.max_body_bytes", Kind::Integer),
    ("server.max_connections", Kind::Integer),
    ("server.max_queued_events", Kind::Integer),
    ("server.header_timeout_seconds", Kind::Integer),
    ("server.body_timeout_seconds", Kind::Integer),
    ("server.write_timeout_seconds", Kind::Integer),
    ("server.drain_timeout_seconds", Kind::Integer),
    ("database.url", Kind::Secret),
    ("stripe.webhook_secrets", Kind::Secrets),
    ("stripe.endpoints.*.webhook_secrets", Kind::Secrets),
    ("stripe.endpoints.*.account", Kind::Text),
    ("stripe.tolerance_seconds", Kind::Integer),
    ("stripe.api_key", Kind::Secret),
    ("stripe.api_base", Kind::Text),
    ("stripe.metrics_audit", Kind::Switch),
    ("ledger.profiles", Kind::List),
    ("ledger.timezone", Kind::Text),
    ("ledger.reporting_currency", Kind::Text),
    ("ledger.metadata_keys", Kind::List),
    ("ledger.exclude", Kind::List),
    ("ledger.same_plan", Kind::Pairs),
    ("ledger.customer_key", Kind::Text),
    ("ledger.fx", Kind::Text),
    ("ledger.fx_day", Kind::Text),
    ("api.tokens", Kind::Secrets),
    ("api.session_hours", Kind::Integer),
    ("api.proxies", Kind::List),
    ("api.user_header", Kind::Text),
    ("api.user_role", Kind::Text),
    ("privacy.show_names", Kind::Switch),
    ("privacy.keep", Kind::Text),
    ("alerts.rules", Kind::List),
    ("alerts.false_alerts_a_year", Kind::Decimal),
    ("alerts.large_loss_amount", Kind::Decimal),
    ("alerts.large_loss_percent", Kind::Decimal),
    ("alerts.large_losses_a_month", Kind::Decimal),
    ("alerts.second_look_seconds", Kind::Integer),
    ("alerts.scheduled_churn_percent", Kind::Decimal),
    ("alerts.nrr_below", Kind::Decimal),
    ("alerts.digests", Kind::List),
    ("alerts.url", Kind::Text),
    ("alerts.channels.*.kind", Kind::Text),
    ("alerts.channels.*.rules", Kind::List),
    ("alerts.channels.*.url", Kind::Secret),
    ("alerts.channels.*.secret", Kind::Secret),
    ("alerts.channels.*.routing_key", Kind::Secret),
    ("alerts.channels.*.smtp_host", Kind::Text),
    ("alerts.channels.*.smtp_port", Kind::Integer),
    ("alerts.channels.*.smtp_security", Kind::Text),
    ("alerts.channels.*.smtp_ca_file", Kind::Text),
    ("alerts.channels.*.username", Kind::Text),
    ("alerts.channels.*.password", Kind::Secret),
    ("alerts.channels.*.from", Kind::Text),
    ("alerts.channels.*.to", Kind::List),
    ("feeds.*.kind", Kind::Text),
    ("feeds.*.url", Kind::Secret),
    ("feeds.*.secret", Kind::Secret),
    ("feeds.*.from", Kind::Text),
    ("segments.*.where", Kind::Text),
    ("log.filter", Kind::Text),
    ("log.format", Kind::Text),
    ("telemetry.otlp_endpoint", Kind::Text),
    ("profiles.*.extends", Kind::Text),
    ("profiles.*.past_due", Kind::Knob),
    ("profiles.*.unpaid", Kind::Knob),
    ("profiles.*.active_from", Kind::Knob),
    ("profiles.*.churn_at", Kind::Knob),
    ("profiles.*.discount_forever", Kind::Knob),
    ("profiles.*.discount_repeating", Kind::Knob),
    ("profiles.*.discount_once", Kind::Knob),
    ("profiles.*.zero_by_discount", Kind::Knob),
    ("profiles.*.pause_collection", Kind::Knob),
    ("profiles.*.metered", Kind::Knob),
    ("profiles.*.paused", Kind::Knob),
    ("profiles.*.trial_granted", Kind::Knob),
    ("profiles.*.inclusive_tax", Kind::Knob),
    ("profiles.*.netting", Kind::Knob),
    ("profiles.*.reactivation_within", Kind::Knob),
    ("profiles.*.reactivation_as", Kind::Knob),
];

/// Every key with the kind of its value, the `_file` forms included, in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = (String, Kind)> {
    KEYS.iter().flat_map(|&(path, kind)| {
        let file = matches!(kind, Kind::Secret | Kind::Secrets).then(|| (format!("{path}_file"), Kind::SecretFile));
        std::iter::once((path.to_owned(), kind)).chain(file)
    })
}

/// The kind of `path`; `None` if there is no such key.
pub(super) fn kind_of(path: &str) -> Option<Kind> {
    all().find(|(key, _)| fits(key, path)).map(|(_, kind)| kind)
}

/// Whether some key lies below the table `path`.
pub(super) fn is_table(path: &str) -> bool {
    all().any(|(key, _)| {
        let depth = path.split('.').count();
        let above: Vec<_> = key.split('.').take(depth).collect();
        key.split('.').count() > depth && fits(&above.join("."), path)
    })
}

/// Whether `path` is the key `key`, a `*` of which stands for any name.
fn fits(key: &str, path: &str) -> bool {
    let (mut key, mut path) = (key.split('.'), path.split('.'));
    loop {
        match (key.next(), path.next()) {
            (None, None) => return true,
            (Some("*"), Some(name)) if !name.is_empty() => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

/// The key or the section nearest to `path`, with the user's own names where it has `*`; `None` where nothing is near enough
/// to have been meant.
pub(super) fn nearest(path: &str) -> Option<String> {
    let words: Vec<_> = path.split('.').collect();
    let sections = all().filter_map(|(key, _)| key.split_once('.').map(|(section, _)| section.to_owned()));
    let keys = all().map(|(key, _)| {
        let named = key.split('.').enumerate();
        let named = named.map(|(at, word)| if word == "*" { words.get(at).copied().unwrap_or("NAME") } else { word });
        named.collect::<Vec<_>>().join(".")
    });
    // A whole section mistyped is led to a section.
    let candidates: Vec<String> = if words.len() == 1 { sections.collect() } else { keys.collect() };
    let distance = |key: &String| strsim::damerau_levenshtein(key, path);
    let found = candidates.into_iter().min_by_key(distance)?;
    (distance(&found) <= path.chars().count() / 2).then_some(found)
}

/// The key that was meant by words with single underscores between them, as `ledger_timezone`; with the user's own names where it has
/// `*`. `None` where no key differs by less than a slip of the hand.
pub(super) fn meant_by(words: &str) -> Option<String> {
    /// Letters that may be wrong, missing or too many.
    const SLIP: usize = 2;
    let near = all().filter(|(key, _)| !key.contains('*')).map(|(key, _)| {
        let slips = strsim::damerau_levenshtein(&key.replace('.', "_"), words);
        (slips, key)
    });
    let own = all().filter_map(|(key, _)| {
        let (above, below) = key.split_once(".*.")?;
        let rest = words.strip_prefix(&format!("{}_", above.replace('.', "_")))?;
        let name = rest.strip_suffix(&format!("_{}", below.replace('.', "_")))?;
        (!name.is_empty()).then(|| (0, format!("{above}.{name}.{below}")))
    });
    near.chain(own).filter(|(slips, _)| *slips <= SLIP).min_by_key(|(slips, _)| *slips).map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_in_the_documented_defaults() {
        let mut section = String::new();
        let mut documented = std::collections::BTreeSet::new();
        for line in super::super::DEFAULTS.lines().map(|line| line.trim_start_matches("# ")) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.replace("NAME", "*");
            } else if let Some((key, _)) = line.split_once(" = ") {
                documented.insert(format!("{section}.{key}"));
            }
        }
        for (key, _) in all() {
            assert!(documented.contains(&key), "{key} is missing in config/default.toml");
        }
    }

    #[test]
    fn a_mistyped_key_is_led_to_the_one_that_was_meant() {
        for (typed, meant) in [
            ("server.lisen", "server.listen"),
            ("stripe.webhook_secret", "stripe.webhook_secrets"),
            ("stripe.endpoints.eu.webhook_secret", "stripe.endpoints.eu.webhook_secrets"),
            ("sever.listen", "server.listen"),
            ("profiles.board.past_du", "profiles.board.past_due"),
            ("api.token", "api.tokens"),
            ("alerts.channels.ops.uri", "alerts.channels.ops.url"),
            ("alerts.nrr_bellow", "alerts.nrr_below"),
            ("database.uri", "database.url"),
            ("ledgr", "ledger"),
        ] {
            assert_eq!(nearest(typed).as_deref(), Some(meant));
            assert_eq!(kind_of(typed), None);
        }
    }

    #[test]
    fn words_with_single_underscores_are_led_to_the_key_that_was_meant() {
        for (words, meant) in [
            ("ledger_timezone", Some("ledger.timezone")),
            ("stripe_webhook_secrets", Some("stripe.webhook_secrets")),
            ("stripe_webhook_secret", Some("stripe.webhook_secrets")),
            ("api_token", Some("api.tokens")),
            ("database_url", Some("database.url")),
            ("stripe_endpoints_eu_account", Some("stripe.endpoints.eu.account")),
            ("feeds_the_crm_url", Some("feeds.the_crm.url")),
            // What Kubernetes sets for services called mrrd, mrrd-server, mrrd-api and mrrd-database.
            ("service_host", None),
            ("service_port", None),
            ("port", None),
            ("port_8787_tcp_proto", None),
            ("server_port", None),
            ("server_service_port", None),
            ("api_port", None),
            ("api_service_host", None),
            ("database_port", None),
            ("database_port_5432_tcp", None),
            ("bin", None),
        ] {
            assert_eq!(meant_by(words).as_deref(), meant, "{words}");
        }
    }

    #[test]
    fn what_resembles_no_key_is_led_to_none() {
        for typed in ["version", "include", "x"] {
            assert_eq!(nearest(typed), None, "{typed}");
        }
    }
}
