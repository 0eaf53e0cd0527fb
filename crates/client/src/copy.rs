//! A session that copies files: a thread with the files in hand, the data channel, and bytes between them. What is said
//! on the channel is the business of `postern-transfer`; here it only flows, as far as the other side takes it.

mod streams;

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::Clock as _;
use postern_protocol::channel::cipher::CipherError;
use postern_protocol::channel::data_channel::Event;
use postern_protocol::transfer::{Options, Writing};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::HandshakeRequest;
use postern_transfer::{CopyError, NodePath, Progress, Summary};
use postern_transport::{Dialer, SystemClock, sleep_until};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use self::streams::{FromNode, ToNode};
use crate::access::{Access, DataKey};
use crate::encryption::{Encryption, answer_challenge};
use crate::handshake::{self, Ours, Purpose, SealedKey, SessionType};
use crate::leg::{Leg, LegEvent};
use crate::link::{Link, LinkError, Target};
use crate::session::Ticket;

/// Data that may be unacknowledged, on the longest path.
const SEND_WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// The same on a path without delay; over 100 ms it is 26 MB/s.
const NEAR_WINDOW_BYTES: usize = 1024 * 1024;

/// Received data that may wait; with more, the socket is read no further.
const READ_BELOW_BYTES: usize = 1024 * 1024;

/// Chunks between the channel and the thread, each way.
const QUEUED_CHUNKS: usize = 16;

/// From the first connection to the end of the handshake. The service itself gives up after 30 s.
const BEGIN_WITHIN: Duration = Duration::from_secs(45);

/// When everything is copied there is nothing to come but the end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What the node says of its own failure is a sentence.
const MAX_COMPLAINT_BYTES: usize = 1024;

/// What is copied, and where to.
#[derive(Debug)]
pub enum CopyWork {
    /// From the node.
    Get {
        /// Paths on the node, patterns included.
        sources: Vec<NodePath>,
        /// A path here.
        destination: PathBuf,
    },
    /// To the node.
    Put {
        /// Paths here.
        sources: Vec<PathBuf>,
        /// A path on the node.
        destination: NodePath,
    },
    /// One file of the node's, as a stream.
    GetToOutput {
        /// A path on the node.
        source: NodePath,
    },
    /// Standard input, to a file of the node's.
    PutFromInput {
        /// A path on the node.
        destination: NodePath,
    },
}

impl CopyWork {
    /// Whether its thread may wait for somebody else's program.
    fn has_stream(&self) -> bool {
        matches!(self, Self::GetToOutput { .. } | Self::PutFromInput { .. })
    }
}

/// Why not everything was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyFailure {
    /// One of the two sides could not go on.
    #[error(transparent)]
    Copy(CopyError),
    /// The way to the service.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The node announced another kind of session.
    #[error("the node cannot copy files: its agent is not postern-agent, or too old")]
    OtherSession,
    /// What came cannot have come from the node.
    #[error("{0}; the copy was left, since somebody in between may have changed it")]
    Encryption(CipherError),
    /// The node is silent.
    #[error(
        "the node did not begin the session within {} s; see whether its agent is alive (postern nodes) and try again",
        BEGIN_WITHIN.as_secs()
    )]
    NotBegun,
    /// Somebody or something has ended the session.
    #[error("the session was ended: {0}")]
    Ended(String),
    /// The node's own words.
    #[error("{0}")]
    Node(String),
    /// The user.
    #[error("interrupted; the same command goes on where this one has stopped")]
    Interrupted,
    /// The user, where one end is a stream.
    #[error("interrupted; a stream cannot go on where it has stopped, copy it again")]
    StreamInterrupted,
    /// This machine.
    #[error("cannot start a thread to copy files: {0}")]
    Thread(std::io::Error),
}

/// A copy that is ready to run.
pub struct CopyRunner<A> {
    /// The service.
    pub access: Rc<A>,
    /// How sockets are opened.
    pub dialer: Dialer,
    /// What opens the session.
    pub ticket: Ticket,
    /// What is copied.
    pub work: CopyWork,
    /// How the sources are read.
    pub options: Options,
    /// How the copies are written.
    pub writing: Writing,
    /// Watches.
    pub progress: Box<dyn Progress>,
    /// Takes a file that is copied as a stream. It may wait.
    pub output: Box<dyn Write + Send>,
}

