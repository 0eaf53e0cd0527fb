//! The escape sequences of a person at a terminal: at the start of a line `~.` leaves, `~?` helps, `~-` switches
//! the mechanism off, `~~` sends one tilde (the stock plugin has them from 1.2.835.0 on, ssh always had).
//! It looks only at what was typed: a larger read is a paste and passes untouched, whatever stands in it.

use bytes::{Bytes, BytesMut};

/// Keys arrive one by one or in twos; a read of more bytes than this was pasted.
const TYPED_BYTES: usize = 8;

/// What `~?` prints.
pub(crate) const HELP: &str = "Escapes at the start of a line: ~. leaves the session, ~? prints this, \
    ~- switches escapes off, ~~ sends one tilde.";

/// What the person asked of this program rather than of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Leave,
    Help,
}

/// Follows the input and takes the escape sequences out of it.
pub(crate) struct Escapes {
    enabled: bool,
    at_line_start: bool,
    tilde_held: bool,
}

impl Escapes {
    /// For a terminal; input that is no terminal has no escapes.
    pub(crate) fn new(terminal: bool) -> Escapes {
        Escapes { enabled: terminal, at_line_start: true, tilde_held: false }
    }

    /// What of this read goes to the node, and what was asked of us (then the rest of the read is dropped).
    pub(crate) fn take(&mut self, input: Bytes) -> (Bytes, Option<Command>) {
        if !self.enabled {
            return (input, None);
        }
        if input.len() > TYPED_BYTES {
            return (self.pass_pasted(input), None);
        }
        let mut send = BytesMut::with_capacity(input.len() + 1);
        for byte in input {
            if self.tilde_held {
                self.tilde_held = false;
                match byte {
                    b'.' => return (send.freeze(), Some(Command::Leave)),
                    b'?' => return (send.freeze(), Some(Command::Help)),
                    b'-' => {
                        self.enabled = false;
                        continue;
                    }
                    b'~' => self.at_line_start = false,
                    _ => send.extend_from_slice(b"~"),
                }
            } else if byte == b'~' && self.at_line_start && self.enabled {
                self.tilde_held = true;
                continue;
            }
            send.extend_from_slice(&[byte]);
            self.at_line_start = ends_line(byte);
        }
        (send.freeze(), None)
    }

    fn pass_pasted(&mut self, input: Bytes) -> Bytes {
        self.at_line_start = input.last().is_some_and(|byte| ends_line(*byte));
        if !std::mem::take(&mut self.tilde_held) {
            return input;
        }
        let mut send = BytesMut::with_capacity(input.len() + 1);
        send.extend_from_slice(b"~");
        send.extend_from_slice(&input);
        send.freeze()
    }
}

fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(escapes: &mut Escapes, text: &str) -> (String, Option<Command>) {
        let (send, command) = escapes.take(Bytes::copy_from_slice(text.as_bytes()));
        (String::from_utf8_lossy(&send).into_owned(), command)
    }

    #[test]
    fn escapes_count_at_the_start_of_a_line_only() {
        let cases: [(&[&str], &str, Option<Command>); 9] = [
            (&["~."], "", Some(Command::Leave)),
            (&["~", "?"], "", Some(Command::Help)),
            (&["a~."], "a~.", None),
            (&["a\r~."], "a\r", Some(Command::Leave)),
            (&["~~."], "~.", None),
            (&["~x"], "~x", None),
            (&["~", "\r", "~", "."], "~\r", Some(Command::Leave)),
            (&["~-", "~.", "\r~."], "~.\r~.", None),
            (&["\n~", "some long paste"], "\n~some long paste", None),
        ];
        for (reads, expected, command) in cases {
            let mut escapes = Escapes::new(true);
            let mut sent = String::new();
            let mut last = None;
            for read in reads {
                let (send, command) = typed(&mut escapes, read);
                sent.push_str(&send);
                last = command;
            }
            assert_eq!((sent.as_str(), last), (expected, command), "{reads:?}");
        }
    }

    #[test]
    fn a_paste_passes_untouched_and_is_not_copied() {
        let paste = Bytes::from_static(b"first\n~.\n~?\nlast\n");
        let (send, command) = Escapes::new(true).take(paste.clone());
        assert_eq!((send.as_ptr(), send.len(), command), (paste.as_ptr(), paste.len(), None));
    }

    #[test]
    fn a_pipe_has_no_escapes() {
        assert_eq!(typed(&mut Escapes::new(false), "~."), ("~.".to_owned(), None));
    }
}
