//! Files that are not complete. Each lies beside its place, `.NAME.postern-partial`, belongs to one copy at a time (by a
//! lock), and takes its place by a rename. What an interrupted copy left is continued by the next one; what a copy that
//! still runs has so far is copied from, never written to. A new folder has a mark in it until it is complete, by which
//! the same command finds it again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::rc::Rc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, OpenOptions};
use postern_protocol::transfer::{Attributes, Digest};
use ring::digest::{Context, SHA256};

use crate::attributes;
use crate::names::{from_wire, to_wire};
use crate::send::{finish, hash};

/// A smaller beginning is not worth asking for: sending it again is quicker.
pub(crate) const WORTH_RESUMING_BYTES: u64 = 256 * 1024;

/// Copies of one file to one place that can be under way at the same time.
const SLOTS: usize = 8;

/// A longer name leaves no room for what is put around it; a digest stands for it.
const MAX_NAME_IN_SLOT: usize = 200;

const HASH_BUFFER_BYTES: usize = 128 * 1024;

/// An incomplete file that is ours.
pub(crate) struct Partial {
    directory: Rc<Dir>,
    name: OsString,
    file: File,
    length: u64,
    context: Context,
    /// The other copy's, from which the beginning was taken.
    taken_over: Option<OsString>,
}

impl Partial {
    /// What an earlier copy has left of a file of this size; at most so much.
    pub(crate) fn find(directory: &Rc<Dir>, target: &OsStr, size: u64) -> io::Result<Option<Self>> {
        let mut others = None;
        for slot in slots(target) {
            match open_slot(directory, &slot)? {
                Slot::Ours(file) => return Self::resume(directory, slot, file, size),
                Slot::Locked(file) => {
                    others.get_or_insert((slot, file));
                }
                Slot::Foreign => {}
                Slot::Free => {
                    let Some((other, others)) = others.take() else { return Ok(None) };
                    let Some(mut file) = create(directory, &slot)? else { return Ok(None) };
                    // Another copy of it still runs, or has lost its client without knowing: its part is as good as ours.
                    io::copy(&mut io::Read::take(others, size), &mut file)?;
                    let resumed = Self::resume(directory, slot, file, size)?;
                    return Ok(resumed.map(|partial| Self { taken_over: Some(other), ..partial }));
                }
            }
        }
        Ok(None)
    }

    /// A new one, from the beginning.
    pub(crate) fn create(directory: &Rc<Dir>, target: &OsStr) -> io::Result<Self> {
        for slot in slots(target) {
            // Most often there is nothing, and then one call is enough.
            let file = match create(directory, &slot)? {
                Some(file) => file,
                None => match open_slot(directory, &slot)? {
                    Slot::Ours(file) => file,
                    _ => continue,
                },
            };
            let context = Context::new(&SHA256);
            let directory = Rc::clone(directory);
            let mut partial = Self { directory, name: slot, file, length: 0, context, taken_over: None };
            partial.restart()?;
            return Ok(partial);
        }
        Err(too_many())
    }

    fn resume(directory: &Rc<Dir>, slot: OsString, mut file: File, size: u64) -> io::Result<Option<Self>> {
        let length = file.metadata()?.len();
        let (directory, context) = (Rc::clone(directory), Context::new(&SHA256));
        let partial = Self { directory, name: slot, file, length: 0, context, taken_over: None };
        if !(WORTH_RESUMING_BYTES..=size).contains(&length) {
            partial.remove();
            return Ok(None);
        }
        file = partial.file;
        file.seek(SeekFrom::Start(0))?;
        let Some(context) = hash(&mut file, length, &mut vec![0; HASH_BUFFER_BYTES])? else { return Ok(None) };
        Ok(Some(Self { file, length, context, ..partial }))
    }

    /// How much there is.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Of what there is.
    pub(crate) fn digest(&self) -> Digest {
        finish(self.context.clone())
    }

