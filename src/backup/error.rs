//! Why there is no back-up, none that can be trusted, or none restored.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::store::StoreError;

/// Why no back-up was made, or none restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database failed, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder can't be read or written.
    #[error("{path}: {error}")]
    Folder {
        /// The path of the file or folder.
        path: PathBuf,
        /// What the system says of it.
        error: io::Error,
    },
    /// There is something in the folder.
    #[error("{0} holds something already: a back-up is made in a folder of its own, such as one named after the day")]
    Occupied(PathBuf),
    /// It is no back-up, or not as it was made.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// What was copied doesn't hold.
    #[error("the copy doesn't hold, and is no back-up: {0}")]
    Wrong(String),
}

/// Why a folder holds no back-up that can be trusted.
#[derive(Debug, Error)]
pub enum Damage {
    /// The folder has no manifest: the back-up was never finished.
    #[error("{0} holds no finished back-up: its manifest.json, which is written last, isn't there")]
    Unfinished(PathBuf),
    /// The manifest is not one.
    #[error("{path} is damaged: {reason}")]
    Manifest {
        /// The path of the file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The copy isn't the one that was made.
    #[error("{path} is damaged: {reason}")]
    File {
        /// The path of the file or folder.
        path: PathBuf,
        /// How it differs from what was written.
        reason: String,
    },
}
