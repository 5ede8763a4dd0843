//! What the log is held against: its identity, how far it went, and the head of its seals, remembered outside of it.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::event::Seq;

/// What opening does with a log that isn't the one remembered beside it, or ends earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherLog {
    /// Refuses it: [`StoreError::OtherLog`](super::StoreError::OtherLog).
    #[default]
    Refuse,
    /// Takes it as it is, knowingly: what was derived from the other one is forgotten.
    Accept,
    /// Opens it and changes nothing, so that [`Store::anchors`](super::Store::anchors) can tell.
    Tell,
}

/// What is remembered of the log in a second place: beside it on SQLite, in a row on PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) log: String,
    pub(super) last_seq: Seq,
    /// The end of its last seal; 0 where there was none.
    pub(super) sealed_to: Seq,
    /// That seal's root, in hexadecimal digits.
    pub(super) root: String,
}

/// What holding the log against what is remembered of it showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    /// The last place of the log as it is now.
    pub last_seq: Seq,
    /// How far it once went, as the furthest anchor tells; `None` where nothing beside the log tells.
    pub reached: Option<Seq>,
    /// The first anchor that the log contradicts, in words; `None` when it agrees with all.
    pub first_difference: Option<String>,
    /// Why events at its end could be missing without a trace; `None` when an anchor would show it.
    pub could_be_missing: Option<String>,
}

/// The end of the chain of seals, to be kept where whoever could change the log can't: every event up to there, and every
/// seal, is held by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealHead {
    /// The identity that the log was given when it was made.
    pub log: String,
    /// The last seq that is sealed.
    pub to_seq: Seq,
    /// The root of its seal, in hexadecimal digits.
    pub root: String,
}

/// A text that is no head of a log's seals.
#[derive(Debug, Error)]
#[error("a head reads LOG-SEQ-ROOT, as `mrrd seal head` prints it")]
pub struct NoHead;

impl fmt::Display for SealHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.log, self.to_seq, self.root)
    }
}

impl FromStr for SealHead {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [log, to_seq, root] = parts[..] else { return Err(NoHead) };
        let to_seq = to_seq.parse().ok().filter(|seq| *seq > Seq::START).ok_or(NoHead)?;
        if !digits(log, 32) || !digits(root, 64) {
            return Err(NoHead);
        }
        Ok(Self { log: log.to_ascii_lowercase(), to_seq, root: root.to_ascii_lowercase() })
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    use fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Why a log is refused, and what to do.
pub(super) fn refusal(difference: &str) -> String {
    format!(
        "{difference}. If events were lost, restore the log from a copy that has them; to go on with it as it is, knowingly: \
         mrrd serve --accept-shorter-log"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_and_nothing_else_is_one() {
        let head = SealHead { log: "0a".repeat(16), to_seq: Seq(12), root: digits(&[0xab; 32]) };
        assert_eq!(head.to_string().parse::<SealHead>().unwrap(), head);
        let (log, root) = ("0a".repeat(16), "ab".repeat(32));
        for wrong in ["", "x", &format!("{log}-0-{root}"), &format!("{log}-1-{root}0"), &format!("{log}-1")] {
            assert!(wrong.parse::<SealHead>().is_err(), "{wrong}");
        }
    }
}
