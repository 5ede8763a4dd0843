//! The objects themselves: every customer, price, coupon, subscription and invoice as it stands, appended as answered.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use stripe_client_core::RequestBuilder;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    answers,
    backfill::{DONE, Fetch, HistoryError, append, read_all},
    replay::Counts,
};
use crate::{
    event::{CustomerKey, NewEvent, Reading, naming},
    ledger::{
        fact::{Fact, Role},
        ids::EventId,
        time::UnixTime,
    },
    store::StoreError,
    stripe::{
        client::{
            Answer, ApiError,
            lists::{Objects, Page},
        },
        read,
    },
};

impl Fetch {
    /// What belongs to the walk over the lists under way is kept below this.
    fn walk(&self) -> String {
        format!("history.{}.", self.client.mode())
    }

    /// Walks all lists side by side, each from where it was left. `watch` hears of every page. A list that is refused ends
    /// no other: it is an error when all have ended, and the next walk goes on with it alone.
    pub async fn objects(&self, mut watch: impl FnMut(Objects, &Counts)) -> Result<Counts, HistoryError> {
        let (pages, mut fetched) = mpsc::channel(Objects::ALL.len());
        let mut tasks = JoinSet::new();
        for list in Objects::ALL {
            let (fetch, pages) = (self.clone(), pages.clone());
            tasks.spawn(async move { fetch.list(list, &pages).await });
        }
        drop(pages);
        let (mut counts, mut refused) = (Counts::default(), Vec::new());
        let mut note = |ended: Result<Result<(), HistoryError>, tokio::task::JoinError>| match ended? {
            Err(HistoryError::Api(error)) if error.refused_route().is_some() => {
                refused.push(error);
                Ok(())
            }
            ended => ended,
        };
        loop {
            tokio::select! {
                page = fetched.recv() => match page {
                    Some((list, page)) => {
                        counts.add(page);
                        watch(list, &page);
                    }
                    None => break,
                },
                Some(ended) = tasks.join_next() => note(ended)?,
            }
        }
        while let Some(ended) = tasks.join_next().await {
            note(ended)?;
        }
        if !refused.is_empty() {
            return Err(HistoryError::Refused(refused));
        }
        self.store.records.clear_progress(&self.walk()).await?;
        Ok(counts)
    }

