//! Whether the log's files are still those that were opened. SQLite goes on writing into a file that was removed, and into
//! one that was cut; what it takes in then is gone with the process.

use std::{
    ffi::OsString,
    fs::Metadata,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use crate::store::StoreError;

/// The log and what SQLite keeps beside it; clones share what was seen of them.
#[derive(Clone, Debug)]
pub(super) struct LogFile(Arc<Files>);

#[derive(Debug)]
struct Files {
    log: PathBuf,
    ahead: PathBuf,
    /// The index of what lies ahead, which processes share: its length says nothing.
    shared: PathBuf,
    seen: Mutex<[Option<Stamp>; 3]>,
    /// Open as long as the log is, so that SQLite never finds that nobody has it and takes the other files away.
    keel: Mutex<Option<Connection>>,
}

/// A file as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    identity: (u64, u64),
    length: u64,
}

/// What is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Removed, or replaced by another file.
    Gone(String),
    /// The write-ahead log was cut; SQLite does so itself now and then, once everything in it is in the log.
    AheadShorter(String),
    /// The log was cut; `VACUUM` does so too.
    Shorter(String),
}

/// The path of what SQLite keeps beside a file: `-wal`, `-shm`.
pub(in crate::store) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Which file it is, whatever its name.
pub(super) fn identity_of(path: &Path) -> Option<(u64, u64)> {
    stamp(path).ok().map(|found| found.identity)
}

#[cfg(unix)]
fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(_found: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self { identity: identity(found), length: found.len() }
    }
}

/// The file under this name as it is now. Asks for no times: since Linux 6.13 a file whose times somebody has seen gets new ones
/// with its next write, and the flush of a commit then writes them as well, a second trip to the disk.
#[cfg(target_os = "linux")]
fn stamp(path: &Path) -> io::Result<Stamp> {
    use rustix::{
        fs::{AtFlags, CWD, StatxFlags, makedev, statx},
        io::Errno,
    };
    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE) {
        Ok(found) => {
            let identity = (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino);
            Ok(Stamp { identity, length: found.stx_size })
        }
        Err(Errno::NOENT) => Err(ErrorKind::NotFound.into()),
        // A system that doesn't know the call, or doesn't allow it.
        Err(_) => std::fs::metadata(path).map(|found| Stamp::from(&found)),
    }
}

#[cfg(not(target_os = "linux"))]
fn stamp(path: &Path) -> io::Result<Stamp> {
    std::fs::metadata(path).map(|found| Stamp::from(&found))
}

impl LogFile {
    /// The log at `path`, just opened with `keel`.
    pub(super) fn opened(path: &Path, keel: Option<Connection>) -> Self {
        let (ahead, shared) = (beside(path, "-wal"), beside(path, "-shm"));
        let keel = Mutex::new(keel);
        let file = Self(Arc::new(Files { log: path.into(), ahead, shared, seen: Mutex::default(), keel }));
        // All are as they should be now; whatever is missing is looked for the next time.
        let _ = file.look();
        file
    }

