//! A command of mrrd as a process: how long it runs, and the most memory it ever holds.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::daemon::{Settings, mrrd};

/// What a process cost.
pub(crate) struct Cost {
    pub(crate) took: Duration,
    pub(crate) peak_kilobytes: u64,
    /// Of all its threads, to a few hundredths.
    pub(crate) processor_seconds: f64,
}

impl Cost {
    pub(crate) fn per_second(&self, count: usize) -> f64 {
        count as f64 / self.took.as_secs_f64()
    }
}

/// Runs `mrrd …` to its end, which must be a good one; `input` goes to its standard input.
pub(crate) fn run(dir: &Path, settings: &Settings, args: &[&str], input: impl FnOnce(&mut dyn Write)) -> Cost {
    let since = Instant::now();
    let mut command: Command = mrrd(dir, settings);
    let mut child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let (pid, ended, peak) = (child.id(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let taken = Arc::new(AtomicU64::new(0));
    let watching = std::thread::spawn({
        let (ended, peak, taken) = (ended.clone(), peak.clone(), taken.clone());
        move || {
            while !ended.load(Ordering::Relaxed) {
                peak.fetch_max(peak_kilobytes(pid), Ordering::Relaxed);
                taken.fetch_max(ticks(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let mut stdin = child.stdin.take().unwrap();
    input(&mut stdin);
    drop(stdin);
    let status = child.wait().unwrap();
    let took = since.elapsed();
    ended.store(true, Ordering::Relaxed);
    watching.join().unwrap();
    assert!(status.success(), "mrrd {args:?}: {status}");
    let processor_seconds = taken.load(Ordering::Relaxed) as f64 / 100.0;
    Cost { took, peak_kilobytes: peak.load(Ordering::Relaxed), processor_seconds }
}

/// The most memory a process ever held; 0 where the system doesn't tell.
pub(crate) fn peak_kilobytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.unwrap_or_default()
}

/// Waits until a process has nothing under way behind what is measured: catching up is followed by sealing and by looks of
/// the alerts. It is at rest when for a second it takes less than a twentieth of a processor.
pub(crate) async fn rest(pid: u32) {
    const PATIENCE: Duration = Duration::from_secs(300);
    let since = Instant::now();
    let mut before = ticks(pid);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = ticks(pid);
        if now - before < 5 {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "it never rests");
        before = now;
    }
}

/// Hundredths of a second of processor time that a process has taken; 0 where the system doesn't tell.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in brackets, may hold spaces; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}
