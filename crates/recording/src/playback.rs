//! What people see of a recording: what happened, in the order in which it happened to the ends.
//!
//! Messages are recorded as they come, which after a lost connection is not always the order in which they were sent. A
//! [`Playback`] puts each direction into its order again, by the numbers that messages bear, and leaves out what came
//! twice. Where something is missing for good, the recording says so with a gap, or it was never shown to anybody.

use std::collections::BTreeMap;

use crate::opening::{Closing, Gap, Leg, Opening, Resumption};
use crate::reader::{ReadError, Reader};
use crate::record::{Kind, Record};

/// The most that waits for an earlier message, in bytes and messages. An end holds 10,000 of them at most.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;
const MAX_HELD: usize = 100_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in microseconds since the recording began. Never less than in the event before.
    pub time: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The session began.
    Opened(Box<Opening>),
    /// Output, or standard output.
    Output(Vec<u8>),
    /// Standard error, where that travels apart.
    StandardError(Vec<u8>),
    /// What the user typed, as far as it is recorded.
    Input(Vec<u8>),
    /// The user's terminal has this many columns and rows.
    Resized(u16, u16),
    /// The exit status, as the agent said it.
    ExitStatus(Vec<u8>),
    /// An end came or went.
    Leg(Leg),
    /// Something is missing here.
    Gap(Gap),
    /// The service was restarted.
    Resumed(Resumption),
    /// The session ended.
    Closed(Closing),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Playback {
    reader: Reader,
    directions: [Order; 2],
    ready: std::collections::VecDeque<Event>,
    time: u64,
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Order {
    next: i64,
    held: BTreeMap<i64, (u64, Option<What>)>,
    held_bytes: usize,
}

impl Playback {
    /// One that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes of the stream.
    ///
    /// # Errors
    /// [`ReadError`]: what comes behind it is not to be believed. Everything before it was given out or still is.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.reader.push(bytes);
        while let Some(record) = self.reader.next_record()? {
            let time = record.time;
            match meaning(&record) {
                Meaning::Numbered(direction, what) => {
                    let order = &mut self.directions[direction];
                    order.take(record.number, time, what, &mut self.ready);
                }
                Meaning::Break(what) => {
                    // What is missing does not come any more.
                    for order in &mut self.directions {
                        order.let_go(&mut self.ready);
                    }
                    self.ready.push_back(Event { time, what });
                }
                Meaning::Plain(what) => self.ready.push_back(Event { time, what }),
                Meaning::Nothing => {}
            }
        }
        Ok(())
    }

    /// The next thing that happened. Nothing if more bytes are needed.
    pub fn next_event(&mut self) -> Option<Event> {
        let mut event = self.ready.pop_front()?;
        // What waited for an earlier message was not shown before that.
        event.time = event.time.max(self.time);
        self.time = event.time;
        Some(event)
    }

    /// There are no more bytes: whatever waits for an earlier message waits in vain.
    pub fn finish(&mut self) {
        for order in &mut self.directions {
            order.let_go(&mut self.ready);
        }
    }

    /// The reader, for what it knows.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

enum Meaning {
    /// Part of a direction; without anything to show, it only holds its place.
    Numbered(usize, Option<What>),
    /// The end of a piece.
    Break(What),
    Plain(What),
    Nothing,
}

const OUTPUT: usize = 0;
const INPUT: usize = 1;

fn meaning(record: &Record<'_>) -> Meaning {
    let data = || record.data.to_vec();
    match record.kind {
        Kind::Output => Meaning::Numbered(OUTPUT, Some(What::Output(data()))),
        Kind::StandardError => Meaning::Numbered(OUTPUT, Some(What::StandardError(data()))),
        Kind::ExitStatus => Meaning::Numbered(OUTPUT, Some(What::ExitStatus(data()))),
        Kind::OtherOutput => Meaning::Numbered(OUTPUT, None),
        Kind::InputCount | Kind::OtherInput => Meaning::Numbered(INPUT, None),
        Kind::Resize => match record.data {
            [a, b, c, d] => {
                let size = What::Resized(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                Meaning::Numbered(INPUT, Some(size))
            }
            _ => Meaning::Nothing,
        },
        // Recorded when it was seen whether it is to be masked, so behind its place already.
        Kind::Input => Meaning::Plain(What::Input(data())),
        Kind::Opening => json(record, |opening| What::Opened(Box::new(opening))),
        Kind::Leg => json(record, What::Leg),
        Kind::Gap => breaks(json(record, What::Gap)),
        Kind::Resumption => json(record, What::Resumed),
        Kind::Closing => breaks(json(record, What::Closed)),
        Kind::Keys | Kind::Head => Meaning::Nothing,
    }
}

fn json<T: serde::de::DeserializeOwned>(record: &Record<'_>, what: impl FnOnce(T) -> What) -> Meaning {
    serde_json::from_slice(record.data).map_or(Meaning::Nothing, |read| Meaning::Plain(what(read)))
}

fn breaks(meaning: Meaning) -> Meaning {
    match meaning {
        Meaning::Plain(what) => Meaning::Break(what),
        other => other,
    }
}

impl Order {
    fn take(&mut self, number: i64, time: u64, what: Option<What>, ready: &mut std::collections::VecDeque<Event>) {
        if number < self.next || self.held.contains_key(&number) {
            return;
        }
        self.held_bytes += what.as_ref().map_or(0, What::bytes);
        self.held.insert(number, (time, what));
        while let Some((time, what)) = self.held.remove(&self.next) {
            self.next += 1;
            self.give(time, what, ready);
        }
        if self.held.len() > MAX_HELD || self.held_bytes > MAX_HELD_BYTES {
            self.let_go(ready);
        }
    }

    fn let_go(&mut self, ready: &mut std::collections::VecDeque<Event>) {
        while let Some((number, (time, what))) = self.held.pop_first() {
            self.next = number.saturating_add(1);
            self.give(time, what, ready);
        }
    }

    fn give(&mut self, time: u64, what: Option<What>, ready: &mut std::collections::VecDeque<Event>) {
        let Some(what) = what else { return };
        self.held_bytes -= what.bytes();
        ready.push_back(Event { time, what });
    }
}

impl What {
    fn bytes(&self) -> usize {
        match self {
            Self::Output(data) | Self::StandardError(data) | Self::Input(data) | Self::ExitStatus(data) => data.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::signing::{KeyChain, SigningKey};
    use crate::{Mode, Writer};

    fn play(records: &[(Kind, i64, &[u8])]) -> Vec<What> {
        let key = Arc::new(SigningKey::from_seed(&[1; 32]));
        let keys = KeyChain::new(vec![key.certify(&key, 1)]);
        let opening = Opening {
            session_id: "alice-1".to_owned(),
            node_id: "mi-1".to_owned(),
            owner: String::new(),
            document_name: String::new(),
            session_type: String::new(),
            reason: None,
            account: String::new(),
            region: String::new(),
            started_at: 0,
            mode: Mode::Required,
            records_input: false,
        };
        let mut stream = Vec::new();
        let (mut writer, _) = Writer::begin(&opening, &keys, key, &mut stream);
        for ((kind, number, data), time) in records.iter().zip(1..) {
            writer.record(*kind, time, *number, data, &mut stream);
        }
        let mut playback = Playback::new();
        for piece in stream.chunks(11) {
            playback.push(piece).unwrap();
        }
        playback.finish();
        let mut shown = Vec::new();
        let mut time = 0;
        while let Some(event) = playback.next_event() {
            assert!(event.time >= time, "time never runs backwards");
            time = event.time;
            shown.push(event.what);
        }
        assert!(matches!(shown.remove(0), What::Opened(_)));
        shown
    }

    fn output(text: &str) -> What {
        What::Output(text.as_bytes().to_vec())
    }

    #[test]
    fn messages_are_shown_in_their_order_and_once() {
        let shown = play(&[
            (Kind::OtherOutput, 0, b""),
            (Kind::Output, 1, b"one"),
            (Kind::Output, 3, b"three"),
            (Kind::InputCount, 0, &[0, 0, 0, 1]),
            (Kind::Output, 1, b"one"),
            (Kind::Output, 2, b"two"),
            (Kind::Output, 4, b"four"),
        ]);
        assert_eq!(shown, [output("one"), output("two"), output("three"), output("four")]);
    }

    #[test]
    fn behind_a_gap_it_goes_on() {
        let gap = Gap { output_bytes: 3, input_bytes: 0, messages: 1, since: 1, reason: "full".to_owned() };
        let told = serde_json::to_vec(&gap).unwrap();
        let shown = play(&[
            (Kind::Output, 0, b"one"),
            (Kind::Output, 2, b"three"),
            (Kind::Gap, -1, &told),
            (Kind::Output, 3, b"four"),
        ]);
        assert_eq!(shown, [output("one"), output("three"), What::Gap(gap), output("four")]);
    }

    proptest! {
        #[test]
        fn any_order_of_coming_is_the_order_of_sending(order in Just((0..40_i64).collect::<Vec<_>>()).prop_shuffle()) {
            let texts: Vec<String> = order.iter().map(ToString::to_string).collect();
            let records: Vec<_> =
                order.iter().zip(&texts).map(|(number, text)| (Kind::Output, *number, text.as_bytes())).collect();
            let expected: Vec<_> = (0..40).map(|number: i64| output(&number.to_string())).collect();
            prop_assert_eq!(play(&records), expected);
        }
    }
}
