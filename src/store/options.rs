//! How a store is opened, and what for.

use super::anchors::OtherLog;
use crate::event::NewEvent;

/// How many connections to keep.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Readers of the log, and as many of the derived tables.
    pub readers: u32,
    /// What to do with a log that isn't the one remembered beside it.
    pub other_log: OtherLog,
    /// What to do with a schema that isn't this version's.
    pub schema: OlderSchema,
    /// What becomes of each event before it is made ready for the log.
    pub keeping: Keeping,
}

/// What becomes of an event before it is kept: the same event, with what isn't to be kept of its body taken out.
pub type Keeping = fn(NewEvent) -> NewEvent;

/// What opening does with a database of an older schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OlderSchema {
    /// Brings it up to date, and makes it where there is none.
    #[default]
    BringUpToDate,
    /// Says so and leaves it as it is: whoever only reads changes nothing.
    Tell,
}

impl Default for Options {
    fn default() -> Self {
        let (schema, keeping) = (OlderSchema::default(), std::convert::identity as Keeping);
        Self { readers: 8, other_log: OtherLog::Refuse, schema, keeping }
    }
}

/// What a process needs the database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Writing the log: webhooks, alerts.
    Appending,
    /// Writing the derived tables as the log grows.
    Deriving,
    /// Reads them to answer questions.
    Answering,
}
