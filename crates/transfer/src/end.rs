//! Both ends of a conversation, from the first message to the last.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use postern_protocol::transfer::{
    MAX_BODY_BYTES, MAX_PATH_BYTES, MAX_SOURCES, Message, Options, VERSION, Violation, Writing,
};

use crate::destination;
use crate::error::CopyError;
use crate::matching::{self, NodePath};
use crate::names::from_wire;
use crate::output;
use crate::progress::{Progress, Summary};
use crate::receive::{Receiver, Terms};
use crate::send::Sender;
use crate::source;
use crate::stream::{Incoming, Outgoing};

/// The client's end of a copy from a node: `sources` there, to `destination` here.
///
/// # Errors
/// [`CopyError`] when not everything could be looked at. What was not copied of what was looked at is counted in
/// [`Summary::problems`], and was told to `progress`.
pub fn get<R: Read, W: Write>(
    from_node: R,
    to_node: W,
    sources: &[NodePath],
    destination: &Path,
    (options, writing): (Options, Writing),
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    let (mut incoming, mut out) = (Incoming::new(from_node), Outgoing::new(to_node));
    ask(&mut incoming, &mut out, sources, options)?;
    let check_root = |name: &[u8]| matching::check_root(sources, name);
    let terms = Terms { destination, check_root: &check_root, links: options.links, stream: false, writing };
    let result = Receiver::new(&mut out, progress, false, terms).run(&mut incoming);
    result.inspect_err(|error| out.fail(error))
}

/// As [`get`] for one file, which is written to `output` as it comes. What was written is right only when this says so.
///
/// # Errors
/// As [`get`].
pub fn get_to_output<R: Read, W: Write>(
    from_node: R,
    to_node: W,
    source: &NodePath,
    output: &mut dyn Write,
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    let (mut incoming, mut out) = (Incoming::new(from_node), Outgoing::new(to_node));
    ask(&mut incoming, &mut out, std::slice::from_ref(source), Options::default())?;
    let result = output::receive(&mut incoming, &mut out, output, progress);
    result.inspect_err(|error| out.fail(error))
}

fn ask<R: Read, W: Write>(
    incoming: &mut Incoming<R>,
    out: &mut Outgoing<W>,
    sources: &[NodePath],
    options: Options,
) -> Result<(), CopyError> {
    let asked: Vec<&[u8]> = sources.iter().map(|source| source.as_str().as_bytes()).collect();
    let length: usize = asked.iter().map(|source| source.len() + 2).sum();
    if !(1..=MAX_SOURCES).contains(&asked.len()) || length + 8 > MAX_BODY_BYTES {
        return Err(CopyError::Local(format!("one copy has at most {MAX_SOURCES} sources; copy a folder with -r")));
    }
    out.send(&Message::Hello { version: VERSION })?;
    out.send(&Message::Get { options, sources: asked })?;
    out.flush()?;
    incoming.hello().map(drop)
}

/// The client's end of a copy to a node: `sources` here, to `destination` there.
///
/// # Errors
/// As [`get`].
pub fn put<R: Read + Send + 'static, W: Write>(
    from_node: R,
    to_node: W,
    sources: &[PathBuf],
    destination: &NodePath,
    (options, writing): (Options, Writing),
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    // What is wrong here is told before the node is troubled.
    let roots = source::find(sources)?;
    let (mut incoming, mut out) = (Incoming::new(from_node), Outgoing::new(to_node));
    offer(&mut incoming, &mut out, destination, writing)?;
    let mut sender = Sender::new(&mut out, incoming, progress, false);
    sender.is_compared = writing.compares_content;
    let result = sender.run(&roots, options);
    result.inspect_err(|error| out.fail(error))
}

