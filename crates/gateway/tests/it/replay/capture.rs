//! Reading a capture (`tests/captures/README.md`).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use postern_protocol::wire::Frame;
use serde::Deserialize;

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// What one line says.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Http(Http),
    Upgrade { upgrade: String, headers: Vec<(String, String)> },
    Text { channel: String, dir: String, text: String },
    Frame(RecordedFrame),
}

/// A request, and how the recording service answered it.
#[derive(Clone, Deserialize)]
pub(super) struct Http {
    #[serde(rename = "http")]
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) status: u16,
    pub(super) answer: String,
}

impl Http {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub(super) fn target(&self) -> &str {
        self.header("x-amz-target")
    }
}

#[derive(Clone, Deserialize)]
pub(super) struct RecordedFrame {
    pub(super) channel: String,
    pub(super) dir: String,
    header: String,
    payload: Option<String>,
    payload_base64: Option<String>,
    #[serde(default)]
    cut: bool,
}

impl RecordedFrame {
    /// The bytes as they were sent; of a frame that was not recorded whole, the frame with what was recorded.
    pub(super) fn bytes(&self) -> Bytes {
        let mut bytes = hex::decode(&self.header).unwrap();
        let payload = match (&self.payload, &self.payload_base64) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(base64)) => STANDARD.decode(base64).unwrap(),
            (None, None) => panic!("a frame has a payload, if an empty one"),
        };
        if self.cut {
            let length = u32::try_from(payload.len()).unwrap();
            bytes[116..120].copy_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&payload);
            return Frame::decode_unverified(Bytes::from(bytes)).unwrap().encode();
        }
        bytes.extend_from_slice(&payload);
        Bytes::from(bytes)
    }
}

/// All lines of a capture.
pub(super) fn read(file: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}: {line}")))
        .collect()
}
