//! What is legal but risky: said once at start and by `config check`, never refused.

use secrecy::ExposeSecret;

use super::{
    secret_files,
    settings::{Config, DatabaseKind, Role},
};
use crate::limits;

impl Config {
    /// What is legal but risky, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        collect(self)
    }
}

/// One sentence for each risk, ending in what to do.
fn collect(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let (server, stripe) = (&config.server, &config.stripe);
    if !server.listen.ip().is_loopback() {
        warnings.push(format!(
            "server.listen is {}, which other machines reach over plain HTTP: put a proxy that speaks TLS in front",
            server.listen
        ));
    }
    if config.api.tokens.iter().any(|token| token.expose_secret().len() < limits::SHORT_TOKEN_BYTES) {
        warnings
            .push("an entry of api.tokens is short enough to be guessed: use at least 16 random characters".to_owned());
    }
    if stripe.tolerance > limits::LONG_TOLERANCE {
        warnings.push(format!(
            "stripe.tolerance_seconds is {}: a recorded webhook can be replayed that long; Stripe's own default is 300",
            stripe.tolerance.as_secs()
        ));
    }
    let of_endpoints = stripe
        .endpoints
        .iter()
        .map(|(name, endpoint)| (format!("stripe.endpoints.{name}.webhook_secrets"), &endpoint.webhook_secrets));
    let secrets = std::iter::once(("stripe.webhook_secrets".to_owned(), &stripe.webhook_secrets)).chain(of_endpoints);
    warnings.extend(
        secrets.filter(|(_, secrets)| secrets.iter().any(|one| !one.expose_secret().starts_with("whsec_"))).map(
            |(key, _)| {
                format!(
                    "{key}: a secret in it does not begin with whsec_: set the endpoint's signing secret there, as Stripe's Dashboard \
                     shows it under Developers, Webhooks"
                )
            },
        ),
    );
    if stripe.api_key.as_ref().is_some_and(|key| key.expose_secret().starts_with("pk_")) {
        warnings.push(
            "stripe.api_key is a publishable key (pk_…), which may read nothing at Stripe: set a restricted key (rk_…)"
                .to_owned(),
        );
    }
    warnings.extend(config.mistaken_variables.iter().map(|(name, meant)| {
        format!("the environment variable {name} is no setting, and is ignored: did you mean {meant}?")
    }));
    warnings.extend(config.secret_files.iter().filter_map(|file| secret_files::open_to_others(file)));
    if is_silent(&config.log.filter) {
        warnings.push(format!(
            "log.filter is {:?}, which lets no line of mrrd's own through: name a level, or mrrd, as in info or mrrd=info",
            config.log.filter
        ));
    }
    if stripe.api_base.starts_with("http://") && stripe.api_key.is_some() {
        warnings.push("stripe.api_base is plain HTTP: stripe.api_key would be sent unencrypted".to_owned());
    }
    if config.database.kind() == DatabaseKind::Sqlite && server.roles.len() < Role::ALL.len() {
        warnings.push(
            "server.roles leaves jobs to other processes, but the database is a SQLite file: they must run on this \
             machine, and Postgres serves them better"
                .to_owned(),
        );
    }
    warnings
}

/// Whether a filter names parts of the program, and neither mrrd among them nor a level for all.
fn is_silent(filter: &str) -> bool {
    let parts: Vec<&str> = filter.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let of_mrrd = |part: &&str| !part.contains('=') || part.starts_with("mrrd") || part.starts_with('[');
    !parts.is_empty() && !parts.iter().any(of_mrrd)
}
