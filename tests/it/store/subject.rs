//! What the tests of the store share: a fresh store of each kind, raw SQL behind its back, events to append.

use bytes::Bytes;
use mrrd::{
    event::{CustomerKey, NewEvent, Reading, Source},
    ledger::{
        fact::{
            CouponTerms, CustomerState, Duration, Fact, ItemState, Origin, Price, Role, Scheme, State, Status,
            SubscriptionState, Usage,
        },
        ids::CustomerId,
        time::UnixTime,
    },
    store::Store,
};
use tempfile::TempDir;

use crate::support::{postgres, sql};

/// A store with nothing in it.
pub(super) struct Subject {
    pub(super) store: Store,
    pub(super) url: String,
    _folder: Option<TempDir>,
}

impl Subject {
    pub(super) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("mrrd.db").display());
        Self { store: Store::open(&url).await.unwrap(), url, _folder: Some(folder) }
    }

    pub(super) async fn postgres() -> Self {
        let url = postgres::database().await;
        Self { store: Store::open(&url).await.unwrap(), url, _folder: None }
    }

    /// The same database in another process, as far as the store can tell.
    pub(super) async fn again(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Runs SQL on the log behind the store's back.
    pub(super) async fn sql(&self, text: &str) -> Result<(), sqlx::Error> {
        sql::run(&self.url, text).await
    }

    /// A trigger that protects the log is taken off, as an intruder with the database's password would.
    pub(super) async fn unprotect(&self, table: &str) {
        sql::unprotect(&self.url, table).await;
    }
}

/// One test for each database.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($subject:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn check($subject: Subject) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(Subject::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(Subject::postgres().await).await;
            }
        }
    )+};
}
pub(super) use on_both;

/// An event without facts.
pub(super) fn event(id: &str) -> NewEvent {
    with_body(id, &format!(r#"{{"id":"{id}","object":"event","pending_webhooks":1}}"#))
}

/// The same with a body of one's own.
pub(super) fn with_body(id: &str, body: &str) -> NewEvent {
    NewEvent {
        id: id.into(),
        kind: "customer.subscription.updated".into(),
        account: None,
        livemode: true,
        created: UnixTime(1_700_000_000),
        api_version: Some("2026-10-28.endive".into()),
        received_at: UnixTime(1_700_000_002),
        source: Source::Webhook,
        body: Bytes::copy_from_slice(body.as_bytes()),
        reading: Reading::Ignored,
    }
}

/// An event with facts.
pub(super) fn saying(id: &str, states: Vec<State>) -> NewEvent {
    let facts = states.into_iter().map(|state| fact(id, state)).collect();
    NewEvent { reading: Reading::Facts(facts), ..event(id) }
}

/// A fact of the event `id`.
pub(super) fn fact(id: &str, state: State) -> Fact {
    Fact {
        event: id.into(),
        at: UnixTime(1_700_000_000),
        api_version: Some("2026-10-28.endive".into()),
        origin: Origin::Event,
        role: Role::Updated,
        state,
    }
}

/// A customer of the account's own, live.
pub(super) fn key(customer: &str) -> CustomerKey {
    CustomerKey { livemode: true, account: None, customer: customer.into() }
}

/// That a customer exists.
pub(super) fn customer(id: &str) -> State {
    State::Customer(Box::new(CustomerState {
        id: CustomerId::from(id),
        country: Some("DE".into()),
        discount: None,
        deleted: false,
        test_clock: None,
    }))
}

/// A subscription of one item at a price.
pub(super) fn subscription(id: &str, customer: &str, price_id: &str) -> State {
    let item = ItemState {
        id: format!("si_{id}").as_str().into(),
        price: price_of(price_id),
        quantity: None,
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        period: None,
        trial: None,
    };
    State::Subscription {
        before: None,
        after: Box::new(SubscriptionState {
            id: id.into(),
            customer: customer.into(),
            status: Status::Active,
            currency: "usd".parse().ok(),
            items: vec![item],
            items_complete: true,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            created: UnixTime(1_600_000_000),
            created_bound: false,
            start_date: None,
            ended_at: None,
            canceled_at: None,
            cancel_at: None,
            cancel_at_period_end: false,
            trial_start: None,
            trial_end: None,
            period: None,
            pause_collection: None,
            pause_reason: None,
            cancel_reason: None,
            cancel_feedback: None,
            latest_invoice: None,
            pending_update: false,
            test_clock: None,
        }),
    }
}

fn price_of(id: &str) -> Price {
    Price {
        id: id.into(),
        product: Some("prod_1".into()),
        currency: "usd".parse().ok(),
        scheme: Scheme::Unknown,
        interval: None,
        usage: Usage::Licensed,
        transform: None,
        tax_inclusive: false,
        lookup_key: None,
        nickname: None,
        currency_options: Default::default(),
        unknown: None,
    }
}

/// A price, told apart from any subscription.
pub(super) fn price(id: &str) -> State {
    State::Price(Box::new(price_of(id)))
}

/// A coupon, likewise.
pub(super) fn coupon(id: &str) -> State {
    State::Coupon(CouponTerms {
        id: id.into(),
        off: None,
        duration: Duration::Unknown,
        months: None,
        currency_options: Default::default(),
        products: None,
    })
}
