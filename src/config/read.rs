//! From merged values to settings that mean something: each value is checked, each fault names its key.

mod alerts;
mod feeds;
mod ledger;

use std::{collections::BTreeSet, path::Path, time::Duration};

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::{
    error::ConfigError,
    keys::{self, Kind},
    layers::{self, Data, Environment, Merged, Origin, Value, Values},
    secret_files,
    settings::{
        Api, Config, Database, Endpoint, Keep, Log, LogFormat, Names, Privacy, Role, Server, Setting, SignOn, Stripe,
        Telemetry,
    },
};
use crate::{ledger::ids::AccountId, limits, store::records::access::AccessRole};

/// Reads the configuration: `file` is what `--config` named. Reports every fault at once.
pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Config, ConfigError> {
    let Merged { values, faults } = layers::merged(file, environment)?;
    let mut reader = Reader { values: &values, faults };
    let config = Config {
        server: reader.server(),
        database: Database { url: reader.database_url() },
        stripe: reader.stripe(),
        ledger: reader.ledger(),
        api: reader.api(),
        privacy: reader.privacy(),
        alerts: reader.alerts(),
        feeds: reader.feeds(),
        log: reader.log(),
        telemetry: reader.telemetry(),
        secret_files: secret_files::of(&values),
        mistaken_variables: layers::mistaken(environment),
        settings: shown(&values),
    };
    if reader.faults.is_empty() { Ok(config) } else { Err(ConfigError(reader.faults)) }
}

