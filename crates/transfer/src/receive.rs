//! The receiving end: answers offers, writes what comes, and believes nothing.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;
use postern_protocol::transfer::{
    Answer, Attributes, Digest, EntryName, Intake, Message, NameRules, Step, Violation, is_inside,
};

use crate::attributes;
use crate::destination::{self, Destination};
use crate::error::{CopyError, about};
use crate::names::{from_wire, joined};
use crate::partial::{self, Partial, WORTH_RESUMING_BYTES};
use crate::progress::{MAX_PROBLEMS, Progress, Summary};
use crate::stream::{Incoming, Outgoing};

/// What a receiver lets the other side do.
pub(crate) struct Terms<'a> {
    /// Where everything goes.
    pub(crate) destination: &'a Path,
    /// Judges the names at the top, where they are not replaced.
    pub(crate) check_root: &'a dyn Fn(&[u8]) -> Result<(), CopyError>,
    /// Whether links were asked for.
    pub(crate) links: bool,
}

/// Receives a tree.
pub(crate) struct Receiver<'a, W, P: ?Sized> {
    pub(crate) out: &'a mut Outgoing<W>,
    pub(crate) progress: &'a mut P,
    /// Problems are the other side's to show.
    pub(crate) tells_peer: bool,
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
    size: u64,
    /// What was there of it.
    partial: Option<Partial>,
}

struct Current {
    file: Box<PendingFile>,
    /// `None`: it could not be made, and its content goes nowhere.
    partial: Option<Partial>,
}

