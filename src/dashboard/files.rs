//! What the dashboard is made of: files compiled in as they lie in `assets/`, compressed once when first asked for.

use std::{borrow::Cow, collections::BTreeMap, io::Write, sync::OnceLock};

use flate2::{Compression, write::GzEncoder};
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::tight::{tight_script, tight_styles, without_comments};

/// A file as it is answered.
#[derive(Debug)]
pub(super) struct File {
    /// The media type of the file.
    pub kind: &'static str,
    /// The file as it is, uncompressed.
    pub bytes: Cow<'static, [u8]>,
    /// The file compressed by gzip.
    pub gzip: Vec<u8>,
    /// A hash of its bytes, as HTTP tags it.
    pub etag: HeaderValue,
}

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        /// Every file of `assets/`, by its path there.
        const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("assets/", $path)))),+];
    };
}

files![
    "app.css",
    "icon.svg",
    "main.js",
    "pages.js",
    "api.js",
    "asked.js",
    "charts.js",
    "days.js",
    "format.js",
    "keys.js",
    "known.js",
    "ledger.js",
    "notes.js",
    "parts.js",
    "prices.js",
    "reportbar.js",
    "route.js",
    "segment.js",
    "session.js",
    "stream.js",
    "words.js",
    "pages/alerts.js",
    "pages/breakdown.js",
    "pages/churn.js",
    "pages/closing.js",
    "pages/committed.js",
    "pages/cohorts.js",
    "pages/customer.js",
    "pages/customers.js",
    "pages/differences.js",
    "pages/events.js",
    "pages/first.js",
    "pages/goals.js",
    "pages/health.js",
    "pages/movements.js",
    "pages/overview.js",
    "vendor/LICENSES.txt",
    "vendor/chart.js",
    "vendor/preact.js",
];

/// The document of every page; `{assets}` and `{preload}` are filled in.
const PAGE: &str = include_str!("assets/index.html");

/// The document where no page is; `{assets}` is filled in.
const NOTHING_HERE: &str = include_str!("assets/nothing_here.html");

/// A hash of all files, which their addresses carry.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let digest = FILES.iter().fold(Sha256::new(), |digest, (path, bytes)| {
            digest
                .chain_update(path.as_bytes())
                .chain_update([0])
                .chain_update(bytes.len().to_le_bytes())
                .chain_update(bytes)
        });
        hex::encode(&digest.finalize()[..8])
    })
}

/// The document of every page.
pub(super) fn page() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| {
        let assets = format!("/assets/{}", version());
        // Asked for at once instead of one import after another; the drawing library comes when a chart does.
        let preload: String = FILES
            .iter()
            .filter(|(path, _)| path.ends_with(".js") && *path != "vendor/chart.js")
            .map(|(path, _)| format!("<link rel=\"modulepreload\" href=\"{assets}/{path}\">\n"))
            .collect();
        let text = PAGE.replace("{assets}", &assets).replace("{preload}\n", &preload);
        File::new("index.html", Cow::Owned(text.into_bytes()))
    })
}

/// The document of an address that no page has.
pub(super) fn nothing_here() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| {
        let text = NOTHING_HERE.replace("{assets}", &format!("/assets/{}", version()));
        File::new("nothing_here.html", Cow::Owned(text.into_bytes()))
    })
}

/// A file by its path in `assets/`.
pub(super) fn asset(path: &str) -> Option<&'static File> {
    static MADE: OnceLock<BTreeMap<&'static str, File>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| FILES.iter().map(|(path, bytes)| (*path, File::new(path, served(path, bytes)))).collect());
    made.get(path)
}

/// A file's bytes as they are served: our own scripts and styles without comments, which say types and reasons to whoever reads
/// them here, and without what only lays the text out.
fn served(path: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
    match std::str::from_utf8(bytes) {
        Ok(text) if path.ends_with(".js") && !path.starts_with("vendor/") => {
            Cow::Owned(tight_script(&without_comments(text)).into_bytes())
        }
        Ok(text) if path.ends_with(".css") => Cow::Owned(tight_styles(text).into_bytes()),
        _ => Cow::Borrowed(bytes),
    }
}

