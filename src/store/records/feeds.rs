//! What feeds tell, as it is kept: each movement as it was first seen, then each correction of it, in the order found.

use crate::ledger::{
    ids::CustomerId,
    time::{Day, UnixTime},
};

/// What happened to a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedChange {
    /// The movement is there for the first time.
    Created,
    /// It says something else than was told.
    Corrected,
    /// It is there no more.
    Removed,
}

impl FeedChange {
    /// The word that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Corrected => "corrected",
            Self::Removed => "removed",
        }
    }

    pub(in crate::store) fn named(name: &str) -> Option<Self> {
        [Self::Created, Self::Corrected, Self::Removed].into_iter().find(|change| change.as_str() == name)
    }
}

/// One message of a feed, before it has its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFeedEntry {
    /// The id of the movement, as the API has it.
    pub movement: String,
    /// 1 as it was first seen; one more with each correction.
    pub version: i64,
    /// What happened to the movement since it was last told.
    pub change: FeedChange,
    /// The customer whose movement it is.
    pub customer: CustomerId,
    /// The accounting day it is booked on.
    pub day: Day,
    /// Of what it says, to tell whether it changed.
    pub digest: String,
    /// The movement as JSON; of a removed one as it last was.
    pub content: String,
    /// What was told before; `None` in the first version.
    pub previous: Option<String>,
}

/// One message of a feed in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its place, which is the cursor.
    pub position: i64,
    /// When it was found, by our clock.
    pub created_at: UnixTime,
    /// What was told, and of which movement.
    pub entry: NewFeedEntry,
}
