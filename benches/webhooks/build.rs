//! Which build was measured, and on what, so that a report can be held against it later; of both halves of it.

use std::{path::Path, process::Command};

use sha2::{Digest, Sha256};

/// The version and the digest of the binary, and the commit it was made from where this is a checkout.
#[expect(clippy::disallowed_methods, reason = "mrrd's own configuration is not concerned")]
pub(crate) fn measured() -> String {
    let binary = std::env::var("MRRD_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_mrrd").to_owned());
    let digest = hex::encode(&Sha256::digest(std::fs::read(&binary).unwrap())[..6]);
    let profile = Path::new(&binary).parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let version = said_by(Command::new(&binary).arg("--version")).unwrap_or_else(|| "mrrd".to_owned());
    let git = |args: &[&str]| said_by(Command::new("git").args(args).current_dir(env!("CARGO_MANIFEST_DIR")));
    // The report itself, of which the other half was just written, makes no other build.
    let changed = git(&["status", "--porcelain", "--untracked-files=no", "--", ".", ":!benches/RESULTS.md"]);
    let commit = git(&["rev-parse", "--short", "HEAD"]).map(|commit| match changed {
        Some(_) => format!("{commit}-dirty"),
        None => commit,
    });
    format!(
        "{version}{} (profile `{}`, SHA-256 of the binary {digest}…)",
        commit.map(|commit| format!(" at {commit}")).unwrap_or_default(),
        profile.unwrap_or_default(),
    )
}

/// The processors, the system, and how busy it was before.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |cpu| cpu.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cpu}, {cores} cores, Linux {}, load {load} before", read("/proc/sys/kernel/osrelease").trim())
}

/// The first line of what a command says, where it succeeds.
fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}
