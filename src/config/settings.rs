//! The settings as the rest of the program holds them: read, checked, secrets wrapped.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{alerting::Alerts, feeding::Feed, layers::Origin};
use crate::{
    config::customers::CustomerRules,
    ledger::{
        ids::AccountId,
        money::Currency,
        profile::Profile,
        time::{Day, Zone},
    },
    segment::Expression,
    store::records::access::AccessRole,
};

/// Everything that can be set. `Debug` shows no secret.
#[derive(Debug)]
pub struct Config {
    /// What the HTTP server listens on.
    pub server: Server,
    /// Where the log and the ledger are kept.
    pub database: Database,
    /// What is known of Stripe: endpoints and keys.
    pub stripe: Stripe,
    /// The rules of the ledger.
    pub ledger: Ledger,
    /// Who may read figures, and from where.
    pub api: Api,
    /// What is shown of people.
    pub privacy: Privacy,
    /// What is watched, and who is told.
    pub alerts: Alerts,
    /// The feeds, by their name under `feeds`.
    pub feeds: BTreeMap<String, Feed>,
    /// What is logged, and how.
    pub log: Log,
    /// The section `telemetry` of the configuration.
    pub telemetry: Telemetry,
    /// Files that secrets were read from: the configuration's own where one stands in it, and those that keys name.
    pub secret_files: Vec<PathBuf>,
    /// Environment variables that are ignored, each with the one that was surely meant.
    pub mistaken_variables: Vec<(String, String)>,
    /// Every key with its value (secrets masked) and where it was set, in the order of the documentation.
    pub settings: Vec<Setting>,
}

/// One key as `mrrd config show` prints it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Setting {
    /// Its name with dots, such as `server.bind`.
    pub key: String,
    /// Its value; a secret only says that it is set.
    pub value: serde_json::Value,
    /// The file, variable or default it comes from.
    pub origin: Origin,
}

/// The section `server` of the configuration.
#[derive(Debug)]
pub struct Server {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The roles that this process takes.
    pub roles: Vec<Role>,
    /// Largest webhook body taken, in bytes.
    pub max_body_bytes: usize,
    /// Connections held open at once; one more is answered 503 and closed.
    pub max_connections: usize,
    /// Events waiting for the log at once; one more is answered 503.
    pub max_queued_events: usize,
    /// How long a request's head may take, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a client may leave an answer unread.
    pub write_timeout: Duration,
    /// How long requests under way may take to end once the process is told to stop.
    pub drain_timeout: Duration,
}

impl Server {
    /// Whether this process does `role`.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// One job of a process (`server.roles`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// It takes webhooks.
    Receiver,
    /// Keeps the derived tables up with the log.
    Reconciler,
    /// Answers the API and the dashboard.
    Api,
    /// It watches the figures and tells alerts.
    Alerts,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The configuration's word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The section `database` of the configuration.
#[derive(Debug)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://…`; a secret, for it may hold a password.
    pub url: SecretString,
}

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DatabaseKind {
    /// A file beside the process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl DatabaseKind {
    /// Its name in `/api/v1/status`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Database {
    /// What a URL looks like.
    pub const URLS: &str = "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME";

    /// Whether it is the URL of a database that mrrd can keep a ledger in.
    pub fn is_url(text: &str) -> bool {
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        postgres || text.strip_prefix("sqlite://").is_some_and(|path| !path.is_empty())
    }

    /// What is wrong with the port in a URL of PostgreSQL; it isn't shown, since what stands for it may be of a password.
    pub fn misreads_port(text: &str) -> Option<&'static str> {
        let (_, rest) = text.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // An address of IPv6 has colons of its own, in brackets.
        let (_, port) = host.rsplit_once(']').map_or(host, |(_, rest)| rest).rsplit_once(':')?;
        let sound = port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
        (!sound).then_some(
            "has a port that is none: postgres://USER:PASSWORD@HOST:PORT/NAME is expected, with a port from 1 to 65535, and / @ : # ? \
             of a password written as %2F %40 %3A %23 %3F",
        )
    }

    /// Which database the URL names: reading the configuration refuses any other.
    pub fn kind(&self) -> DatabaseKind {
        if self.url.expose_secret().starts_with("sqlite://") { DatabaseKind::Sqlite } else { DatabaseKind::Postgres }
    }

    /// Whether opening it would make a new ledger: a command that only looks doesn't want that. An empty file is as good as none,
    /// but where something lies beside it.
    pub fn is_absent_file(&self) -> bool {
        let Some(path) = self.url.expose_secret().strip_prefix("sqlite://") else { return false };
        let length = |path: &str| std::fs::metadata(path).ok().map(|found| (found.is_file(), found.len()));
        match length(path) {
            None => true,
            Some((true, 0)) => length(&format!("{path}-wal")).is_none_or(|(_, ahead)| ahead == 0),
            Some(_) => false,
        }
    }

    /// The database in words that hold no password.
    pub fn described(&self) -> String {
        match self.kind() {
            DatabaseKind::Sqlite => self.url.expose_secret().to_owned(),
            DatabaseKind::Postgres => "postgres (URL hidden)".to_owned(),
        }
    }
}

