//! The sending end: counts the tree, offers what is in it, sends what is wanted.

mod input;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use postern_protocol::transfer::{Answer, Digest, MAX_DATA_BYTES, Message, Offers, Options, Total, Violation};
use ring::digest::{Context, SHA256};

use self::input::Input;
use crate::error::{CopyError, about};
use crate::make::open;
use crate::problems::Problems;
use crate::progress::{Progress, Summary};
use crate::pseudo;
use crate::source::Root;
use crate::stream::{Incoming, Outgoing};
use crate::walk::{Found, FoundFile, Walk};

/// Replies that may wait to be looked at. A receiver that keeps to the rules has no more to say before it is heard: an
/// answer or a problem to each of what may be ahead.
const QUEUED_REPLIES: usize = 4096;

/// Content that had to be read before it was offered: with more of it in hand, nothing is offered.
const MAX_HELD_BYTES: usize = 16 * 1024 * 1024;

/// How long a receiver's last words may take when nothing more can be sent to it.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// What the receiver said.
enum Reply {
    Answer(Message<'static>),
    Finished,
    Problem(String),
    Over(CopyError),
    /// No reply: the next piece of the stream that is sent.
    Piece(Result<Vec<u8>, CopyError>),
}

/// Sends a tree.
pub(crate) struct Sender<'a, W, P: ?Sized> {
    pub(crate) out: &'a mut Outgoing<W>,
    pub(crate) progress: &'a mut P,
    problems: Problems,
    /// The receiver compares content: what it has to the end counts as in place.
    pub(crate) is_compared: bool,
    summary: Summary,
    replies: Receiver<Reply>,
    /// The receiver has given up: what is being sent is of no use.
    is_over: Arc<AtomicBool>,
    /// What may still be sent of what was announced.
    left: Total,
    /// Bytes of files that had to be read before they were offered.
    held_bytes: usize,
    buffer: Vec<u8>,
}

