//! The recorder of one session: takes what passes, and has it stored before it goes on.
//!
//! It collects what one turn of the session brings ([`Recorder::pass`] and its likes) and hands it to its [`Tail`] as one
//! frame ([`Recorder::store`]). What cannot be stored is kept, and the session is to stand still until it is
//! ([`Mode::Required`]), or it is let go, counted, and the recording says so as soon as it can ([`Mode::BestEffort`]).
//! Nothing is ever stored in part: a frame is stored whole or was not.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postern_protocol::channel::SequenceSet;
use postern_protocol::{Entropy, Now};
use zeroize::Zeroizing;

use crate::chain::Head;
use crate::echo::Echo;
use crate::opening::{Closing, Gap, Leg, Mode, Opening, Resumption};
use crate::reader::Reader;
use crate::record::{Kind, MAX_DATA_BYTES};
use crate::sealed::{DataKey, Sealer};
use crate::signing::{KeyChain, SigningKey};
use crate::writer::Writer;

/// The latest that a record is signed.
pub const HEAD_INTERVAL: Duration = Duration::from_secs(10);

/// The end of a recording's file.
pub trait Tail: Send {
    /// Appends all of this, so that it survives the end of this process at once and a failure of the machine a second
    /// later, or nothing of it.
    ///
    /// # Errors
    /// It cannot, and says why; also if something that was appended earlier did not become durable.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// How many bytes the file has.
    fn len(&self) -> u64;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the node to the user.
    Output,
    /// From the user to the node.
    Input,
}

/// What signs and what stores.
pub struct Means {
    /// The key of now.
    pub key: Arc<SigningKey>,
    /// Where it comes from.
    pub keys: KeyChain,
    /// The key of this recording.
    pub data_key: Zeroizing<[u8; 32]>,
    /// The end of its file.
    pub tail: Box<dyn Tail>,
    /// For nonces.
    pub entropy: Arc<dyn Entropy>,
}

/// What a recording holds up to where it goes on: what a [`Reader`] and a [`crate::sealed::Opener`] have found.
pub struct Found {
    reader: Reader,
    numbers: [SequenceSet; 2],
    counts: Counts,
}

/// Bytes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of output and standard error.
    pub output_bytes: u64,
    /// Of input, recorded or not.
    pub input_bytes: u64,
    /// Gaps.
    pub gaps: u64,
}

/// See the module.
pub struct Recorder {
    mode: Mode,
    /// Times count from here: this moment was so many microseconds after the beginning.
    origin: (Instant, u64),
    writer: Writer,
    /// As far as it is stored.
    stored: Writer,
    sealer: Sealer,
    tail: Box<dyn Tail>,
    entropy: Arc<dyn Entropy>,
    /// What is typed, if it is recorded.
    echo: Option<Echo>,
    batch: Vec<u8>,
    /// What is in the batch: bytes and messages.
    batch_counts: (Counts, u64),
    /// Numbers of messages that were recorded, by direction.
    numbers: [SequenceSet; 2],
    counts: Counts,
    /// What could not be recorded since the last record that is stored.
    gap: Option<Gap>,
    /// The batch says so.
    tells_gap: bool,
    /// The latest head that is stored, until somebody takes it; and the one in the batch.
    head: Option<Head>,
    batch_head: Option<Head>,
    /// When the first record behind the latest head came.
    unsigned_since: Option<Instant>,
    /// Why it stands still.
    obstacle: Option<String>,
    closed: bool,
}

/// Shows how far it has come, and nothing of what is recorded.
impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({} records, {:?})", self.writer.position().link.count, self.mode)
    }
}

impl Found {
    /// Begins to look at a recording.
    #[must_use]
    pub fn new() -> Self {
        Self { reader: Reader::new(), numbers: [SequenceSet::new(), SequenceSet::new()], counts: Counts::default() }
    }

    /// Takes what the next frame holds. False if that is not what the recording goes on with.
    pub fn push(&mut self, plain: &[u8]) -> bool {
        self.reader.push(plain);
        loop {
            match self.reader.next_record() {
                Ok(Some(record)) => {
                    let len = u64::try_from(record.data.len()).unwrap_or(u64::MAX);
                    let direction = match record.kind {
                        Kind::Output | Kind::StandardError => {
                            self.counts.output_bytes += len;
                            Direction::Output
                        }
                        Kind::ExitStatus | Kind::OtherOutput => Direction::Output,
                        Kind::InputCount => {
                            self.counts.input_bytes += record.data.try_into().map_or(0, u32::from_be_bytes) as u64;
                            Direction::Input
                        }
                        Kind::Resize | Kind::OtherInput => Direction::Input,
                        Kind::Gap => {
                            self.counts.gaps += 1;
                            continue;
                        }
                        _ => continue,
                    };
                    if record.number >= 0 {
                        self.numbers[direction as usize].insert(record.number);
                    }
                }
                // A frame ends with a record.
                Ok(None) => return self.reader.left_over() == 0,
                Err(_) => return false,
            }
        }
    }