/// The section `stripe` of the configuration.
#[derive(Debug)]
pub struct Stripe {
    /// Signing secrets of the default endpoint; any may match.
    pub webhook_secrets: Vec<SecretString>,
    /// Further endpoints by name, at `/webhooks/stripe/NAME`.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Allowed age, and allowed lead, of a signature.
    pub tolerance: Duration,
    /// The key for Stripe's API; `None` where there is none, and nothing is asked.
    pub api_key: Option<SecretString>,
    /// The address of Stripe's API.
    pub api_base: String,
    /// Whether the figures are held hourly against Stripe's Metrics API.
    pub metrics_audit: bool,
}

impl Stripe {
    /// Whether any endpoint could verify a webhook.
    pub fn can_verify(&self) -> bool {
        !self.webhook_secrets.is_empty() || !self.endpoints.is_empty()
    }
}

/// One endpoint of webhooks, `stripe.endpoints.NAME`.
#[derive(Debug)]
pub struct Endpoint {
    /// Its signing secrets, at least one.
    pub webhook_secrets: Vec<SecretString>,
    /// The account of its events that name none.
    pub account: Option<AccountId>,
}

/// The sections `ledger` and `profiles` of the configuration.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Rule sets to keep, at least one; the first is the default one.
    pub profiles: Vec<Profile>,
    /// Every rule set there is, kept or not: the built-in ones, then the custom ones by name.
    pub known: Vec<Profile>,
    /// The IANA name of the zone that cuts accounting days.
    pub timezone: String,
    /// Cuts time into accounting days.
    pub zone: Zone,
    /// Which metadata of customers is kept, and who is left out.
    pub customers: CustomerRules,
    /// What everything is also kept in; without it every currency is its own ledger only.
    pub reporting_currency: Option<Currency>,
    /// `segments.*`: customers by a name, and what makes one of them.
    pub segments: BTreeMap<Arc<str>, Expression>,
    /// `fx = "constant"`: the day whose rates hold for ever.
    pub fx_day: Option<Day>,
}

impl Ledger {
    /// The rule set of this name, kept or not.
    pub fn named(&self, name: &str) -> Option<&Profile> {
        self.known.iter().find(|profile| *profile.name == *name)
    }
}

/// The section `api` of the configuration.
#[derive(Debug)]
pub struct Api {
    /// Tokens of admins; with none, the first `serve` makes one.
    pub tokens: Vec<SecretString>,
    /// How long a session lasts.
    pub session: Duration,
    /// What is believed of proxies.
    pub sign_on: SignOn,
}

/// `api.proxies`, `api.user_header` and `api.user_role`: whom a proxy's word is taken from, and for what.
#[derive(Clone, Debug)]
pub struct SignOn {
    /// Those whose word counts; with none, no proxy's does.
    pub proxies: Vec<Network>,
    /// The header that names whom the proxy has signed in; without it nobody is.
    pub user_header: Option<HeaderName>,
    /// What such a user may do.
    pub role: AccessRole,
}

impl SignOn {
    /// Whether this address is a listed proxy's.
    pub fn is_listed(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }
}

/// An address, or all that begin with the same bits (`10.0.0.0/8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, of: u32| {
            of.checked_sub(self.bits).is_some_and(|rest| (a ^ b).checked_shr(rest).unwrap_or(0) == 0)
        };
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(drop)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(drop))?;
        if bits > most { Err(()) } else { Ok(Self { first, bits }) }
    }
}

/// The section `privacy` of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Privacy {
    /// Whether names and e-mails of customers are read from bodies and shown.
    pub names: Names,
    /// What is kept of the bodies themselves.
    pub keep: Keep,
}

/// What is kept of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The body to the byte, as it was received.
    Whole,
    /// What figures rest on: names, e-mails, addresses, phones and means of payment are taken out before anything is stored.
    Minimal,
}

/// What is done with names and e-mails of customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// They are kept beside the ledger, searched and shown.
    Shown,
    /// They stay in the bodies that brought them.
    Hidden,
}

/// The section `log` of the configuration.
#[derive(Debug)]
pub struct Log {
    /// A level, or a filter such as `info,mrrd::receiver=debug`.
    pub filter: String,
    /// Whether log lines are text or JSON.
    pub format: LogFormat,
}

/// The section `telemetry` of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// Where traces are posted to: an OpenTelemetry collector's OTLP/HTTP, without `/v1/traces`.
    pub otlp_endpoint: Option<String>,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people to read.
    Text,
    /// One JSON object a line.
    Json,
}
