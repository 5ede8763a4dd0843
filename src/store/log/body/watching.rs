//! What a daemon looks after every second: that the log is still the one it opened and lost nothing, that it is remembered
//! how far it went, and that writes go through again where they failed.

use std::time::Duration;

use super::super::{Database, dialect::*};
use crate::{event::Seq, store::StoreError};

/// After so long without a write only another one tells whether the disk takes them.
const UNTOLD: Duration = Duration::from_secs(10);

impl Database {
    pub(in crate::store) async fn look_after(&self) -> Result<(), StoreError> {
        keep_files(self).await?;
        // Before the log is looked at: what is acknowledged meanwhile is behind it.
        let reached = self.health.reached();
        // Where the derived tables can't tell, the log is looked at all the same.
        let remembered = self.remembered().await.ok().flatten();
        let lost = match look_afresh(self).await? {
            Afresh::Lost(why) => Some(why),
            Afresh::There { log, .. } if log != self.known_as => {
                Some("the log is another one than the one that mrrd began with".to_owned())
            }
            Afresh::There { last_seq, .. } => {
                let ours =
                    remembered.filter(|reach| reach.log == self.known_as).map_or(Seq::START, |reach| reach.last_seq);
                let most = reached.max(ours);
                (last_seq < most).then(|| format!("the log ends at {last_seq}, and {most} was written already"))
            }
        };
        let is_whole = lost.is_none();
        self.health.set_lost(lost);
        let failing = self.health.log().failure().is_some();
        if failing || self.health.log().is_older_than(UNTOLD) {
            // Its outcome is what is asked for; an error is kept there.
            let _ = self.health.log().of(probe_log(self, failing), |()| true).await;
        }
        if !is_whole {
            return Ok(());
        }
        let failing = self.health.derived().failure().is_some();
        // While writes fail one is made, to see when they go through again.
        self.health.derived().of(self.remember(failing), |()| failing).await
    }
}