    /// Whether the recording came to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }

    /// What is recorded; nothing if not even that can be read.
    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        self.reader.opening()
    }

    /// The latest signature.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.reader.head()
    }

    /// Bytes so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl Default for Found {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// Begins a recording in a file that has only its header.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn begin(opening: &Opening, means: Means, now: Now) -> io::Result<Self> {
        let mut batch = Vec::new();
        let (writer, head) = Writer::begin(opening, &means.keys, Arc::clone(&means.key), &mut batch);
        let numbers = [SequenceSet::new(), SequenceSet::new()];
        let sealer = Sealer::new(DataKey::new(&means.data_key), 0);
        let origin = (now.instant, now.unix_millis.saturating_sub(opening.started_at) * 1000);
        Self::go_on(opening, (writer, head, batch), sealer, means, origin, numbers, Counts::default())
    }

    /// Goes on with a recording behind its last whole frame. Nothing is behind it in the file any more; `cut_bytes` were.
    ///
    /// # Errors
    /// It cannot be stored, or what was found is no recording that goes on.
    pub fn resume(found: Found, frames: u64, cut_bytes: u64, means: Means, now: Now) -> io::Result<Self> {
        let Found { reader, numbers, counts } = found;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "the recording cannot be continued");
        let (Some(opening), Some(position)) = (reader.opening().cloned(), reader.position()) else {
            return Err(broken());
        };
        // Clocks may have been set back meanwhile; time in a recording never is.
        let time = (now.unix_millis.saturating_sub(opening.started_at) * 1000).max(position.time);
        let (mut batch, resumption) = (Vec::new(), Resumption { cut_bytes });
        let (writer, head) =
            Writer::resume(position, time, &resumption, &means.keys, Arc::clone(&means.key), &mut batch);
        let sealer = Sealer::new(DataKey::new(&means.data_key), frames);
        Self::go_on(&opening, (writer, head, batch), sealer, means, (now.instant, time), numbers, counts)
    }

    fn go_on(
        opening: &Opening,
        (writer, head, batch): (Writer, Head, Vec<u8>),
        sealer: Sealer,
        means: Means,
        origin: (Instant, u64),
        numbers: [SequenceSet; 2],
        counts: Counts,
    ) -> io::Result<Self> {
        let mut recorder = Self {
            mode: opening.mode,
            origin,
            stored: writer.clone(),
            writer,
            sealer,
            tail: means.tail,
            entropy: means.entropy,
            // What was typed before a restart and was not decided is lost; its size is recorded.
            echo: opening.records_input.then(Echo::default),
            batch,
            batch_counts: (Counts::default(), 0),
            numbers,
            counts,
            gap: None,
            tells_gap: false,
            head: None,
            batch_head: Some(head),
            unsigned_since: None,
            obstacle: None,
            closed: false,
        };
        recorder.append()?;
        // It says nothing that is worth remembering elsewhere yet.
        recorder.head = None;
        Ok(recorder)
    }

    /// Something of the session passes, for the first time or once more. What was recorded before is not recorded again.
    pub fn pass(&mut self, kind: Kind, direction: Direction, number: i64, data: &[u8], now: Now) {
        let numbers = &mut self.numbers[direction as usize];
        if self.closed || number >= 0 && numbers.contains(number) {
            return;
        }
        // With too many gaps it is not remembered; whoever reads the recording goes by the number.
        numbers.insert(number);
        let time = self.time(now);
        self.tell_gap(time);
        // The largest payload is smaller than the largest record.
        let data = data.get(..MAX_DATA_BYTES).unwrap_or(data);
        self.writer.record(kind, time, number, data, &mut self.batch);
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        match kind {
            Kind::Output | Kind::StandardError => self.batch_counts.0.output_bytes += bytes,
            _ => {}
        }
        self.batch_counts.1 += 1;
        self.unsigned_since.get_or_insert(now.instant);
        if let Some(echo) = self.echo.as_mut().filter(|_| kind == Kind::Output) {
            echo.shown(data);
            self.record_input(now);
        }
    }

    /// Input passes: its size at once, and its text, if that is recorded, when it is known whether the terminal shows it.
    pub fn pass_input(&mut self, number: i64, data: &[u8], now: Now) {
        if self.closed || self.numbers[Direction::Input as usize].contains(number) {
            return;
        }
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.batch_counts.0.input_bytes += u64::from(len);
        self.pass(Kind::InputCount, Direction::Input, number, &len.to_be_bytes(), now);
        if let Some(echo) = &mut self.echo {
            echo.typed(data, now.instant);
            self.record_input(now);
        }
    }

    /// One of the two ends came or went.
    pub fn leg(&mut self, leg: &Leg, now: Now) {
        if !self.closed {
            let time = self.time(now);
            self.writer.json(Kind::Leg, time, leg, &mut self.batch);
            self.unsigned_since.get_or_insert(now.instant);
        }
    }

    /// Stores what has passed, and a signature if one is due. False if it cannot be, and the session must stand still.
    pub fn store(&mut self, now: Now) -> bool {
        if let Some(echo) = self.echo.as_mut().filter(|_| !self.closed) {
            echo.pass_time(now.instant);
            self.record_input(now);
        }
        let is_due = self.unsigned_until().is_some_and(|due| due <= now.instant);
        if is_due && self.batch_head.is_none() && !self.closed {
            self.sign(now);
        }
        if self.batch.is_empty() {
            return true;
        }
        match (self.append(), self.mode) {
            (Ok(()), _) => true,
            (Err(error), Mode::Required) => {
                self.obstacle = Some(error.to_string());
                false
            }
            (Err(error), Mode::BestEffort | Mode::Off) => {
                self.let_go(&error, now);
                true
            }
        }
    }

    /// When [`Recorder::store`] wants to be called at the latest: for the sake of a signature, or of what was typed.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let typed = self.echo.as_ref().and_then(Echo::due).filter(|_| self.obstacle.is_none());
        self.unsigned_until().into_iter().chain(typed).min()
    }

    /// Why the session stands still.
    #[must_use]
    pub fn obstacle(&self) -> Option<&str> {
        self.obstacle.as_deref()
    }

    /// Whether there is one to take.
    #[must_use]
    pub fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// The latest signature that is stored and that nobody took before, for remembering it elsewhere.
    pub fn take_head(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// Bytes that are recorded.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes of the recording's file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.tail.len()
    }

    /// Ends the recording. False if the end could not be stored; whatever passes now is not recorded all the same.
    pub fn close(&mut self, cause: &str, now: Now) -> bool {
        if !self.closed {
            if let Some(echo) = &mut self.echo {
                echo.finish();
                self.record_input(now);
            }
            let time = self.time(now);
            self.tell_gap(time);
            let Counts { output_bytes, input_bytes, .. } = self.counts;
            let (batched, _) = self.batch_counts;
            let closing = Closing {
                cause: cause.to_owned(),
                output_bytes: output_bytes + batched.output_bytes,
                input_bytes: input_bytes + batched.input_bytes,
            };
            self.batch_head = Some(self.writer.close(time, &closing, &mut self.batch));
            self.closed = true;
        }
        self.batch.is_empty() || self.append().is_ok()
    }

    fn time(&self, now: Now) -> u64 {
        let (origin, before) = self.origin;
        before + u64::try_from(now.instant.saturating_duration_since(origin).as_micros()).unwrap_or(u64::MAX)
    }

    fn unsigned_until(&self) -> Option<Instant> {
        self.unsigned_since.filter(|_| self.obstacle.is_none()).map(|since| since + HEAD_INTERVAL)
    }

    /// What of the input is decided.
    fn record_input(&mut self, now: Now) {
        let text = self.echo.as_mut().map(Echo::take).unwrap_or_default();
        let time = self.time(now);
        for text in text.chunks(MAX_DATA_BYTES) {
            self.tell_gap(time);
            self.writer.record(Kind::Input, time, -1, text, &mut self.batch);
            // If it is let go, there is a gap.
            self.batch_counts.1 += 1;
            self.unsigned_since.get_or_insert(now.instant);
        }
    }

    fn sign(&mut self, now: Now) {
        let time = self.time(now);
        self.tell_gap(time);
        self.batch_head = Some(self.writer.head(time, &mut self.batch));
    }

    fn tell_gap(&mut self, time: u64) {
        if let Some(gap) = self.gap.as_ref().filter(|_| !self.tells_gap) {
            self.writer.json(Kind::Gap, time, gap, &mut self.batch);
            self.tells_gap = true;
        }
    }

    /// The session goes on without what is in the batch.
    fn let_go(&mut self, error: &io::Error, now: Now) {
        let (counts, messages) = std::mem::take(&mut self.batch_counts);
        self.writer = self.stored.clone();
        self.batch.clear();
        self.batch_head = None;
        self.tells_gap = false;
        self.unsigned_since = Some(now.instant);
        if messages == 0 {
            return;
        }
        let gap = self.gap.get_or_insert_with(|| {
            let since = self.writer.position().time;
            Gap { output_bytes: 0, input_bytes: 0, messages: 0, since, reason: error.to_string() }
        });
        gap.output_bytes += counts.output_bytes;
        gap.input_bytes += counts.input_bytes;
        gap.messages += messages;
    }

    fn append(&mut self) -> io::Result<()> {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let frame = self.sealer.frame(&self.batch, false, nonce);
        self.tail.append(&frame)?;
        self.sealer.stored();
        self.stored = self.writer.clone();
        self.batch.clear();
        let (counts, _) = std::mem::take(&mut self.batch_counts);
        self.counts.output_bytes += counts.output_bytes;
        self.counts.input_bytes += counts.input_bytes;
        if std::mem::take(&mut self.tells_gap) {
            self.gap = None;
            self.counts.gaps += 1;
        }
        self.obstacle = None;
        if let Some(head) = self.batch_head.take() {
            self.head = Some(head);
            self.unsigned_since = None;
        }
        Ok(())
    }
}