impl<A: Access + 'static> CopyRunner<A> {
    /// Copies until everything is copied, or `interrupted` is ready.
    ///
    /// # Errors
    /// [`CopyFailure`], a sentence. The session may still live then, and is the caller's to end.
    pub async fn run(self, interrupted: impl Future<Output = ()>) -> Result<Summary, CopyFailure> {
        let Ticket { session_id, token, stream_url, target } = self.ticket;
        let link_target = Target { session_id: session_id.clone(), token, stream_url };
        let link = Link::open(Rc::clone(&self.access), self.dialer, link_target)?;
        let (to_files, from_node) = mpsc::channel(QUEUED_CHUNKS);
        let (to_node, from_files) = mpsc::channel(QUEUED_CHUNKS);
        let (report, result) = oneshot::channel();
        let (work, how) = (self.work, (self.options, self.writing));
        let (mut progress, mut output) = (self.progress, self.output);
        let has_stream = work.has_stream();
        let files = std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            let (reader, writer) = (FromNode::new(from_node), ToNode::new(to_node));
            let result = match work {
                CopyWork::Get { sources, destination } => {
                    postern_transfer::get(reader, writer, &sources, &destination, how, &mut *progress)
                }
                CopyWork::Put { sources, destination } => {
                    postern_transfer::put(reader, writer, &sources, &destination, how, &mut *progress)
                }
                CopyWork::GetToOutput { source } => {
                    postern_transfer::get_to_output(reader, writer, &source, &mut *output, &mut *progress)
                }
                CopyWork::PutFromInput { destination } => {
                    postern_transfer::put_from_input(reader, writer, std::io::stdin(), &destination, &mut *progress)
                }
            };
            // Whoever does not wait for it has gone.
            let _ = report.send(result);
        });
        files.map_err(CopyFailure::Thread)?;
        let mut leg = Leg::new(link, SEND_WINDOW_BYTES);
        leg.channel.set_send_window(SEND_WINDOW_BYTES, NEAR_WINDOW_BYTES);
        let mut copy = Copy {
            leg,
            access: self.access,
            session_id,
            target,
            encryption: None,
            to_files: Some(to_files),
            from_files: Some(from_files),
            taken: None,
            held: Bytes::new(),
            has_stream,
            is_announced: false,
            has_begun: false,
            begin_by: SystemClock.now().instant + BEGIN_WITHIN,
            end_by: None,
            complaint: Vec::new(),
        };
        copy.run(result, interrupted).await
    }
}

struct Copy<A> {
    leg: Leg<A>,
    access: Rc<A>,
    session_id: String,
    target: String,
    /// The handshake waits for the key service.
    encryption: Option<Encryption>,
    /// `None` once nothing more is given to the thread: for it, the end of its stream.
    to_files: Option<mpsc::Sender<Bytes>>,
    from_files: Option<mpsc::Receiver<Bytes>>,
    /// Taken from the channel, and not yet by the thread.
    taken: Option<Bytes>,
    /// From the thread, and not yet taken by the channel's window.
    held: Bytes,
    /// The thread may wait for a program that does nothing.
    has_stream: bool,
    /// The handshake has announced a session that copies files.
    is_announced: bool,
    has_begun: bool,
    begin_by: Instant,
    /// When the end is no longer waited for.
    end_by: Option<Instant>,
    /// What the node said of its own failure.
    complaint: Vec<u8>,
}

/// What the one wait of the loop can bring.
enum Woken {
    Leg(LegEvent),
    Room,
    FromFiles(Option<Bytes>),
    Files(Result<Result<Summary, CopyError>, oneshot::error::RecvError>),
    Interrupted,
    DataKey(Result<DataKey, String>),
    Time,
}

