//! Segments by name: those of the configuration, and those that are saved beside the log, in versions (rule `segments`).

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ask::{Ask, KnownAt},
    reports::{AskError, Reports},
    table::Table,
};
use crate::{
    event::Seq,
    limits,
    segment::{self, Expression},
    store::records::{imports::ImportsKnown, segments::SegmentVersion},
};

/// The segments that can be asked by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SegmentList {
    /// Those of the configuration by name, then saved ones in the order in which they were saved.
    pub data: Vec<SegmentEntry>,
}

/// What a name means, or meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SegmentEntry {
    /// The name by which it is asked.
    pub name: String,
    /// The condition, as the language writes it; null where the name was dropped.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// Where it is defined: in the `configuration`, or `saved` beside the log.
    pub source: &'static str,
    /// Whether `segment=NAME` means this one: not those superseded, dropped, or of a name that the configuration has.
    pub current: bool,
    /// The number of the version among those of all saved segments; null for those of the configuration.
    pub version: Option<i64>,
    /// The number of the version among those of this name: 1 as it was first saved; null for those of the configuration.
    pub revision: Option<usize>,
    /// When it was saved; null for those of the configuration.
    pub saved_at: Option<String>,
    /// The log's end then: a question as of a later place knows of it. Null for those of the configuration.
    #[schema(value_type = Option<i64>)]
    pub log_seq: Option<Seq>,
    /// By whom; null for those of the configuration.
    pub who: Option<String>,
}

/// A segment to save, seen to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSegment {
    /// The name by which it is asked.
    pub name: String,
    /// Its condition, as the language writes it.
    pub condition: String,
    /// Whether the name means that already: then there is nothing to save.
    pub is_there: bool,
}

impl Reports<'_> {
    /// Every name that means something, as far as it was known then; with `all`, also versions superseded and dropped.
    pub async fn segments(&self, known_at: Option<KnownAt>, all: bool) -> Result<SegmentList, AskError> {
        let ask = Ask { as_known_at: known_at, ..Ask::default() };
        let versions = self.versions_known(records_known(&ask, self.known_at(&ask).await?)).await?;
        let configured = self.ledger.segments.iter().map(|(name, expression)| SegmentEntry {
            name: name.to_string(),
            condition: Some(expression.to_string()),
            source: "configuration",
            current: true,
            version: None,
            revision: None,
            saved_at: None,
            log_seq: None,
            who: None,
        });
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        // The last of a name is what it means.
        let mut saved: Vec<SegmentEntry> = Vec::with_capacity(versions.len());
        for (at, version) in versions.iter().enumerate().rev() {
            let latest = seen.insert(&version.name);
            let current = latest && version.condition.is_some() && !self.ledger.segments.contains_key(&*version.name);
            if current || all {
                let revision = versions[..=at].iter().filter(|one| one.name == version.name).count();
                saved.push(SegmentEntry::of(version, revision, current));
            }
        }
        Ok(SegmentList { data: configured.chain(saved.into_iter().rev()).collect() })
    }

    /// Sees to it that a segment can be saved: its name, its condition, and that the configuration has none of that name.
    pub async fn segment_to_save(&self, name: &str, condition: &str) -> Result<NewSegment, AskError> {
        let refuse = |parameter, reason: String| Err(AskError::Parameter { name: parameter, reason });
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name.is_empty() || name.len() > limits::SEGMENT_NAME_BYTES || !name.bytes().all(is_plain) {
            let most = limits::SEGMENT_NAME_BYTES;
            return refuse("name", format!("a name has 1 to {most} lower-case letters, digits, - and _"));
        }
        if self.ledger.segments.contains_key(name) {
            return refuse(
                "name",
                format!(
                    "the configuration has a segment {name} ([segments.{name}]), which wins: take another name, or change it there"
                ),
            );
        }
        if condition.len() > limits::SEGMENT_CONDITION_BYTES {
            return refuse("where", format!("it is longer than {} bytes", limits::SEGMENT_CONDITION_BYTES));
        }
        let expression = match segment::parse(condition) {
            Ok(expression) => expression,
            Err(mistake) => return refuse("where", mistake.to_string()),
        };
        let condition = expression.to_string();
        let is_there = self.saved_segment(name).await?.as_ref() == Some(&condition);
        Ok(NewSegment { name: name.to_owned(), condition, is_there })
    }

    /// What a saved name means now; `None` where it means nothing.
    pub async fn saved_segment(&self, name: &str) -> Result<Option<String>, AskError> {
        let versions = self.versions_known(ImportsKnown::All).await?;
        Ok(versions.into_iter().rfind(|version| version.name == name).and_then(|version| version.condition))
    }

    /// What `segment=NAME` means to a question that is read up to a place in the log. The configuration's wins.
    pub(super) async fn segment_named(
        &self,
        ask: &Ask,
        name: &Arc<str>,
        seq: Option<Seq>,
    ) -> Result<Expression, AskError> {
        if let Some(expression) = self.ledger.segments.get(name) {
            return Ok(expression.clone());
        }
        let refuse = |reason: String| Err(AskError::Parameter { name: "segment", reason });
        let versions = self.versions_known(records_known(ask, seq)).await?;
        let saved = versions.iter().rfind(|version| *version.name == **name);
        if let Some(condition) = saved.and_then(|version| version.condition.as_deref()) {
            return match segment::parse(condition) {
                Ok(expression) => Ok(expression),
                Err(mistake) => refuse(format!("{name} was saved as {condition:?}, which can't be read: {mistake}")),
            };
        }
        let when = if ask.as_known_at.is_some() { " as known then" } else { "" };
        let all: BTreeSet<&str> = self.ledger.segments.keys().map(|name| &**name).chain(meaning(&versions)).collect();
        let there = match all.is_empty() {
            true => "none is configured or saved".to_owned(),
            false => format!("there are {}", all.into_iter().collect::<Vec<_>>().join(", ")),
        };
        refuse(format!(
            "there is no segment {name:?}{when}: {there}; [segments.NAME] in the configuration makes one, and so does \
             mrrd segment save"
        ))
    }

    async fn versions_known(&self, known: ImportsKnown) -> Result<Vec<SegmentVersion>, AskError> {
        let mut versions = self.store.records.segment_versions().await?;
        // The longest beginning of the list that was known by then, as of imports.
        let by_then = versions.iter().take_while(|version| match known {
            ImportsKnown::All => true,
            ImportsKnown::Instant(at) => version.recorded_at <= at,
            ImportsKnown::Seq(seq) => version.log_seq < seq,
        });
        let known = by_then.count();
        versions.truncate(known);
        Ok(versions)
    }
}

