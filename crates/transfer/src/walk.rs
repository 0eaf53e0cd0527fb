//! A tree in the order in which it is sent: depth first, the entries of each directory by the bytes of their names.
//! Directories are opened through their parents' handles and links are not followed, so that somebody who moves things
//! about meanwhile cannot lead the walk elsewhere.

use std::ffi::OsString;
use std::rc::Rc;
use std::vec::IntoIter;

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, Metadata};
use postern_protocol::transfer::{Attributes, MAX_DEPTH, MAX_NAME_BYTES, Options};

use crate::attributes;
use crate::error::about;
use crate::names::{joined, to_wire};
use crate::pseudo;
use crate::source::Root;

/// What the walk comes to.
pub(crate) enum Found {
    Directory {
        name: Vec<u8>,
        attributes: Attributes,
        path: String,
    },
    Leave,
    File {
        name: Vec<u8>,
        size: u64,
        attributes: Attributes,
        file: FoundFile,
    },
    Link {
        name: Vec<u8>,
        target: Vec<u8>,
        path: String,
    },
    /// Not to be sent; why.
    Problem(String),
}

/// A file to be opened when it is wanted.
pub(crate) struct FoundFile {
    pub(crate) directory: Rc<Dir>,
    pub(crate) entry: OsString,
    pub(crate) path: String,
    /// Its content, where that is made when it is read.
    pub(crate) content: Option<Vec<u8>>,
}

/// A walk over all roots.
pub(crate) struct Walk<'a> {
    options: Options,
    roots: std::slice::Iter<'a, Root>,
    stack: Vec<Level>,
}

struct Level {
    directory: Rc<Dir>,
    is_pseudo: bool,
    entries: IntoIter<(Vec<u8>, OsString)>,
    path: String,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(roots: &'a [Root], options: Options) -> Self {
        Self { options, roots: roots.iter(), stack: Vec::new() }
    }

    /// Leaves out what is in the directory that was found last.
    pub(crate) fn leave_out(&mut self) {
        self.stack.pop();
    }

    fn visit(
        &mut self,
        (directory, is_pseudo): (&Rc<Dir>, bool),
        name: Vec<u8>,
        entry: OsString,
        path: String,
    ) -> Found {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Found::Problem(format!("{path} is skipped: its name is no text, or too long"));
        }
        let metadata = match directory.symlink_metadata(&entry) {
            Ok(metadata) => metadata,
            Err(error) => return Found::Problem(about(&path, &error)),
        };
        let kind = metadata.file_type();
        if kind.is_file() {
            let content = match is_pseudo.then(|| pseudo::read(directory, &entry)).transpose() {
                Ok(content) => content,
                Err(error) => return Found::Problem(about(&path, &error)),
            };
            let size = content.as_ref().map_or(metadata.len(), |content| content.len() as u64);
            let file = FoundFile { directory: Rc::clone(directory), entry, path, content };
            return Found::File { name, size, attributes: attributes::of(&metadata), file };
        }
        if kind.is_dir() {
            return self.enter(directory, name, &entry, path, &metadata);
        }
        if !kind.is_symlink() {
            return Found::Problem(format!("{path} is skipped: it is no file, folder or link"));
        }
        if !self.options.links {
            return Found::Problem(format!("{path} is skipped: it is a link; --links copies links as links"));
        }
        match directory.read_link_contents(&entry).map(|target| to_wire(target.as_os_str())) {
            Ok(Some(target)) => Found::Link { name, target, path },
            Ok(None) => Found::Problem(format!("{path} is skipped: it points to a name that is no text")),
            Err(error) => Found::Problem(about(&path, &error)),
        }
    }

    fn enter(&mut self, parent: &Dir, name: Vec<u8>, entry: &OsString, path: String, metadata: &Metadata) -> Found {
        if !self.options.recursive {
            return Found::Problem(format!("{path} is skipped: it is a folder; -r copies folders"));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Found::Problem(format!("{path} is skipped: it is more than {MAX_DEPTH} folders deep"));
        }
        let opened = parent.open_dir_nofollow(entry).and_then(|directory| {
            let entries = directory.entries()?.map(|entry| entry.map(|entry| entry.file_name()));
            let mut entries = entries
                .map(|entry| entry.map(|entry| (to_wire(&entry).unwrap_or_default(), entry)))
                .collect::<std::io::Result<Vec<_>>>()?;
            entries.sort_unstable();
            Ok((directory, entries))
        });
        match opened {
            Ok((directory, entries)) => {
                let is_pseudo = pseudo::is_pseudo(&directory);
                let (directory, entries) = (Rc::new(directory), entries.into_iter());
                self.stack.push(Level { directory, is_pseudo, entries, path: path.clone() });
                Found::Directory { name, attributes: attributes::of(metadata), path }
            }
            Err(error) => Found::Problem(about(&path, &error)),
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let Some(level) = self.stack.last_mut() else {
            let Root { name, directory, entry, path } = self.roots.next()?;
            let at = (directory, pseudo::is_pseudo(directory));
            return Some(self.visit(at, name.clone(), entry.clone(), path.clone()));
        };
        let Some((name, entry)) = level.entries.next() else {
            self.stack.pop();
            return Some(Found::Leave);
        };
        let (directory, is_pseudo) = (Rc::clone(&level.directory), level.is_pseudo);
        let path = joined(&level.path, &entry);
        Some(self.visit((&directory, is_pseudo), name, entry, path))
    }
}
