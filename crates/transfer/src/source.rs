//! From the paths that were asked for to the entries that are sent.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::error::{CopyError, about};
use crate::matching::{MATCHING, has_pattern};
use crate::names::{shown, to_wire};

/// One entry at the top of a copy.
pub(crate) struct Root {
    /// The name it is sent under.
    pub(crate) name: Vec<u8>,
    /// Where it is.
    pub(crate) directory: Rc<Dir>,
    /// Its name there; another one if it was asked for by a link.
    pub(crate) entry: OsString,
    /// For sentences.
    pub(crate) path: String,
}

/// Finds what the paths name, patterns expanded, in the order of the names it is sent under.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<Root>, CopyError> {
    let mut roots = Vec::with_capacity(paths.len());
    for path in paths {
        // What exists as it is written is what was meant.
        if has_pattern(path.as_os_str()) && path.symlink_metadata().is_err() {
            for path in expand(path)? {
                roots.push(root(&path)?);
            }
        } else {
            roots.push(root(path)?);
        }
    }
    roots.sort_by(|one, other| (&one.name, &one.path).cmp(&(&other.name, &other.path)));
    roots.dedup_by(|one, other| (&one.name, &one.path) == (&other.name, &other.path));
    if let Some(pair) = roots.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let sentence = format!("{} and {} would get the same name; copy them separately", pair[0].path, pair[1].path);
        return Err(CopyError::Local(sentence));
    }
    Ok(roots)
}

fn expand(path: &Path) -> Result<Vec<PathBuf>, CopyError> {
    let nothing = || CopyError::Local(format!("{}: no such file or folder", shown(path)));
    let pattern = path.to_str().ok_or_else(nothing)?;
    let found = glob::glob_with(pattern, MATCHING)
        .map_err(|error| CopyError::Local(format!("{pattern}: {} in the pattern", error.msg)))?;
    // What cannot be looked into has no matches, as in a shell.
    let found: Vec<PathBuf> = found.filter_map(Result::ok).collect();
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

/// A path that somebody typed is followed to what it names, links included; what lies below is not.
fn root(path: &Path) -> Result<Root, CopyError> {
    let shown = shown(path);
    let failed = |error: &std::io::Error| CopyError::Local(about(&shown, error));
    let real = path.canonicalize().map_err(|error| failed(&error))?;
    let (Some(parent), Some(entry)) = (real.parent(), real.file_name()) else {
        return Err(CopyError::Local(format!("{shown} is the root of all files; name folders in it")));
    };
    let own_name = match path.components().next_back() {
        Some(Component::Normal(name)) => name,
        _ => entry,
    };
    let name = to_wire(own_name).ok_or_else(|| CopyError::Local(format!("{shown}: the name is no text")))?;
    let directory = Dir::open_ambient_dir(parent, ambient_authority()).map_err(|error| failed(&error))?;
    Ok(Root { name, directory: Rc::new(directory), entry: entry.to_owned(), path: shown })
}
