//! The normaliser: a verified body in, facts out. Which event types are read, and what each says, is here.
//!
//! Objects are read by shape, never by version (docs/wire.md 3); the version is carried along as a hint.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    before::{Previous, lay_over},
    correction::{ChargeWire, CorrectionWire},
    customer::{CustomerWire, ProductWire},
    discount::{CouponWire, DiscountWire},
    envelope::{Content, Envelope, NotAnEvent},
    invoice::InvoiceWire,
    json::{Named, Obj, Oddities, Raw, shared},
    plausible,
    price::{PriceWire, TaxRateWire},
    schedule::ScheduleWire,
    subscription::SubscriptionWire,
};
use crate::{
    event::{EventRow, NewEvent, Reading, Source},
    ledger::{
        fact::{DiscountState, Fact, InvoiceStatus, Origin, Role, State},
        ids::{AccountId, EventId},
        time::UnixTime,
    },
};

/// The version of what is below: facts of a newer one replace those of an older one (docs/decisions/003-facts-are-states.md).
pub use crate::ledger::fact::NORMALISER;

/// An event as read from its body: all of [`crate::event::NewEvent`] but how and when it came.
#[derive(Clone, Debug)]
pub struct ReadEvent {
    /// Stripe's id of the event.
    pub id: EventId,
    /// Its type; empty where it has none.
    pub kind: Arc<str>,
    /// Whose: `None` for the account's own events.
    pub account: Option<AccountId>,
    /// Live or test; test where it doesn't say.
    pub livemode: bool,
    /// Stripe's `created`; 1970 where it has none, and then it is unreadable.
    pub created: UnixTime,
    /// The version of Stripe's API that the shape follows; `None` where the event doesn't tell.
    pub api_version: Option<Arc<str>>,
    /// What the normaliser made of it.
    pub reading: Reading,
    /// Names of fields that held something unexpected; never a value.
    pub oddities: Vec<&'static str>,
    /// It says itself that it is an event: where it doesn't, its id and type may be those of an envelope around one.
    pub named: bool,
}

impl ReadEvent {
    /// The event as the log takes it: `body` is what it was read from. What tells of an instant that can't be at
    /// `received_at` is kept without a fact.
    pub fn received(self, body: Bytes, received_at: UnixTime, source: Source) -> NewEvent {
        let Self { id, kind, account, livemode, created, api_version, reading, oddities: _, named: _ } = self;
        let reading = plausible::checked(reading, livemode, received_at);
        NewEvent { id, kind, account, livemode, created, api_version, received_at, source, body, reading }
    }
}

/// Reads a verified body. Errors only when it is no event at all; what can't be read of an event is in its reading.
pub fn read(body: &[u8]) -> Result<ReadEvent, NotAnEvent> {
    let mut odd = Oddities::default();
    let envelope = Envelope::read(body, &mut odd)?;
    let kind = envelope.kind.as_deref().unwrap_or("");
    let api_version: Option<Arc<str>> = envelope.api_version.as_deref().map(shared);
    let reading = match (&envelope.content, envelope.created) {
        (Content::Thin { snapshot_event, related }, _) => Reading::Thin(pointer(snapshot_event, related)),
        (Content::Snapshot { .. }, None) => Reading::Unreadable("the event has no created time".into()),
        (Content::Snapshot { .. }, _) if odd.beyond.is_some() && Object::of_event(kind).is_some() => {
            Reading::Unreadable(odd.beyond.take().unwrap_or_default())
        }
        (Content::Snapshot { object, previous }, Some(at)) => {
            let header = Header { event: &envelope.id, at, api_version: &api_version, origin: Origin::Event };
            read_snapshot(kind, &header, *object, *previous, &mut odd)
        }
    };
    Ok(ReadEvent {
        kind: shared(kind),
        account: envelope.account,
        livemode: envelope.livemode,
        created: envelope.created.unwrap_or(UnixTime(0)),
        api_version,
        reading,
        oddities: odd.fields,
        named: envelope.named,
        id: envelope.id,
    })
}

