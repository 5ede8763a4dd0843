//! What `mrrd backup` and `mrrd restore` say while they run, and how they fail.

use super::Failure;
use crate::backup::{BackupError, Step};

/// The step that is being done, beside the moving line.
pub(super) fn said(step: Step) -> &'static str {
    match step {
        Step::Copying => "copying",
        Step::Verifying => "verifying",
    }
}

/// What was asked for amiss is a usage error.
pub(super) fn failure(what: &str, error: BackupError) -> Failure {
    match error {
        BackupError::Occupied(_) => Failure::Usage(error.to_string()),
        error => Failure::Failed(format!("{what}: {error}")),
    }
}
