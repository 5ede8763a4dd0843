//! Planned failures at named points, so that tests can break the log exactly where it would hurt. Debug builds only:
//! in a release every point is nothing.

/// Just before the commit of an append: nothing may be left.
pub const LOG_BEFORE_COMMIT: &str = "log.before_commit";
/// Just after the commit of an append: everything must be there, though the caller is told of a failure.
pub const LOG_AFTER_COMMIT: &str = "log.after_commit";
/// Just before the commit of a replacement of derived rows.
pub const REPLACE_BEFORE_COMMIT: &str = "replace.before_commit";

#[cfg(debug_assertions)]
mod armed {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex, PoisonError},
    };

    use tokio::sync::Notify;

    use super::super::StoreError;

    /// What happens at a point.
    #[derive(Clone, Debug)]
    pub enum Failure {
        /// The database "fails" there, so many times.
        Fail(u32),
        /// Whoever comes there waits until told to go on.
        Pause(Arc<Notify>),
        /// The process dies on the spot.
        Abort,
    }

    /// The failures planned for one store, and how many wait at each point; clones share them.
    #[derive(Clone, Debug, Default)]
    pub struct Plan(Arc<Mutex<BTreeMap<String, Failure>>>, Arc<Mutex<BTreeMap<&'static str, usize>>>);

    impl Plan {
        /// Plans `failure` for the point `name`.
        pub fn arm(&self, name: &str, failure: Failure) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), failure);
        }

        /// The point is harmless again.
        pub fn disarm(&self, name: &str) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }

        /// How many have come to the point `name` and found a pause there.
        pub fn paused(&self, name: &str) -> usize {
            self.1.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or_default()
        }

        /// Whether anything is planned.
        pub(crate) fn is_armed(&self) -> bool {
            !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
        }

        /// Passes the point `name`, or fails there as planned.
        pub(crate) async fn pass(&self, name: &'static str) -> Result<(), StoreError> {
            let pause = {
                let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                match plan.get_mut(name) {
                    None => return Ok(()),
                    Some(Failure::Fail(times)) => {
                        *times = times.saturating_sub(1);
                        if *times == 0 {
                            plan.remove(name);
                        }
                        return Err(StoreError::Unavailable { doing: name, reason: "planned failure".into() });
                    }
                    Some(Failure::Abort) => std::process::abort(),
                    Some(Failure::Pause(go_on)) => go_on.clone(),
                }
            };
            *self.1.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
            pause.notified().await;
            Ok(())
        }
    }
}

#[cfg(not(debug_assertions))]
mod armed {
    use super::super::StoreError;

    /// Nothing is planned in a release.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Plan;

    impl Plan {
        /// Nothing is.
        #[inline]
        pub(crate) fn is_armed(&self) -> bool {
            false
        }

        #[inline]
        pub(crate) async fn pass(&self, _name: &'static str) -> Result<(), StoreError> {
            Ok(())
        }
    }
}

pub use armed::*;

/// The points, for tests that go through all of them.
pub const POINTS: [&str; 3] = [LOG_BEFORE_COMMIT, LOG_AFTER_COMMIT, REPLACE_BEFORE_COMMIT];
