//! Erasing a customer: every body that names them leaves the log, under a row that says when and why. Facts, figures and
//! the chain of seals stay as they are: they hold ids, times and money, and the seals cover digests.

use tokio::sync::watch;

use crate::{
    clock::Clock,
    event::Seq,
    ledger::ids::CustomerId,
    store::{Store, StoreError, log::ReadBy},
};

/// Bodies erased in one transaction, beside webhooks.
const BATCH: usize = 256;

/// What was found and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many bodies were read through.
    pub read: u64,
    /// Bodies that name the customer.
    pub naming: u64,
    /// Bodies erased; none in a dry run.
    pub erased: u64,
}

/// Looks into every body of the log and erases those that name `customer`; `None` for a reason erases nothing. Killed
/// anywhere, it is run again and goes on.
pub async fn run(
    store: &Store,
    customer: &CustomerId,
    reason: Option<&str>,
    clock: &Clock,
    stop: &watch::Receiver<bool>,
    mut progress: impl FnMut(Counts),
) -> Result<Counts, StoreError> {
    let at = clock.now();
    // An id stands in quotes wherever Stripe names it: one that another begins with is somebody else's.
    let needle = format!("\"{customer}\"");
    let (mut counts, mut seq, mut found) = (Counts::default(), Seq::START, Vec::new());
    loop {
        let page =
            if *stop.borrow() { Vec::new() } else { store.log.read_by(ReadBy::OlderThan(i64::MAX), seq).await? };
        for (event, body) in &page {
            counts.read += 1;
            seq = event.seq;
            if names(body, needle.as_bytes()) {
                counts.naming += 1;
                found.push(event.seq);
            }
        }
        if let Some(reason) = reason
            && (found.len() >= BATCH || page.is_empty() && !found.is_empty())
        {
            counts.erased += store.log.erase(&found, reason, at).await?;
            found.clear();
        }
        progress(counts);
        if page.is_empty() {
            if reason.is_some() {
                // Kept beside the ledger, where names are shown: it was read from a body that is gone now.
                store.derived.forget_name(customer).await?;
            }
            return Ok(counts);
        }
    }
}

fn names(body: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(body, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_id_is_somebody_else() {
        assert!(names(br#"{"customer":"cus_1"}"#, br#""cus_1""#));
        assert!(!names(br#"{"customer":"cus_12"}"#, br#""cus_1""#));
    }
}