    /// From here on nothing keeps the files where they are.
    pub(super) fn close(&self) {
        drop(self.0.keel.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.log
    }

    /// Looks at all of them: three questions to the system, some microseconds. Never opens them, for closing a file again would end
    /// SQLite's locks on it. That one is gone is told before that another was cut: what was cut may be opened, and looked at closer.
    pub(super) fn look(&self) -> Result<(), Wrong> {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cut = None;
        for (path, seen) in [&self.0.log, &self.0.ahead, &self.0.shared].into_iter().zip(seen.iter_mut()) {
            let name = path.display();
            let found = match stamp(path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => match seen {
                    Some(_) => return Err(Wrong::Gone(format!("{name} was removed or renamed while mrrd writes it"))),
                    None => continue,
                },
                // Not to be had just now; SQLite's own calls will say so.
                Err(_) => continue,
            };
            match seen {
                Some(before) if before.identity != found.identity => {
                    return Err(Wrong::Gone(format!("{name} was replaced by another file while mrrd writes it")));
                }
                Some(before) if before.length > found.length && *path != self.0.shared => {
                    let (was, is) = (before.length, found.length);
                    let words = format!("{name} was cut from {was} to {is} bytes while mrrd writes it");
                    let of_log = *path == self.0.log;
                    cut.get_or_insert(if of_log { Wrong::Shorter(words) } else { Wrong::AheadShorter(words) });
                }
                _ => *seen = Some(found),
            }
        }
        cut.map_or(Ok(()), Err)
    }

    /// Errors while other files lie under its names: opened under a foreign one, SQLite takes what lies beside it for left over by
    /// somebody who died, and cuts the index that this process has mapped, or removes the write-ahead log. Asked before each opening.
    pub(super) fn may_be_opened(&self, doing: &'static str) -> Result<(), StoreError> {
        match self.look() {
            Err(Wrong::Gone(reason)) => Err(StoreError::Unavailable { doing, reason }),
            // Cut, but all are the same: whoever reads them finds out whether anything is missing.
            Ok(()) | Err(Wrong::AheadShorter(_) | Wrong::Shorter(_)) => Ok(()),
        }
    }

    /// Whether the write-ahead log holds every page that SQLite has written into it and not yet moved.
    pub(super) fn ahead_is_whole(&self, connection: &Connection) -> rusqlite::Result<bool> {
        const HEADER: u64 = 32;
        const FRAME_HEADER: u64 = 24;
        // Says how many pages there are and does nothing; what it answers is what every connection goes by.
        let pages: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
        let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let (pages, size) = (u64::try_from(pages).unwrap_or(0), u64::try_from(size).unwrap_or(0));
        let length = stamp(&self.0.ahead).map_or(0, |found| found.length);
        Ok(pages == 0 || length >= HEADER + pages.saturating_mul(size + FRAME_HEADER))
    }

    /// Takes the lengths as they are: it was found that nothing is missing.
    pub(super) fn accept_lengths(&self) {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, seen) in [&self.0.log, &self.0.ahead].into_iter().zip(seen.iter_mut()) {
            if let (Some(seen), Ok(found)) = (seen, stamp(path)) {
                seen.length = found.length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_file_that_goes_is_replaced_or_cut_is_seen_and_a_growing_one_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mrrd.db");
        std::fs::write(&path, "0123").unwrap();
        let file = LogFile::opened(&path, None);
        std::fs::write(beside(&path, "-wal"), "01").unwrap();
        assert_eq!(file.look(), Ok(()));
        std::fs::write(&path, "01234").unwrap();
        assert_eq!(file.look(), Ok(()));
        std::fs::write(beside(&path, "-wal"), "").unwrap();
        assert!(matches!(file.look(), Err(Wrong::AheadShorter(words)) if words.contains("mrrd.db-wal")));
        file.accept_lengths();
        assert_eq!(file.look(), Ok(()));
        let away = folder.path().join("away");
        std::fs::rename(&path, &away).unwrap();
        assert!(matches!(file.look(), Err(Wrong::Gone(_))));
        std::fs::write(&path, "01234").unwrap();
        assert!(matches!(file.look(), Err(Wrong::Gone(words)) if words.contains("replaced")));
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(file.look(), Ok(()), "back again");
    }

    /// A log that was cut passed for one that may be opened, whatever had become of the files beside it.
    #[test]
    #[cfg(unix)]
    fn what_was_cut_is_not_opened_while_a_file_beside_it_is_another() {
        for (cut, suffix) in [("", "-wal"), ("", "-shm"), ("-wal", "-shm")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("mrrd.db");
            for suffix in ["", "-wal", "-shm"] {
                std::fs::write(beside(&path, suffix), "0123").unwrap();
            }
            let file = LogFile::opened(&path, None);
            std::fs::write(beside(&path, cut), "0").unwrap();
            assert!(file.may_be_opened("opening it").is_ok(), "{cut} was cut and all are the same");
            let (other, away) = (beside(&path, suffix), folder.path().join("away"));
            std::fs::rename(&other, &away).unwrap();
            assert!(file.may_be_opened("opening it").is_err(), "{cut} was cut and {suffix} is gone");
            std::fs::write(&other, "0123").unwrap();
            assert!(matches!(file.look(), Err(Wrong::Gone(words)) if words.contains(suffix)), "{cut}, {suffix}");
            assert!(file.may_be_opened("opening it").is_err(), "{cut} was cut and {suffix} is another");
            std::fs::rename(&away, &other).unwrap();
            assert!(file.may_be_opened("opening it").is_ok(), "{suffix} is back again");
        }
    }
}
