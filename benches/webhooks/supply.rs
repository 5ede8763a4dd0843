//! Distinct webhooks without end: one simulated account, and as many twins of it as there are letters.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use mrrd::{demo::Simulator, ledger::time::UnixTime};

const TWINS: &[u8; 62] = b"TABCDEFGHIJKLMNOPQRSUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The account's webhooks, and where in each its ids tell the twins apart.
pub(crate) struct Account {
    bodies: Vec<(Vec<u8>, Vec<usize>)>,
}

impl Account {
    /// Two years of so many customers.
    pub(crate) fn of(customers: u32) -> Self {
        let mut account = Simulator::new(1, customers, UnixTime(1_704_067_200), UnixTime(1_767_225_600));
        let events = account.advance(UnixTime(1_767_225_600));
        let with_places = |body: Bytes| {
            // Every generated id has `_T` or `_1T` in it.
            let id = |at: &usize| body[*at] == b'T' && (body[at - 1] == b'_' || body[at - 2..*at] == *b"_1");
            let places = (2..body.len()).filter(id).collect();
            (body.to_vec(), places)
        };
        Self { bodies: events.into_iter().map(|event| with_places(event.body)).collect() }
    }

    /// Bytes of a webhook on average.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.bodies.iter().map(|(body, _)| body.len()).sum::<usize>() / self.bodies.len()
    }
}

/// Hands each webhook out once.
pub(crate) struct Supply<'a> {
    account: &'a Account,
    next: AtomicUsize,
}

impl<'a> Supply<'a> {
    pub(crate) fn of(account: &'a Account) -> Self {
        Self { account, next: AtomicUsize::new(0) }
    }

    /// The next webhook.
    pub(crate) fn take(&self) -> Bytes {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let bodies = &self.account.bodies;
        let twin = TWINS[place / bodies.len() % TWINS.len()];
        let (body, ids) = &bodies[place % bodies.len()];
        let mut body = body.clone();
        for id in ids {
            body[*id] = twin;
        }
        body.into()
    }

    /// How many were taken.
    pub(crate) fn taken(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }
}