    /// Forgets what there is.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.length = 0;
        self.taken_over = None;
        self.context = Context::new(&SHA256);
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Appends.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.context.update(data);
        self.length += data.len() as u64;
        Ok(())
    }

    /// Gives the file its attributes, or those of a new file or of the one that it replaces, and its place.
    pub(crate) fn commit(self, target: &OsStr, attributes: Option<&Attributes>) -> io::Result<()> {
        let attributes_set = match attributes {
            Some(attributes) => attributes::set_on_file(&self.file, attributes),
            None => self.keep_mode(target),
        };
        let done = attributes_set.and_then(|()| self.directory.rename(&self.name, &self.directory, target));
        match done {
            Ok(()) => {
                // It was the same file, whoever copied it, and there it is.
                if let Some(other) = &self.taken_over {
                    let _ = self.directory.remove_file(other);
                }
                Ok(())
            }
            // The copy that took over from this one was quicker.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && is_in_place(&self.directory, target, Some(self.length), attributes) =>
            {
                Ok(())
            }
            Err(error) => {
                self.remove();
                Err(error)
            }
        }
    }

    #[cfg(unix)]
    fn keep_mode(&self, target: &OsStr) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = match self.directory.symlink_metadata(target) {
            Ok(there) if there.is_file() => attributes::of(&there).mode.into(),
            _ => self.usual_mode(target)?,
        };
        self.file.set_permissions(std::fs::Permissions::from_mode(mode))
    }

    /// What a new file gets here. Only the system knows, so an empty one is made and looked at.
    #[cfg(unix)]
    fn usual_mode(&self, target: &OsStr) -> io::Result<u32> {
        use cap_std::fs::{MetadataExt as _, OpenOptionsExt as _};
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).follow(FollowSymlinks::No).mode(0o666);
        let (slot, file) = in_free_slot(target, |slot| self.directory.open_with(slot, &options))?;
        let mode = file.metadata().map(|metadata| metadata.mode() & 0o777);
        self.directory.remove_file(&slot)?;
        mode
    }

    #[cfg(not(unix))]
    fn keep_mode(&self, _target: &OsStr) -> io::Result<()> {
        Ok(())
    }

    /// Leaves nothing behind. What has taken the name over is somebody else's.
    pub(crate) fn remove(&self) {
        if is_there(&self.directory, &self.name, &self.file).unwrap_or(false) {
            // Whoever cannot remove what it made has been told worse things already.
            let _ = self.directory.remove_file(&self.name);
        }
    }
}

/// Whether another copy of this file was quicker. Without a time there is nothing to know it by.
pub(crate) fn is_in_place(directory: &Dir, target: &OsStr, size: Option<u64>, attributes: Option<&Attributes>) -> bool {
    let time = |of: &Attributes| (of.modified_seconds, of.modified_nanos);
    directory.symlink_metadata(target).is_ok_and(|there| {
        let is_same_time = attributes.is_some_and(|wanted| time(&attributes::of(&there)) == time(wanted));
        there.is_file() && Some(there.len()) == size && is_same_time
    })
}

/// The mark of a folder that is not complete.
const MARK: &str = ".postern-partial";

/// Marks a new folder.
pub(crate) fn mark(directory: &Dir) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).follow(FollowSymlinks::No);
    directory.open_with(MARK, &options).map(drop)
}

/// Whether a folder is a copy that was interrupted.
pub(crate) fn is_marked(directory: &Dir) -> bool {
    directory.symlink_metadata(MARK).is_ok_and(|mark| mark.is_file() && mark.len() == 0)
}

/// The folder is complete.
pub(crate) fn unmark(directory: &Dir) {
    if is_marked(directory) {
        let _ = directory.remove_file(MARK);
    }
}

