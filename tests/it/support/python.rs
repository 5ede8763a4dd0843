//! Programs of Python that look at the daemon from outside, from the environment that `scripts/tools python` makes.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Where that environment is.
fn environment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/venv")
}

/// A program of it, to be run in `dir`, with nothing of this process's environment.
pub(crate) fn program(name: &str, dir: &Path) -> Command {
    let path = environment().join("bin").join(name);
    assert!(path.exists(), "this test needs {}: scripts/tools python", path.display());
    let mut command = Command::new(path);
    command.current_dir(dir).env_clear().env("PATH", "/usr/bin:/bin").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Everything a program said.
pub(crate) fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
