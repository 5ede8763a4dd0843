//! Whether webhooks are refused now: only the process that takes them knows, so it is asked where it listens.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, header};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    doctor_finding::{Finding, Verdict},
    doctor_machine::PATIENCE,
    healthcheck,
};
use crate::{
    access::first,
    config::{Config, Role},
    demo::http::{Answer, Client},
};

const CHECK: &str = "webhooks";

/// What of endpoints can be told.
pub(super) struct Told {
    /// Whether any endpoint is known to refuse what comes and to take none.
    pub(super) refused: bool,
    pub(super) findings: Vec<Finding>,
}

/// Asks the mrrd that listens at `server.listen`; `answers` says whether one does that keeps this ledger.
pub(super) async fn refused(config: &Config, answers: bool) -> Told {
    let address = healthcheck::from_here(config.server.listen);
    if !config.server.has(Role::Receiver) {
        let detail = "whether any are refused isn't known here, since server.roles has no receiver: run doctor where webhooks are taken";
        return Told::one(Verdict::Ok, detail.into());
    }
    if !answers {
        return not_known(&format!("no mrrd of this ledger answers at {address}"));
    }
    let (token, closed) = match first::for_commands(config) {
        Ok(Some(token)) => (Some(token), "the token of this configuration doesn't open /api/v1/status".to_owned()),
        Ok(None) => (None, "this user has no token that opens /api/v1/status".to_owned()),
        Err(error) => (None, error.to_string()),
    };
    let bearer = token.map(|token| format!("Bearer {}", token.expose_secret()));
    let why = match get(address, "/api/v1/status", bearer.as_deref()).await {
        Ok(answer) if answer.status == 200 => {
            if let Some(list) = answer.json()["webhooks_refused"].as_array() {
                return told(address, list.iter().map(of_status).collect());
            }
            "its /api/v1/status doesn't tell it".to_owned()
        }
        // A process without the role `api` has no such route, and what it counts is open to everybody.
        Ok(Answer { status: 401, .. }) => closed,
        Ok(answer) => format!("/api/v1/status answers {}", answer.status),
        Err(error) => return not_known(&format!("{address} was asked: {error}")),
    };
    match get(address, "/metrics", None).await {
        Ok(answer) if answer.status == 200 => match counted(&String::from_utf8_lossy(&answer.body)) {
            Some(endpoints) => told(address, endpoints.iter().map(|name| of_metrics(name, &why)).collect()),
            None => not_known(&format!("{why}, and /metrics of {address} doesn't tell it")),
        },
        Ok(answer) => not_known(&format!("{why}, and /metrics of {address} answers {}", answer.status)),
        Err(error) => not_known(&format!("{why}, and /metrics was asked: {error}")),
    }
}

impl Told {
    fn one(verdict: Verdict, detail: String) -> Self {
        Self { refused: false, findings: vec![Finding { check: CHECK, verdict, detail }] }
    }
}

fn not_known(why: &str) -> Told {
    Told::one(Verdict::Warning, format!("whether any are refused now isn't known: {why}"))
}

fn told(address: SocketAddr, findings: Vec<Finding>) -> Told {
    if findings.is_empty() {
        return Told::one(Verdict::Ok, format!("no endpoint of the mrrd at {address} refuses all that comes"));
    }
    Told { refused: true, findings }
}

async fn get(address: SocketAddr, path: &str, bearer: Option<&str>) -> Result<Answer, String> {
    let fields: Vec<(&str, &str)> = bearer.map(|token| (header::AUTHORIZATION.as_str(), token)).into_iter().collect();
    let mut client = Client::new(address);
    match timeout(PATIENCE, client.send(Method::GET, path, &fields, Bytes::new())).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it did not answer within {} seconds", PATIENCE.as_secs())),
    }
}

/// One entry of `webhooks_refused`. As on every page of the dashboard: what is surely Stripe's is a fault, and what anybody may have
/// posted is a doubt.
fn of_status(one: &Value) -> Finding {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let (endpoint, answer) = (text("endpoint"), text("answer"));
    let verified = one["verified"] == true;
    let taken = one["last_taken_at"].as_str().unwrap_or("that process began");
    let secret = match answer {
        "signature-mismatch" => format!(" ({})", secrets_of(endpoint)),
        _ => String::new(),
    };
    let whose = if verified {
        "nothing that Stripe sends there now is in any figure"
    } else {
        "anybody may post there; if it is Stripe, nothing of it is in any figure"
    };
    let detail = format!(
        "what is posted to {} is refused ({answer}) since {}, and none was taken since {taken}: {}{secret}. {whose}, and Stripe sends it \
         again for three days",
        posted_to(endpoint),
        text("since"),
        text("detail"),
    );
    Finding { check: CHECK, verdict: if verified { Verdict::Failed } else { Verdict::Warning }, detail }
}

/// The same where only the counters could be read: neither the reason nor whether it is Stripe.
fn of_metrics(endpoint: &str, why: &str) -> Finding {
    let detail = format!(
        "what is posted to {} is refused, and none is taken; why isn't known here, since {why}: the daemon's log and /api/v1/status say it",
        posted_to(endpoint)
    );
    Finding { check: CHECK, verdict: Verdict::Warning, detail }
}

/// The endpoints that refuse all, of the text of `/metrics`; `None` where it tells of no endpoint at all.
fn counted(text: &str) -> Option<Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("mrrd_webhooks_all_refused{endpoint=\""));
    let mut told: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once("\"} ")).collect();
    told.sort_unstable();
    let refusing = told.iter().filter(|(_, refuses)| *refuses != "0").map(|(name, _)| (*name).to_owned());
    (!told.is_empty()).then(|| refusing.collect())
}

fn posted_to(endpoint: &str) -> String {
    match endpoint {
        "default" => "/webhooks/stripe".into(),
        "unknown" => "an address that no endpoint has".into(),
        name => format!("/webhooks/stripe/{name}"),
    }
}

fn secrets_of(endpoint: &str) -> String {
    match endpoint {
        "default" => "stripe.webhook_secrets".into(),
        name => format!("stripe.endpoints.{name}.webhook_secrets"),
    }
}
