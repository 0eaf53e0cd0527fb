//! A port session as the stock plugin has it: it listens itself, says so on standard output in AWS's words, and ends
//! at a signal (session-types.md §6.4, §6.5). One difference: the socket file is this user's alone, and one that a
//! killed program left behind is taken over.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use bytes::Bytes;
use postern_transport::{LocalAddress, LocalListener, raise_file_limit};

use super::{Arrival, Tunnel, TunnelEvent};
use crate::access::Access;
use crate::console::{Batch, Output, Stream};
use crate::handshake::PortProperties;
use crate::printable::printable;
use crate::session::{Cause, Ended, SessionError};
use crate::signals::{Signal, Signals};

/// What the session had of the user before it turned out to be one of ports.
pub(crate) struct User {
    pub(crate) output: Output,
    pub(crate) signals: Signals,
    /// What is still to be written.
    pub(crate) notices: Batch,
}

/// Runs the session to its end.
pub(crate) async fn run<A: Access + 'static>(
    tunnel: Tunnel<A>,
    port: PortProperties,
    session_id: &str,
    user: User,
) -> Result<Ended, SessionError> {
    raise_file_limit();
    let mut session = PortSession { tunnel, user, session_id, has_accepted: false, ending: None };
    let listener = match session.listen(&port) {
        Ok(listener) => Some(listener),
        Err(error) => {
            // Nothing of it is left on the node.
            session.tunnel.terminate().await;
            session.ending = Some(Err(error));
            None
        }
    };
    session.run(listener).await
}

struct PortSession<'a, A> {
    tunnel: Tunnel<A>,
    user: User,
    session_id: &'a str,
    has_accepted: bool,
    ending: Option<Result<Cause, SessionError>>,
}

impl<A: Access + 'static> PortSession<'_, A> {
    fn listen(&mut self, port: &PortProperties) -> Result<LocalListener, SessionError> {
        for listened in [
            self.user.signals.listen_for_interrupt(),
            self.user.signals.listen_for_quit(),
            self.user.signals.listen_for_suspend(),
        ] {
            listened.map_err(SessionError::Terminal)?;
        }
        let listener = bind(port)?;
        let opened = match listener.address() {
            LocalAddress::Tcp(address) => format!("Port {}", address.port()),
            LocalAddress::Unix(path) => format!("Unix socket {}", printable(&path.display().to_string())),
        };
        self.say(format!("{opened} opened for sessionId {}.\n", self.session_id));
        if self.tunnel.is_multiplexed() {
            self.say("Waiting for connections...\n".to_owned());
        }
        Ok(listener)
    }

    fn say(&mut self, text: String) {
        self.user.notices.push((Stream::Out, Bytes::from(text)));
    }

    async fn run(mut self, listener: Option<LocalListener>) -> Result<Ended, SessionError> {
        loop {
            let User { output, signals, notices } = &mut self.user;
            if output.is_idle() && !notices.is_empty() {
                output.write(std::mem::take(notices));
            }
            // What was said is shown before the end is reported. A terminal may have taken it at once.
            if output.is_idle()
                && let Some(ending) = self.ending.take()
            {
                return ending.map(|cause| Ended { cause, exit_status: None });
            }
            let goes_on = self.ending.is_none();
            let can_open = goes_on && self.tunnel.can_open();
            tokio::select! {
                biased;
                signal = signals.next(), if goes_on => self.on_signal(signal).await,
                // Whoever started us may not want to hear it; the stock plugin does not look either.
                _ = output.written() => {}
                event = self.tunnel.next(), if goes_on => self.on_event(event),
                stream = accept(listener.as_ref()), if can_open => {
                    if !std::mem::replace(&mut self.has_accepted, true) {
                        let text = match self.tunnel.is_multiplexed() {
                            true => format!("\nConnection accepted for session [{}]\n", self.session_id),
                            false => format!("Connection accepted for session {}.\n", self.session_id),
                        };
                        self.say(text);
                    }
                    self.tunnel.open(Arrival::plain(stream));
                }
            }
        }
    }

    fn on_event(&mut self, event: TunnelEvent) {
        match event {
            TunnelEvent::NotConnected(_) => {
                self.say("\nConnection to destination port failed, check SSM Agent logs.\n".to_owned());
            }
            TunnelEvent::Ended(ending) => self.ending = Some(ending),
            // The stock plugin says nothing of these.
            TunnelEvent::Closed(_)
            | TunnelEvent::Room
            | TunnelEvent::Missing(_)
            | TunnelEvent::Back
            | TunnelEvent::Ending(_) => {}
        }
    }

    async fn on_signal(&mut self, signal: Signal) {
        let cause = match signal {
            Signal::Interrupt | Signal::Quit | Signal::Suspend => {
                self.say("Terminate signal received, exiting.\n".to_owned());
                Cause::Interrupted { told: self.tunnel.terminate().await }
            }
            Signal::Terminate | Signal::Hangup => {
                self.tunnel.terminate().await;
                Cause::Signalled(signal)
            }
            Signal::Resize | Signal::Continue => return,
        };
        self.ending = Some(Ok(cause));
    }
}

async fn accept(listener: Option<&LocalListener>) -> postern_transport::LocalStream {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Listens where the document says: on loopback, or at a socket file.
fn bind(port: &PortProperties) -> Result<LocalListener, SessionError> {
    if port.local_connection_type == "unix" {
        let path = &port.local_unix_socket;
        return LocalListener::unix(Path::new(path)).map_err(|error| {
            SessionError::Listen(format!("listen unix {}: {}", printable(path), in_gos_words(&error)))
        });
    }
    let number = match port.local_port_number.as_str() {
        "" => Ok(0),
        number => number.parse::<u16>(),
    };
    let number = number.map_err(|_| {
        SessionError::Listen(format!("listen tcp: address {}: invalid port", port.local_port_number.escape_debug()))
    })?;
    LocalListener::tcp(Ipv4Addr::LOCALHOST.into(), number)
        .map_err(|error| SessionError::Listen(format!("listen tcp 127.0.0.1:{number}: {}", in_gos_words(&error))))
}

/// Scripts may look for the commonest one.
fn in_gos_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "bind: address already in use".to_owned(),
        io::ErrorKind::PermissionDenied => "bind: permission denied".to_owned(),
        _ => error.to_string(),
    }
}