/// Reads an answer of Stripe's API: a bare object, or a list object whose elements become facts each. `at` is the
/// answer's `Date`, `event` the digest that names the answer in the log.
pub fn read_answer(body: &[u8], event: &EventId, at: UnixTime, api_version: Option<Arc<str>>) -> Reading {
    let Ok(text) = std::str::from_utf8(body) else { return Reading::Unreadable("the answer is not JSON".into()) };
    let header = Header { event, at, api_version: &api_version, origin: Origin::Api };
    let mut odd = Oddities::default();
    let Some((elements, _)) = list_elements(text) else {
        return read_bare(text, &header, &mut odd);
    };
    let mut facts = Vec::with_capacity(elements.len());
    for element in elements {
        match read_bare(element, &header, &mut odd) {
            Reading::Facts(more) => facts.extend(more),
            Reading::Ignored | Reading::Thin(_) => {}
            unreadable @ Reading::Unreadable(_) => return unreadable,
        }
    }
    if facts.is_empty() { Reading::Ignored } else { Reading::Facts(facts) }
}

/// Reads once more what the log has kept: an event, else an answer of Stripe's API, told apart by shape. Its row in the log
/// tells of an answer what it doesn't say itself.
pub fn read_again(body: &[u8], row: &EventRow) -> Reading {
    let api_version = row.api_version.as_deref().map(Into::into);
    let reading =
        read(body).map_or_else(|_| read_answer(body, &row.id, row.created, api_version), |event| event.reading);
    plausible::checked(reading, row.livemode, row.received_at)
}

/// The elements of a list object, each as its own text, and whether there are more; `None` for anything else.
pub fn list_elements(body: &str) -> Option<(Vec<&str>, bool)> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ListWire<'a> {
        #[serde(borrow)]
        object: Raw<'a>,
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
        #[serde(borrow)]
        has_more: Raw<'a>,
    }
    let list: ListWire<'_> = serde_json::from_str(body).ok()?;
    if list.object.string().as_deref() != Some("list") {
        return None;
    }
    Some((list.data.into_iter().map(RawValue::get).collect(), list.has_more.0 == Some("true")))
}

/// Whether the list `field` inside an object shows only its beginning.
pub fn is_cut(object: &str, field: &str) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ListWire<'a> {
        #[serde(borrow)]
        has_more: Raw<'a>,
    }
    let object: Option<BTreeMap<Cow<'_, str>, &RawValue>> = serde_json::from_str(object).ok();
    let list = object.as_ref().and_then(|object| serde_json::from_str::<ListWire<'_>>(object.get(field)?.get()).ok());
    list.is_some_and(|list| list.has_more.0 == Some("true"))
}

/// The object with all `elements` in its list `field`, each as it is; `None` where it is no object.
pub fn with_list<'e>(object: &str, field: &str, elements: impl Iterator<Item = &'e str>) -> Option<String> {
    let elements: Vec<&str> = elements.collect();
    let whole = format!("{{\"{field}\":{{\"data\":[{}],\"has_more\":false}}}}", elements.join(","));
    lay_over(object, &Previous::parse(&whole)?, false)
}

/// What a thin event names, space separated: the twin snapshot's event, then the related object.
fn pointer(snapshot_event: &Option<Arc<str>>, related: &Option<Arc<str>>) -> String {
    let named: Vec<&str> = [snapshot_event, related].into_iter().flatten().map(|id| &**id).collect();
    named.join(" ")
}

/// Whether a thin event of this type points to an object that figures rest on.
pub fn matters(thin: &str) -> bool {
    let read_as = thin.strip_prefix("v1.").and_then(Object::of_event);
    read_as.is_some_and(|object| {
        !matches!(object, Object::CreditNote | Object::Refund | Object::Charge | Object::Schedule)
    })
}

/// Why an event of this type says nothing to mrrd: the reason of what was ignored.
pub fn ignored_because(kind: &str) -> &'static str {
    match kind {
        "invoice.upcoming" => "a forecast: the invoice itself tells when it is there",
        "charge.refunded" => "a charge that doesn't list its refunds: the events of the refund tell",
        _ => "of a type that mrrd doesn't read",
    }
}

/// What every fact of one event or answer shares.
struct Header<'a> {
    event: &'a EventId,
    at: UnixTime,
    api_version: &'a Option<Arc<str>>,
    origin: Origin,
}

impl Header<'_> {
    fn fact(&self, role: Role, state: State) -> Fact {
        Fact {
            event: self.event.clone(),
            at: self.at,
            api_version: self.api_version.clone(),
            origin: self.origin,
            role,
            state,
        }
    }
}

/// The objects mrrd reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Subscription,
    Invoice,
    Customer,
    Price,
    Product,
    Coupon,
    Discount,
    CreditNote,
    Refund,
    Charge,
    Schedule,
    TaxRate,
}

