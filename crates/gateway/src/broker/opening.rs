//! A WebSocket on which nobody has said anything yet.
//!
//! All that can be done with it is to wait for the one text message that opens it, or to refuse it. The wait and the
//! message are bounded; what the message says is judged elsewhere.

use std::time::Duration;

use postern_protocol::wire::websocket::Message;
use postern_transport::{NetStream, WebSocket, WsEvent};

/// Close code for a peer that sent what cannot be taken; AWS uses it when the token is missing (spec messages 7).
pub(crate) const UNACCEPTABLE: u16 = 1003;
/// Close code of a server that goes away.
pub(crate) const GOING_AWAY: u16 = 1001;
/// Close code of an ordinary end.
pub(crate) const NORMAL: u16 = 1000;
/// A close frame holds 125 bytes, two of them the code.
const MAX_REASON_BYTES: usize = 123;

/// A channel's WebSocket.
pub(crate) type Socket = WebSocket<NetStream>;

/// Nothing was said yet: its owner is a stranger.
pub(crate) struct Unopened {
    socket: Socket,
}

/// The opening message has come, and is yet to be judged.
pub(crate) struct Opened {
    socket: Socket,
}

/// Why a socket was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error("the opening message did not come in time")]
    Late,
    #[error("the first message must be the JSON text that opens the channel")]
    NotText,
    #[error("the peer left before it opened the channel")]
    Gone,
}

impl Unopened {
    /// Takes a socket whose messages are bounded by the size of an opening message.
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Waits for the opening message. Stock clients send a ping before it. A refused peer is told before this returns.
    pub(crate) async fn receive(mut self, deadline: Duration) -> Result<(Opened, String), NotOpened> {
        let text = async {
            loop {
                match self.socket.next().await {
                    Ok(WsEvent::Message(Message::Text(text))) => return Ok(text),
                    Ok(WsEvent::Message(Message::Binary(_))) => return Err(NotOpened::NotText),
                    Ok(WsEvent::Message(_) | WsEvent::Writable) => {}
                    Ok(WsEvent::Closed) | Err(_) => return Err(NotOpened::Gone),
                }
            }
        };
        let text = tokio::time::timeout(deadline, text).await.unwrap_or(Err(NotOpened::Late));
        let opened = Opened { socket: self.socket };
        match text {
            Ok(text) => Ok((opened, text)),
            Err(error) => {
                if error != NotOpened::Gone {
                    opened.refuse(&error.to_string()).await;
                }
                Err(error)
            }
        }
    }
}

impl Opened {
    /// The peer may use the channel: from now on messages up to `max_message_bytes` are read.
    pub(crate) fn accept(mut self, max_message_bytes: usize) -> Socket {
        self.socket.set_max_message_bytes(max_message_bytes);
        self.socket
    }

    /// Closes with a reason that a person can read in a packet dump; no peer shows it (spec messages 7).
    pub(crate) async fn refuse(self, reason: &str) {
        close(self.socket, UNACCEPTABLE, reason).await;
    }
}

/// Says goodbye, and waits a moment for the peer to take it.
pub(crate) async fn close(mut socket: Socket, code: u16, reason: &str) {
    const GOODBYE: Duration = Duration::from_secs(2);
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    socket.feed(Message::Close(Some((code, reason[..end].to_owned()))));
    // Until the peer answers or is gone: closing with unread bytes would reset the connection under our last words.
    let told = async { while !matches!(socket.next().await, Ok(WsEvent::Closed) | Err(_)) {} };
    let _ = tokio::time::timeout(GOODBYE, told).await;
}
