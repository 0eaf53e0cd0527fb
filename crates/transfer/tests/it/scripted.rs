//! A peer that says whatever a test wants it to say.

use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::path::Path;
use std::thread::JoinHandle;

use postern_protocol::transfer::{Attributes, Header, Message, Options, Total, VERSION, Writing};
use postern_transfer::{CopyError, NodePath, Summary};

use crate::Told;

pub(crate) const PLAIN: Attributes = Attributes { mode: 0o644, modified_seconds: 1_700_000_000, modified_nanos: 0 };

/// One end of a conversation.
pub(crate) struct Peer {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Peer {
    /// Says it. Whether somebody still listens is for the test to find out.
    pub(crate) fn say(&mut self, message: &Message<'_>) -> bool {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.raw(&bytes)
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).is_ok()
    }

    /// Waits for the next message; `None` at the end.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let mut header = [0; Header::BYTES];
        self.reader.read_exact(&mut header).ok()?;
        let header = Header::parse(header).unwrap();
        let mut body = vec![0; header.length];
        self.reader.read_exact(&mut body).ok()?;
        Some(format!("{:?}", Message::decode(header, &body).unwrap()))
    }

    pub(crate) fn total(&mut self, roots: u32, entries: u64, bytes: u64) {
        self.say(&Message::Total(Total { roots, entries, bytes }));
    }

    pub(crate) fn file(&mut self, name: &str, size: u64) {
        self.say(&Message::File { name: name.as_bytes(), size, attributes: PLAIN });
    }

    pub(crate) fn directory(&mut self, name: &str) {
        self.say(&Message::Directory { name: name.as_bytes(), attributes: PLAIN });
    }

    pub(crate) fn link(&mut self, name: &str, target: &str) {
        self.say(&Message::Link { name: name.as_bytes(), target: target.as_bytes() });
    }

    pub(crate) fn content(&mut self, data: &[u8]) {
        self.say(&Message::Begin { offset: 0 });
        self.say(&Message::Data(data));
        let digest = ring::digest::digest(&ring::digest::SHA256, data);
        self.say(&Message::End { digest: digest.as_ref().try_into().unwrap() });
    }
}

/// Two ends that are joined.
pub(crate) fn joined() -> (Peer, PipeReader, PipeWriter) {
    let (from_peer, writer) = pipe().unwrap();
    let (reader, to_peer) = pipe().unwrap();
    (Peer { reader, writer }, from_peer, to_peer)
}

/// Copies `asked` from a node that follows a script once the request has come; its last words are what it heard.
pub(crate) fn from_scripted_node(
    asked: &str,
    destination: &Path,
    options: Options,
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> (Result<Summary, CopyError>, Told, Vec<String>) {
    from_scripted_node_how(asked, destination, (options, Writing::default()), script)
}

/// The same for tests of how files are written.
pub(crate) fn from_scripted_node_how(
    asked: &str,
    destination: &Path,
    how: (Options, Writing),
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> (Result<Summary, CopyError>, Told, Vec<String>) {
    let (mut peer, from_node, to_node) = joined();
    let node: JoinHandle<Vec<String>> = std::thread::spawn(move || {
        assert!(peer.hear().unwrap().starts_with("Hello"));
        assert!(peer.hear().unwrap().starts_with("Get"));
        peer.say(&Message::Hello { version: VERSION });
        script(&mut peer);
        let mut heard = Vec::new();
        while let Some(message) = peer.hear() {
            heard.push(message);
        }
        heard
    });
    let mut told = Told::default();
    let asked = [NodePath::new(asked).unwrap()];
    let result = postern_transfer::get(from_node, to_node, &asked, destination, how, &mut told);
    (result, told, node.join().unwrap())
}