impl<'a, W: Write, P: Progress + ?Sized> Sender<'a, W, P> {
    /// A sender that hears its receiver through `incoming`.
    pub(crate) fn new<R: Read + Send + 'static>(
        out: &'a mut Outgoing<W>,
        incoming: Incoming<R>,
        progress: &'a mut P,
        tells_peer: bool,
    ) -> Self {
        Self::with_replies(out, incoming, progress, tells_peer).0
    }

    /// One that sends a stream.
    pub(crate) fn of_input<R: Read + Send + 'static, I: Read + Send + 'static>(
        out: &'a mut Outgoing<W>,
        incoming: Incoming<R>,
        progress: &'a mut P,
        input: I,
    ) -> Result<(Self, Input), CopyError> {
        let (sender, replies) = Self::with_replies(out, incoming, progress, false);
        let input = Input::start(input, replies).map_err(|error| CopyError::Local(about("standard input", &error)))?;
        Ok((sender, input))
    }

    fn with_replies<R: Read + Send + 'static>(
        out: &'a mut Outgoing<W>,
        incoming: Incoming<R>,
        progress: &'a mut P,
        tells_peer: bool,
    ) -> (Self, SyncSender<Reply>) {
        let (sender, replies) = sync_channel(QUEUED_REPLIES);
        let pieces = sender.clone();
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        // It ends with the stream, or with the process.
        let listener = std::thread::Builder::new().name("answers".into());
        let started = listener.spawn(move || listen(incoming, &sender, &flag));
        if started.is_err() {
            is_over.store(true, Ordering::Release);
        }
        let sender = Self {
            out,
            progress,
            problems: Problems::new(tells_peer),
            is_compared: false,
            summary: Summary::default(),
            replies,
            is_over,
            left: Total::default(),
            held_bytes: 0,
            buffer: vec![0; MAX_DATA_BYTES],
        };
        (sender, pieces)
    }

    /// Sends everything and waits until it is received.
    pub(crate) fn run(mut self, roots: &[Root], options: Options) -> Result<Summary, CopyError> {
        let result = self.send_all(roots, options);
        self.ended(result)
    }

    fn ended(mut self, result: Result<(), CopyError>) -> Result<Summary, CopyError> {
        match result {
            Ok(()) => Ok(Summary { problems: self.problems.count(), ..self.summary }),
            // It closes behind its last words.
            Err(CopyError::Disconnected) => Err(self.why_over()),
            Err(error) => Err(error),
        }
    }

    fn send_all(&mut self, roots: &[Root], options: Options) -> Result<(), CopyError> {
        let total = count(roots, options);
        self.left = total;
        self.progress.total(total);
        self.out.send(&Message::Total(total))?;
        let mut walk = Walk::new(roots, options);
        let mut offers = Offers::new();
        let mut is_walking = true;
        loop {
            while is_walking && offers.has_room() && self.held_bytes < MAX_HELD_BYTES {
                match walk.next() {
                    Some(found) => self.offer(found, &mut walk, &mut offers)?,
                    None => is_walking = false,
                }
            }
            if offers.is_empty() && !is_walking {
                break;
            }
            if !offers.is_empty() {
                let reply = self.answer()?;
                let (answer, file, size) = offers.answer(&reply)?;
                self.act(answer, &file, size)?;
                self.held_bytes -= file.content.map_or(0, |content| content.len());
            }
        }
        self.conclude()
    }

    /// Says that this was everything, and waits until it is received.
    fn conclude(&mut self) -> Result<(), CopyError> {
        self.out.send(&Message::Finish)?;
        self.out.flush()?;
        loop {
            match self.reply()? {
                Reply::Finished => return Ok(()),
                Reply::Problem(text) => self.problems.heard(&text, self.progress)?,
                Reply::Answer(_) | Reply::Piece(_) => return Err(Violation::Unexpected.into()),
                Reply::Over(error) => return Err(error),
            }
        }
    }

    fn offer(&mut self, found: Found, walk: &mut Walk<'_>, offers: &mut Offers<FoundFile>) -> Result<(), CopyError> {
        match found {
            Found::Problem(text) => return self.problem(&text),
            Found::Leave => self.out.send(&Message::Leave)?,
            Found::Directory { name, attributes, path } => {
                if !self.may_send(0) {
                    walk.leave_out();
                    return self.problem(&is_new(&path));
                }
                self.out.send(&Message::Directory { name: &name, attributes })?;
            }
            Found::Link { name, target, path } => {
                if !self.may_send(0) {
                    return self.problem(&is_new(&path));
                }
                self.out.send(&Message::Link { name: &name, target: &target })?;
            }
            Found::File { name, size, attributes, file } => {
                if !self.may_send(size) {
                    return self.problem(&is_new(&file.path));
                }
                self.out.send(&Message::File { name: &name, size, attributes })?;
                self.held_bytes += file.content.as_ref().map_or(0, Vec::len);
                offers.push_file(size, file);
                return Ok(());
            }
        }
        offers.push_other();
        Ok(())
    }

    /// Takes one entry from what was announced.
    fn may_send(&mut self, size: u64) -> bool {
        let left = (self.left.entries.checked_sub(1), self.left.bytes.checked_sub(size));
        let (Some(entries), Some(bytes)) = left else { return false };
        (self.left.entries, self.left.bytes) = (entries, bytes);
        true
    }

    /// The next answer to an offer.
    fn answer(&mut self) -> Result<Message<'static>, CopyError> {
        loop {
            match self.reply()? {
                Reply::Answer(message) => return Ok(message),
                Reply::Problem(text) => self.problems.heard(&text, self.progress)?,
                Reply::Finished | Reply::Piece(_) => return Err(Violation::Unexpected.into()),
                Reply::Over(error) => return Err(error),
            }
        }
    }

    /// The next reply. What is to be sent leaves before it is waited for, and together with more if it is there already:
    /// a small file does not cost a wake-up of the other side.
    fn reply(&mut self) -> Result<Reply, CopyError> {
        if let Ok(reply) = self.replies.try_recv() {
            return Ok(reply);
        }
        self.out.flush()?;
        self.replies.recv().map_err(|_| CopyError::Disconnected)
    }

    /// Why the receiver has given up, when that was noticed before its reason was read.
    fn why_over(&mut self) -> CopyError {
        loop {
            match self.replies.recv_timeout(LAST_WORDS_WITHIN) {
                Ok(Reply::Over(error)) => return error,
                Ok(_) => {}
                Err(_) => return CopyError::Disconnected,
            }
        }
    }

    fn act(&mut self, answer: Answer, file: &FoundFile, size: u64) -> Result<(), CopyError> {
        match answer {
            Answer::Have => {
                self.summary.files_in_place += 1;
                self.progress.advanced(size);
            }
            // The receiver has said why.
            Answer::Skip => self.progress.advanced(size),
            Answer::Want { offset, digest } => {
                self.progress.current(&file.path);
                self.file(file, size, offset, &digest)?;
            }
        }
        Ok(())
    }

    /// Sends one file. What goes wrong with it is a problem of its own.
    fn file(&mut self, file: &FoundFile, size: u64, offset: u64, digest: &Digest) -> Result<(), CopyError> {
        let opened = source(file).and_then(|mut opened| {
            let (context, offset) = resume(&mut opened, offset, digest, &mut self.buffer)?;
            Ok((opened, context, offset))
        });
        let (mut opened, mut context, offset) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.problem(&about(&file.path, &error))?;
                self.out.send(&Message::Begin { offset: 0 })?;
                return self.out.send(&Message::Abandon);
            }
        };
        self.out.send(&Message::Begin { offset })?;
        self.progress.advanced(offset);
        let mut left = size - offset;
        while left > 0 {
            if self.is_over.load(Ordering::Acquire) {
                return Err(CopyError::Disconnected);
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let data = match opened.read(&mut self.buffer[..most]) {
                Ok(0) => {
                    self.problem(&format!("{} became shorter while it was copied; copy again", file.path))?;
                    return self.out.send(&Message::Abandon);
                }
                Ok(count) => &self.buffer[..count],
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.problem(&about(&file.path, &error))?;
                    return self.out.send(&Message::Abandon);
                }
            };
            context.update(data);
            self.out.send(&Message::Data(data))?;
            left -= data.len() as u64;
            self.summary.bytes += data.len() as u64;
            self.progress.advanced(data.len() as u64);
        }
        if self.is_compared && offset == size {
            self.summary.files_in_place += 1;
        } else {
            self.summary.files += 1;
            self.summary.bytes_resumed += offset;
        }
        self.out.send(&Message::End { digest: finish(context) })
    }

    fn problem(&mut self, text: &str) -> Result<(), CopyError> {
        self.problems.found(text, self.out, self.progress)
    }
}

