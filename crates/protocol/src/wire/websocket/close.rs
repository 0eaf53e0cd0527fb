//! Close codes and the closing handshake.

use super::Message;

/// The codes that are used here, and which ones may be sent at all (RFC 6455 section 7.4).
pub mod close_code {
    /// All is done.
    pub const NORMAL: u16 = 1000;
    /// The server shuts down, or the client leaves.
    pub const GOING_AWAY: u16 = 1001;
    /// Framing rules were broken.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A kind of message that is not taken here; AWS closes with it when a token is missing.
    pub const UNSUPPORTED: u16 = 1003;
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// Refused for a reason of our own.
    pub const POLICY: u16 = 1008;
    /// The message is too large.
    pub const TOO_LARGE: u16 = 1009;
    /// It is our fault.
    pub const INTERNAL: u16 = 1011;
    /// Come back later.
    pub const TRY_AGAIN_LATER: u16 = 1013;

    /// Whether a close frame may carry this code.
    pub const fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// The closing handshake: each end sends one close frame, whoever begins.
///
/// Stock ends take no part in it; they drop the connection. So the driver waits for completion
/// with a deadline, and not at all after an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseHandshake {
    sent: bool,
    received: bool,
}

impl CloseHandshake {
    /// Begins to close; the message is to be sent. `None` if ours is sent already.
    pub fn close(&mut self, code: u16, reason: &str) -> Option<Message> {
        if std::mem::replace(&mut self.sent, true) {
            return None;
        }
        Some(Message::Close(Some((code, reason.to_owned()))))
    }

    /// Takes the peer's close; the answer is to be sent, echoing the code. `None` if ours is sent
    /// already.
    pub fn handle_close(&mut self, received: Option<&(u16, String)>) -> Option<Message> {
        self.received = true;
        if std::mem::replace(&mut self.sent, true) {
            return None;
        }
        Some(Message::Close(received.map(|(code, _)| (*code, String::new()))))
    }

    /// Whether our close is sent: nothing may follow it.
    pub const fn is_closing(&self) -> bool {
        self.sent
    }

    /// Whether both closes have passed: the connection is to be dropped, by the server first.
    pub const fn is_complete(&self) -> bool {
        self.sent && self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_sends_one_close() {
        let mut ours = CloseHandshake::default();
        let sent = ours.close(close_code::GOING_AWAY, "drain");
        assert_eq!(sent, Some(Message::Close(Some((1001, "drain".to_owned())))));
        assert_eq!(ours.close(close_code::NORMAL, ""), None);
        assert!(ours.is_closing() && !ours.is_complete());

        let mut theirs = CloseHandshake::default();
        let answer = theirs.handle_close(Some(&(1001, "drain".to_owned())));
        assert_eq!(answer, Some(Message::Close(Some((1001, String::new())))));
        assert!(theirs.is_complete());
        assert_eq!(theirs.handle_close(None), None);

        assert_eq!(ours.handle_close(Some(&(1001, String::new()))), None);
        assert!(ours.is_complete());
    }

    #[test]
    fn codes_that_only_describe_a_broken_connection_are_not_sendable() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert!(!close_code::is_sendable(code), "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert!(close_code::is_sendable(code), "{code}");
        }
    }
}