impl Object {
    /// The object a snapshot event of this type carries, if mrrd reads it.
    fn of_event(kind: &str) -> Option<Self> {
        let (family, action) = kind.rsplit_once('.')?;
        match family {
            "customer.subscription" => Some(Self::Subscription),
            // An upcoming invoice is a forecast without an id.
            "invoice" if action != "upcoming" => Some(Self::Invoice),
            "customer" => Some(Self::Customer).filter(|_| matches!(action, "created" | "updated" | "deleted")),
            "price" | "plan" => Some(Self::Price),
            "product" => Some(Self::Product),
            "coupon" => Some(Self::Coupon),
            "customer.discount" => Some(Self::Discount),
            "credit_note" => Some(Self::CreditNote),
            "refund" | "charge.refund" => Some(Self::Refund),
            "charge" if action == "refunded" => Some(Self::Charge),
            "subscription_schedule" => Some(Self::Schedule),
            "tax_rate" => Some(Self::TaxRate),
            _ => None,
        }
    }

    /// The object named by its own `object`.
    fn named(name: &str) -> Option<Self> {
        match name {
            "subscription" => Some(Self::Subscription),
            "invoice" => Some(Self::Invoice),
            "customer" => Some(Self::Customer),
            "price" | "plan" => Some(Self::Price),
            "product" => Some(Self::Product),
            "coupon" => Some(Self::Coupon),
            "discount" => Some(Self::Discount),
            "credit_note" => Some(Self::CreditNote),
            "refund" => Some(Self::Refund),
            "charge" => Some(Self::Charge),
            "subscription_schedule" => Some(Self::Schedule),
            "tax_rate" => Some(Self::TaxRate),
            _ => None,
        }
    }
}

fn role_of(kind: &str) -> Role {
    match kind.rsplit('.').next() {
        Some("created") => Role::Created,
        Some("updated") => Role::Updated,
        Some("deleted") => Role::Deleted,
        _ => Role::Other,
    }
}

fn read_snapshot(
    kind: &str,
    header: &Header<'_>,
    object: Option<&str>,
    previous: Option<&str>,
    odd: &mut Oddities,
) -> Reading {
    if kind.is_empty() {
        return Reading::Unreadable("the event has no type".into());
    }
    let Some(read_as) = Object::of_event(kind) else { return Reading::Ignored };
    let Some(text) = object else { return Reading::Unreadable("the event has no data.object".into()) };
    read_object(read_as, header, role_of(kind), text, previous, odd)
}

/// A bare object is read as what it says it is.
fn read_bare(text: &str, header: &Header<'_>, odd: &mut Oddities) -> Reading {
    match name_of(text).as_deref().map(Object::named) {
        Some(Some(object)) => read_object(object, header, Role::Read, text, None, odd),
        Some(None) => Reading::Ignored,
        None => Reading::Unreadable("the answer is not an object of Stripe's".into()),
    }
}

fn name_of(text: &str) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named<'a> {
        #[serde(borrow)]
        object: Raw<'a>,
    }
    let named: Named<'_> = serde_json::from_str(text).ok()?;
    named.object.string().map(|name| name.into_owned())
}

