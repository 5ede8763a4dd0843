//! What goes wrong with deriving one customer stays with that customer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ledger::profile::Profile;

/// Lets the ledger work on one customer under a profile. It never panics by its own rules. Should it, one customer must hold up no
/// others, and must not end the task of whoever asks: that it failed is told, in words.
pub(crate) fn guarded<T>(profile: &Profile, derive: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(derive))
        .map_err(|_| format!("its derivation under the profile {} failed: please report this", profile.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_words_and_ends_nothing() {
        let profile = Profile::built_in("stripe").unwrap();
        assert_eq!(guarded(&profile, || 7), Ok(7));
        let failed = guarded(&profile, || -> i64 { panic!("a rule broke") });
        assert_eq!(failed, Err("its derivation under the profile stripe failed: please report this".into()));
    }
}
