//! What a user may write, and what he is told when it is wrong.

use std::io::Write;

use secrecy::ExposeSecret;

use super::*;
use crate::ledger::{
    plans::Plans,
    profile::{PastDue, Profile, Unpaid},
};

/// The outcome of loading `file` under `environment`: the configuration, or what its user is told.
fn loaded<const N: usize>(file: &str, environment: [(&str, &str); N]) -> Result<Config, String> {
    let mut named = tempfile::NamedTempFile::new().unwrap();
    named.write_all(file.as_bytes()).unwrap();
    load(Some(named.path()), &Environment::from(environment)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused<const N: usize>(file: &str, environment: [(&str, &str); N], said: &[&str]) {
    let error = loaded(file, environment).expect_err("it should be refused");
    for words in said {
        assert!(error.contains(words), "{words:?} is not said in: {error}");
    }
}

#[test]
fn defaults_alone_are_sound_and_those_of_the_interface() {
    let config = loaded("", []).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.server.roles, Role::ALL);
    assert_eq!(config.server.max_body_bytes, 1 << 20);
    assert_eq!(config.database.url.expose_secret(), "sqlite://mrrd.db");
    assert_eq!(config.stripe.tolerance.as_secs(), 300);
    assert_eq!(config.ledger.profiles.iter().map(|p| &*p.name).collect::<Vec<_>>(), ["stripe"]);
    assert_eq!(config.ledger.timezone, "UTC");
    assert!(!config.stripe.can_verify() && config.api.tokens.is_empty());
    assert_eq!(config.warnings(), Vec::<String>::new());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nmax_body_bytes = 2048\n";
    let config =
        loaded(file, [("MRRD_SERVER__LISTEN", "localhost:2"), ("MRRD_SERVER__ROLES", "receiver, api")]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:2");
    assert_eq!(config.server.max_body_bytes, 2048);
    assert_eq!(config.server.roles, [Role::Receiver, Role::Api]);
    assert_eq!(config.server.max_connections, 1024);
}

#[test]
fn unknown_keys_are_named_with_their_nearest_neighbour() {
    refused("[server]\nlisten_on = \"x\"", [], &["no setting server.listen_on", "did you mean server.listen?"]);
    refused("[sever]\nlisten = \"x\"", [], &["sever"]);
    refused(
        "",
        [("MRRD_STRIPE__WEBHOOK_SECRET", "whsec_1")],
        &["MRRD_STRIPE__WEBHOOK_SECRET", "did you mean MRRD_STRIPE__WEBHOOK_SECRETS?"],
    );
    refused("[profiles.board]\nchurn_when = \"end\"", [], &["profiles.board.churn_when", "profiles.board.churn_at"]);
}

#[test]
fn only_variables_with_a_section_are_settings() {
    let environment = [("MRRD_SERVICE_HOST", "10.0.0.1"), ("MRRD_PORT", "tcp://10.0.0.1"), ("MRRDX__Y", "1")];
    assert!(loaded("", environment).is_ok());
}

#[test]
fn values_are_checked_where_they_are_written() {
    for (file, said) in [
        ("[server]\nlisten = \"8787\"", "127.0.0.1:8787 is expected"),
        ("[server]\nroles = [\"reciever\"]", "is no role"),
        ("[server]\nroles = []", "is empty"),
        ("[server]\nmax_connections = 0", "from 1 to"),
        ("[server]\nmax_connections = \"many\"", "must be a whole number"),
        ("[database]\nurl = \"mysql://x\"", "sqlite://PATH or postgres://"),
        ("[database]\nurl = \"sqlite://\"", "sqlite://PATH or postgres://"),
        ("[ledger]\ntimezone = \"Mars/Olympus\"", "IANA name"),
        ("[ledger]\nprofiles = [\"strip\"]", "is no profile: choose from stripe"),
        ("[profiles.stripe]\nextends = \"finance\"", "is built in"),
        ("[profiles.board]\nunpaid = \"count\"", "doesn't say what it extends"),
        ("[profiles.board]\nextends = \"nobody\"", "profiles.board.extends"),
        ("[profiles.a]\nextends = \"b\"\n[profiles.b]\nextends = \"a\"", "extends itself"),
        ("[profiles.board]\nextends = \"stripe\"\nunpaid = \"maybe\"", "unpaid"),
        ("[ledger]\nprofiles = [\"stripe\", \"stripe\"]", "twice"),
        ("[ledger]\nreporting_currency = \"euro\"", "an ISO code such as eur"),
        ("[ledger]\nsame_plan = [\"price_1\"]", "two ids of prices"),
        ("[ledger]\nsame_plan = [[\"a\", \"b\", \"c\"]]", "a list of pairs"),
        ("[ledger]\nexclude = [\"product:\"]", "product:ID or price:ID"),
        ("[ledger]\nfx = \"weekly\"", "daily or constant"),
        ("[ledger]\nfx = \"constant\"", "ledger.fx_day"),
        ("[ledger]\nfx_day = \"2026-01-01\"", "ledger.fx is daily"),
        ("[log]\nformat = \"xml\"", "text or json"),
        ("[telemetry]\notlp_endpoint = \"127.0.0.1:4318\"", "an address such as http://127.0.0.1:4318"),
        ("[stripe.endpoints.eu]\naccount = \"acct_1\"", "has no webhook_secrets"),
        ("[stripe.endpoints.EU]\nwebhook_secrets = [\"whsec_1\"]", "lower-case"),
        ("[stripe.endpoints.eu]\nwebhook_secrets = [\"whsec_1\"]\naccount = \"eu\"", "acct_"),
        ("[alerts]\nrules = [\"churn_spikes\"]", "is no rule: choose from churn_spike"),
        ("[alerts]\ndigests = [\"daily\"]", "weekly and monthly"),
        ("[alerts]\nfalse_alerts_a_year = 0", "a number from 0.05 to 12"),
        ("[alerts]\nnrr_below = \"high\"", "a number from 0 to 10"),
        ("[alerts]\nurl = \"mrrd.example.com\"", "https://"),
        ("[alerts.channels.a]\nurl = \"https://x\"", "choose from stdout, webhook, slack, teams, pagerduty, email"),
        ("[alerts.channels.a]\nkind = \"slack\"", "alerts.channels.a.url is not set"),
        ("[alerts.channels.a]\nkind = \"slack\"\nurl = \"hooks.slack.com\"", "alerts.channels.a.url is no address"),
        ("[alerts.channels.a]\nkind = \"teams\"", "alerts.channels.a.url is not set"),
        ("[alerts.channels.a]\nkind = \"stdout\"\nurl = \"https://x\"", "means nothing to a channel of kind stdout"),
        ("[alerts.channels.a]\nkind = \"webhook\"\nurl = \"https://x\"", "alerts.channels.a.secret is not set"),
        ("[alerts.channels.a]\nkind = \"email\"\nsmtp_host = \"x\"", "alerts.channels.a.from is not set"),
        ("[alerts.channels.A]\nkind = \"stdout\"", "lower-case"),
        ("[alerts.channels.a]\nkinds = \"stdout\"", "alerts.channels.a.kind"),
        ("[feeds.crm]\nurl = \"https://x\"", "feeds.crm.secret is not set"),
        ("[feeds.crm]\nkind = \"email\"", "choose from webhook, slack, stdout"),
        ("[feeds.crm]\nkind = \"slack\"\nurl = \"https://x\"\nsecret = \"y\"", "means nothing to a feed of kind slack"),
        ("[feeds.crm]\nkind = \"stdout\"\nfrom = \"January\"", "feeds.crm.from is no day"),
        ("[feeds.CRM]\nkind = \"stdout\"", "lower-case"),
        ("server = 5", "did you mean"),
        ("[server\n", "line 1 is not TOML"),
    ] {
        refused(file, [], &[said]);
    }
}

#[test]
fn plans_are_the_same_for_every_profile_wherever_they_are_written() {
    let file = "[ledger]\nprofiles = [\"stripe\", \"board\"]\nsame_plan = [[\"price_a\", \"price_b\"]]\n\
                exclude = [\"cus_1\", \"prod_1\", \"price:setup\"]\n[profiles.board]\nextends = \"finance\"\n";
    let written = loaded(file, []).unwrap();
    let plans = Plans::new([("price_b".into(), "price_a".into())], ["prod_1".into()], ["setup".into()]);
    assert!(written.ledger.profiles.iter().chain(&written.ledger.known).all(|profile| *profile.plans == plans));
    assert_eq!(written.ledger.customers.exclude.len(), 1, "one customer");
    let variables = [
        ("MRRD_LEDGER__SAME_PLAN", "price_a=price_b, price_c=price_d"),
        ("MRRD_LEDGER__EXCLUDE", "product:prod_1,price_9"),
    ];
    let pairs = [("price_a".into(), "price_b".into()), ("price_c".into(), "price_d".into())];
    let told = loaded("", variables).unwrap();
    assert_eq!(*told.ledger.profiles[0].plans, Plans::new(pairs, ["prod_1".into()], ["price_9".into()]));
}

#[test]
fn channels_are_read_with_their_defaults_and_show_no_secret() {
    let file = "[alerts]\nfalse_alerts_a_year = 1.5\nlarge_loss_amount = 99.5\n\
                [alerts.channels.chat]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/secret\"\n\
                [alerts.channels.mail]\nkind = \"email\"\nsmtp_host = \"smtp.example.com\"\nfrom = \"a@example.com\"\n\
                to = [\"b@example.com\"]\nusername = \"u\"\npassword = \"secret\"\nrules = [\"digest\"]\n";
    let config = loaded(
        file,
        [("MRRD_ALERTS__CHANNELS__PAGER__KIND", "pagerduty"), ("MRRD_ALERTS__CHANNELS__PAGER__ROUTING_KEY", "secret")],
    )
    .unwrap();
    let alerts = &config.alerts;
    assert_eq!(alerts.channels.keys().collect::<Vec<_>>(), ["chat", "mail", "pager"]);
    assert_eq!((alerts.false_alerts_a_year, alerts.large_loss.amount.to_string().as_str()), (1.5, "99.5"));
    let mail = &alerts.channels["mail"];
    let alerting::ChannelKind::Email(email) = &mail.kind else { panic!("{mail:?}") };
    assert_eq!((email.port, email.security), (587, alerting::Security::StartTls));
    let (digest, spike) = (crate::config::alert_rules::Rule::Digest, crate::config::alert_rules::Rule::ChurnSpike);
    assert!(mail.hears(digest) && !mail.hears(spike) && alerts.channels["chat"].hears(spike));
    let shown = serde_json::to_string(&config.settings).unwrap();
    assert!(!shown.contains("secret\"") && !shown.contains("/secret"), "{shown}");
    assert!(!format!("{config:?}").contains("/secret"));
}

#[test]
fn every_fault_is_told_at_once() {
    refused("[server]\nroles = [\"x\"]\nlisten = \"y\"", [], &["is no role", "an address and port"]);
}

#[test]
fn blank_secrets_are_refused_wherever_they_come_from() {
    let blank = tempfile::NamedTempFile::new().unwrap();
    let blank = blank.path().to_str().unwrap();
    refused("[stripe]\nwebhook_secrets = [\"\"]", [], &["stripe.webhook_secrets is blank"]);
    refused("[stripe]\nwebhook_secrets = [\"whsec_1\", \"  \"]", [], &["is blank"]);
    refused("[stripe.endpoints.eu]\nwebhook_secrets = [\"\"]", [], &["is blank"]);
    refused("[stripe]\napi_key = \"\"", [], &["stripe.api_key is blank"]);
    refused("", [("MRRD_STRIPE__WEBHOOK_SECRETS", "")], &["MRRD_STRIPE__WEBHOOK_SECRETS is blank"]);
    refused("", [("MRRD_API__TOKENS", "a,,b")], &["MRRD_API__TOKENS is blank"]);
    refused("", [("MRRD_STRIPE__WEBHOOK_SECRETS_FILE", blank)], &["is blank"]);
    refused("", [("MRRD_DATABASE__URL_FILE", blank)], &["is blank"]);
    refused("", [("MRRD_STRIPE__API_KEY_FILE", "/nowhere/key")], &["/nowhere/key", "can't be read"]);
}

#[test]
fn secrets_come_from_files_too_and_a_later_layer_replaces_either_form() {
    let mut secrets = tempfile::NamedTempFile::new().unwrap();
    secrets.write_all(b"whsec_old\nwhsec_new\n").unwrap();
    let path = secrets.path().to_str().unwrap();
    let values = |config: &Config| {
        config.stripe.webhook_secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    let config = loaded("", [("MRRD_STRIPE__WEBHOOK_SECRETS_FILE", path)]).unwrap();
    assert_eq!(values(&config), ["whsec_old", "whsec_new"]);
    let config =
        loaded("[stripe]\nwebhook_secrets = [\"whsec_0\"]", [("MRRD_STRIPE__WEBHOOK_SECRETS_FILE", path)]).unwrap();
    assert_eq!(values(&config), ["whsec_old", "whsec_new"]);
    let file = format!("[stripe]\nwebhook_secrets_file = {path:?}");
    let config = loaded(&file, [("MRRD_STRIPE__WEBHOOK_SECRETS", "whsec_1,whsec_2")]).unwrap();
    assert_eq!(values(&config), ["whsec_1", "whsec_2"]);
    refused(&format!("{file}\nwebhook_secrets = [\"whsec_1\"]"), [], &["are both set"]);
}

#[test]
fn no_secret_is_ever_shown() {
    let file = r#"
        [database]
        url = "postgres://mrrd:HIDDEN@db/mrrd"
        [stripe]
        webhook_secrets = ["whsec_HIDDEN"]
        api_key = "rk_HIDDEN"
        [stripe.endpoints.eu]
        webhook_secrets = ["whsec_HIDDEN"]
        [api]
        tokens = ["HIDDEN"]
    "#;
    let config = loaded(file, [("MRRD_API__TOKENS", "HIDDEN2")]).unwrap();
    let everything = format!(
        "{config:?} {} {:?} {}",
        serde_json::to_string(&config.settings).unwrap(),
        config.warnings(),
        config.database.described()
    );
    assert!(!everything.contains("HIDDEN"), "{everything}");
    refused("[stripe]\napi_key = \"HIDDEN", [], &["line 2 is not TOML"].map(|_| "is not TOML"));
    assert!(!loaded("[stripe]\napi_key = \"HIDDEN", []).unwrap_err().contains("HIDDEN"));
    assert!(!loaded("[stripe]\napi_key = [\"HIDDEN\"]", []).unwrap_err().contains("HIDDEN"));
}

#[test]
fn risks_are_warned_about() {
    for (file, said) in [
        ("[server]\nlisten = \"0.0.0.0:8787\"", "plain HTTP"),
        ("[api]\ntokens = [\"short\"]", "guessed"),
        ("[stripe]\ntolerance_seconds = 601", "replayed"),
        ("[stripe]\nwebhook_secrets = [\"sk_test\"]", "whsec_"),
        ("[stripe]\napi_key = \"k\"\napi_base = \"http://x\"", "unencrypted"),
        ("[server]\nroles = [\"receiver\"]", "SQLite"),
    ] {
        let warnings = loaded(file, []).unwrap().warnings();
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{said:?} is not said in {warnings:?}");
    }
}

#[test]
fn a_profile_of_ones_own_changes_the_knobs_it_names() {
    let file = "[ledger]\nprofiles = [\"board\", \"stripe\"]\n[profiles.base]\nextends = \"finance\"\nunpaid = \"count\"\n\
                [profiles.board]\nextends = \"base\"\nreactivation_within = 90\n";
    let config = loaded(file, [("MRRD_PROFILES__BOARD__PAST_DUE", "days:30")]).unwrap();
    let [board, stripe] = config.ledger.profiles.as_slice() else { panic!("two profiles") };
    let finance = Profile::built_in("finance").unwrap();
    let expected = Profile {
        name: "board".into(),
        unpaid: Unpaid::Count,
        past_due: PastDue::Days(30),
        reactivation_within_days: Some(90),
        ..finance
    };
    assert_eq!(*board, expected);
    assert_eq!(*stripe, Profile::built_in("stripe").unwrap());
}
