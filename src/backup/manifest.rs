//! What a back-up says of itself: what it holds, how far it goes, and the digest by which damage is seen.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{BackupError, Damage};
use crate::{
    event::Seq,
    ledger::time::UnixTime,
    store::{SealHead, copies},
};

/// The name of the manifest's file within a back-up.
pub const MANIFEST: &str = "manifest.json";

/// The same before the copy is in its place.
pub(super) const PART: &str = "manifest.json.part";

/// The only format there is.
const FORMAT: u32 = 1;

/// A back-up as its manifest tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// How the back-up is laid out.
    format: u32,
    /// The version of mrrd that made it.
    pub mrrd: String,
    /// When it was made, by this machine's clock.
    pub made_at: String,
    /// The database it was made from: `sqlite` or `postgres`.
    pub database: String,
    /// The last step of the schema it was written with.
    pub schema: i64,
    /// The identity that the log was given when it was made.
    pub log: String,
    /// How many events, each id counted once.
    pub events: i64,
    /// The last place of the log that it holds.
    pub last_seq: Seq,
    /// The head of its seals; null where nothing was sealed yet.
    #[serde(with = "head")]
    pub seal_head: Option<SealHead>,
    /// How many rows it has of each table.
    pub tables: BTreeMap<String, i64>,
    /// How many bytes the copy has.
    pub bytes: u64,
    /// SHA-256 of the copy, in hexadecimal digits.
    pub sha256: String,
}

mod head {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::store::SealHead;

    pub(super) fn serialize<S: Serializer>(head: &Option<SealHead>, to: S) -> Result<S::Ok, S::Error> {
        match head {
            Some(head) => to.collect_str(head),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SealHead>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

impl Manifest {
    /// Of the copy at `path`, which was verified.
    pub(super) async fn describe(
        path: &Path,
        database: &str,
        now: UnixTime,
        events: i64,
        last_seq: Seq,
        seal_head: Option<SealHead>,
    ) -> Result<Self, BackupError> {
        let copies::Contents { schema, log, tables } = copies::contents(path).await?;
        let (bytes, sha256) = digest(path).await.map_err(|error| BackupError::Folder { path: path.into(), error })?;
        let (mrrd, made_at) = (env!("CARGO_PKG_VERSION").into(), now.to_string());
        let database = database.into();
        Ok(Self {
            format: FORMAT,
            mrrd,
            made_at,
            database,
            schema,
            log,
            events,
            last_seq,
            seal_head,
            tables,
            bytes,
            sha256,
        })
    }

    /// Puts the copy in its place and the manifest beside it: from here on there is a back-up.
    pub(super) fn write(&self, folder: &Path, copied: &Path, file: &Path) -> Result<(), BackupError> {
        let (path, part) = (folder.join(MANIFEST), folder.join(PART));
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut manifest = File::create(&part)?;
            manifest.write_all(&text)?;
            manifest.sync_all()?;
            fs::rename(copied, file)?;
            fs::rename(&part, &path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| BackupError::Folder { path, error })
    }

    /// Reads that of the back-up in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, Damage> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Damage::Unfinished(folder.into())),
            Err(error) => return Err(Damage::Manifest { path, reason: error.to_string() }),
        };
        let read: Self = match serde_json::from_slice(&text) {
            Ok(read) => read,
            Err(error) => return Err(Damage::Manifest { path, reason: format!("it can't be read ({error})") }),
        };
        if read.format != FORMAT {
            let reason = format!("it is of format {}, and this mrrd knows {FORMAT}", read.format);
            return Err(Damage::Manifest { path, reason });
        }
        Ok(read)
    }

    /// Whether the copy at `path` is the one that was made.
    pub(super) async fn hold_against(&self, path: &Path) -> Result<(), Damage> {
        let damaged = |reason: String| Damage::File { path: path.into(), reason };
        let (bytes, sha256) = digest(path).await.map_err(|error| damaged(error.to_string()))?;
        if bytes != self.bytes {
            return Err(damaged(format!("it has {bytes} bytes, and the manifest says {}", self.bytes)));
        }
        if sha256 != self.sha256 {
            return Err(damaged("its SHA-256 isn't the one of the manifest".into()));
        }
        Ok(())
    }
}

/// The length and the SHA-256 of a file.
async fn digest(path: &Path) -> io::Result<(u64, String)> {
    let path = path.to_owned();
    let read = move || {
        let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
        Ok((bytes, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}
