//! The recording of one session as its relay feeds it. It is used under the session's lock, once a turn for a whole batch
//! of messages: writing a frame to a file costs a few microseconds, and nobody is told what is not written.

use std::time::{Duration, Instant};

use postern_protocol::Now;
use postern_protocol::channel::relay::{Passing, Side};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{HandshakeResponse, JsonPayload, Size};
use postern_recording::chain::Head;
use postern_recording::recorder::{Counts, Direction, Recorder};
use postern_recording::{Kind, Leg};

/// How often it is tried again to store what could not be.
const STORE_AGAIN: Duration = Duration::from_millis(250);

/// What records a session, if it is recorded.
pub(super) struct Recording {
    recorder: Option<Box<Recorder>>,
    /// What passed is not stored, and must be before it goes on.
    stands_still: bool,
    retry_at: Option<Instant>,
}

/// How a recording ended.
pub(crate) struct Ended {
    /// The last signature; none if it could not be stored.
    pub(crate) head: Option<Head>,
    pub(crate) counts: Counts,
    /// The size of its file.
    pub(crate) file_bytes: u64,
}

impl Recording {
    pub(super) fn new(recorder: Option<Box<Recorder>>) -> Self {
        Self { recorder, stands_still: false, retry_at: None }
    }

    /// A message that is new to the relay.
    pub(super) fn pass(&mut self, from: Side, passing: &Passing, now: Now) {
        let Some(recorder) = &mut self.recorder else { return };
        let Passing { number, payload_type, payload } = passing;
        match (from, *payload_type) {
            (Side::Agent, PayloadType::OUTPUT) => {
                recorder.pass(Kind::Output, Direction::Output, *number, payload, now);
            }
            (Side::Agent, PayloadType::STD_ERR) => {
                recorder.pass(Kind::StandardError, Direction::Output, *number, payload, now);
            }
            (Side::Agent, PayloadType::EXIT_CODE) => {
                recorder.pass(Kind::ExitStatus, Direction::Output, *number, payload, now);
            }
            (Side::Client, PayloadType::OUTPUT) => recorder.pass_input(*number, payload, now),
            (Side::Client, PayloadType::SIZE) => resize(recorder, *number, Size::decode(payload).ok(), now),
            (Side::Client, PayloadType::HANDSHAKE_RESPONSE) => {
                let response = HandshakeResponse::decode(payload).ok();
                let size = response.and_then(|response| response.postern).and_then(|ours| ours.terminal_size);
                resize(recorder, *number, size, now);
            }
            (Side::Agent, _) => recorder.pass(Kind::OtherOutput, Direction::Output, *number, &[], now),
            (Side::Client, _) => recorder.pass(Kind::OtherInput, Direction::Input, *number, &[], now),
        }
    }

    /// An end came or went.
    pub(super) fn leg(&mut self, side: Side, attached: bool, now: Now) {
        let Some(recorder) = &mut self.recorder else { return };
        let side = match side {
            Side::Client => "client",
            Side::Agent => "agent",
        };
        recorder.leg(&Leg { side: side.to_owned(), attached }, now);
    }

    /// Stores what has passed. False if the session must stand still.
    pub(super) fn store(&mut self, now: Now) -> bool {
        let Some(recorder) = &mut self.recorder else { return !self.stands_still };
        if self.retry_at.is_some_and(|at| now.instant < at) {
            return false;
        }
        let stood_still = self.stands_still;
        self.stands_still = !recorder.store(now);
        if self.stands_still && !stood_still {
            tracing::error!(reason = recorder.obstacle(), "a session stands still: what passes cannot be recorded");
        }
        self.retry_at = self.stands_still.then(|| now.instant + STORE_AGAIN);
        !self.stands_still
    }

    pub(super) fn stands_still(&self) -> bool {
        self.stands_still
    }

    /// When [`Recording::store`] wants to be called although nothing passes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retry_at.or_else(|| self.recorder.as_ref()?.due())
    }

    /// A signature waits for being remembered.
    pub(super) fn has_head(&self) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| recorder.has_head())
    }

    pub(super) fn take_head(&mut self) -> Option<Head> {
        self.recorder.as_mut()?.take_head()
    }

    /// The session is over. Nothing if it was not recorded, or the recording has ended before.
    pub(super) fn close(&mut self, cause: &str, now: Now) -> Option<Ended> {
        let mut recorder = self.recorder.take()?;
        let stored = recorder.close(cause, now);
        // What could not be recorded is not shown at the end either.
        (self.stands_still, self.retry_at) = (!stored, None);
        let head = recorder.take_head().filter(|_| stored);
        Some(Ended { head, counts: recorder.counts(), file_bytes: recorder.file_bytes() })
    }
}

fn resize(recorder: &mut Recorder, number: i64, size: Option<Size>, now: Now) {
    let Some(Size { cols, rows }) = size else {
        return recorder.pass(Kind::OtherInput, Direction::Input, number, &[], now);
    };
    let cell = |cells| u16::try_from(cells).unwrap_or(u16::MAX).to_be_bytes();
    let ([a, b], [c, d]) = (cell(cols), cell(rows));
    recorder.pass(Kind::Resize, Direction::Input, number, &[a, b, c, d], now);
}
