//! Questions on a terminal, and what is typed there: shown, or kept to itself as a password is. Whoever interrupts them finds the
//! terminal as it was.

use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use super::{Failure, signals::Signals};

/// What is asked on a terminal, one question after the other. From here on signals end the question and not the process.
pub(super) struct Prompt {
    signals: Signals,
    /// What is said when a question is interrupted.
    interrupted: &'static str,
}

impl Prompt {
    /// Errors where signals can't be caught.
    pub(super) fn new(interrupted: &'static str) -> io::Result<Self> {
        Ok(Self { signals: Signals::of_terminal()?, interrupted })
    }

    /// From now on this is said when a question is interrupted.
    pub(super) fn interrupted_says(&mut self, interrupted: &'static str) {
        self.interrupted = interrupted;
    }

    /// Asks, and answers the line that is typed, without the spaces around it. Errors when it is interrupted, or nothing can be
    /// typed any more.
    pub(super) async fn shown(&mut self, question: &str) -> Result<String, Failure> {
        write(question)?;
        self.line().await
    }

    /// The same of a line that the terminal doesn't show.
    pub(super) async fn hidden(&mut self, question: &str) -> Result<String, Failure> {
        // Before it is asked: whoever sees the question types unseen.
        let silence = Silence::begin().map_err(|error| Failure::Failed(format!("nothing can be hidden: {error}")))?;
        write(question)?;
        let line = self.line().await;
        drop(silence);
        // The end of the line was not shown either.
        write("\n")?;
        line
    }

    async fn line(&mut self) -> Result<String, Failure> {
        let (typed, line) = oneshot::channel();
        // Nothing ends a read of the terminal: a task that reads would hold the process back at its end, a thread doesn't.
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = io::stdin().read_line(&mut text).map(|bytes| (bytes > 0).then_some(text));
            // Nobody waits for it any more where it was interrupted.
            drop(typed.send(read));
        });
        let nothing = || Failure::Failed("nothing was typed".into());
        tokio::select! {
            line = line => match line {
                Ok(Ok(Some(line))) => Ok(line.trim().to_owned()),
                Ok(Err(error)) => Err(Failure::Failed(format!("nothing was typed: {error}"))),
                Ok(Ok(None)) | Err(_) => Err(nothing()),
            },
            () = self.signals.first() => Err(Failure::Interrupted(self.interrupted.into())),
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    print!("{text}");
    io::stdout().flush()
}

/// While it lives, the terminal shows nothing of what is typed.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // What was typed ahead was shown: it is no answer.
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