impl<A: Access + 'static> Copy<A> {
    async fn run(
        &mut self,
        mut result: oneshot::Receiver<Result<Summary, CopyError>>,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Summary, CopyFailure> {
        let mut interrupted = std::pin::pin!(interrupted);
        // How the files' side ended, and how the session did; whichever is first waits for the other.
        let mut files: Option<Result<Summary, CopyError>> = None;
        let mut session: Option<CopyFailure> = None;
        loop {
            if session.is_none() {
                match self.take_events() {
                    Ok(()) => self.send(),
                    Err(ending) => session = Some(ending),
                }
            }
            if session.is_some() {
                // The thread sees the end of its streams, and tidies up.
                (self.to_files, self.from_files, self.taken) = (None, None, None);
                if self.has_stream {
                    self.end_by.get_or_insert_with(|| SystemClock.now().instant + END_WITHIN);
                }
            }
            let is_late = self.end_by.is_some_and(|at| at <= SystemClock.now().instant);
            if is_late
                && files.is_none()
                && let Some(ending) = session.take()
            {
                return Err(ending);
            }
            if let Some(done) = files.take_if(|done| session.is_some() || is_late || done.is_err()) {
                return self.outcome(done, session.take());
            }
            let takes_more = self.held.is_empty() && self.leg.channel.write_capacity() > 0 && self.has_begun;
            let wake_at = if self.has_begun || session.is_some() { self.end_by } else { Some(self.begin_by) };
            let woken = tokio::select! {
                biased;
                done = &mut result, if files.is_none() => Woken::Files(done),
                () = &mut interrupted, if session.is_none() => Woken::Interrupted,
                event = self.leg.next(), if session.is_none() => Woken::Leg(event),
                key = Encryption::key(&mut self.encryption) => Woken::DataKey(key),
                () = room(&self.to_files), if self.taken.is_some() => Woken::Room,
                chunk = next(&mut self.from_files), if takes_more => Woken::FromFiles(chunk),
                () = sleep_until(wake_at), if session.is_none() || self.has_stream => Woken::Time,
            };
            match woken {
                Woken::Files(done) => {
                    files = Some(done.unwrap_or(Err(CopyError::Disconnected)));
                    self.drain_files();
                    self.end_by = Some(SystemClock.now().instant + END_WITHIN);
                }
                Woken::Interrupted if self.has_stream => session = Some(CopyFailure::StreamInterrupted),
                Woken::Interrupted => session = Some(CopyFailure::Interrupted),
                Woken::Leg(LegEvent::Failed(error)) => session = Some(error.into()),
                Woken::Leg(LegEvent::Ended) => {
                    session = Some(CopyFailure::Ended("nobody was connected to it".to_owned()))
                }
                Woken::Leg(_) => self.leg.read_below(READ_BELOW_BYTES),
                Woken::FromFiles(Some(chunk)) => self.held = chunk,
                Woken::FromFiles(None) => self.from_files = None,
                Woken::DataKey(key) => session = self.on_data_key(key).err(),
                Woken::Room => {}
                Woken::Time if !self.has_begun && session.is_none() => session = Some(CopyFailure::NotBegun),
                Woken::Time => {}
            }
        }
    }

    /// What the thread has said last is still sent.
    fn drain_files(&mut self) {
        if let Some(mut from_files) = self.from_files.take() {
            let mut all = Vec::from(std::mem::take(&mut self.held));
            while let Ok(chunk) = from_files.try_recv() {
                all.extend_from_slice(&chunk);
            }
            self.held = all.into();
        }
    }

    /// Takes what has come, as long as the thread takes it: that is what acknowledges it.
    fn take_events(&mut self) -> Result<(), CopyFailure> {
        loop {
            if let Some(chunk) = self.taken.take() {
                match self.to_files.as_ref().map(|to_files| to_files.try_send(chunk)) {
                    Some(Err(TrySendError::Full(chunk))) => {
                        self.taken = Some(chunk);
                        break;
                    }
                    // It reads no more, and will say why.
                    Some(Err(TrySendError::Closed(_))) => self.to_files = None,
                    Some(Ok(())) | None => {}
                }
            }
            let now = SystemClock.now();
            match self.leg.channel.poll_event(now) {
                None => break,
                Some(Event::Data { payload_type: PayloadType::OUTPUT, payload }) => self.taken = Some(payload),
                Some(Event::Data { payload_type: PayloadType::ENC_CHALLENGE_REQUEST, payload }) => {
                    let answer = answer_challenge(&payload, &mut self.leg.channel).map_err(CopyFailure::Encryption)?;
                    if let Err(error) = self.leg.channel.write(PayloadType::ENC_CHALLENGE_RESPONSE, answer, now) {
                        tracing::debug!(%error, "the challenge was not answered");
                    }
                }
                Some(Event::Undecipherable(error)) => return Err(CopyFailure::Encryption(error)),
                Some(Event::Data { payload_type: PayloadType::STD_ERR, payload }) => {
                    let left = MAX_COMPLAINT_BYTES.saturating_sub(self.complaint.len());
                    self.complaint.extend_from_slice(payload.get(..left).unwrap_or(&payload));
                }
                Some(Event::HandshakeRequest(request)) => {
                    self.encryption = Encryption::begin(&request, &self.access, &self.session_id, &self.target);
                    if self.encryption.is_none() {
                        self.answer(&request, None);
                    }
                }
                Some(Event::HandshakeComplete(_)) if self.is_announced => self.has_begun = true,
                Some(Event::HandshakeComplete(_) | Event::SessionTypeAssumed) => return Err(CopyFailure::OtherSession),
                Some(Event::ChannelClosed(closed)) => {
                    return Err(match closed.output.is_empty() {
                        true => CopyFailure::Copy(CopyError::Disconnected),
                        false => CopyFailure::Ended(closed.output),
                    });
                }
                Some(_) => {}
            }
        }
        self.leg.read_below(READ_BELOW_BYTES);
        Ok(())
    }

    fn on_data_key(&mut self, key: Result<DataKey, String>) -> Result<(), CopyFailure> {
        let Some(encryption) = self.encryption.take() else { return Ok(()) };
        let sealed = key.and_then(|key| encryption.establish(key, &mut self.leg.channel));
        let failure = sealed.as_ref().err().cloned();
        self.answer(&encryption.request, Some(sealed));
        failure.map_or(Ok(()), |reason| Err(CopyFailure::Ended(reason)))
    }

    /// What is refused is the agent's to end, in its words.
    fn answer(&mut self, request: &HandshakeRequest, data_key: Option<Result<SealedKey, String>>) {
        let ours = Ours { exit_status: true, data_key, ..Ours::without_terminal(Purpose::Files) };
        let answer = handshake::answer(request, ours);
        self.is_announced = answer.agent_is_ours && answer.session_type == Some(SessionType::Files);
        self.leg.channel.respond_handshake(answer.response, SystemClock.now());
    }

    /// Gives the channel what its window takes.
    fn send(&mut self) {
        while self.has_begun && !self.held.is_empty() {
            let room = self.leg.channel.write_capacity().min(self.held.len());
            if room == 0 {
                return;
            }
            let chunk = self.held.split_to(room);
            if let Err(error) = self.leg.channel.write(PayloadType::OUTPUT, chunk, SystemClock.now()) {
                tracing::debug!(%error, "data was not sent");
            }
        }
    }

    /// The first cause is told: the files' side knows it, unless it only saw its streams end.
    fn outcome(&self, files: Result<Summary, CopyError>, session: Option<CopyFailure>) -> Result<Summary, CopyFailure> {
        match (files, session) {
            (Ok(summary), _) => Ok(summary),
            (Err(CopyError::Disconnected), session) if !self.complaint.is_empty() => {
                let complaint = String::from_utf8_lossy(&self.complaint);
                let complaint = complaint.lines().next().unwrap_or_default().to_owned();
                Err(match session {
                    Some(interrupted @ (CopyFailure::Interrupted | CopyFailure::StreamInterrupted)) => interrupted,
                    _ => CopyFailure::Node(complaint),
                })
            }
            (Err(CopyError::Disconnected), Some(session)) => Err(session),
            (Err(error), _) => Err(CopyFailure::Copy(error)),
        }
    }
}

async fn room(to_files: &Option<mpsc::Sender<Bytes>>) {
    if let Some(to_files) = to_files {
        // Whether it is room or the end: taking finds out.
        let _ = to_files.reserve().await;
    }
}

async fn next(from_files: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match from_files {
        Some(from_files) => from_files.recv().await,
        None => std::future::pending().await,
    }
}
