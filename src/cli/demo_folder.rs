//! The folder of a demonstration: secrets lie in it, so it is its owner's alone.

use std::path::{Path, PathBuf};

use super::{Failure, Outcome};

/// Where the ledger lies: a folder that goes with the demonstration, or one that is kept.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Whether it stays when the demonstration ends.
    pub(super) is_kept: bool,
}

impl Folder {
    pub(super) fn temporary() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("mrrd-demo-{:016x}", rand::random::<u64>()));
        make_private(&path)?;
        Ok(Self { path, is_kept: false })
    }

    /// A new or empty folder of the user's.
    pub(super) fn kept(path: &Path) -> Result<Self, Failure> {
        match std::fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    let shown = path.display();
                    return Err(Failure::Usage(format!("{shown} holds something already: name a new or empty folder")));
                }
                close_to_others(path)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_private(path)?,
            Err(error) => return Err(Failure::Usage(format!("{} can't be read: {error}", path.display()))),
        }
        // Commands run elsewhere find it all the same.
        let path = std::path::absolute(path);
        let path = path.map_err(|error| Failure::Failed(format!("where this is can't be told: {error}")))?;
        Ok(Self { path, is_kept: true })
    }
}

/// It holds a token: nobody else may read it.
fn make_private(path: &Path) -> Outcome {
    let made = crate::backup::private_folder(path);
    made.map_err(|error| Failure::Failed(format!("{} can't be made: {error}", path.display())))
}

/// Takes the rights of others from a folder that is there.
#[cfg(unix)]
fn close_to_others(path: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let closed = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700));
    closed.map_err(|error| {
        let shown = path.display();
        Failure::Usage(format!(
            "{shown} can't be closed to other users, and secrets will lie in it: {error}; name one of your own"
        ))
    })
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> Outcome {
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What can't be removed is left to the system's own cleaning of its temporary directory.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}
