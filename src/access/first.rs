//! The first token: with none configured and none made, `serve` makes one and writes it beside the database, for whoever may
//! read that file.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::secret::{digest, new_id, new_token};
use crate::{
    config::Config,
    ledger::time::UnixTime,
    store::{
        StoreError,
        records::Records,
        records::{
            access::{AccessRole, TokenRow},
            audit_trail::{Action, Actor, KnownBy},
        },
    },
};

/// What it is called in lists.
pub const NAME: &str = "mrrd.token";

/// Why there is no first token.
#[derive(Debug, Error)]
pub enum FirstTokenError {
    /// The token couldn't be kept in the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its file couldn't be written.
    #[error("{} can't be written: {error}: see that its folder can be written, or set api.tokens", path.display())]
    Unwritable {
        /// The path of the file.
        path: PathBuf,
        /// What the system says of it.
        error: io::Error,
    },
    /// Its file couldn't be read.
    #[error(
        "{} can't be read: {error}: it is for the user who runs `mrrd serve` alone, so run this as that user, or set api.tokens",
        path.display()
    )]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// What the system says of it.
        error: io::Error,
    },
    /// Its file holds nothing.
    #[error(
        "{} is empty, and the token that was in it is kept nowhere else: `mrrd token create NAME --role admin` makes another",
        path.display()
    )]
    Empty {
        /// The path of the file.
        path: PathBuf,
    },
}

/// A token that was just made, or found to be unknown.
#[derive(Clone, Debug)]
pub struct FirstToken {
    /// The token itself.
    pub token: SecretString,
    /// The file it was written to.
    pub path: PathBuf,
}

impl FirstToken {
    /// The link that signs in at a daemon of this address. What follows `#` is never sent, so no proxy's log holds it.
    pub fn link(&self, address: std::net::SocketAddr) -> String {
        link(&self.token, address)
    }
}

/// A link that signs in with `token` at a daemon of this address.
pub fn link(token: &SecretString, mut address: std::net::SocketAddr) -> String {
    // A daemon that listens everywhere is reached from this machine where we are.
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}/#token={}", token.expose_secret())
}

/// Where the token lies: beside SQLite's file; with PostgreSQL, in the folder the process runs in.
pub fn path(config: &Config) -> PathBuf {
    let database = config.database.url.expose_secret().strip_prefix("sqlite://").map(Path::new);
    database.map_or_else(|| PathBuf::from(NAME), |database| database.with_file_name(NAME))
}

/// The token for commands on the same machine: one that is configured, else the file's. `None` where there is neither.
pub fn for_commands(config: &Config) -> Result<Option<SecretString>, FirstTokenError> {
    if let Some(token) = config.api.tokens.first() {
        return Ok(Some(token.clone()));
    }
    read(&path(config))
}

/// Makes a token where none is configured and none is in force, and answers it: once, for the next start finds it.
pub async fn prepare(config: &Config, records: &Records, now: UnixTime) -> Result<Option<FirstToken>, FirstTokenError> {
    if !config.api.tokens.is_empty() {
        return Ok(None);
    }
    let tokens = records.access_tokens().await?;
    let path = path(config);
    if let Some(made) = tokens.iter().find(|token| token.revoked_at.is_none()) {
        // A file that somebody removed is no fault, and one that was emptied is.
        return if made.name == NAME { read(&path).map(|_| None) } else { Ok(None) };
    }
    let revoked = |token: &SecretString| tokens.iter().any(|one| one.digest == digest(token.expose_secret()));
    // One that lies there was written right before a kill, or belongs to a ledger that is gone.
    let lies_there = match read(&path) {
        // Nothing in it was ever given to anybody.
        Err(FirstTokenError::Empty { .. }) => None,
        read => read?,
    };
    let token = match lies_there.filter(|token| !revoked(token)) {
        Some(token) => token,
        None => write(&path)?,
    };
    let row = TokenRow {
        id: new_id(),
        digest: digest(token.expose_secret()),
        name: NAME.into(),
        role: AccessRole::Admin,
        created_at: now,
        revoked_at: None,
    };
    let mrrd = Actor { who: "mrrd serve".into(), by: KnownBy::Mrrd, address: String::new() };
    records.keep_token(&row, &mrrd.does(now, Action::TokenCreated, row.id.clone()).saying(NAME)).await?;
    Ok(Some(FirstToken { token, path }))
}

fn read(path: &Path) -> Result<Option<SecretString>, FirstTokenError> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(FirstTokenError::Empty { path: path.into() }),
        Ok(text) => Ok(Some(text.trim().into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FirstTokenError::Unreadable { path: path.into(), error }),
    }
}

/// Writes a new token where only this user reads it, whole or not at all.
fn write(path: &Path) -> Result<SecretString, FirstTokenError> {
    let token = new_token();
    let beside = path.with_extension(format!("token.{:08x}", rand::random::<u32>()));
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(format!("{}\n", token.expose_secret()).as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|error| {
        // What is left is no token of any ledger.
        drop(fs::remove_file(&beside));
        FirstTokenError::Unwritable { path: path.into(), error }
    })?;
    Ok(token)
}
