//! A clock that only moves when told, seeded chance, a stream whose every byte is known, and
//! short ways to write and read messages.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::Now;
use postern_protocol::wire::payload::{Acknowledge, JsonPayload};
use postern_protocol::wire::{Flags, Frame, MessageId, MessageType, PayloadType};

/// A moment in microseconds since the test began.
pub fn at(micros: u64) -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Now { instant: start + Duration::from_micros(micros), unix_millis: 1_795_384_961_146 + micros / 1000 }
}

/// The inverse of [`at`], rounded up so that a deadline has passed when its time has come.
pub fn micros_of(instant: Instant) -> u64 {
    u64::try_from(instant.saturating_duration_since(at(0).instant).as_nanos().div_ceil(1000)).unwrap()
}

pub const MILLIS: u64 = 1000;
pub const SECONDS: u64 = 1_000_000;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in the range.
    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.within(0..100) < percent
    }
}

fn mix(mut mixed: u64) -> u64 {
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One direction of a session as its user sees it: every byte is a function of its place, so that
/// the receiver finds any loss, doubling, change or exchange.
#[derive(Clone, Debug)]
pub struct Counted {
    tag: u64,
    pub total: u64,
    pub sent: u64,
    pub received: u64,
}

impl Counted {
    pub fn new(tag: u64, total: u64) -> Self {
        Self { tag, total, sent: 0, received: 0 }
    }

    fn byte(&self, place: u64) -> u8 {
        let word = mix((self.tag << 56) ^ (place / 8));
        word.to_le_bytes()[usize::try_from(place % 8).unwrap()]
    }

    pub fn left(&self) -> u64 {
        self.total - self.sent
    }

    /// The next bytes to send.
    pub fn take(&mut self, most: usize) -> Bytes {
        let len = self.left().min(u64::try_from(most).unwrap());
        let bytes = (self.sent..self.sent + len).map(|place| self.byte(place)).collect();
        self.sent += len;
        bytes
    }

    /// Checks bytes that came, in order.
    pub fn check(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, self.byte(self.received), "byte {} of stream {}", self.received, self.tag);
            self.received += 1;
        }
        assert!(self.received <= self.total, "more than was sent");
    }
}

/// A stream message.
pub fn stream(message_type: MessageType, number: i64, payload_type: PayloadType, payload: &[u8]) -> Bytes {
    let frame = Frame {
        message_type,
        created_millis: 1,
        sequence_number: number,
        flags: Flags::NONE,
        message_id: id(number),
        payload_type,
        payload: Bytes::copy_from_slice(payload),
    };
    frame.encode()
}

pub fn id(number: i64) -> MessageId {
    let mut id = [0x40; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(id)
}

pub fn output(number: i64, payload: &str) -> Bytes {
    stream(MessageType::OutputStreamData, number, PayloadType::OUTPUT, payload.as_bytes())
}

pub fn input(number: i64, payload: &str) -> Bytes {
    stream(MessageType::InputStreamData, number, PayloadType::OUTPUT, payload.as_bytes())
}

/// A message outside the stream.
pub fn plain(message_type: MessageType, payload: &[u8]) -> Bytes {
    stream(message_type, 0, PayloadType::NONE, payload)
}

/// The acknowledgement of a stream message with the id that [`stream`] gives it.
pub fn acknowledge(of: MessageType, number: i64) -> Bytes {
    plain(MessageType::Acknowledge, &Acknowledge::new(of, id(number), number).encode())
}

/// The same for all stream messages up to one.
pub fn acknowledge_up_to(of: MessageType, number: i64) -> Bytes {
    plain(MessageType::Acknowledge, &Acknowledge::new(of, id(number), number).cumulative().encode())
}

pub fn decode(message: &Bytes) -> Frame {
    Frame::decode_digest_optional(message.clone()).unwrap()
}

/// A message in short: `output 3 "text"`, `acknowledge 3`, `acknowledge up to 3`, `pause_publication`.
pub fn show(message: &Bytes) -> String {
    let frame = decode(message);
    match frame.message_type {
        MessageType::Acknowledge => {
            let acknowledge = Acknowledge::decode(&frame.payload).unwrap();
            let up_to = if acknowledge.cumulative { "up to " } else { "" };
            format!("acknowledge {up_to}{}", acknowledge.acknowledged_message_sequence_number)
        }
        MessageType::InputStreamData | MessageType::OutputStreamData => {
            let direction = if frame.message_type == MessageType::InputStreamData { "input" } else { "output" };
            match frame.payload_type {
                PayloadType::OUTPUT => {
                    format!("{direction} {} {:?}", frame.sequence_number, String::from_utf8_lossy(&frame.payload))
                }
                payload_type => format!("{direction} {} {payload_type}", frame.sequence_number),
            }
        }
        other => other.to_string(),
    }
}

/// The acknowledgement of this message.
pub fn acknowledge_frame(frame: &Frame) -> Bytes {
    plain(MessageType::Acknowledge, &Acknowledge::from(frame).encode())
}