/// As [`put`] for what `input` has until its end. The file has no attributes to keep, and nothing of it stays when the
/// copy is interrupted.
///
/// # Errors
/// As [`get`].
pub fn put_from_input<R: Read + Send + 'static, W: Write, I: Read + Send + 'static>(
    from_node: R,
    to_node: W,
    input: I,
    destination: &NodePath,
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    let (mut incoming, mut out) = (Incoming::new(from_node), Outgoing::new(to_node));
    offer(&mut incoming, &mut out, destination, Writing::default())?;
    let sender = Sender::of_input(&mut out, incoming, progress, input);
    let result = sender.and_then(|(sender, input)| sender.run_input(&input));
    result.inspect_err(|error| out.fail(error))
}

fn offer<R: Read, W: Write>(
    incoming: &mut Incoming<R>,
    out: &mut Outgoing<W>,
    destination: &NodePath,
    writing: Writing,
) -> Result<(), CopyError> {
    out.send(&Message::Hello { version: VERSION })?;
    out.send(&Message::Put { writing, destination: destination.as_str().as_bytes() })?;
    out.flush()?;
    incoming.hello().map(drop)
}

/// Whether these paths on this side can be sent: found out before anybody is troubled.
///
/// # Errors
/// A sentence about the first that cannot.
pub fn check_sources(sources: &[PathBuf]) -> Result<(), CopyError> {
    source::find(sources).map(drop)
}

/// Whether so many things can be put to this path on this side. The last word is said when it is known what comes.
///
/// # Errors
/// A sentence about why not.
pub fn check_destination(destination: &Path, sources: usize) -> Result<(), CopyError> {
    destination::open(destination, u32::try_from(sources).unwrap_or(u32::MAX)).map(drop)
}

/// The node's end, as the user whose files these are, in the user's home. Everything that is to be said is said to the
/// client.
///
/// # Errors
/// Why it ended; for the exit status only.
pub fn serve<R: Read + Send + 'static, W: Write>(from_client: R, to_client: W) -> Result<(), CopyError> {
    let (mut incoming, mut out) = (Incoming::new(from_client), Outgoing::new(to_client));
    let result = answer(&mut out, move |out| {
        incoming.hello()?;
        enum Asked {
            Get(Vec<PathBuf>, Options),
            Put(PathBuf, Writing),
        }
        let asked = match incoming.next()? {
            Message::Get { options, sources } => {
                Asked::Get(sources.into_iter().map(path).collect::<Result<_, _>>()?, options)
            }
            Message::Put { writing, destination } => Asked::Put(path(destination)?, writing),
            _ => return Err(Violation::Unexpected.into()),
        };
        match asked {
            Asked::Get(sources, options) => {
                let roots = source::find(&sources)?;
                Sender::new(out, incoming, &mut () as &mut dyn Progress, true).run(&roots, options)
            }
            Asked::Put(destination, writing) => {
                let check_root = &|_: &[u8]| Ok(());
                let terms = Terms { destination: &destination, check_root, links: true, stream: true, writing };
                Receiver::new(out, &mut () as &mut dyn Progress, true, terms).run(&mut incoming)
            }
        }
    });
    result.map(drop)
}

fn answer<W: Write>(
    out: &mut Outgoing<W>,
    work: impl FnOnce(&mut Outgoing<W>) -> Result<Summary, CopyError>,
) -> Result<Summary, CopyError> {
    out.send(&Message::Hello { version: VERSION })?;
    out.flush()?;
    let result = work(out);
    result.inspect_err(|error| out.fail(error))
}

/// A path of the client's on this machine; `~` is the home, where this process was started.
fn path(asked: &[u8]) -> Result<PathBuf, CopyError> {
    let refused = || CopyError::Local("that is no path on this node".to_owned());
    if asked.len() > MAX_PATH_BYTES || asked.contains(&0) {
        return Err(refused());
    }
    let relative = match asked {
        b"~" | b"~/" => b".",
        _ => asked.strip_prefix(b"~/").unwrap_or(asked),
    };
    from_wire(relative).map(PathBuf::from).ok_or_else(refused)
}
