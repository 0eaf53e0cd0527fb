//! The receiving end: answers offers, writes what comes, and believes nothing.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;

use cap_std::fs::Dir;
use postern_protocol::transfer::{
    Answer, Attributes, Digest, EntryName, Intake, Message, NameRules, Step, Violation, Writing, is_inside,
};

use crate::attributes;
use crate::compare::Compared;
use crate::destination::{self, Destination};
use crate::error::{CopyError, about};
use crate::make;
use crate::names::{from_wire, joined};
use crate::partial::{self, Partial, WORTH_RESUMING_BYTES};
use crate::problems::Problems;
use crate::progress::{Progress, Summary};
use crate::stream::{Incoming, Outgoing};

/// What a receiver lets the other side do.
pub(crate) struct Terms<'a> {
    /// Where everything goes.
    pub(crate) destination: &'a Path,
    /// Judges the names at the top, where they are not replaced.
    pub(crate) check_root: &'a dyn Fn(&[u8]) -> Result<(), CopyError>,
    /// Whether links were asked for.
    pub(crate) links: bool,
    /// Whether one file of unknown size may come.
    pub(crate) stream: bool,
    /// How files are written.
    pub(crate) writing: Writing,
}

/// Receives a tree.
pub(crate) struct Receiver<'a, W, P: ?Sized> {
    pub(crate) out: &'a mut Outgoing<W>,
    pub(crate) progress: &'a mut P,
    problems: Problems,
    pub(crate) terms: Terms<'a>,
    destination: Option<Destination>,
    /// The directories that were entered, without the destination.
    places: Vec<Place>,
    /// What waits for the files before it.
    queue: VecDeque<Pending>,
    current: Option<Current>,
    summary: Summary,
}

/// A directory that was entered.
struct Place {
    /// `None`: it could not be, and nothing in it can.
    directory: Option<Rc<Dir>>,
    path: String,
    attributes: Attributes,
}

enum Pending {
    File(Box<PendingFile>),
    /// A directory that gets its attributes.
    Leave(Rc<Dir>, String, Attributes),
}

struct PendingFile {
    directory: Rc<Dir>,
    name: OsString,
    path: String,
    attributes: Attributes,
    /// `None`: until its data ends.
    size: Option<u64>,
    before: Before,
}

/// What was there of a file.
enum Before {
    Nothing,
    Partial(Box<Partial>),
    /// All of it, perhaps.
    Compared(Compared),
}

struct Current {
    file: Box<PendingFile>,
    content: Content,
}

/// Where content goes.
enum Content {
    Partial(Box<Partial>),
    /// Nowhere: the file that is there has it.
    InPlace(Compared),
    /// Nowhere: the file could not be made.
    Lost,
}

impl<'a, W: Write, P: Progress + ?Sized> Receiver<'a, W, P> {
    pub(crate) fn new(out: &'a mut Outgoing<W>, progress: &'a mut P, tells_peer: bool, terms: Terms<'a>) -> Self {
        Self {
            out,
            progress,
            problems: Problems::new(tells_peer),
            terms,
            destination: None,
            places: Vec::new(),
            queue: VecDeque::new(),
            current: None,
            summary: Summary::default(),
        }
    }

    /// Receives everything. An incomplete file stays behind only if that is worth something to the next copy.
    pub(crate) fn run<R: Read>(mut self, incoming: &mut Incoming<R>) -> Result<Summary, CopyError> {
        let result = self.receive(incoming);
        if let Err(error) = &result {
            self.give_up(error);
        }
        result.map(|()| Summary { problems: self.problems.count(), ..self.summary })
    }

