//! One file from a stream, and to one.

use std::fs;
use std::io::{Read, Write, pipe};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use postern_protocol::transfer::{MAX_DATA_BYTES, Message};
use postern_transfer::{CopyError, NodePath, Summary, get_to_output, put_from_input};

use crate::scripted::{Peer, joined};
use crate::{Told, node, node_path, tree};

fn put_stream<I: Read + Send + 'static>(input: I, destination: &Path) -> (Result<Summary, CopyError>, Told) {
    let (from_node, to_node, running) = node();
    let mut told = Told::default();
    let result = put_from_input(from_node, to_node, input, &node_path(destination), &mut told);
    let _ = running.join().unwrap();
    (result, told)
}

fn get_stream(source: &Path) -> (Result<Summary, CopyError>, Vec<u8>, Told) {
    let (from_node, to_node, running) = node();
    let (mut told, mut output) = (Told::default(), Vec::new());
    let result = get_to_output(from_node, to_node, &node_path(source), &mut output, &mut told);
    let _ = running.join().unwrap();
    (result, output, told)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_stream_becomes_a_file_and_a_file_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    for content in [tree::noise(3_000_003), Vec::new(), b"short".to_vec()] {
        let (result, told) = put_stream(std::io::Cursor::new(content.clone()), &target);
        let summary = result.unwrap();
        assert_eq!((summary.files, summary.bytes), (1, content.len() as u64), "{told:?}");
        assert!(fs::read(&target).unwrap() == content);
        let (result, output, told) = get_stream(&target);
        assert_eq!((result.unwrap().files, told.advanced), (1, content.len() as u64));
        assert!(output == content);
    }
    // A new file is as new files are, one that is replaced keeps its mode.
    fs::write(folder.path().join("new"), b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&target), mode(&folder.path().join("new")));
    fs::set_permissions(&target, fs::Permissions::from_mode(0o751)).unwrap();
    put_stream(std::io::Cursor::new(b"again"), &target).0.unwrap();
    assert_eq!((mode(&target) & 0o777, fs::read(&target).unwrap()), (0o751, b"again".to_vec()));
    assert_eq!(names(folder.path()), ["new", "target"]);
}

#[test]
fn a_stream_needs_a_file_at_its_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("a.log"), b"a").unwrap();
    fs::write(path("b.log"), b"b").unwrap();
    let sentence = |(result, told): (Result<Summary, CopyError>, Told)| match result {
        Ok(summary) if summary.problems == 1 && summary.files == 0 => told.problems.concat(),
        Ok(summary) => panic!("{summary:?}"),
        Err(error) => error.to_string(),
    };
    for (target, wanted) in [
        ("folder", "folder is a folder; what comes from a stream needs the name of a file"),
        ("new/", "new/: no such folder"),
        ("no/such", "no: no such file or folder"),
    ] {
        // More than any pipe holds: the sender must hear of it while it sends.
        let said = sentence(put_stream(std::io::repeat(7), &path(target)));
        assert!(said.contains(wanted), "{wanted:?} is not in {said:?}");
    }
    for (source, wanted) in [
        ("folder", "folder is skipped: it is a folder"),
        ("missing", "missing: no such file or folder"),
        ("*.log", "standard output takes one file, and 2 are meant"),
    ] {
        let (result, output, told) = get_stream(&path(source));
        let said = sentence((result, told));
        assert!(said.contains(wanted) && output.is_empty(), "{wanted:?} is not in {said:?}");
    }
    assert_eq!(names(folder.path()), ["a.log", "b.log", "folder"]);
    assert!(names(&path("folder")).is_empty());
}

#[test]
fn an_interrupted_stream_leaves_nothing_and_a_silent_one_hears_that_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let partial = folder.path().join(".target.postern-partial");
    fs::write(&target, b"older").unwrap();
    // The client is gone in the middle of the stream.
    let (from_node, to_node, running) = node();
    let (mut client, kept) = (to_node, from_node);
    for message in [
        Message::Hello { version: 1 },
        Message::Put { writing: Default::default(), destination: target.to_str().unwrap().as_bytes() },
        Message::Total(postern_protocol::transfer::Total { roots: 1, entries: 1, bytes: 0 }),
        Message::Stream { name: b"-" },
        Message::Begin { offset: 0 },
        Message::Data(&vec![7; MAX_DATA_BYTES]),
        Message::Data(&vec![7; MAX_DATA_BYTES]),
        Message::Data(&vec![7; MAX_DATA_BYTES]),
    ] {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        client.write_all(&bytes).unwrap();
    }
    while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < 3 * MAX_DATA_BYTES as u64 {
        std::thread::yield_now();
    }
    drop(client);
    running.join().unwrap().unwrap_err();
    drop(kept);
    assert_eq!((names(folder.path()), fs::read(&target).unwrap()), (vec!["target".to_owned()], b"older".to_vec()));
    // The node gives up while the stream has nothing to say.
    let (mut peer, from_node, to_node) = joined();
    let node = std::thread::spawn(move || {
        let hears =
            |peer: &mut Peer, wanted: &str| while peer.hear().is_some_and(|heard| !heard.starts_with(wanted)) {};
        peer.say(&Message::Hello { version: 1 });
        hears(&mut peer, "Stream");
        peer.say(&Message::Want { offset: 0, digest: [0; 32] });
        hears(&mut peer, "Begin");
        peer.say(&Message::Failed("target: no space left on the disk"));
        while peer.hear().is_some() {}
    });
    let (input, silent) = pipe().unwrap();
    let error = put_from_input(from_node, to_node, input, &NodePath::new("x").unwrap(), &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "target: no space left on the disk");
    drop(silent);
    node.join().unwrap();
}

#[test]
fn what_a_node_sends_to_a_stream_is_held_to_its_size_and_checksum() {
    fn answered(script: impl FnOnce(&mut Peer) + Send + 'static) -> (String, usize) {
        let (mut peer, from_node, to_node) = joined();
        let node = std::thread::spawn(move || {
            peer.say(&Message::Hello { version: 1 });
            script(&mut peer);
            while peer.hear().is_some() {}
        });
        let mut output = Vec::new();
        let result = get_to_output(from_node, to_node, &NodePath::new("x").unwrap(), &mut output, &mut ());
        node.join().unwrap();
        (result.unwrap_err().to_string(), output.len())
    }
    let (error, written) = answered(|peer| {
        peer.total(1, 1, 200_000);
        peer.file("x", 200_000);
        peer.say(&Message::Begin { offset: 0 });
        while peer.say(&Message::Data(&[7; MAX_DATA_BYTES])) {}
    });
    assert!(error.contains("more data came than was announced") && written <= 200_000, "{error} {written}");
    let (error, _) = answered(|peer| {
        peer.total(1, 1, 4);
        peer.file("x", 4);
        peer.say(&Message::Begin { offset: 0 });
        peer.say(&Message::Data(b"evil"));
        peer.say(&Message::End { digest: [7; 32] });
    });
    assert!(error.contains("damaged"), "{error}");
    let (error, written) = answered(|peer| {
        peer.total(1, 1, 0);
        peer.say(&Message::Stream { name: b"x" });
        while peer.say(&Message::Data(&[7; MAX_DATA_BYTES])) {}
    });
    assert!(error.contains("breaks the rules of copying") && written == 0, "a node has no streams: {error}");
    let (error, _) = answered(|peer| {
        peer.total(1, 1, 0);
        peer.say(&Message::Finish);
    });
    assert!(error.contains("it sent no file"), "{error}");
}