/// Reads one key after the other and collects what is wrong.
struct Reader<'a> {
    values: &'a Values,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, key: &str, complaint: impl std::fmt::Display) {
        let place = match self.values.get(key).map(|value| &value.origin) {
            Some(Origin::Variable(name)) => name.clone(),
            Some(origin) => format!("{origin}: {key}"),
            None => key.to_owned(),
        };
        self.faults.push(format!("{place} {complaint}"));
    }

    /// A fault of a table as a whole, such as `alerts.channels.NAME`; `complaint` names the key. Where it was set is that of any key in
    /// the table.
    fn fault_of(&mut self, table: &str, complaint: impl std::fmt::Display) {
        let below = format!("{table}.");
        let place = self.values.iter().find(|(key, value)| key.starts_with(&below) && value.origin != Origin::Default);
        self.faults.push(match place {
            Some((_, value)) => format!("{}: {complaint}", value.origin),
            None => complaint.to_string(),
        });
    }

    fn text(&mut self, key: &str) -> String {
        match self.values.get(key).map(|value| &value.data) {
            Some(Data::Text(text)) => text.clone(),
            Some(Data::Integer(number)) => number.to_string(),
            Some(Data::List(_)) | None => String::new(),
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        match self.values.get(key).map(|value| &value.data) {
            Some(Data::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    fn integer(&mut self, key: &str, least: i64, most: i64) -> u64 {
        let number = match self.values.get(key).map(|value| &value.data) {
            Some(Data::Integer(number)) => *number,
            _ => least,
        };
        if !(least..=most).contains(&number) {
            self.fault(key, format_args!("is {number}: from {least} to {most} is possible"));
        }
        u64::try_from(number).unwrap_or_default()
    }

    fn size(&mut self, key: &str, least: i64, most: i64) -> usize {
        usize::try_from(self.integer(key, least, most)).unwrap_or(usize::MAX)
    }

    fn seconds(&mut self, key: &str, least: i64, most: i64) -> Duration {
        Duration::from_secs(self.integer(key, least, most))
    }

    fn server(&mut self) -> Server {
        let listen = self.text("server.listen");
        let address = listen.replacen("localhost:", "127.0.0.1:", 1).parse();
        if address.is_err() {
            self.fault(
                "server.listen",
                format_args!("is {listen:?}: an address and port such as 127.0.0.1:8787 is expected"),
            );
        }
        Server {
            listen: address.unwrap_or_else(|_| ([127, 0, 0, 1], 0).into()),
            roles: self.roles(),
            max_body_bytes: self.size("server.max_body_bytes", 1024, limits::MAX_CONFIGURABLE_BODY_BYTES),
            max_connections: self.size("server.max_connections", 1, 65_536),
            max_queued_events: self.size("server.max_queued_events", 1, 65_536),
            header_timeout: self.seconds("server.header_timeout_seconds", 1, 300),
            body_timeout: self.seconds("server.body_timeout_seconds", 1, 300),
            write_timeout: self.seconds("server.write_timeout_seconds", 1, 300),
            drain_timeout: self.seconds("server.drain_timeout_seconds", 1, 300),
        }
    }

    fn api(&mut self) -> Api {
        let proxies = self.list("api.proxies");
        let read = |text: &String| text.parse().map_err(|()| text.clone());
        let (proxies, unread): (Vec<_>, Vec<_>) = proxies.iter().map(read).partition(Result::is_ok);
        for text in unread.into_iter().filter_map(Result::err) {
            self.fault(
                "api.proxies",
                format_args!("holds {text:?}: an address or a network such as 10.0.0.0/8 is expected"),
            );
        }
        let proxies: Vec<_> = proxies.into_iter().flatten().collect();
        let name = self.text("api.user_header");
        let user_header: Option<HeaderName> = if name.is_empty() { None } else { name.parse().ok() };
        if user_header.is_none() != name.is_empty() {
            self.fault("api.user_header", format_args!("is {name:?}, which is no header's name"));
        }
        if user_header.is_some() && proxies.is_empty() {
            self.fault("api.user_header", "is believed from listed proxies alone: set api.proxies to their addresses");
        }
        let role = self.text("api.user_role");
        let known = AccessRole::named(&role);
        if known.is_none() {
            self.fault("api.user_role", format_args!("is {role:?}: viewer or admin is expected"));
        }
        Api {
            tokens: self.secrets("api.tokens"),
            session: Duration::from_secs(3600 * self.integer("api.session_hours", 1, 24 * 366)),
            sign_on: SignOn { proxies, user_header, role: known.unwrap_or(AccessRole::Viewer) },
        }
    }

    fn roles(&mut self) -> Vec<Role> {
        let names = self.list("server.roles");
        let mut roles = Vec::new();
        for name in &names {
            match name.parse() {
                Ok(role) if !roles.contains(&role) => roles.push(role),
                Ok(_) => {}
                Err(_) => {
                    let known = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
                    self.fault("server.roles", format_args!("holds {name:?}, which is no role: choose from {known}"));
                }
            }
        }
        if names.is_empty() {
            self.fault("server.roles", "is empty: name at least one role");
        }
        roles
    }

    fn database_url(&mut self) -> SecretString {
        let url = self.secret("database.url").unwrap_or_default();
        let text = url.expose_secret();
        if !text.is_empty() && !Database::is_url(text) {
            self.fault("database.url", format_args!("must be {}", Database::URLS));
        }
        if let Some(wrong) = Database::misreads_port(text) {
            self.fault(
                if self.values.contains_key("database.url") { "database.url" } else { "database.url_file" },
                wrong,
            );
        }
        url
    }

    fn stripe(&mut self) -> Stripe {
        let names: BTreeSet<_> = self
            .values
            .keys()
            .filter_map(|key| Some(key.strip_prefix("stripe.endpoints.")?.split_once('.')?.0.to_owned()))
            .collect();
        let api_base = self.text("stripe.api_base");
        if !(api_base.starts_with("https://") || api_base.starts_with("http://")) {
            self.fault("stripe.api_base", "must begin with https:// (or http:// for a test double)");
        }
        let metrics_audit = self.switch("stripe.metrics_audit");
        if metrics_audit && !self.values.contains_key("stripe.api_key") {
            self.fault("stripe.metrics_audit", "needs stripe.api_key: Stripe is asked with it");
        }
        Stripe {
            webhook_secrets: self.secrets("stripe.webhook_secrets"),
            endpoints: names.into_iter().map(|name| (name.clone(), self.endpoint(&name))).collect(),
            tolerance: self.seconds("stripe.tolerance_seconds", 1, 86_400),
            api_key: self.secret("stripe.api_key"),
            api_base: api_base.trim_end_matches('/').to_owned(),
            metrics_audit,
        }
    }

    fn switch(&mut self, key: &str) -> bool {
        match self.text(key).as_str() {
            "true" => true,
            "false" => false,
            other => {
                let fault = format!("is {other:?}: true or false is possible");
                self.fault(key, fault);
                false
            }
        }
    }

    fn endpoint(&mut self, name: &str) -> Endpoint {
        let (secrets, account) =
            (format!("stripe.endpoints.{name}.webhook_secrets"), format!("stripe.endpoints.{name}.account"));
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_') {
            self.fault_of(
                &format!("stripe.endpoints.{name}"),
                format_args!(
                    "stripe.endpoints.{name}: a name is part of an address: only lower-case letters, digits, - and _"
                ),
            );
        }
        let webhook_secrets = self.secrets(&secrets);
        if webhook_secrets.is_empty() && !self.faults.iter().any(|fault| fault.contains(name)) {
            self.fault_of(
                &format!("stripe.endpoints.{name}"),
                format_args!("stripe.endpoints.{name} has no webhook_secrets: set {secrets}"),
            );
        }
        let account = self.values.contains_key(&account).then(|| self.text(&account)).map(|id| {
            if !id.starts_with("acct_") {
                self.fault(&account, format_args!("is {id:?}: an id such as acct_1A2b3C is expected"));
            }
            AccountId::from(id.as_str())
        });
        Endpoint { webhook_secrets, account }
    }

    fn privacy(&mut self) -> Privacy {
        let names = if self.switch("privacy.show_names") { Names::Shown } else { Names::Hidden };
        let keep = match self.text("privacy.keep").as_str() {
            "whole" => Keep::Whole,
            "minimal" => Keep::Minimal,
            other => {
                self.fault("privacy.keep", format_args!("is {other:?}: whole or minimal is possible"));
                Keep::Minimal
            }
        };
        Privacy { names, keep }
    }

    fn telemetry(&mut self) -> Telemetry {
        const KEY: &str = "telemetry.otlp_endpoint";
        let endpoint = self.text(KEY);
        let sound = endpoint.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.query().is_none()
                && uri.host().is_some()
                && !endpoint.contains('@')
        });
        if !endpoint.is_empty() && !sound {
            self.fault(KEY, format_args!("is {endpoint:?}: an address such as http://127.0.0.1:4318 is expected"));
        }
        Telemetry { otlp_endpoint: Some(endpoint).filter(|_| sound) }
    }

    fn log(&mut self) -> Log {
        let format = match self.text("log.format").as_str() {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            other => {
                self.fault("log.format", format_args!("is {other:?}: text or json is possible"));
                LogFormat::Text
            }
        };
        let filter = self.text("log.filter");
        if let Err(error) = filter.parse::<tracing_subscriber::EnvFilter>() {
            self.fault("log.filter", format_args!("is {filter:?}, which is no filter: {error}"));
        }
        if let Some(word) = no_level(&filter) {
            let complaint = format!(
                "is {filter:?}, and {word:?} is no level (off, error, warn, info, debug, trace): for a part of the program write its \
                 level too, as in info,sqlx=debug"
            );
            self.fault("log.filter", complaint);
        }
        Log { filter, format }
    }

    /// One secret, from its key or its file.
    fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file = format!("{key}_file");
        let set = self.one_of(key, &file)?;
        let text = if set == file { self.contents(&file)?.trim().to_owned() } else { self.text(key) };
        self.accepted(&set, text)
    }

    /// Several secrets, from their key or one a line from their file.
    fn secrets(&mut self, key: &str) -> Vec<SecretString> {
        let file = format!("{key}_file");
        let Some(set) = self.one_of(key, &file) else { return Vec::new() };
        let texts = if set == file {
            let Some(contents) = self.contents(&file) else { return Vec::new() };
            let lines: Vec<_> = contents.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            if lines.is_empty() { vec![String::new()] } else { lines.into_iter().map(str::to_owned).collect() }
        } else {
            self.list(key)
        };
        texts.into_iter().filter_map(|text| self.accepted(&set, text)).collect()
    }

    /// Which of a key and its `_file` form is set; both at once is a fault.
    fn one_of(&mut self, key: &str, file: &str) -> Option<String> {
        match (self.values.contains_key(key), self.values.contains_key(file)) {
            (true, true) => {
                self.fault(key, format_args!("and {file} are both set: set one of them"));
                None
            }
            (true, false) => Some(key.to_owned()),
            (false, true) => Some(file.to_owned()),
            (false, false) => None,
        }
    }

    fn contents(&mut self, key: &str) -> Option<String> {
        let path = self.text(key);
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.fault(key, format_args!("names {path:?}, which can't be read: {error}"));
                None
            }
        }
    }

    /// An empty secret would let anyone sign; one with spaces around it never matches.
    fn accepted(&mut self, key: &str, text: String) -> Option<SecretString> {
        if text.trim().is_empty() {
            self.fault(key, "is blank: an empty secret would let anyone in; set it, or remove the key");
            return None;
        }
        if text.trim() != text {
            self.fault(key, "has spaces around it: remove them");
            return None;
        }
        Some(text.into())
    }
}

