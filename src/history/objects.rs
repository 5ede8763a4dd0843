//! The objects themselves: every customer, price, coupon, subscription and invoice as it stands, appended as answered.

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    answers,
    backfill::{DONE, Fetch, HistoryError, append, read_all},
    replay::Counts,
};
use crate::stripe::client::{
    ApiError,
    lists::{Objects, Page},
};

/// What belongs to the walk over the lists under way.
const OF_WALK: &str = "history.";

impl Fetch {
    /// Walks all lists side by side, each from where it was left. `watch` hears of every page.
    pub async fn objects(&self, mut watch: impl FnMut(Objects, &Counts)) -> Result<Counts, HistoryError> {
        let (pages, mut fetched) = mpsc::channel(Objects::ALL.len());
        let mut tasks = JoinSet::new();
        for list in Objects::ALL {
            let (fetch, pages) = (self.clone(), pages.clone());
            tasks.spawn(async move { fetch.list(list, &pages).await });
        }
        drop(pages);
        let mut counts = Counts::default();
        loop {
            tokio::select! {
                page = fetched.recv() => match page {
                    Some((list, page)) => {
                        counts.add(page);
                        watch(list, &page);
                    }
                    None => break,
                },
                Some(ended) = tasks.join_next() => ended??,
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        self.store.clear_progress(OF_WALK).await?;
        Ok(counts)
    }

    async fn list(&self, list: Objects, pages: &mpsc::Sender<(Objects, Counts)>) -> Result<(), HistoryError> {
        let name = format!("{OF_WALK}{}", list.as_str());
        let mut place = self.store.progress(&name).await?;
        loop {
            if place.as_deref() == Some(DONE) {
                return Ok(());
            }
            let answer = match self.client.get(&list.page(place.as_deref())).await {
                // The object where it was left was deleted meanwhile.
                Err(ApiError::Missing { .. }) if place.is_some() => {
                    place = None;
                    continue;
                }
                answer => answer?,
            };
            let page = Page::of(&answer)?;
            let last = page.elements.last().and_then(|body| answers::id(body));
            let (events, mut counts) = read_all(page.elements, |body| answers::object(body, &answer, &self.clock));
            counts.add(append(&self.store, events).await?);
            place = Some(last.filter(|_| page.has_more).unwrap_or_else(|| DONE.to_owned()));
            self.store.set_progress(&name, place.as_deref().unwrap_or(DONE)).await?;
            if pages.send((list, counts)).await.is_err() {
                return Ok(());
            }
        }
    }
}