/// Removes what an earlier copy has left of a file that is complete by now.
pub(crate) fn tidy(directory: &Dir, target: &OsStr) {
    if let Some(slot) = slots(target).next()
        && let Ok(Slot::Ours(_)) = open_slot(directory, &slot)
    {
        let _ = directory.remove_file(&slot);
    }
}

/// Makes a link beside its place and puts it there.
#[cfg(not(windows))]
pub(crate) fn place_link(directory: &Dir, target: &OsStr, points_to: &OsStr) -> io::Result<()> {
    let (slot, ()) = in_free_slot(target, |slot| directory.symlink_contents(points_to, slot))?;
    let done = directory.rename(&slot, directory, target);
    if done.is_err() {
        let _ = directory.remove_file(&slot);
    }
    done
}

/// Makes something in the first slot where there is nothing.
#[cfg(not(windows))]
fn in_free_slot<T>(target: &OsStr, make: impl Fn(&OsStr) -> io::Result<T>) -> io::Result<(OsString, T)> {
    for slot in slots(target) {
        match make(&slot) {
            Ok(made) => return Ok((slot, made)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(too_many())
}

fn too_many() -> io::Error {
    io::Error::other("too many copies of it are under way")
}

fn slots(target: &OsStr) -> impl Iterator<Item = OsString> {
    let name = to_wire(target).unwrap_or_default();
    let name = if name.len() <= MAX_NAME_IN_SLOT {
        name
    } else {
        let digest = ring::digest::digest(&SHA256, &name);
        digest.as_ref().iter().take(16).flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
    };
    let name = from_wire(&name).unwrap_or_default();
    (1..=SLOTS).map(move |slot| {
        let mut full = OsString::from(".");
        full.push(&name);
        full.push(match slot {
            1 => ".postern-partial".to_owned(),
            number => format!(".{number}.postern-partial"),
        });
        full
    })
}

enum Slot {
    Free,
    /// Ours now: nobody else writes to it.
    Ours(File),
    /// Another copy's.
    Locked(File),
    /// No file of this user's; not to be touched.
    Foreign,
}

fn open_slot(directory: &Dir, slot: &OsStr) -> io::Result<Slot> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).follow(FollowSymlinks::No).nonblock(true);
    let file = match directory.open_with(slot, &options) {
        Ok(file) => file.into_std(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Slot::Free),
        // A link, a folder, somebody else's: the next slot will do.
        Err(_) => return Ok(Slot::Foreign),
    };
    if !is_own(&file)? {
        return Ok(Slot::Foreign);
    }
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => Ok(Slot::Locked(file)),
        // Where there are no locks there is nobody to wait for.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => {
            if is_there(directory, slot, &file)? {
                Ok(Slot::Ours(file))
            } else {
                // It took its place between two looks; what was opened is the complete file.
                Ok(Slot::Free)
            }
        }
    }
}

/// Makes the slot, unless there is one.
fn create(directory: &Dir, slot: &OsStr) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
    // For nobody else until it gets its mode.
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match directory.open_with(slot, &options) {
        Ok(file) => {
            let file = file.into_std();
            match file.try_lock() {
                // Somebody was quicker to lock what we have made; it is theirs.
                Err(std::fs::TryLockError::WouldBlock) => Ok(None),
                Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(Some(file)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// A plain file of this user's with this one name: in a folder that others can write to, a partial may be a trap.
fn is_own(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        Ok(metadata.is_file() && metadata.nlink() <= 1 && metadata.uid() == user)
    }
    #[cfg(not(unix))]
    Ok(metadata.is_file())
}

#[cfg(unix)]
fn is_there(directory: &Dir, slot: &OsStr, file: &File) -> io::Result<bool> {
    use cap_std::fs::MetadataExt as _;
    use std::os::unix::fs::MetadataExt as _;
    let opened = file.metadata()?;
    match directory.symlink_metadata(slot) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_there(_directory: &Dir, _slot: &OsStr, _file: &File) -> io::Result<bool> {
    Ok(true)
}