    fn receive<R: Read>(&mut self, incoming: &mut Incoming<R>) -> Result<(), CopyError> {
        let mut intake = Intake::new(NameRules::here());
        if self.terms.stream {
            intake = intake.with_stream();
        }
        loop {
            // Answers leave together, before more is waited for.
            if incoming.is_dry() {
                self.out.flush()?;
            }
            let step = intake.handle(incoming.next()?)?;
            match step {
                Step::Total(total) => {
                    self.destination = Some(destination::open(self.terms.destination, total.roots)?);
                    self.progress.total(total);
                }
                Step::Problem(text) => self.problems.heard(text, self.progress)?,
                Step::Failed(text) => return Err(CopyError::Peer(text.to_owned())),
                Step::Enter { name, attributes } => self.enter(name, attributes)?,
                Step::Leave => self.leave()?,
                Step::Offer { name, size, attributes } => {
                    let answer = self.answer(name, Some(size), attributes)?;
                    self.say(answer, &mut intake)?;
                }
                Step::OfferStream { name } => {
                    let answer = self.answer_stream(name)?;
                    self.say(answer, &mut intake)?;
                }
                Step::Link { name, target, depth } => self.link(name, target, depth)?,
                Step::Begin { offset } => self.begin(offset)?,
                Step::Data(data) => self.data(data)?,
                Step::End(digest) => self.end(&digest)?,
                Step::Abandon => self.abandon()?,
                Step::Finish => {
                    self.out.send(&Message::Finished)?;
                    return self.out.flush();
                }
            }
        }
    }

    fn say(&mut self, answer: Answer, intake: &mut Intake) -> Result<(), CopyError> {
        intake.answered(answer);
        self.out.send(&answer.message())
    }

    /// The current directory, and the name and path there of what comes. `None`: it is in one that could not be entered.
    fn place(&mut self, name: EntryName<'_>) -> Result<Option<(Rc<Dir>, OsString, String)>, CopyError> {
        let unwritable = || CopyError::Broken("a name cannot be written here".to_owned());
        let own = from_wire(name.as_bytes()).ok_or_else(unwritable)?;
        if let Some(place) = self.places.last() {
            let Some(directory) = &place.directory else { return Ok(None) };
            let path = joined(&place.path, &own);
            return Ok(Some((Rc::clone(directory), own, path)));
        }
        let destination = self.destination.as_ref().ok_or(Violation::Unexpected)?;
        let own = match &destination.rename {
            Some(rename) => rename.clone(),
            None => {
                (self.terms.check_root)(name.as_bytes())?;
                own
            }
        };
        let path = joined(&destination.path, &own);
        Ok(Some((Rc::clone(&destination.directory), own, path)))
    }

    fn enter(&mut self, name: EntryName<'_>, attributes: Attributes) -> Result<(), CopyError> {
        let Some((parent, name, path)) = self.place(name)? else {
            self.places.push(Place { directory: None, path: String::new(), attributes });
            return Ok(());
        };
        let is_new_name =
            self.places.is_empty() && self.destination.as_ref().is_some_and(|place| place.rename.is_some());
        let is_new = parent.symlink_metadata(&name).is_err();
        let is_private = !self.terms.writing.forgets_attributes;
        let made = make::directory(&parent, &name, is_private).and_then(|directory| {
            if is_new_name && is_new {
                partial::mark(&directory)?;
            }
            Ok(directory)
        });
        let directory = match made {
            Ok(directory) => Some(Rc::new(directory)),
            Err(error) => {
                self.problem(&about(&path, &error))?;
                None
            }
        };
        self.places.push(Place { directory, path, attributes });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), CopyError> {
        let place = self.places.pop().ok_or(Violation::Unexpected)?;
        if let Some(directory) = place.directory {
            self.queue.push_back(Pending::Leave(directory, place.path, place.attributes));
        }
        self.settle()
    }

