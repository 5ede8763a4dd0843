//! From the driver's errors to ours.

use super::StoreError;

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    /// `doing` in a few words: "appending events".
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| match error {
            // What was bound never shows: drivers name columns and constraints only.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. } => StoreError::Corrupt { doing, reason: error.to_string() },
            _ => StoreError::Unavailable { doing, reason: error.to_string() },
        })
    }
}

/// A row that can't be read as what it should be.
pub(crate) fn corrupt(doing: &'static str, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { doing, reason: reason.into() }
}