fn is_new(path: &str) -> String {
    format!("{path} grew or is new since the copy began; copy again")
}

trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// The content of a file, from its beginning.
fn source(file: &FoundFile) -> std::io::Result<Box<dyn Source + '_>> {
    match &file.content {
        Some(content) => Ok(Box::new(Cursor::new(content))),
        None => Ok(Box::new(open(&file.directory, &file.entry)?)),
    }
}

/// Everything is looked at twice: now for the announcement, later to be sent. A list in between would grow with the tree.
fn count(roots: &[Root], options: Options) -> Total {
    let mut total = Total { roots: u32::try_from(roots.len()).unwrap_or(u32::MAX), ..Total::default() };
    for found in Walk::new(roots, options) {
        match found {
            Found::File { size, file, .. } => {
                total.entries += 1;
                let size = if file.content.is_some() { pseudo::announced(size) } else { size };
                total.bytes = total.bytes.saturating_add(size);
            }
            Found::Directory { .. } | Found::Link { .. } => total.entries += 1,
            Found::Leave | Found::Problem(_) => {}
        }
    }
    total
}

/// Reads as far as the receiver says it has the file. Gives the state of the checksum and where to go on: at the
/// beginning, when what it has is something else.
fn resume(
    file: &mut (impl Read + Seek),
    offset: u64,
    digest: &Digest,
    buffer: &mut [u8],
) -> std::io::Result<(Context, u64)> {
    if offset == 0 {
        return Ok((Context::new(&SHA256), 0));
    }
    let context = hash(file, offset, buffer)?;
    if let Some(context) = context
        && finish(context.clone()) == *digest
    {
        return Ok((context, offset));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((Context::new(&SHA256), 0))
}

/// Hashes the next `length` bytes; `None` when there are fewer.
pub(crate) fn hash(file: &mut impl Read, length: u64, buffer: &mut [u8]) -> std::io::Result<Option<Context>> {
    let mut context = Context::new(&SHA256);
    let mut left = length;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                context.update(&buffer[..count]);
                left -= count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(context))
}

pub(crate) fn finish(context: Context) -> Digest {
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Reads what the receiver says until it has nothing more to say.
fn listen<R: Read>(mut incoming: Incoming<R>, replies: &SyncSender<Reply>, is_over: &AtomicBool) {
    loop {
        let reply = match incoming.next() {
            Ok(Message::Have) => Reply::Answer(Message::Have),
            Ok(Message::Want { offset, digest }) => Reply::Answer(Message::Want { offset, digest }),
            Ok(Message::Skip) => Reply::Answer(Message::Skip),
            Ok(Message::Finished) => Reply::Finished,
            Ok(Message::Problem(text)) => Reply::Problem(text.to_owned()),
            Ok(Message::Failed(text)) => Reply::Over(CopyError::Peer(text.to_owned())),
            Ok(_) => Reply::Over(Violation::Unexpected.into()),
            Err(error) => Reply::Over(error),
        };
        let is_last = matches!(reply, Reply::Finished | Reply::Over(_));
        if matches!(reply, Reply::Over(_)) {
            is_over.store(true, Ordering::Release);
        }
        if replies.send(reply).is_err() || is_last {
            return;
        }
    }
}