fn read_object(
    object: Object,
    header: &Header<'_>,
    role: Role,
    text: &str,
    previous: Option<&str>,
    odd: &mut Oddities,
) -> Reading {
    let states = match object {
        Object::Subscription => subscription(text, header, previous, odd).map(|state| vec![state]),
        Object::Invoice => parse::<InvoiceWire<'_>>(text, object).and_then(|invoice| {
            let mut state = invoice.read(header.at, odd)?;
            if role == Role::Deleted {
                state.status = InvoiceStatus::Deleted;
            }
            let customer = state.customer.clone();
            let shown = invoice.discounts(odd).into_iter().map(|discount| {
                let customer = discount.customer.or_else(|| customer.clone());
                State::Discount(DiscountState { customer, ..discount })
            });
            Ok(std::iter::once(State::Invoice(Box::new(state))).chain(shown).collect())
        }),
        Object::Customer => parse::<CustomerWire<'_>>(text, object)
            .and_then(|customer| customer.read(role == Role::Deleted, odd))
            .map(|customer| vec![State::Customer(Box::new(customer))]),
        Object::Price => parse::<PriceWire<'_>>(text, object)
            .and_then(|price| price.read(odd).ok_or("the price has no id"))
            .map(|price| vec![State::Price(Box::new(price))]),
        Object::Product => parse::<ProductWire<'_>>(text, object)
            .and_then(|product| product.read(odd))
            .map(|product| vec![State::Product(product)]),
        Object::Coupon => parse::<CouponWire<'_>>(text, object)
            .and_then(|coupon| coupon.read(odd).ok_or("the coupon has no id"))
            .map(|coupon| vec![State::Coupon(coupon)]),
        Object::Discount => parse::<DiscountWire<'_>>(text, object).and_then(|discount| {
            let discount = discount.read(odd);
            match (&discount.id, &discount.coupon) {
                (None, None) => Err("the discount has neither id nor coupon"),
                _ => Ok(vec![State::Discount(discount)]),
            }
        }),
        Object::CreditNote | Object::Refund => parse::<CorrectionWire<'_>>(text, object)
            .and_then(|correction| {
                correction.read(if object == Object::Refund { "refund" } else { "credit_note" }, odd)
            })
            .map(|correction| vec![State::Correction(correction)]),
        Object::Charge => parse::<ChargeWire<'_>>(text, object)
            .map(|charge| charge.read(odd).into_iter().map(State::Correction).collect()),
        Object::Schedule => parse::<ScheduleWire<'_>>(text, object)
            .and_then(|schedule| schedule.read(odd))
            .map(|schedule| vec![State::Schedule(schedule)]),
        Object::TaxRate => parse::<TaxRateWire<'_>>(text, object)
            .and_then(|rate| rate.state(odd))
            .map(|rate| vec![State::TaxRate(rate)]),
    };
    // What an invoice shows of a discount is its terms: it is neither put on nor taken off by it.
    let role_of = |state: &State| match state {
        State::Discount(_) if object == Object::Invoice => Role::Other,
        _ => role,
    };
    // What can't be Stripe's in one place makes the whole object's figures unknown: no part of it counts.
    if let Some(beyond) = odd.beyond.take() {
        return Reading::Unreadable(beyond);
    }
    match states {
        // A charge that doesn't list its refunds: `refund.*` tells them.
        Ok(states) if states.is_empty() => Reading::Ignored,
        Ok(states) => Reading::Facts(states.into_iter().map(|state| header.fact(role_of(&state), state)).collect()),
        Err(reason) => Reading::Unreadable(reason.into()),
    }
}

/// Parses `text` as what the event's type says it is; where it names itself, that must agree.
fn parse<'a, T: Deserialize<'a> + Named>(text: &'a str, expected: Object) -> Result<T, &'static str> {
    match serde_json::from_str::<Obj<T>>(text) {
        Ok(Obj::Is(value)) => match value.object().string() {
            Some(name) if Object::named(&name) != Some(expected) => {
                Err("data.object is not the object that the event's type names")
            }
            _ => Ok(value),
        },
        Ok(_) => Err("data.object is not an object"),
        Err(_) => Err("data.object repeats a key or holds text that isn't Unicode"),
    }
}

fn subscription(
    text: &str,
    header: &Header<'_>,
    previous: Option<&str>,
    odd: &mut Oddities,
) -> Result<State, &'static str> {
    let after = Box::new(parse::<SubscriptionWire<'_>>(text, Object::Subscription)?.read(header.at, odd)?);
    let before = previous.and_then(|previous| {
        let before = subscription_before(text, previous, header, odd);
        if before.is_none() {
            odd.note("data.previous_attributes");
        }
        before.map(Box::new)
    });
    Ok(State::Subscription { before, after })
}

fn subscription_before(
    text: &str,
    previous: &str,
    header: &Header<'_>,
    odd: &mut Oddities,
) -> Option<crate::ledger::fact::SubscriptionState> {
    // Dates compare as text; absent is before 2014-10-31.
    let partial_arrays = header.api_version.as_deref().is_none_or(|version| version < "2017-05-25");
    let previous = Previous::parse(previous)?;
    let merged = lay_over(text, &previous, partial_arrays)?;
    let mut wire = parse::<SubscriptionWire<'_>>(&merged, Object::Subscription).ok()?;
    if !previous.touches("items") {
        wire.lay_over_single_item(previous.touches("plan"), previous.touches("quantity"));
    }
    wire.read(header.at, odd).ok()
}
