//! What the webhook endpoints at Stripe send to mrrd, as far as the key may read it.

use serde::Deserialize;

use crate::{
    config::Config,
    stripe::client::{ApiError, Client, lists, lists::Page},
};

/// Without these no figure is right.
const ESSENTIAL: [&str; 3] =
    ["customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"];

/// Without these something is learnt late, estimated or not at all.
const USEFUL: [&str; 10] = [
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.deleted",
    "customer.discount.created",
    "customer.discount.deleted",
    "coupon.created",
    "price.created",
    "price.updated",
    "invoice.finalized",
    "invoice.paid",
];

/// An endpoint as Stripe describes it.
#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    enabled_events: Vec<String>,
}

/// What was found about one of them, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All is well, or can't be looked at.
    Well(String),
    /// Something would be learnt late.
    Lacking(String),
    /// Figures will be wrong.
    Wrong(String),
}

impl Endpoint {
    /// Whether it may be one of mrrd's: by the end of its address, for a proxy may stand before it.
    fn is_ours(&self, config: &Config) -> bool {
        let path = self.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let named = config.stripe.endpoints.keys().any(|name| path.ends_with(&format!("/webhooks/stripe/{name}")));
        named || path.ends_with("/webhooks/stripe")
    }

    fn sends(&self, kind: &str) -> bool {
        self.enabled_events.iter().any(|enabled| match enabled.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => enabled == kind,
        })
    }

    fn judged(&self) -> Found {
        let Self { id, url, status, .. } = self;
        let lacking = |kinds: &[&str]| -> Vec<String> {
            kinds.iter().filter(|kind| !self.sends(kind)).map(|kind| (*kind).to_owned()).collect()
        };
        if status == "disabled" {
            return Found::Wrong(format!(
                "{id} ({url}) is disabled at Stripe: it sends nothing until it is enabled there"
            ));
        }
        let (essential, useful) = (lacking(&ESSENTIAL), lacking(&USEFUL));
        if !essential.is_empty() {
            let kinds = essential.join(", ");
            return Found::Wrong(format!(
                "{id} ({url}) doesn't send {kinds}: add them, MRR is counted from subscriptions"
            ));
        }
        if !useful.is_empty() {
            return Found::Lacking(format!("{id} ({url}) doesn't send {}: add them", useful.join(", ")));
        }
        Found::Well(format!("{id} ({url}) sends what figures need"))
    }
}

/// Looks at every endpoint that posts to mrrd. Errors only where Stripe can't be asked.
pub(super) async fn look(client: &Client, config: &Config) -> Result<Vec<Found>, ApiError> {
    let (mut all, mut after): (Vec<Endpoint>, Option<String>) = (Vec::new(), None);
    loop {
        let answer = match client.get(&lists::webhook_endpoints(after.as_deref())).await {
            Err(ApiError::Permission { permission, .. }) => {
                let detail = format!(
                    "the key may not read webhook endpoints ({permission}), so it isn't known which event types they send"
                );
                return Ok(vec![Found::Well(detail)]);
            }
            answer => answer?,
        };
        let page = Page::from_answer(&answer)?;
        let read = |body: &bytes::Bytes| {
            let reason = |error: serde_json::Error| ApiError::Unreadable {
                path: answer.path.clone(),
                reason: format!("an endpoint can't be read: {error}"),
            };
            serde_json::from_slice::<Endpoint>(body).map_err(reason)
        };
        all.extend(page.elements.iter().map(read).collect::<Result<Vec<_>, _>>()?);
        after = all.last().map(|last| last.id.clone()).filter(|_| page.has_more);
        if after.is_none() {
            break;
        }
    }
    let ours: Vec<Found> = all.iter().filter(|one| one.is_ours(config)).map(Endpoint::judged).collect();
    if ours.is_empty() {
        let detail = format!(
            "none of the {} webhook endpoints that this key's account has posts to …/webhooks/stripe: is it the account, and \
             live or test as it should be?",
            all.len()
        );
        return Ok(vec![Found::Lacking(detail)]);
    }
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_judged_by_what_it_sends() {
        let endpoint = |status: &str, events: &[&str]| Endpoint {
            id: "we_1".into(),
            url: "https://x.example/webhooks/stripe".into(),
            status: status.into(),
            enabled_events: events.iter().map(|one| (*one).to_owned()).collect(),
        };
        assert!(matches!(endpoint("enabled", &["*"]).judged(), Found::Well(_)));
        assert!(matches!(endpoint("disabled", &["*"]).judged(), Found::Wrong(_)));
        assert!(
            matches!(endpoint("enabled", &ESSENTIAL).judged(), Found::Lacking(said) if said.contains("invoice.paid"))
        );
        let invoices = endpoint("enabled", &["invoice.*", "customer.subscription.updated"]).judged();
        assert!(
            matches!(&invoices, Found::Wrong(said) if said.contains("customer.subscription.created, customer.subscription.deleted")),
            "{invoices:?}"
        );
    }
}
