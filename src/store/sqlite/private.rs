//! Files and folders that only their owner may read: a ledger is nobody else's.

use std::{fs, io::ErrorKind, path::Path};

use crate::store::StoreError;

/// What is missing of the folders above `path`, and what to do; `None` where the last one is there or can be made: a path of which
/// more is missing is mistyped, and is not made whole.
pub(in crate::store) fn missing_folder(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())?;
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty() && !above.exists())?;
    let (folder, above) = (folder.display(), above.display());
    Some(format!("the folder {folder} is not there, nor is {above}: check database.url, or make the folder first"))
}

/// Makes the folder that `path` lies in, where only that one is missing.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) else {
        return Ok(());
    };
    if let Some(reason) = missing_folder(path) {
        return Err(StoreError::Unavailable { doing: "opening the database", reason });
    }
    let mut made = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
    match made.create(folder) {
        // Of one that another process makes or removes at this moment, opening the file in it will tell.
        Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            Err(cannot_make(folder, &error))
        }
        Err(_) => Ok(()),
        Ok(()) => {
            tracing::info!(
                "the folder {} was not there: it is made for a new ledger, and only this user may read it",
                folder.display()
            );
            Ok(())
        }
    }
}

/// Makes an empty file at `path` where there is none; SQLite gives what it keeps beside a file the same rights.
pub(super) fn make_file(path: &Path) -> Result<(), StoreError> {
    let mut made = fs::OpenOptions::new();
    made.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut made, 0o600);
    match made.open(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            Err(cannot_make(path, &error))
        }
        Ok(made) => leave_to_owner_of_folder(&made, path).map_err(|error| cannot_make(path, &error)),
        Err(_) => Ok(()),
    }
}

/// What root makes in another user's folder is that user's, as SQLite does with what it keeps beside a file: a command run as root
/// would else keep the daemon from its own ledger.
#[cfg(unix)]
fn leave_to_owner_of_folder(made: &fs::File, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::metadata(folder)?;
    match made.metadata()?.uid() == 0 && folder.uid() != 0 {
        true => fchown(made, Some(folder.uid()), Some(folder.gid())),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn leave_to_owner_of_folder(_made: &fs::File, _path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whose file it is that can't be written, where one is there.
#[cfg(unix)]
pub(super) fn owner_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(fs::metadata(path).ok()?.uid())
}

#[cfg(not(unix))]
pub(super) fn owner_of(_path: &Path) -> Option<u32> {
    None
}

fn cannot_make(path: &Path, error: &std::io::Error) -> StoreError {
    let reason = format!("{} can't be made: {error}; may this user write there?", path.display());
    StoreError::Unavailable { doing: "opening the database", reason }
}
