//! Back-ups: the log and the records beside it in a folder of their own, verified before they are called whole.
//!
//! A back-up is a file of SQLite, whichever database it comes from, and a manifest that says what it holds. The manifest is
//! written last: a folder without one holds no back-up, however much lies in it.

mod error;
mod manifest;

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

pub use self::{
    error::{BackupError, Damage},
    manifest::{MANIFEST, Manifest},
};

use crate::{
    clock::Clock,
    event::Seq,
    store::{SealHead, Store, copies},
};

/// The log within a back-up.
pub const FILE: &str = "mrrd.db";

/// Where a back-up is made; what lies there is of none that was finished.
const UNFINISHED: &str = "unfinished";

/// What is going on, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The rows are being copied.
    Copying,
    /// The copy is being verified.
    Verifying,
}

/// Makes a back-up of `store` in `folder`, which is new or empty, while others write. Killed anywhere, it leaves nothing that
/// passes for one; what it leaves gives way to the next.
pub async fn make(
    store: &Store,
    folder: &Path,
    clock: &Clock,
    mut watch: impl FnMut(Step),
) -> Result<Manifest, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::Folder { path, error }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let (unfinished, part) = (folder.join(UNFINISHED), folder.join(manifest::PART));
    let mut ours = vec![unfinished.clone()];
    if part.exists() {
        // Killed between the two last steps: what lies beside this is of that one.
        ours.extend([folder.join(FILE), part]);
    }
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        if !ours.contains(&entry.map_err(failed(folder))?.path()) {
            return Err(BackupError::Occupied(folder.to_owned()));
        }
    }
    for left in &ours {
        let removed = if *left == unfinished { fs::remove_dir_all(left) } else { fs::remove_file(left) };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(left)(error)),
            _ => {}
        }
    }
    private_folder(&unfinished).map_err(failed(&unfinished))?;
    let copied = unfinished.join(FILE);
    watch(Step::Copying);
    let outcome = async {
        store.copy_to(&copied).await?;
        watch(Step::Verifying);
        let (events, last_seq, head) = verified(&copied, None).await?;
        let manifest = Manifest::describe(&copied, store.kind(), clock.now(), events, last_seq, head).await?;
        manifest.write(folder, &copied, &folder.join(FILE))?;
        Ok(manifest)
    };
    let outcome = outcome.await;
    // Of one that failed nothing is worth keeping; what can't be removed is said by the next.
    let _ = fs::remove_dir_all(&unfinished);
    outcome
}

/// Reads the manifest of the back-up in `folder` and holds the back-up against it. Errors name what is damaged.
pub async fn look(folder: &Path) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(folder)?;
    manifest.hold_against(&folder.join(FILE)).await?;
    Ok(manifest)
}

/// Restores the back-up in `folder` into the database at `url`, which may hold nothing, and verifies it there.
pub async fn restore(folder: &Path, url: &str, mut watch: impl FnMut(Step)) -> Result<(Manifest, Store), BackupError> {
    watch(Step::Verifying);
    let manifest = look(folder).await?;
    watch(Step::Copying);
    copies::restore(&folder.join(FILE), url).await?;
    watch(Step::Verifying);
    let store = Store::open(url).await?;
    let (events, last_seq) = held(&store, manifest.seal_head.as_ref()).await?;
    if (events, last_seq) != (manifest.events, manifest.last_seq) {
        return Err(BackupError::Wrong(format!(
            "{events} events up to {last_seq} are there, and the back-up has {} up to {}",
            manifest.events, manifest.last_seq
        )));
    }
    Ok((manifest, store))
}

/// Opens the copy at `path` and holds it against its seals and digests; what it holds, and the head of its seals.
async fn verified(path: &Path, head: Option<&SealHead>) -> Result<(i64, Seq, Option<SealHead>), BackupError> {
    let copy = Store::open_copy(path).await?;
    let found = async {
        let (events, last_seq) = held(&copy, head).await?;
        Ok((events, last_seq, copy.log.seal_head().await?))
    };
    let found = found.await;
    copy.close().await;
    found
}

/// Holds a log against its seals, its digests and `head`: how many events there are, and the last.
async fn held(store: &Store, head: Option<&SealHead>) -> Result<(i64, Seq), BackupError> {
    let chain = store.log.verify_chain().await?;
    let anchors = store.anchors(head).await?;
    match chain.first_difference.or(anchors.first_difference) {
        Some(difference) => Err(BackupError::Wrong(difference)),
        None => Ok((store.log.head().await?.events, store.log.end().await?)),
    }
}

/// A folder that only its owner may read.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut made = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
    made.create(path)
}
