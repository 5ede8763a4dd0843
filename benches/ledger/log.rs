//! Logs of any size: one simulated account, and as many twins of it as are asked for.

use std::{collections::BTreeSet, ops::Range};

use bytes::Bytes;
use mrrd::{demo::Simulator, ledger::time::UnixTime};

const START: UnixTime = UnixTime(1_704_067_200);
/// Two of these tell twins apart: enough for 3,844 of them.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSUVWXYZTabcdefghijklmnopqrstuvwxyz0123456789";

/// An account's webhooks, cut where the letters go that tell its twins apart.
pub(crate) struct Account {
    webhooks: Vec<Vec<Vec<u8>>>,
    pub(crate) customers: usize,
}

impl Account {
    /// So many customers' first days.
    pub(crate) fn of(customers: u32, days: i64) -> Self {
        let end = START.plus(days * UnixTime::DAY_SECONDS);
        let events = Simulator::new(1, customers, START, end).advance(end);
        let cut = |body: &[u8]| {
            // Every generated id has `_T` or `_1T` in it.
            let id = |at: &usize| body[*at] == b'T' && (body[at - 1] == b'_' || body[at - 2..*at] == *b"_1");
            let (mut pieces, mut from) = (Vec::new(), 0);
            for place in (2..body.len()).filter(id) {
                pieces.push(body[from..place].to_vec());
                from = place + 1;
            }
            pieces.push(body[from..].to_vec());
            pieces
        };
        Self { webhooks: events.iter().map(|event| cut(&event.body)).collect(), customers: customers as usize }
    }

    pub(crate) fn events(&self) -> usize {
        self.webhooks.len()
    }

    /// The webhook at `place` of the log of all twins, in one line.
    pub(crate) fn webhook(&self, place: usize) -> Bytes {
        let twin = place / self.webhooks.len();
        let letters = [LETTERS[twin % LETTERS.len()], LETTERS[twin / LETTERS.len()]];
        let mut body = self.webhooks[place % self.webhooks.len()].join(&letters[..]);
        body.retain(|byte| *byte != b'\n');
        body.into()
    }

    /// Two customers of the log of all twins.
    pub(crate) fn two_customers(&self) -> [String; 2] {
        let named: BTreeSet<String> = (0..self.events()).filter_map(|place| customer(&self.webhook(place))).collect();
        let mut named = named.into_iter();
        [(); 2].map(|()| named.next().expect("an account of two customers at least"))
    }

    /// Where the log of one account tells of its prices.
    pub(crate) fn prices(&self) -> Vec<usize> {
        let told = |webhook: &Vec<Vec<u8>>| {
            let body: serde_json::Value = serde_json::from_slice(&webhook.join(&b"T"[..])).unwrap();
            body["type"] == "price.created"
        };
        (0..self.webhooks.len()).filter(|place| told(&self.webhooks[*place])).collect()
    }

    /// The price of that webhook under another name: names tell causes, so whoever pays it is recomputed.
    pub(crate) fn renamed(&self, place: usize) -> Bytes {
        let mut event: serde_json::Value = serde_json::from_slice(&self.webhook(place)).unwrap();
        event["id"] = format!("evt_renamed{place}").into();
        event["type"] = "price.updated".into();
        event["data"]["object"]["nickname"] = format!("Renamed {place}").into();
        event.to_string().into()
    }

    /// Webhooks of these places in so many rounds of so many, each round of customers of its own. Errors are panics: a bench
    /// that runs out of webhooks measures nothing.
    pub(crate) fn rounds(&self, places: Range<usize>, rounds: usize, of: usize) -> Vec<Vec<Bytes>> {
        let mut all = vec![(BTreeSet::new(), Vec::new()); rounds];
        for body in places.map(|place| self.webhook(place)) {
            let Some(customer) = customer(&body) else { continue };
            let fits = |(customers, bodies): &&mut (BTreeSet<String>, Vec<Bytes>)| {
                bodies.len() < of && !customers.contains(&customer)
            };
            if let Some((customers, bodies)) = all.iter_mut().find(fits) {
                customers.insert(customer);
                bodies.push(body);
            }
        }
        assert!(all.iter().all(|(_, bodies)| bodies.len() == of), "the account has too few webhooks");
        all.into_iter().map(|(_, bodies)| bodies).collect()
    }

    /// The same again under another event's id: what it says is known, and its customer is recomputed all the same.
    pub(crate) fn again(&self, place: usize, mark: usize) -> Bytes {
        let body = String::from_utf8(self.webhook(place).to_vec()).unwrap();
        body.replacen("\"evt_", &format!("\"evt_again{mark}_"), 1).into()
    }
}

/// The webhooks of so many twins, one after the other.
pub(crate) struct Twins {
    account: Account,
    places: Range<usize>,
    line: String,
}

impl Twins {
    pub(crate) fn of(account: Account, twins: usize) -> Self {
        let places = 0..account.events() * twins;
        Self { account, places, line: String::new() }
    }

    pub(crate) fn next_line(&mut self) -> Option<&str> {
        let webhook = self.account.webhook(self.places.next()?);
        self.line = String::from_utf8(webhook.into()).expect("webhooks are text");
        Some(&self.line)
    }
}

/// The first customer that a webhook names.
fn customer(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = &text[text.find("\"cus_")? + 1..];
    rest.split('"').next().map(str::to_owned)
}
