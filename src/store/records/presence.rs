//! Who holds a lease, told so that others see at once when nobody does any more: a process that ended, another machine's or
//! another boot's, or a lease that was copied along with its file.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Stores open in this process, by number: one that is closed holds nothing.
static OPEN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// What isn't known here: not every system has `/proc`.
const UNKNOWN: &str = "-";

/// Where a store is open: kernel, process, store and file. Written into each lease it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoreIdentity {
    /// Which start of which kernel.
    boot: String,
    /// In which numbering of processes.
    space: String,
    pid: String,
    /// When the process began: numbers of processes come again.
    began: String,
    /// Whose process: others' may be hidden from us.
    user: String,
    /// Which store of the process.
    store: u64,
    /// Which file, by device and inode; [`UNKNOWN`] on PostgreSQL.
    file: String,
}

/// The presence of one open store, and what it has seen of others' leases; clones share it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Presence {
    place: Arc<StoreIdentity>,
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    /// Ends the presence with the last clone.
    _open: Arc<Open>,
}

#[derive(Debug)]
struct Open(u64);

impl Drop for Open {
    fn drop(&mut self) {
        open().remove(&self.0);
    }
}

fn open() -> std::sync::MutexGuard<'static, BTreeSet<u64>> {
    // An insertion or removal leaves the set whole, whoever panics.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lease as another holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Held {
    pub(in crate::store) holder: String,
    pub(in crate::store) place: String,
    /// Grows by one with every renewal.
    pub(in crate::store) renewals: i64,
    /// As the database has it; an older mrrd renews nothing else.
    pub(in crate::store) expires_at: i64,
}

#[derive(Debug)]
struct Seen {
    held: Held,
    since: Instant,
}

impl Presence {
    /// Of a store that is being opened, on `file` where it is a file.
    pub(in crate::store) fn new(file: Option<(u64, u64)>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let store = COUNT.fetch_add(1, Ordering::Relaxed);
        open().insert(store);
        let place = StoreIdentity {
            boot: read("/proc/sys/kernel/random/boot_id"),
            space: space("self"),
            pid: std::process::id().to_string(),
            began: began("self").unwrap_or_else(|| UNKNOWN.into()),
            user: user(),
            store,
            file: file.map_or(UNKNOWN.into(), |(device, inode)| format!("{device}:{inode}")),
        };
        Self { place: Arc::new(place), seen: Arc::default(), _open: Arc::new(Open(store)) }
    }

    /// As a lease tells it.
    pub(in crate::store) fn told(&self) -> String {
        let StoreIdentity { boot, space, pid, began, user, store, file } = &*self.place;
        format!("{boot} {space} {pid} {began} {user} {store} {file}")
    }

    /// The store is closed: what it held is free.
    pub(in crate::store) fn end(&self) {
        open().remove(&self.place.store);
    }

    /// Whether nobody is there any more who could renew `held`: known at once, without waiting for its length.
    pub(in crate::store) fn is_gone(&self, held: &Held) -> bool {
        let Some(other) = StoreIdentity::parse(&held.place) else { return false };
        let ours = &*self.place;
        let known = |text: &str| text != UNKNOWN;
        // A file of SQLite's can't be shared between kernels, and a lease in a copy of a file holds the file it was copied from.
        if known(&ours.file) && (other.file != ours.file || (known(&ours.boot) && other.boot != ours.boot)) {
            return true;
        }
        // Where the kernel doesn't say which it is, the file does: it can't be another one.
        let same_kernel = other.boot == ours.boot && (known(&ours.boot) || known(&ours.file));
        if !same_kernel || !known(&ours.space) || !known(&other.began) || other.space != ours.space {
            return false;
        }
        if other.pid == ours.pid && other.began == ours.began {
            return !open().contains(&other.store);
        }
        match began(&other.pid) {
            Some(began) => began != other.began,
            // Gone; or another user's, and hidden from us.
            None => other.user == ours.user || began("1").is_some(),
        }
    }

