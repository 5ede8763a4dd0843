//! The shim (`shim.c`): compiled once, preloaded into a process, told what to fail through a file that both map.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Kinds of calls: a sum of these is armed.
pub(crate) const WRITE: u32 = 1;
pub(crate) const SYNC: u32 = 2;
pub(crate) const TRUNCATE: u32 = 4;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    InputOutput = 1,
    NoSpace = 2,
    Shortened = 3,
}

/// What is to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// How the path of the file ends.
    pub(crate) file: &'static str,
    pub(crate) calls: u32,
    pub(crate) how: How,
    /// From which call on, beginning with 1.
    pub(crate) first: u32,
    /// Up to which.
    pub(crate) last: u32,
}

/// The library, compiled with the C compiler that SQLite needs anyway.
pub(crate) fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("mrrd-shim-").tempdir().unwrap().keep();
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, include_str!("shim.c")).unwrap();
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let output = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .expect("a C compiler, which SQLite needs too");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    })
}

/// The file through which the shim is told what to fail.
pub(crate) struct Control(File);

impl Control {
    const LENGTH: u64 = 128;

    /// A new one at `path`, for `FAULTS_CONTROL`.
    pub(crate) fn create(path: &Path) -> Self {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).unwrap();
        file.set_len(Self::LENGTH).unwrap();
        Self(file)
    }

    /// The one that a process was started with.
    pub(crate) fn of_process() -> Self {
        let path = std::env::var_os("FAULTS_CONTROL").expect("FAULTS_CONTROL");
        Self(OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    fn put(&self, word: u64, value: u32) {
        self.0.write_all_at(&value.to_ne_bytes(), word * 4).unwrap();
    }

    fn get(&self, word: u64) -> u32 {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, word * 4).unwrap();
        u32::from_ne_bytes(bytes)
    }

    /// From now on `fault` happens.
    pub(crate) fn arm(&self, fault: Fault) {
        self.disarm();
        let mut suffix = [0; 96];
        suffix[..fault.file.len()].copy_from_slice(fault.file.as_bytes());
        self.0.write_all_at(&suffix, 32).unwrap();
        for (word, value) in
            [(1, fault.calls), (2, fault.first), (3, fault.last), (4, fault.how as u32), (5, 0), (6, 0)]
        {
            self.put(word, value);
        }
        self.put(0, 1);
    }

    /// Nothing fails any more.
    pub(crate) fn disarm(&self) {
        self.put(0, 0);
    }

    /// Calls that counted since it was armed.
    pub(crate) fn counted(&self) -> u32 {
        self.get(5)
    }

    /// And those of them that failed.
    pub(crate) fn failed(&self) -> u32 {
        self.get(6)
    }
}
