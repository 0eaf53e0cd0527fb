//! Copies between two real trees, both ends in this process, and copies from ends that do not keep to the rules.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod contents;
mod copies;
mod hostile;
#[cfg(target_os = "linux")]
mod pseudo;
mod resume;
mod scripted;
mod streams;
mod tree;

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use postern_protocol::transfer::{Options, Total, Writing};
use postern_transfer::{CopyError, NodePath, Progress, Summary, serve};

pub(crate) const TREE: Options = Options { recursive: true, links: false };
pub(crate) const LINKS: Options = Options { recursive: true, links: true };

/// What was told while copying.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) total: Total,
    pub(crate) advanced: u64,
    pub(crate) problems: Vec<String>,
}

impl Progress for Told {
    fn total(&mut self, total: Total) {
        self.total = total;
    }

    fn advanced(&mut self, bytes: u64) {
        self.advanced += bytes;
    }

    fn problem(&mut self, text: &str) {
        self.problems.push(text.to_owned());
    }
}

/// A node's end on a thread: what the client reads from it, and what it writes to.
pub(crate) fn node() -> (PipeReader, PipeWriter, JoinHandle<Result<(), CopyError>>) {
    let (from_node, to_client) = pipe().unwrap();
    let (from_client, to_node) = pipe().unwrap();
    (from_node, to_node, std::thread::spawn(move || serve(from_client, to_client)))
}

pub(crate) fn node_path(path: &Path) -> NodePath {
    NodePath::new(path.to_str().unwrap()).unwrap()
}

/// `postern_transfer::get` for tests that do not care how files are written.
pub(crate) fn get<R: Read, W: Write>(
    from_node: R,
    to_node: W,
    sources: &[NodePath],
    destination: &Path,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    postern_transfer::get(from_node, to_node, sources, destination, (options, Writing::default()), progress)
}

/// The same for `put`.
pub(crate) fn put<R: Read + Send + 'static, W: Write>(
    from_node: R,
    to_node: W,
    sources: &[PathBuf],
    destination: &NodePath,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    postern_transfer::put(from_node, to_node, sources, destination, (options, Writing::default()), progress)
}

fn copy_from_how(source: &Path, destination: &Path, how: (Options, Writing)) -> (Result<Summary, CopyError>, Told) {
    let (from_node, to_node, node) = node();
    let mut told = Told::default();
    let result = postern_transfer::get(from_node, to_node, &[node_path(source)], destination, how, &mut told);
    let _ = node.join().unwrap();
    (result, told)
}

fn copy_to_how(source: &Path, destination: &Path, how: (Options, Writing)) -> (Result<Summary, CopyError>, Told) {
    let (from_node, to_node, node) = node();
    let mut told = Told::default();
    let sources: [PathBuf; 1] = [source.to_owned()];
    let result = postern_transfer::put(from_node, to_node, &sources, &node_path(destination), how, &mut told);
    let _ = node.join().unwrap();
    (result, told)
}

pub(crate) fn copy_from(source: &Path, destination: &Path, options: Options) -> (Result<Summary, CopyError>, Told) {
    copy_from_how(source, destination, (options, Writing::default()))
}

pub(crate) fn copy_to(source: &Path, destination: &Path, options: Options) -> (Result<Summary, CopyError>, Told) {
    copy_to_how(source, destination, (options, Writing::default()))
}

/// Both directions, by name, for tests to which it makes no difference.
pub(crate) type Copy = fn(&Path, &Path, Options) -> (Result<Summary, CopyError>, Told);
pub(crate) const BOTH: [(&str, Copy); 2] = [("from the node", copy_from), ("to the node", copy_to)];

/// The same for tests of how files are written.
pub(crate) type CopyHow = fn(&Path, &Path, (Options, Writing)) -> (Result<Summary, CopyError>, Told);
pub(crate) const BOTH_HOW: [(&str, CopyHow); 2] = [("from the node", copy_from_how), ("to the node", copy_to_how)];