    /// Finishes the directories before which nothing waits.
    fn settle(&mut self) -> Result<(), CopyError> {
        while let Some(Pending::Leave(..)) = self.queue.front() {
            let Some(Pending::Leave(directory, path, attributes)) = self.queue.pop_front() else { break };
            partial::unmark(&directory);
            if !self.terms.writing.forgets_attributes
                && let Err(error) = attributes::set_on_directory(&directory, &attributes)
            {
                self.problem(&about(&path, &error))?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, name: EntryName<'_>, size: Option<u64>, attributes: Attributes) -> Result<Answer, CopyError> {
        let Some((directory, name, path)) = self.place(name)? else { return Ok(Answer::Skip) };
        let is_new_folder = self.destination.as_ref().is_some_and(|destination| destination.must_be_directory);
        if self.places.is_empty() && is_new_folder {
            return self.refuse(&format!("{path}/: no such folder"));
        }
        let mut is_comparable = false;
        match directory.symlink_metadata(&name) {
            Ok(metadata) if metadata.is_dir() => {
                return self.refuse(&format!("{path}: there is a folder of that name"));
            }
            Ok(metadata) if metadata.is_file() && self.terms.writing.compares_content => {
                is_comparable = size == Some(metadata.len());
            }
            Ok(metadata) if metadata.is_file() => {
                let there = attributes::of(&metadata);
                let same_time = (there.modified_seconds, there.modified_nanos)
                    == (attributes.modified_seconds, attributes.modified_nanos);
                if let Some(size) = size.filter(|size| same_time && *size == metadata.len()) {
                    return self.in_place(&directory, &name, &path, there, attributes, size);
                }
            }
            // It is replaced, not written through.
            Ok(metadata) if metadata.is_symlink() => {}
            Ok(_) => return self.refuse(&format!("{path}: there is something of that name that is no file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return self.refuse(&about(&path, &error)),
        }
        let mut before = Before::Nothing;
        // An earlier copy has found that the file is another one, or it would have begun nothing.
        if let Some(size) = size.filter(|size| *size >= WORTH_RESUMING_BYTES) {
            match Partial::find(&directory, &name, size) {
                Ok(Some(partial)) => before = Before::Partial(Box::new(partial)),
                Ok(None) => {}
                Err(error) if is_fatal(&error) => return Err(CopyError::Local(about(&path, &error))),
                Err(error) => return self.refuse(&about(&path, &error)),
            }
        }
        if let Some(size) = size.filter(|_| is_comparable && matches!(before, Before::Nothing))
            && let Some(compared) = Compared::read(&directory, &name, size)
        {
            before = Before::Compared(compared);
        }
        let (offset, digest) = match &before {
            Before::Nothing => (0, [0; 32]),
            Before::Partial(partial) => (partial.length(), partial.digest()),
            Before::Compared(compared) => (compared.size, compared.digest),
        };
        let file = PendingFile { directory, name, path, attributes, size, before };
        self.queue.push_back(Pending::File(Box::new(file)));
        Ok(Answer::Want { offset, digest })
    }

    fn answer_stream(&mut self, name: EntryName<'_>) -> Result<Answer, CopyError> {
        let destination = self.destination.as_ref().ok_or(Violation::Unexpected)?;
        if destination.rename.is_none() {
            let path = if destination.path.is_empty() { "." } else { &destination.path };
            return self.refuse(&format!("{path} is a folder; what comes from a stream needs the name of a file"));
        }
        self.answer(name, None, Attributes::default())
    }

    fn in_place(
        &mut self,
        directory: &Dir,
        name: &OsStr,
        path: &str,
        there: Attributes,
        wanted: Attributes,
        size: u64,
    ) -> Result<Answer, CopyError> {
        if !self.terms.writing.forgets_attributes
            && there.mode != wanted.mode
            && let Err(error) = make::set_mode(directory, name, wanted.mode)
        {
            return self.refuse(&about(path, &error));
        }
        if size >= WORTH_RESUMING_BYTES {
            partial::tidy(directory, name);
        }
        self.summary.files_in_place += 1;
        self.progress.advanced(size);
        Ok(Answer::Have)
    }

    fn refuse(&mut self, why: &str) -> Result<Answer, CopyError> {
        self.problem(why).map(|()| Answer::Skip)
    }

    fn link(&mut self, name: EntryName<'_>, target: &[u8], depth: usize) -> Result<(), CopyError> {
        if !self.terms.links {
            return Err(Violation::Unexpected.into());
        }
        let Some((directory, name, path)) = self.place(name)? else { return Ok(()) };
        // The first directory is the tree; what is beside it was there before.
        if !is_inside(target, depth.saturating_sub(1)) {
            return self.problem(&format!("{path} is skipped: as a link it would lead out of what is copied"));
        }
        let placed = match (directory.symlink_metadata(&name), from_wire(target)) {
            (Ok(metadata), _) if !metadata.is_file() && !metadata.is_symlink() => {
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else of that name"))
            }
            (_, Some(target)) => place_link(&directory, &name, &target),
            (_, None) => Err(io::Error::other("its target is no text")),
        };
        match placed {
            Ok(()) => Ok(()),
            Err(error) => self.problem(&about(&path, &error)),
        }
    }

    fn begin(&mut self, offset: u64) -> Result<(), CopyError> {
        self.settle()?;
        let Some(Pending::File(mut file)) = self.queue.pop_front() else { return Err(Violation::Unexpected.into()) };
        self.progress.current(&file.path);
        let partial = match std::mem::replace(&mut file.before, Before::Nothing) {
            Before::Partial(mut partial) if offset == 0 => partial.restart().map(|()| partial),
            Before::Partial(partial) => Ok(partial),
            Before::Compared(compared) if offset > 0 || file.size == Some(0) => {
                self.progress.advanced(offset);
                self.current = Some(Current { file, content: Content::InPlace(compared) });
                return Ok(());
            }
            Before::Compared(_) | Before::Nothing => Partial::create(&file.directory, &file.name).map(Box::new),
        };
        let content = match partial {
            Ok(partial) => Content::Partial(partial),
            Err(error) if is_fatal(&error) => return Err(CopyError::Local(about(&file.path, &error))),
            Err(error) => {
                self.problem(&about(&file.path, &error))?;
                Content::Lost
            }
        };
        self.summary.bytes_resumed += offset;
        self.progress.advanced(offset);
        self.current = Some(Current { file, content });
        Ok(())
    }

    /// A stream has no attributes.
    fn wanted_attributes<'f>(&self, file: &'f PendingFile) -> Option<&'f Attributes> {
        (!self.terms.writing.forgets_attributes && file.size.is_some()).then_some(&file.attributes)
    }

    fn data(&mut self, data: &[u8]) -> Result<(), CopyError> {
        let Some(current) = &mut self.current else { return Err(Violation::Unexpected.into()) };
        self.summary.bytes += data.len() as u64;
        self.progress.advanced(data.len() as u64);
        let Content::Partial(partial) = &mut current.content else { return Ok(()) };
        partial.write(data).map_err(|error| CopyError::Local(about(&current.file.path, &error)))
    }

    fn end(&mut self, digest: &Digest) -> Result<(), CopyError> {
        let Some(Current { file, content }) = self.current.take() else { return Err(Violation::Unexpected.into()) };
        let attributes = self.wanted_attributes(&file);
        match content {
            Content::Partial(partial) if partial.digest() != *digest => {
                partial.remove();
                self.problem(&format!(
                    "{} arrived damaged: its checksum is wrong; nothing of what came is kept",
                    file.path
                ))?;
            }
            Content::Partial(partial) => match partial.commit(&file.name, attributes) {
                Ok(()) => self.summary.files += 1,
                Err(error) => self.problem(&about(&file.path, &error))?,
            },
            Content::InPlace(compared) if compared.digest != *digest => {
                self.problem(&format!(
                    "{} was said to be the same, with another checksum; what is there stays as it is, copy again",
                    file.path
                ))?;
            }
            Content::InPlace(compared) => match compared.confirm(&file.directory, &file.name, attributes) {
                Ok(()) => self.summary.files_in_place += 1,
                Err(error) => self.problem(&about(&file.path, &error))?,
            },
            Content::Lost => {}
        }
        self.settle()
    }

    fn abandon(&mut self) -> Result<(), CopyError> {
        // The sender has told the problem.
        if let Some(Current { content: Content::Partial(partial), .. }) = self.current.take() {
            partial.remove();
        }
        self.settle()
    }

    fn problem(&mut self, text: &str) -> Result<(), CopyError> {
        self.problems.found(text, self.out, self.progress)
    }

    /// After an interruption the beginning of a large file is kept. After anything else it would only be in the way.
    fn give_up(&mut self, error: &CopyError) {
        let Some(Current { file, content: Content::Partial(partial) }) = self.current.take() else { return };
        let is_interruption = matches!(error, CopyError::Disconnected);
        // Where content is compared, a time proves nothing.
        let known_by = self.wanted_attributes(&file).filter(|_| !self.terms.writing.compares_content);
        let is_in_place = partial::is_in_place(&file.directory, &file.name, file.size, known_by);
        let is_resumable = file.size.is_some() && partial.length() >= WORTH_RESUMING_BYTES;
        if !is_interruption || !is_resumable || is_in_place {
            partial.remove();
        }
    }
}

#[cfg(not(windows))]
fn place_link(directory: &Dir, name: &OsStr, target: &OsStr) -> io::Result<()> {
    partial::place_link(directory, name, target)
}

#[cfg(windows)]
fn place_link(_directory: &Dir, _name: &OsStr, _target: &OsStr) -> io::Result<()> {
    Err(io::Error::other("links cannot be made on Windows"))
}

/// The next file would fail the same way.
fn is_fatal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
    )
}