    /// Whether `held` was seen just so for `length`, by this process's own count of time: its holder doesn't renew it.
    pub(in crate::store) fn is_unrenewed(&self, name: &str, held: &Held, length: Duration) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(name) {
            Some(before) if before.held == *held => before.since.elapsed() >= length,
            _ => {
                seen.insert(name.to_owned(), Seen { held: held.clone(), since: Instant::now() });
                false
            }
        }
    }
}

impl StoreIdentity {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ').map(str::to_owned);
        let mut word = || words.next();
        Some(Self {
            boot: word()?,
            space: word()?,
            pid: word()?,
            began: word()?,
            user: word()?,
            store: word()?.parse().ok()?,
            file: word()?,
        })
    }
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() { UNKNOWN.into() } else { text.to_owned() }
}

/// Whose process this is.
#[cfg(unix)]
fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(UNKNOWN.into(), |found| found.uid().to_string())
}

#[cfg(not(unix))]
fn user() -> String {
    UNKNOWN.into()
}

/// The numbering that a process's number belongs to: containers have their own.
fn space(process: &str) -> String {
    let link = std::fs::read_link(format!("/proc/{process}/ns/pid"));
    link.map_or(UNKNOWN.into(), |link| link.display().to_string().replace(' ', ""))
}

/// When a process began, in the kernel's own count; `None` when there is none of that number.
fn began(process: &str) -> Option<String> {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything; the twentieth word behind it is the start.
    told.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(place: &StoreIdentity) -> Held {
        let StoreIdentity { boot, space, pid, began, user, store, file } = place;
        let place = format!("{boot} {space} {pid} {began} {user} {store} {file}");
        Held { holder: "one".into(), place, renewals: 1, expires_at: i64::MAX }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn who_is_gone_is_seen_at_once_and_who_may_be_there_is_not_taken_for_gone() {
        let (ours, other) = (Presence::new(Some((1, 2))), Presence::new(Some((1, 2))));
        let place = (*other.place).clone();
        assert!(!ours.is_gone(&held(&place)), "open beside us");
        let parent = std::os::unix::process::parent_id().to_string();
        let began = began(&parent).unwrap();
        assert!(
            !ours.is_gone(&held(&StoreIdentity { pid: parent.clone(), began, ..place.clone() })),
            "a living process"
        );
        for (gone, why) in [
            (StoreIdentity { pid: parent, began: "1".into(), ..place.clone() }, "another process of that number"),
            (StoreIdentity { pid: "0".into(), ..place.clone() }, "no such process"),
            (StoreIdentity { boot: "another".into(), ..place.clone() }, "before a restart, or on another machine"),
            (StoreIdentity { file: "1:3".into(), ..place.clone() }, "copied with its file"),
        ] {
            assert!(ours.is_gone(&held(&gone)), "{why}");
        }
        // Another container's process can't be looked at, and what an older mrrd wrote says nothing.
        assert!(!ours.is_gone(&held(&StoreIdentity { space: "pid:[1]".into(), pid: "0".into(), ..place.clone() })));
        assert!(!ours.is_gone(&Held { place: String::new(), ..held(&place) }));
        // On PostgreSQL other machines are others, not gone.
        let server = Presence::new(None);
        assert!(!server.is_gone(&held(&StoreIdentity { boot: "another".into(), file: "-".into(), ..place.clone() })));
        other.end();
        assert!(ours.is_gone(&held(&place)), "closed");
    }

    #[test]
    fn a_lease_lasts_by_its_renewals() {
        let ours = Presence::new(None);
        let mut one = Held { holder: "one".into(), place: String::new(), renewals: 1, expires_at: i64::MAX };
        let length = Duration::from_millis(50);
        assert!(!ours.is_unrenewed("r", &one, length));
        std::thread::sleep(length);
        assert!(ours.is_unrenewed("r", &one, length), "whatever date it has");
        one.renewals += 1;
        assert!(!ours.is_unrenewed("r", &one, length));
    }
}
