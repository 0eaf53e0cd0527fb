//! Signals as events of the session. Nothing is done inside a signal handler.

/// What a signal means to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: byte 0x03 for the node.
    Interrupt,
    /// SIGQUIT: byte 0x1c.
    Quit,
    /// SIGTSTP: byte 0x1a.
    Suspend,
    /// SIGTERM: leave.
    Terminate,
    /// SIGHUP: the terminal is gone, leave.
    Hangup,
    /// SIGWINCH: the window has another size.
    Resize,
    /// SIGCONT: somebody stopped and continued us, the terminal's modes may be others.
    Continue,
}

pub(crate) use platform::Signals;

#[cfg(unix)]
mod platform {
    use tokio::signal::unix::{self, SignalKind};

    use super::Signal;

    /// The signals that are listened for. Those that are not keep their default (or inherited) effect.
    #[derive(Default)]
    pub(crate) struct Signals {
        interrupt: Option<unix::Signal>,
        quit: Option<unix::Signal>,
        suspend: Option<unix::Signal>,
        terminate: Option<unix::Signal>,
        hangup: Option<unix::Signal>,
        resize: Option<unix::Signal>,
        resumed: Option<unix::Signal>,
    }

    impl Signals {
        pub(crate) fn none() -> Signals {
            Signals::default()
        }

        /// Being told to go.
        pub(crate) fn listen_for_end(&mut self) -> std::io::Result<()> {
            self.terminate = Some(unix::signal(SignalKind::terminate())?);
            self.hangup = Some(unix::signal(SignalKind::hangup())?);
            Ok(())
        }

        /// ^C, and ^\ when `quit`.
        pub(crate) fn listen_for_interrupt(&mut self) -> std::io::Result<()> {
            self.interrupt = Some(unix::signal(SignalKind::interrupt())?);
            Ok(())
        }

        /// ^\.
        pub(crate) fn listen_for_quit(&mut self) -> std::io::Result<()> {
            self.quit = Some(unix::signal(SignalKind::quit())?);
            Ok(())
        }

        /// ^Z.
        pub(crate) fn listen_for_suspend(&mut self) -> std::io::Result<()> {
            self.suspend = Some(unix::signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?);
            Ok(())
        }

        /// What concerns a terminal.
        pub(crate) fn listen_for_terminal(&mut self) -> std::io::Result<()> {
            self.resize = Some(unix::signal(SignalKind::window_change())?);
            self.resumed = Some(unix::signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?);
            Ok(())
        }

        /// The next one. Cancel-safe.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                () = received(&mut self.interrupt) => Signal::Interrupt,
                () = received(&mut self.quit) => Signal::Quit,
                () = received(&mut self.suspend) => Signal::Suspend,
                () = received(&mut self.terminate) => Signal::Terminate,
                () = received(&mut self.hangup) => Signal::Hangup,
                () = received(&mut self.resize) => Signal::Resize,
                () = received(&mut self.resumed) => Signal::Continue,
            }
        }
    }

    async fn received(signal: &mut Option<unix::Signal>) {
        if let Some(signal) = signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(windows)]
mod platform {
    use tokio::signal::windows;

    use super::Signal;

    /// The console events that are listened for.
    #[derive(Default)]
    pub(crate) struct Signals {
        interrupt: Option<windows::CtrlC>,
        quit: Option<windows::CtrlBreak>,
        close: Option<windows::CtrlClose>,
    }

    impl Signals {
        pub(crate) fn none() -> Signals {
            Signals::default()
        }

        pub(crate) fn listen_for_end(&mut self) -> std::io::Result<()> {
            self.close = Some(windows::ctrl_close()?);
            Ok(())
        }

        pub(crate) fn listen_for_interrupt(&mut self) -> std::io::Result<()> {
            self.interrupt = Some(windows::ctrl_c()?);
            Ok(())
        }

        pub(crate) fn listen_for_quit(&mut self) -> std::io::Result<()> {
            self.quit = Some(windows::ctrl_break()?);
            Ok(())
        }

        /// There is no such key event here.
        pub(crate) fn listen_for_suspend(&mut self) -> std::io::Result<()> {
            Ok(())
        }

        /// Size changes arrive with the keys.
        pub(crate) fn listen_for_terminal(&mut self) -> std::io::Result<()> {
            Ok(())
        }

        /// The next one. Cancel-safe.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                () = received(self.interrupt.as_mut().map(|signal| signal.recv())) => Signal::Interrupt,
                () = received(self.quit.as_mut().map(|signal| signal.recv())) => Signal::Quit,
                () = received(self.close.as_mut().map(|signal| signal.recv())) => Signal::Terminate,
            }
        }
    }

    async fn received(signal: Option<impl Future<Output = Option<()>>>) {
        if let Some(signal) = signal
            && signal.await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
