//! What is said on a terminal and nowhere else, a link that signs in; and what is shown nowhere, a secret that is typed.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::daemon::{SECRET, binary};

/// A bound, not a pace.
const PATIENCE: Duration = Duration::from_secs(180);

/// A command with a terminal of its own (`script` gives it one), in a folder of its own.
struct OnTerminal {
    script: Child,
    dir: PathBuf,
}

impl OnTerminal {
    fn start(dir: &Path, args: &str, env: &[(&str, &str)]) -> Self {
        Self::running(dir, &format!("exec {} {args}", binary().display()), env)
    }

    /// The same of what a shell runs.
    fn running(dir: &Path, line: &str, env: &[(&str, &str)]) -> Self {
        // Its process is known before it is the command's.
        let line = format!("echo $$ > pid.new; mv pid.new pid; {line}");
        let script = Command::new("/usr/bin/script")
            .args(["--quiet", "--return", "--flush", "--command", &line, "said"])
            .current_dir(dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("MRRD_SERVER__LISTEN", "127.0.0.1:0")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { script, dir: dir.into() }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("said")).unwrap_or_default()).into_owned()
    }

    /// Looks again until `found` answers something.
    fn wait<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "{what} never came:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, text: &str) {
        self.wait(text, || self.said().contains(text).then_some(()));
    }

    fn pid(&self) -> String {
        self.wait("its process", || fs::read_to_string(self.dir.join("pid")).ok()).trim().to_owned()
    }

    fn types(&mut self, text: &str) {
        let input = self.script.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Waits until its terminal shows nothing of what is typed.
    fn wait_for_no_echo(&self) {
        let terminal = fs::read_link(format!("/proc/{}/fd/0", self.pid())).unwrap();
        self.wait("a terminal that shows nothing", || (!shows(&terminal)).then_some(()));
    }

    /// Sends a signal, and waits for its end.
    fn ends_by(mut self, signal: &str) -> String {
        assert!(Command::new("kill").args([signal, &self.pid()]).status().unwrap().success());
        let since = Instant::now();
        while self.script.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it doesn't end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.said()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // A test that failed half way leaves no daemon behind.
        if let Ok(pid) = fs::read_to_string(self.dir.join("pid"))
            && self.script.try_wait().is_ok_and(|ended| ended.is_none())
        {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
        }
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

/// Whether a terminal shows what is typed.
fn shows(terminal: &Path) -> bool {
    let output = Command::new("stty").arg("--file").arg(terminal).arg("--all").output().unwrap();
    let modes = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(modes.contains("echo"), "{modes}{}", String::from_utf8_lossy(&output.stderr));
    modes.split_whitespace().all(|word| word != "-echo")
}

fn token_in(dir: &Path) -> String {
    fs::read_to_string(dir.join("mrrd.token")).unwrap().trim().to_owned()
}

#[test]
fn the_first_start_on_a_terminal_prints_a_link_that_signs_in() {
    let dir = tempfile::tempdir().unwrap();
    let serve = OnTerminal::start(dir.path(), "serve", &[("MRRD_STRIPE__WEBHOOK_SECRETS", SECRET)]);
    serve.wait_for("prints it again");
    let said = serve.ends_by("-TERM");
    assert!(said.contains(&format!("/#token={}", token_in(dir.path()))), "{said}");
    assert!(said.contains("`mrrd token link` prints it again"), "{said}");
}

#[test]
fn init_shows_no_secret_that_is_typed_and_prints_the_link_of_the_token_that_its_wait_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut init = OnTerminal::start(dir.path(), "init", &[]);
    init.wait_for("Signing secret");
    init.wait_for_no_echo();
    init.types("whsec_typed_by_somebody\n");
    for question in ["Database [sqlite://mrrd.db]: ", "Zone of your accounting days [UTC]: ", "(yes or no)? [yes]: "] {
        init.wait_for(question);
        init.types("\n");
    }
    init.wait_for("Waiting for the first signed event");
    let said = init.ends_by("-INT");
    assert!(!said.contains("whsec_typed"), "{said}");
    assert!(fs::read_to_string(dir.path().join("config/mrrd.toml")).unwrap().contains("whsec_typed_by_somebody"));
    assert!(said.contains(&format!("/#token={}", token_in(dir.path()))), "{said}");
    assert!(said.contains("Start it: mrrd --config config/mrrd.toml serve"), "{said}");
}

/// The terminal was left without showing what is typed, and the shell said nothing but a signal.
#[test]
fn a_question_that_is_interrupted_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    // A shell that ignores the signal, so that the terminal is there after the command.
    let line = format!("trap : INT; {} init; echo ended by $?; stty --all", binary().display());
    let mut init = OnTerminal::running(dir.path(), &line, &[]);
    init.wait_for("Signing secret");
    let terminal = fs::read_link(format!("/proc/{}/fd/0", init.pid())).unwrap();
    init.wait("a terminal that shows nothing", || (!shows(&terminal)).then_some(()));
    init.types("whsec_half\x03");
    init.wait_for("ended by 130");
    init.wait_for("echoctl");
    let said = init.said();
    let (asked, after) = said.split_once("ended by 130").unwrap();
    assert!(asked.contains("mrrd: interrupted: nothing was written"), "{said}");
    assert!(after.contains(" echo "), "{said}");
    assert!(!dir.path().join("config").exists());
}