impl File {
    fn new(path: &str, bytes: Cow<'static, [u8]>) -> Self {
        let kind = match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..12]));
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { kind, gzip: compressed(&bytes), bytes, etag }
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory doesn't fail.
    gzip.write_all(bytes).and_then(|()| gzip.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn walk(dir: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_that_lies_there_is_answered() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard/assets");
        let mut lying = BTreeSet::new();
        walk(&root, &root, &mut lying);
        // Not asked for by a browser.
        assert!(
            lying.remove("index.html") && lying.remove("nothing_here.html") && lying.remove("vendor/manifest.json")
        );
        lying.retain(|path| !path.ends_with(".d.ts"));
        let answered: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(answered, lying);
    }

    #[test]
    fn no_script_has_a_comment_without_an_end_or_within_a_text() {
        for (path, bytes) in FILES.iter().filter(|(path, _)| path.ends_with(".js") && !path.starts_with("vendor/")) {
            let text = std::str::from_utf8(bytes).unwrap();
            assert_eq!(text.matches("/**").count(), text.matches("*/").count(), "{path} has a comment without an end");
            assert!(!text.contains("\"/**") && !text.contains("`/**"), "{path} has a comment within a text");
        }
    }

    #[test]
    fn every_link_leads_somewhere() {
        let ours = FILES.iter().filter(|(path, _)| path.ends_with(".js") && !path.starts_with("vendor/"));
        let texts: Vec<_> = ours.map(|(path, bytes)| (path, std::str::from_utf8(bytes).unwrap())).collect();
        let mut followed = 0;
        for (path, text) in &texts {
            for rest in text.split("href(").skip(1) {
                let Some(to) = rest.strip_prefix(['"', '`']).filter(|to| to.starts_with('/')) else { continue };
                let first = to[1..].split(['"', '`', '/', '?', '$']).next().unwrap_or_default();
                let leads = first.is_empty() || super::super::PAGES.contains(&format!("/{first}").as_str());
                assert!(leads, "{path} leads to /{first}, which is no page");
                followed += 1;
            }
            for rest in text.split("href=\"#").skip(1).filter(|rest| !rest.starts_with("main\"")) {
                let place = format!("id=\"{}\"", rest.split('"').next().unwrap_or_default());
                assert!(
                    texts.iter().any(|(_, text)| text.contains(&place)),
                    "{path} leads to {place}, which is nowhere"
                );
                followed += 1;
            }
        }
        assert!(followed > 40, "{followed}");
    }

    #[test]
    fn everything_together_stays_small() {
        let all: usize = FILES.iter().filter_map(|(path, _)| asset(path)).map(|file| file.gzip.len()).sum();
        let all = all + page().gzip.len();
        assert!(all <= 150 * 1024, "the dashboard has {all} bytes compressed, and may have 150 KiB");
    }

    #[test]
    fn what_is_vendored_is_what_its_manifest_says() {
        let manifest: serde_json::Value = serde_json::from_str(include_str!("assets/vendor/manifest.json")).unwrap();
        let modules = manifest["modules"].as_object().unwrap();
        let vendored = |path: &&str| path.starts_with("vendor/") && path.ends_with(".js");
        assert_eq!(FILES.iter().filter(|(path, _)| vendored(path)).count(), modules.len());
        for (name, about) in modules {
            let bytes = &asset(&format!("vendor/{name}")).unwrap().bytes;
            let whole = hex::encode(Sha256::digest(bytes));
            assert_eq!(about["sha256"], whole, "{name}");
            for package in about["packages"].as_array().unwrap() {
                assert!(["MIT", "Apache-2.0", "BSD-3-Clause", "ISC"].contains(&package["license"].as_str().unwrap()));
            }
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for (path, bytes) in FILES.iter().filter(|(path, _)| path.ends_with(".js") || path.ends_with(".css")) {
            let text = std::str::from_utf8(bytes).unwrap();
            for foreign in ["import(\"http", "from \"http", "url(http", "@import"] {
                assert!(!text.contains(foreign), "{path} has {foreign}");
            }
        }
    }
}
