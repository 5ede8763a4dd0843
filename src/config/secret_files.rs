//! Files that secrets were read from, and which of them other users of the machine may read.

use std::path::{Path, PathBuf};

use super::{
    keys::{self, Kind},
    layers::{Data, Origin, Values},
};

/// The configuration's file, where a secret stands in it, and each file that a key names for its secret.
pub(super) fn of(values: &Values) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for (key, value) in values {
        let file = match (keys::kind_of(key), &value.data, &value.origin) {
            (Some(Kind::SecretFile), Data::Text(path), _) => PathBuf::from(path),
            // The path of a SQLite file is no secret.
            (Some(Kind::Secret), Data::Text(url), _) if key == "database.url" && url.starts_with("sqlite://") => {
                continue;
            }
            (Some(Kind::Secret | Kind::Secrets), _, Origin::File(path)) => path.clone(),
            _ => continue,
        };
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// What is said of a file with a secret in it that any user may read; `None` where none but its owner and group may, where a folder
/// above it is closed to others, and where that can't be seen.
#[cfg(unix)]
pub(super) fn open_to_others(file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let whole = std::fs::canonicalize(file).ok()?;
    // What an orchestrator lays here is for one container alone, whatever its rights.
    if file.starts_with("/run/secrets") {
        return None;
    }
    let rights = |path: &Path| Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777);
    let mode = rights(&whole).filter(|mode| mode & 0o004 != 0)?;
    if whole.ancestors().skip(1).any(|folder| rights(folder).is_some_and(|mode| mode & 0o001 == 0)) {
        return None;
    }
    let shown = file.display();
    Some(format!(
        "{shown} has the rights {mode:o}: every user of this machine may read the secrets in it; chmod 600 {shown}, or 640 where only \
         the group is to read it too"
    ))
}

/// Whether others may read a file can't be told from its rights here.
#[cfg(not(unix))]
pub(super) fn open_to_others(_file: &Path) -> Option<String> {
    None
}