/// Names that mean something.
fn meaning(versions: &[SegmentVersion]) -> impl Iterator<Item = &str> {
    let latest = |at: usize| versions[at + 1..].iter().all(|later| later.name != versions[at].name);
    let named = versions.iter().enumerate().filter(move |(at, version)| version.condition.is_some() && latest(*at));
    named.map(|(_, version)| version.name.as_str())
}

/// Up to where imports and saved segments are known to a question that is read up to a place in the log.
pub(super) fn records_known(ask: &Ask, seq: Option<Seq>) -> ImportsKnown {
    match ask.as_known_at {
        None => ImportsKnown::All,
        Some(KnownAt::Instant(at)) => ImportsKnown::Instant(at),
        Some(KnownAt::Seq(asked) | KnownAt::Cut { seq: asked, .. }) => {
            ImportsKnown::Seq(seq.map_or(asked, |end| end.min(asked)))
        }
    }
}

impl SegmentEntry {
    fn of(version: &SegmentVersion, revision: usize, current: bool) -> Self {
        Self {
            name: version.name.clone(),
            condition: version.condition.clone(),
            source: "saved",
            current,
            version: Some(version.id),
            revision: Some(revision),
            saved_at: Some(version.recorded_at.to_string()),
            log_seq: Some(version.log_seq),
            who: Some(version.who.clone()),
        }
    }
}

impl SegmentList {
    /// The columns of CSV and terminal.
    pub fn table(&self) -> Table {
        let columns = vec!["name", "where", "source", "current", "version", "saved_at", "log_seq", "who", "revision"];
        let text = |value: Option<String>| value.unwrap_or_default();
        let row = |one: &SegmentEntry| {
            vec![
                one.name.clone(),
                text(one.condition.clone()),
                one.source.into(),
                one.current.to_string(),
                text(one.version.map(|version| version.to_string())),
                text(one.saved_at.clone()),
                text(one.log_seq.map(|seq| seq.to_string())),
                text(one.who.clone()),
                text(one.revision.map(|revision| revision.to_string())),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}
