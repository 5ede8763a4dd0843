//! What a thin event points to (docs/wire.md 1.5), read from the text that the log keeps of it.

use super::{EventRow, ReadAs};

/// The ids that a thin event names; either may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointer<'a> {
    /// The snapshot event that tells the same change: `evt_…`.
    pub twin: Option<&'a str>,
    /// The object it is about. A coupon's id is free text, and may have spaces in it.
    pub object: Option<&'a str>,
}

impl EventRow {
    /// What a thin event points to; nothing, of any other event.
    pub fn pointer(&self) -> Pointer<'_> {
        fn named(id: &str) -> Option<&str> {
            Some(id).filter(|id| !id.is_empty())
        }
        let told = self.reason.as_deref().filter(|_| self.reading == ReadAs::Thin).unwrap_or_default();
        // As the normaliser writes it: the twin, a space, the object.
        let (twin, object) = match told.split_once(' ') {
            Some((first, rest)) if is_event(first) => (first, rest),
            None if is_event(told) => (told, ""),
            _ => ("", told),
        };
        Pointer { twin: named(twin), object: named(object) }
    }
}

fn is_event(id: &str) -> bool {
    id.starts_with("evt_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Seq, Source},
        ledger::time::UnixTime,
    };

    fn row(reading: ReadAs, reason: &str) -> EventRow {
        EventRow {
            seq: Seq(1),
            id: "evt_thin".into(),
            variant: 0,
            kind: "v1.coupon.updated".into(),
            account: None,
            livemode: true,
            created: UnixTime(0),
            api_version: None,
            received_at: UnixTime(0),
            source: Source::Webhook,
            reading,
            reason: Some(reason.into()),
        }
    }

    #[test]
    fn a_thin_event_names_its_twin_its_object_or_both() {
        for (told, twin, object) in [
            ("evt_1 sub_1", Some("evt_1"), Some("sub_1")),
            ("evt_1", Some("evt_1"), None),
            ("sub_1", None, Some("sub_1")),
            ("evt_1 SPRING 26", Some("evt_1"), Some("SPRING 26")),
            ("SPRING 26", None, Some("SPRING 26")),
            ("", None, None),
        ] {
            assert_eq!(row(ReadAs::Thin, told).pointer(), Pointer { twin, object }, "{told:?}");
        }
        assert_eq!(row(ReadAs::Unreadable, "evt_1 has no price").pointer(), Pointer::default());
    }
}
