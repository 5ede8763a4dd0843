//! The webhook endpoints by name, each with its own secrets and account.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config,
    ledger::ids::AccountId,
    stripe::signature::{BlankSecret, SigningSecret},
};

/// What metrics and logs call the endpoint without a name.
pub(super) const DEFAULT: &str = "default";

/// What an endpoint verifies with, and whose events it takes.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As metrics and logs call it.
    pub(super) name: String,
    /// Any may match.
    pub(super) secrets: Vec<SigningSecret>,
    /// The account of events that carry none.
    pub(super) account: Option<AccountId>,
}

/// All endpoints of a configuration.
#[derive(Debug)]
pub(super) struct Endpoints {
    default: Option<Endpoint>,
    named: BTreeMap<String, Endpoint>,
}

impl Endpoints {
    /// Errors on a blank secret, which reading the configuration refuses before.
    pub(super) fn from_config(stripe: &config::Stripe) -> Result<Self, BlankSecret> {
        let default = match stripe.webhook_secrets.as_slice() {
            [] => None,
            secrets => Some(Endpoint { name: DEFAULT.into(), secrets: signing(secrets)?, account: None }),
        };
        let named = stripe.endpoints.iter().map(|(name, endpoint)| {
            let secrets = signing(&endpoint.webhook_secrets)?;
            Ok((name.clone(), Endpoint { name: name.clone(), secrets, account: endpoint.account.clone() }))
        });
        Ok(Self { default, named: named.collect::<Result<_, _>>()? })
    }

    /// The endpoint at `/webhooks/stripe[/NAME]`.
    pub(super) fn get(&self, name: Option<&str>) -> Option<&Endpoint> {
        match name {
            None => self.default.as_ref(),
            Some(name) => self.named.get(name),
        }
    }
}

fn signing(secrets: &[SecretString]) -> Result<Vec<SigningSecret>, BlankSecret> {
    secrets.iter().map(|secret| SigningSecret::new(secret.expose_secret())).collect()
}
