//! What goes on while a generation is filled, which takes minutes, and while the old one is dropped behind it: whoever is touched
//! meanwhile is brought up to date in the one that answers.

use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::{
    ReconcileError, Reconciler,
    work::{Far, Reached, Step, Work},
};
use crate::{background::Lease, limits, store::derived::GenerationId};

/// The generation that is filled anew, and what of it goes on until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meanwhile {
    pub(super) generation: GenerationId,
    /// Where customers are too many, those go on whom events of their own mark, and the others' rows are made in the new one.
    /// Where the log is too far ahead nobody is reached sooner than there.
    pub(super) far: Far,
}

/// Works until `over` on whichever generation answers: on the `old` one as it says, on the new one, once it answers, as ever. One
/// that is kept under other rules isn't touched, nor any while another process holds the lease. What fails is tried again; an error
/// is the last, or that of a customer that can't be brought up to date.
pub(super) async fn keep_up(
    reconciler: &Reconciler,
    old: Option<Meanwhile>,
    (lease, wake): (&mut Lease, &Notify),
    (mut over, stop): (watch::Receiver<bool>, &watch::Receiver<bool>),
    watch: &mut (dyn FnMut(GenerationId, Reached) + Send),
) -> Result<(), ReconcileError> {
    let fingerprint = reconciler.rules.fingerprint();
    let mut under_way: Option<(GenerationId, Work<'_>)> = None;
    let mut last: Result<(), ReconcileError> = Ok(());
    while !*over.borrow() && !*stop.borrow() {
        let step = async {
            let current = reconciler.current_generation().await?.filter(|current| current.fingerprint == fingerprint);
            let Some(current) = current else { return Ok(Step::Drained) };
            let work = match under_way.take() {
                Some((generation, work)) if generation == current.id => work,
                _ => Work::new(reconciler, current.id),
            };
            let work = match old.filter(|old| old.generation == current.id) {
                Some(Meanwhile { far: Far::Events, .. }) => return Ok(Step::Drained),
                Some(Meanwhile { far: Far::Customers, .. }) => work.of_own_events(),
                None => work,
            };
            // Asked for only where there is something to do: another process, under the rules of the old one, may keep that up.
            if !lease.hold(&reconciler.store.records).await? {
                return Ok(Step::Drained);
            }
            let (_, work) = under_way.insert((current.id, work));
            let step = work.step().await;
            // Switched and retired meanwhile: then this one's fate says nothing.
            if reconciler.current_generation().await?.is_none_or(|now| now.id != current.id) {
                return Ok(Step::More);
            }
            let step = step?;
            watch(current.id, work.reached().await?);
            Ok(step)
        };
        let step = step.await;
        if matches!(step, Ok(Step::More)) {
            // Whoever fills shares these threads, as webhooks do.
            tokio::task::yield_now().await;
        } else {
            sleep(limits::RECONCILER_REST).await;
            tokio::select! {
                () = wake.notified() => {}
                () = sleep(limits::RECONCILER_INTERVAL) => {}
                // An error means that nobody fills any more.
                _ = over.wait_for(|over| *over) => {}
            }
        }
        last = step.map(drop);
    }
    last?;
    under_way.map_or(Ok(()), |(_, work)| work.first_failed())
}
