//! Segments as they are saved: versions of a name, never changed, only followed by a later one (rule `segments`).

use crate::{event::Seq, ledger::time::UnixTime};

/// What a name means from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentVersion {
    /// Its number: 1, 2, 3, … without a hole.
    pub id: i64,
    /// The name by which it is asked.
    pub name: String,
    /// The condition as the language writes it; `None` where the name was dropped.
    pub condition: Option<String>,
    /// When it was saved, by mrrd's clock.
    pub recorded_at: UnixTime,
    /// The log's end then: whoever asks as of a later place knows of the version.
    pub log_seq: Seq,
    /// By whom, as the audit trail has it.
    pub who: String,
}
