//! Files of events: named ones, folders of them, standard input; plain, gzip or zstd, told by their first bytes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

/// Where one stream of events comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The standard input, written `-`.
    StandardInput,
    /// A file, perhaps compressed by gzip or zstd.
    File(PathBuf),
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StandardInput => f.write_str("standard input"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Endings of the files taken from a folder; a file that is named itself may have any.
const ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

/// The inputs that `paths` name, in their order; those of a folder and its folders by name. Errors on a path that
/// isn't there, before anything is read.
pub fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, String> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input::StandardInput);
            continue;
        }
        let kind = std::fs::metadata(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        if kind.is_dir() {
            folder(path, &mut inputs).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        } else {
            inputs.push(Input::File(path.clone()));
        }
    }
    Ok(inputs)
}

fn folder(path: &Path, inputs: &mut Vec<Input>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // A link isn't followed: it could lead back to where we are.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folder(&entry.path(), inputs)?;
        } else if kind.is_file() && is_of_events(&entry.file_name().to_string_lossy()) {
            inputs.push(Input::File(entry.path()));
        }
    }
    Ok(())
}

fn is_of_events(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl Input {
    /// Opens it, decompressed; `read` counts the bytes read of it as it lies there.
    pub fn open(&self, read: Arc<AtomicU64>) -> io::Result<Box<dyn BufRead>> {
        match self {
            Self::StandardInput => decompressed(Counted { source: io::stdin().lock(), read }),
            Self::File(path) => decompressed(Counted { source: File::open(path)?, read }),
        }
    }
}

/// How many bytes `inputs` are as they lie there; `None` where one of them is a stream that doesn't tell.
pub fn bytes(inputs: &[Input]) -> Option<u64> {
    let one = |input: &Input| match input {
        Input::StandardInput => None,
        Input::File(path) => path.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len()),
    };
    inputs.iter().map(one).sum()
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

fn decompressed(source: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut source = BufReader::with_capacity(128 * 1024, source);
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let source = BufReader::new(io::Cursor::new(magic.clone()).chain(source));
    Ok(if magic.starts_with(GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(source)))
    } else if magic == ZSTD {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(source)?))
    } else {
        Box::new(source)
    })
}
