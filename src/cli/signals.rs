//! What tells a process to end, caught from before its work on, so that it ends in order.

/// SIGTERM and SIGINT, and for what hangs on a terminal SIGHUP too.
pub(super) struct Signals {
    #[cfg(unix)]
    all: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Of a daemon, which outlives its terminal.
    #[cfg(unix)]
    pub(super) fn of_daemon() -> std::io::Result<Self> {
        use tokio::signal::unix::SignalKind;
        Self::caught(&[SignalKind::terminate(), SignalKind::interrupt()])
    }

    /// Of what ends with its terminal.
    #[cfg(unix)]
    pub(super) fn of_terminal() -> std::io::Result<Self> {
        use tokio::signal::unix::SignalKind;
        Self::caught(&[SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()])
    }

    #[cfg(unix)]
    fn caught(kinds: &[tokio::signal::unix::SignalKind]) -> std::io::Result<Self> {
        let all = kinds.iter().map(|kind| tokio::signal::unix::signal(*kind));
        Ok(Self { all: all.collect::<std::io::Result<_>>()? })
    }

    /// Of a daemon.
    #[cfg(not(unix))]
    pub(super) fn of_daemon() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Of what ends with its terminal.
    #[cfg(not(unix))]
    pub(super) fn of_terminal() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Ends with the first of them.
    pub(super) async fn first(&mut self) {
        #[cfg(unix)]
        {
            let waiting = self.all.iter_mut().map(|signal| Box::pin(signal.recv()));
            futures_util::future::select_all(waiting).await;
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}
