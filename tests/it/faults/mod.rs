//! The disk fails: every write, flush and truncation in turn, a file system that fills, files that are removed, cut, replaced
//! or damaged. mrrd goes on by itself or says plainly what is missing, and nothing acknowledged is lost.
#![cfg(target_os = "linux")]

mod at_fault;
mod derived_file;
mod full_disk;
mod injected;
mod log_file;
pub(crate) mod shim;

use std::time::{Duration, Instant};

use crate::{serving::webhooks::event, support::daemon::Daemon};

/// How long something may take that comes within seconds: a bound for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `come` says so.
pub(crate) async fn until(what: &str, daemon: &mut Daemon, mut come: impl AsyncFnMut(&mut Daemon) -> bool) {
    let since = Instant::now();
    while !come(daemon).await {
        assert!(since.elapsed() < PATIENCE, "{what}: it never came:\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Posts an event of that id and answers the status.
pub(crate) async fn posted(daemon: &mut Daemon, id: &str) -> u16 {
    daemon.post(event(id)).await.status
}

/// An event with a subscription, so that the reconciler has something to write.
pub(crate) fn subscription(id: &str, customer: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","type":"customer.subscription.created","created":1767225600,"livemode":true,
            "pending_webhooks":1,"api_version":"2025-09-30.clover","data":{{"object":{{"id":"sub_{customer}",
            "object":"subscription","customer":"{customer}","status":"active","currency":"usd","created":1767225600,
            "start_date":1767225600,"livemode":true,"cancel_at_period_end":false,"discounts":[],"metadata":{{}},
            "items":{{"object":"list","has_more":false,"data":[{{"id":"si_{customer}","object":"subscription_item",
            "quantity":1,"current_period_start":1767225600,"current_period_end":1769904000,"discounts":[],"tax_rates":[],
            "price":{{"id":"price_1","object":"price","active":true,"billing_scheme":"per_unit","created":1767225600,
            "currency":"usd","livemode":true,"product":"prod_1","type":"recurring","unit_amount":1000,
            "unit_amount_decimal":"1000","recurring":{{"interval":"month","interval_count":1,"usage_type":"licensed"}}}}
            }}]}}}}}}}}"#
    )
}