/// A word of a filter that stands alone and is no level. Taken as the name of a part of the program, which is how the filter's own
/// language means it, it would silence all others.
fn no_level(filter: &str) -> Option<&str> {
    // Fields of spans have commas of their own.
    if filter.contains('[') {
        return None;
    }
    let mut words = filter.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains('='));
    words.find(|word| word.parse::<tracing_subscriber::filter::LevelFilter>().is_err())
}

/// What `config show` prints: secrets say only that they are set.
fn shown(values: &Values) -> Vec<Setting> {
    let order: Vec<_> = keys::all().map(|(key, _)| key.split('.').next().unwrap_or_default().to_owned()).collect();
    let place =
        |key: &str| order.iter().position(|section| key.split('.').next() == Some(section)).unwrap_or(usize::MAX);
    let mut settings: Vec<_> = values
        .iter()
        .map(|(key, value)| Setting { key: key.clone(), value: masked(key, value), origin: value.origin.clone() })
        .collect();
    settings.sort_by_key(|setting| place(&setting.key));
    settings
}

fn masked(key: &str, value: &Value) -> serde_json::Value {
    match (keys::kind_of(key), &value.data) {
        (Some(Kind::Secret), Data::Text(text)) if key == "database.url" && text.starts_with("sqlite://") => {
            text.as_str().into()
        }
        (Some(Kind::Secrets), Data::List(items)) => format!("({} set)", items.len()).into(),
        (Some(Kind::Secret | Kind::Secrets), _) => "(set)".into(),
        (Some(Kind::Switch), Data::Text(text)) => {
            text.parse::<bool>().map_or_else(|_| text.as_str().into(), serde_json::Value::from)
        }
        (_, Data::Text(text)) => text.as_str().into(),
        (_, Data::Integer(number)) => (*number).into(),
        (_, Data::List(items)) => items.clone().into(),
    }
}