impl<'a, W: Write, P: Progress + ?Sized> Receiver<'a, W, P> {
    pub(crate) fn new(out: &'a mut Outgoing<W>, progress: &'a mut P, tells_peer: bool, terms: Terms<'a>) -> Self {
        Self {
            out,
            progress,
            tells_peer,
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
        result.map(|()| self.summary)
    }

    fn receive<R: Read>(&mut self, incoming: &mut Incoming<R>) -> Result<(), CopyError> {
        let mut intake = Intake::new(NameRules::here());
        loop {
            let step = intake.handle(incoming.next()?)?;
            match step {
                Step::Total(total) => {
                    self.destination = Some(destination::open(self.terms.destination, total.roots)?);
                    self.progress.total(total);
                }
                Step::Problem(text) => {
                    self.summary.problems += 1;
                    if self.summary.problems > 2 * MAX_PROBLEMS {
                        return Err(CopyError::Broken("it has problems without end".to_owned()));
                    }
                    self.progress.problem(text);
                }
                Step::Failed(text) => return Err(CopyError::Peer(text.to_owned())),
                Step::Enter { name, attributes } => self.enter(name, attributes)?,
                Step::Leave => self.leave()?,
                Step::Offer { name, size, attributes } => {
                    let answer = self.answer(name, size, attributes)?;
                    intake.answered(answer);
                    self.out.send(&answer.message())?;
                    self.out.flush()?;
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
        let made = directory(&parent, &name).and_then(|directory| {
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
            if let Err(error) = attributes::set_on_directory(&directory, &attributes) {
                self.problem(&about(&path, &error))?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, name: EntryName<'_>, size: u64, attributes: Attributes) -> Result<Answer, CopyError> {
        let Some((directory, name, path)) = self.place(name)? else { return Ok(Answer::Skip) };
        let is_new_folder = self.destination.as_ref().is_some_and(|destination| destination.must_be_directory);
        if self.places.is_empty() && is_new_folder {
            return self.refuse(&format!("{path}/: no such folder"));
        }
        match directory.symlink_metadata(&name) {
            Ok(metadata) if metadata.is_dir() => {
                return self.refuse(&format!("{path}: there is a folder of that name"));
            }
            Ok(metadata) if metadata.is_file() => {
                let there = attributes::of(&metadata);
                let same_time = (there.modified_seconds, there.modified_nanos)
                    == (attributes.modified_seconds, attributes.modified_nanos);
                if metadata.len() == size && same_time {
                    return self.in_place(&directory, &name, &path, there, attributes, size);
                }
            }
            // It is replaced, not written through.
            Ok(metadata) if metadata.is_symlink() => {}
            Ok(_) => return self.refuse(&format!("{path}: there is something of that name that is no file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return self.refuse(&about(&path, &error)),
        }
        let partial = if size >= WORTH_RESUMING_BYTES { Partial::find(&directory, &name, size) } else { Ok(None) };
        let partial = match partial {
            Ok(partial) => partial,
            Err(error) if is_fatal(&error) => return Err(CopyError::Local(about(&path, &error))),
            Err(error) => return self.refuse(&about(&path, &error)),
        };
        let (offset, digest) = partial.as_ref().map_or((0, [0; 32]), |partial| (partial.length(), partial.digest()));
        let file = PendingFile { directory, name, path, attributes, size, partial };
        self.queue.push_back(Pending::File(Box::new(file)));
        Ok(Answer::Want { offset, digest })
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
        if there.mode != wanted.mode
            && let Err(error) = set_mode(directory, name, wanted.mode)
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
        let partial = match file.partial.take() {
            Some(mut partial) if offset == 0 => partial.restart().map(|()| partial),
            Some(partial) => Ok(partial),
            None => Partial::create(&file.directory, &file.name),
        };
        let partial = match partial {
            Ok(partial) => Some(partial),
            Err(error) if is_fatal(&error) => return Err(CopyError::Local(about(&file.path, &error))),
            Err(error) => {
                self.problem(&about(&file.path, &error))?;
                None
            }
        };
        self.summary.bytes_resumed += offset;
        self.progress.advanced(offset);
        self.current = Some(Current { file, partial });
        Ok(())
    }

    fn data(&mut self, data: &[u8]) -> Result<(), CopyError> {
        let Some(current) = &mut self.current else { return Err(Violation::Unexpected.into()) };
        self.summary.bytes += data.len() as u64;
        self.progress.advanced(data.len() as u64);
        let Some(partial) = &mut current.partial else { return Ok(()) };
        partial.write(data).map_err(|error| CopyError::Local(about(&current.file.path, &error)))
    }

    fn end(&mut self, digest: &Digest) -> Result<(), CopyError> {
        let Some(Current { file, partial }) = self.current.take() else { return Err(Violation::Unexpected.into()) };
        if let Some(partial) = partial {
            if partial.digest() != *digest {
                partial.remove();
                self.problem(&format!("{} arrived damaged: its checksum is wrong; nothing of it is kept", file.path))?;
            } else if let Err(error) = partial.commit(&file.name, &file.attributes) {
                self.problem(&about(&file.path, &error))?;
            } else {
                self.summary.files += 1;
            }
        }
        self.settle()
    }

    fn abandon(&mut self) -> Result<(), CopyError> {
        // The sender has told the problem.
        if let Some(Current { partial: Some(partial), .. }) = self.current.take() {
            partial.remove();
        }
        self.settle()
    }

    fn problem(&mut self, text: &str) -> Result<(), CopyError> {
        self.summary.problems += 1;
        let text = match self.summary.problems {
            0..MAX_PROBLEMS => text,
            MAX_PROBLEMS => "and more, which are not told one by one",
            _ => return Ok(()),
        };
        if self.tells_peer {
            return self.out.send(&Message::Problem(text));
        }
        self.progress.problem(text);
        Ok(())
    }

    /// After an interruption the beginning of a large file is kept. After anything else it would only be in the way.
    fn give_up(&mut self, error: &CopyError) {
        let Some(Current { file, partial: Some(partial) }) = self.current.take() else { return };
        let is_interruption = matches!(error, CopyError::Disconnected);
        let is_complete_by_now = || {
            let there = file.directory.symlink_metadata(&file.name);
            there.is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size)
        };
        if !is_interruption || partial.length() < WORTH_RESUMING_BYTES || is_complete_by_now() {
            partial.remove();
        }
    }
}

/// Opens a directory, made if there is none. A link is none.
fn directory(parent: &Dir, name: &OsStr) -> io::Result<Dir> {
    match make_directory(parent, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    parent.open_dir_nofollow(name).map_err(|error| match parent.symlink_metadata(name) {
        Ok(metadata) if metadata.is_symlink() => {
            io::Error::other("there is a link of that name, which is not followed")
        }
        Ok(metadata) if !metadata.is_dir() => io::Error::other("there is a file of that name"),
        _ => error,
    })
}

/// For nobody else until it is complete.
fn make_directory(parent: &Dir, name: &OsStr) -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut builder = cap_std::fs::DirBuilder::new();
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        parent.create_dir_with(name, &builder)
    }
    #[cfg(not(unix))]
    parent.create_dir(name)
}

#[cfg(unix)]
fn set_mode(directory: &Dir, name: &OsStr, mode: u16) -> io::Result<()> {
    use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
    use std::os::unix::fs::PermissionsExt as _;
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    let file = directory.open_with(name, &options)?.into_std();
    file.set_permissions(std::fs::Permissions::from_mode(mode.into()))
}

#[cfg(not(unix))]
fn set_mode(_directory: &Dir, _name: &OsStr, _mode: u16) -> io::Result<()> {
    Ok(())
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