    async fn list(&self, list: Objects, pages: &mpsc::Sender<(Objects, Counts)>) -> Result<(), HistoryError> {
        let name = format!("{}{}", self.walk(), list.as_str());
        let mut place = self.store.records.progress(&name).await?;
        loop {
            if place.as_deref() == Some(DONE) {
                return Ok(());
            }
            let request = list.page(place.as_deref());
            let (answer, mut in_hand) = match self.kept(&name, &request).await? {
                Some(answer) => (answer, None),
                None => match self.client.take(&request).await {
                    // The object where it was left was deleted meanwhile.
                    Err(ApiError::Missing { .. }) if place.is_some() => {
                        place = None;
                        continue;
                    }
                    answer => answer?,
                },
            };
            let page = Page::from_answer(&answer)?;
            let last = page.elements.last().and_then(|body| answers::id(body));
            let cut = page.elements.iter().any(|body| list.cut(body).is_some());
            if cut {
                // Others are taken while its rest is fetched, so it has to be kept as it is.
                self.keep(&name, &request, &answer).await?;
                in_hand = None;
            }
            let mut elements = Vec::with_capacity(page.elements.len());
            for element in page.elements {
                elements.push(self.whole(list, element, Some(&name)).await?);
            }
            let (events, mut counts) = read_all(elements, |body| answers::object(body, &answer, &self.clock));
            counts.add(self.append_answers(events).await?);
            let kept = last.filter(|_| page.has_more).unwrap_or_else(|| DONE.to_owned());
            self.store.records.set_progress(&name, &kept).await?;
            if cut {
                self.store.records.clear_progress(&format!("{name} ")).await?;
            }
            drop(in_hand);
            place = Some(kept);
            if pages.send((list, counts)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The object with its embedded list whole: Stripe shows the first few lines of an invoice, or items of a subscription,
    /// and the rest on pages of their own. Every element stays as received. With `walk`, each page is kept below that name
    /// until all are there.
    pub(super) async fn whole(&self, list: Objects, body: Bytes, walk: Option<&str>) -> Result<Bytes, HistoryError> {
        let Some((field, id)) = list.cut(&body) else { return Ok(body) };
        let mut pages: Vec<Page> = Vec::new();
        loop {
            let after = pages.last().and_then(|page| answers::id(page.elements.last()?));
            let request = list.rest(&id, after.as_deref());
            let answer = match walk {
                None => self.client.get(&request).await?,
                Some(name) => match self.kept(name, &request).await? {
                    Some(answer) => answer,
                    None => {
                        let (answer, in_hand) = self.client.take(&request).await?;
                        self.keep(name, &request, &answer).await?;
                        drop(in_hand);
                        answer
                    }
                },
            };
            let page = Page::from_answer(&answer)?;
            let more = page.has_more && !page.elements.is_empty();
            pages.push(page);
            if !more {
                break;
            }
        }
        let elements = pages.iter().flat_map(|page| &page.elements).filter_map(|body| std::str::from_utf8(body).ok());
        // An object that can't be put together is kept as it came: what it lacks is told by its `has_more`.
        let text = std::str::from_utf8(&body).unwrap_or_default();
        Ok(read::with_list(text, field, elements).map_or(body.clone(), Bytes::from))
    }

    /// Keeps an answer that isn't used up yet, below `name`.
    async fn keep(&self, name: &str, request: &RequestBuilder, answer: &Answer) -> Result<(), HistoryError> {
        let Answer { path, body, at, api_version, livemode: _ } = answer;
        // A page is text, or it would not have been read as one.
        let text = String::from_utf8_lossy(body);
        let kept = serde_json::json!([path, text, at.0, **api_version]).to_string();
        Ok(self.store.records.set_progress(&place_of(name, request), &kept).await?)
    }

    /// What was kept of it before we were killed.
    async fn kept(&self, name: &str, request: &RequestBuilder) -> Result<Option<Answer>, HistoryError> {
        let kept = self.store.records.progress(&place_of(name, request)).await?;
        let read = |text: String| serde_json::from_str::<(String, String, i64, String)>(&text).ok();
        Ok(kept.and_then(read).map(|(path, text, at, api_version)| Answer {
            path,
            body: text.into(),
            at: UnixTime(at),
            api_version: api_version.into(),
            livemode: self.client.mode() == "live",
        }))
    }

    /// Appends answers about objects, each once for every time it came to say something else.
    pub(super) async fn append_answers(&self, answers: Vec<NewEvent>) -> Result<Counts, StoreError> {
        let ids: Vec<EventId> = answers.iter().map(|answer| answer.id.clone()).collect();
        let known: BTreeSet<EventId> = self.store.log.known_ids(&ids).await?.into_iter().collect();
        let (seen, mut fresh): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| known.contains(&answer.id));
        let last = self.last_known(&seen).await?;
        fresh.extend(seen.into_iter().map(|answer| {
            match fact_of(&answer)
                .and_then(naming::object)
                .and_then(|object| last.get(&(answer.livemode, object.to_owned())))
            {
                // Ids of answers begin with the digest of what they say.
                Some(event) if !event.as_str().starts_with(answer.id.as_str()) => answers::again(answer, event),
                _ => answer,
            }
        }));
        append(&self.store, fresh).await
    }

    /// The newest thing the log knows of each object that `answers` are about.
    async fn last_known(&self, answers: &[NewEvent]) -> Result<BTreeMap<(bool, String), EventId>, StoreError> {
        let mut last: BTreeMap<(bool, String), (_, EventId)> = BTreeMap::new();
        let mut learn = |livemode: bool, fact: &Fact| {
            let Some(object) = naming::object(fact) else { return };
            let rank = (fact.at, fact.role == Role::Read);
            let held = last.entry((livemode, object.to_owned())).or_insert_with(|| (rank, fact.event.clone()));
            // In the log's order: of one second, the later one.
            if rank >= held.0 {
                *held = (rank, fact.event.clone());
            }
        };
        let mut customers: BTreeSet<CustomerKey> = BTreeSet::new();
        let mut others: BTreeMap<bool, BTreeSet<&str>> = BTreeMap::new();
        for (answer, fact) in answers.iter().filter_map(|answer| Some((answer, fact_of(answer)?))) {
            match fact.customer() {
                Some(customer) => {
                    let (livemode, customer) = (answer.livemode, customer.clone());
                    customers.insert(CustomerKey { livemode, account: None, customer });
                }
                None => others.entry(answer.livemode).or_default().extend(naming::object(fact)),
            }
        }
        let customers: Vec<CustomerKey> = customers.into_iter().collect();
        for (key, facts) in customers.iter().zip(self.store.log.customer_facts(&customers, None).await?) {
            facts.iter().for_each(|fact| learn(key.livemode, fact));
        }
        for (livemode, objects) in others {
            let objects: Vec<&str> = objects.into_iter().collect();
            let facts = self.store.log.reference_facts(livemode, None, &objects, None).await?;
            facts.iter().for_each(|fact| learn(livemode, fact));
        }
        Ok(last.into_iter().map(|(object, (_, event))| (object, event)).collect())
    }
}

/// Where the answer to `request` is kept, below `name`.
fn place_of(name: &str, request: &RequestBuilder) -> String {
    format!("{name} {}?{}", request.path, request.query.as_deref().unwrap_or_default())
}

/// An answer is about one object: what it says of it.
fn fact_of(answer: &NewEvent) -> Option<&Fact> {
    match &answer.reading {
        Reading::Facts(facts) => facts.first(),
        Reading::Ignored | Reading::Thin(_) | Reading::Unreadable(_) => None,
    }
}
