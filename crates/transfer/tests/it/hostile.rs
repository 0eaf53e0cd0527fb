//! Nodes and clients that are not ours: nothing they send gets out of its place or comes without end.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postern_protocol::transfer::{Attributes, MAX_DATA_BYTES, Message, Options, VERSION, Writing};
use postern_transfer::{NodePath, serve};

use crate::scripted::{PLAIN, Peer, from_scripted_node, from_scripted_node_how, joined};
use crate::{LINKS, TREE, Told, put, tree};

/// A folder with an empty `target` in it, and what lies beside that.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(folder.path().join("victim"), b"untouched").unwrap();
        Self { folder }
    }

    fn target(&self) -> std::path::PathBuf {
        self.folder.path().join("target")
    }

    /// Nothing beside the target has changed.
    fn check(&self, what: &str) {
        let mut names: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["target", "victim"], "{what}");
        assert_eq!(fs::read(self.folder.path().join("victim")).unwrap(), b"untouched", "{what}");
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.target()).unwrap().next().is_none()
    }
}

/// The sentence that a copy from such a node ends with.
fn stopped(what: &str, options: Options, script: impl FnOnce(&mut Peer) + Send + 'static) -> String {
    let world = World::new();
    let (result, _, heard) = from_scripted_node("asked", &world.target(), options, script);
    world.check(what);
    let error = result.unwrap_err().to_string();
    assert!(!error.contains('\n'), "{what}: {error}");
    let told = heard.last().is_some_and(|last| last.starts_with("Failed"));
    assert!(told, "{what}: the node hears why: {heard:?}");
    error
}

#[test]
fn names_that_are_ways_are_stopped() {
    for name in ["../victim", "..", ".", "/etc/cron.d/x", "a/b", "", "asked/../../victim", "asked\0"] {
        let (in_file, in_folder, in_link) = (name.to_owned(), name.to_owned(), name.to_owned());
        let error = stopped(name, TREE, move |peer| {
            peer.total(1, 1, 4);
            peer.file(&in_file, 4);
        });
        assert!(error.contains("breaks the rules of copying"), "{error}");
        stopped(name, TREE, move |peer| {
            peer.total(1, 2, 4);
            peer.directory("asked");
            peer.directory(&in_folder);
        });
        stopped(name, LINKS, move |peer| {
            peer.total(1, 1, 4);
            peer.link(&in_link, "asked");
        });
    }
}

#[test]
fn a_node_does_not_choose_what_it_was_not_asked_for() {
    for name in [".bashrc", "asked2", ".ssh", "victim"] {
        let error = stopped(name, TREE, move |peer| {
            peer.total(1, 1, 4);
            peer.file(name, 4);
        });
        assert!(error.contains("nobody asked for"), "{error}");
    }
    let world = World::new();
    let (result, ..) = from_scripted_node("logs/*.log", &world.target(), TREE, |peer| {
        peer.total(2, 2, 8);
        peer.file("a.log", 0);
        peer.file("authorized_keys", 4);
    });
    assert!(result.unwrap_err().to_string().contains("nobody asked for"));
}

#[test]
fn links_lead_nowhere() {
    let error = stopped("a link nobody asked for", TREE, |peer| {
        peer.total(1, 1, 0);
        peer.link("asked", "/etc/passwd");
    });
    assert!(error.contains("not possible"), "{error}");
    for target in ["/etc/passwd", "..", "../victim", "../../victim", "x/../../../victim", ""] {
        let world = World::new();
        let (result, told, _) = from_scripted_node("asked", &world.target(), LINKS, move |peer| {
            peer.total(1, 2, 0);
            peer.directory("asked");
            peer.link("l", target);
            peer.say(&Message::Leave);
            peer.say(&Message::Finish);
        });
        assert_eq!(result.unwrap().problems, 1, "{target}");
        assert!(told.problems[0].contains("would lead out of what is copied"), "{told:?}");
        assert!(world.target().join("asked/l").symlink_metadata().is_err());
        world.check(target);
    }
    // A link of the node's own, and then a file through it: the name is taken.
    let error = stopped("through its own link", LINKS, |peer| {
        peer.total(1, 4, 4);
        peer.directory("asked");
        peer.link("l", "sub");
        peer.directory("l");
    });
    assert!(error.contains("twice or out of order"), "{error}");
    // Through a link that was there before.
    let world = World::new();
    fs::create_dir(world.target().join("asked")).unwrap();
    symlink(world.folder.path(), world.target().join("asked/l")).unwrap();
    let (result, told, heard) = from_scripted_node("asked", &world.target(), LINKS, |peer| {
        peer.total(1, 3, 4);
        peer.directory("asked");
        peer.directory("l");
        peer.file("victim", 4);
        peer.say(&Message::Leave);
        peer.say(&Message::Leave);
        peer.say(&Message::Finish);
    });
    assert_eq!(result.unwrap().problems, 1);
    assert!(told.problems[0].contains("which is not followed"), "{told:?}");
    assert_eq!(heard, ["Skip", "Finished"]);
    world.check("through a link");
    // A file in the place of a link replaces the link, not what it points to.
    let world = World::new();
    symlink("../victim", world.target().join("asked")).unwrap();
    let (result, ..) = from_scripted_node("asked", &world.target(), LINKS, |peer| {
        peer.total(1, 1, 4);
        peer.file("asked", 4);
        peer.content(b"evil");
        peer.say(&Message::Finish);
    });
    assert_eq!(result.unwrap().files, 1);
    assert_eq!(fs::read(world.target().join("asked")).unwrap(), b"evil");
    world.check("over a link");
}

#[test]
fn endless_data_ends() {
    // More for a file than was announced, for as long as anybody listens.
    let error = stopped("data", TREE, |peer| {
        peer.total(1, 1, 300_000);
        peer.file("asked", 300_000);
        peer.say(&Message::Begin { offset: 0 });
        while peer.say(&Message::Data(&[7; MAX_DATA_BYTES])) {}
    });
    assert!(error.contains("more data came than was announced"), "{error}");
    let error = stopped("bytes", TREE, |peer| {
        peer.total(1, 1, 10);
        peer.file("asked", 11);
    });
    assert!(error.contains("more data"), "{error}");
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let error = stopped("entries", TREE, move |peer| {
        peer.total(1, 1000, 0);
        peer.directory("asked");
        for number in 0_u64.. {
            let name = format!("{number:020}");
            let said =
                peer.say(&Message::Directory { name: name.as_bytes(), attributes: PLAIN }) && peer.say(&Message::Leave);
            if !said {
                break;
            }
            counter.store(number, Ordering::Relaxed);
        }
    });
    assert!(error.contains("more entries came than were announced"), "{error}");
    assert!(sent.load(Ordering::Relaxed) < 100_000);
    let error = stopped("depth", TREE, |peer| {
        peer.total(1, u64::MAX, 0);
        peer.directory("asked");
        while peer.say(&Message::Directory { name: b"d", attributes: PLAIN }) {}
    });
    assert!(error.contains("deeper than 128"), "{error}");
    let error = stopped("a message without end", TREE, |peer| {
        peer.total(1, 1, 1);
        peer.raw(&[0xff, 0xff, 0xff, 0xff, 0x16]);
        while peer.raw(&[7; 4096]) {}
    });
    assert!(error.contains("longer than the longest"), "{error}");
    let error = stopped("problems", TREE, |peer| {
        peer.total(1, 1, 1);
        while peer.say(&Message::Problem("no")) {}
    });
    assert!(error.contains("without end"), "{error}");
    let error = stopped("a name twice", TREE, |peer| {
        peer.total(1, 3, 0);
        peer.directory("asked");
        peer.file("x", 0);
        peer.file("x", 0);
    });
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let world = World::new();
    let (result, told, _) = from_scripted_node("asked", &world.target(), TREE, |peer| {
        peer.total(1, 1, 500_000);
        peer.file("asked", 500_000);
        peer.say(&Message::Begin { offset: 0 });
        for _ in 0..5 {
            peer.say(&Message::Data(&[7; 100_000]));
        }
        peer.say(&Message::End { digest: [0; 32] });
        peer.say(&Message::Finish);
    });
    assert_eq!(result.unwrap().problems, 1);
    assert!(told.problems[0].contains("its checksum is wrong"), "{told:?}");
    assert!(world.is_empty());
    // Nor does a file that is called resumed and was not asked for from there.
    let error = stopped("an offset", TREE, |peer| {
        peer.total(1, 1, 500_000);
        peer.file("asked", 500_000);
        peer.say(&Message::Begin { offset: 300_000 });
    });
    assert!(error.contains("go on where it does not"), "{error}");
}

#[test]
fn a_file_that_is_said_to_be_the_same_and_is_not_stays_as_it_is() {
    let world = World::new();
    let there = world.target().join("asked");
    tree::file(&there, &[7; 500_000], 0o600, 9);
    let how = (TREE, Writing { compares_content: true, forgets_attributes: false });
    let (result, told, _) = from_scripted_node_how("asked", &world.target(), how, |peer| {
        peer.total(1, 1, 500_000);
        peer.file("asked", 500_000);
        peer.say(&Message::Begin { offset: 500_000 });
        peer.say(&Message::End { digest: [0; 32] });
        peer.say(&Message::Finish);
    });
    assert_eq!(result.unwrap().problems, 1);
    let sentence = "asked was said to be the same, with another checksum; what is there stays as it is, copy again";
    assert!(told.problems[0].ends_with(sentence), "{told:?}");
    assert!(fs::read(&there).unwrap() == [7; 500_000]);
    assert_eq!(fs::metadata(&there).unwrap().mode() & 0o777, 0o600, "nor another mode");
}

#[test]
fn a_node_that_is_something_else_is_told_apart() {
    let (mut peer, from_node, to_node) = joined();
    let node = std::thread::spawn(move || {
        peer.raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
        while peer.hear().is_some() {}
    });
    let asked = [NodePath::new("asked").unwrap()];
    let error = crate::get(from_node, to_node, &asked, Path::new("/nonexistent/x"), TREE, &mut ());
    assert!(error.unwrap_err().to_string().contains("breaks the rules"));
    node.join().unwrap();
}

#[test]
fn modes_cannot_bring_privileges_and_times_can_be_any() {
    let world = World::new();
    let odd = Attributes { mode: 0o777, modified_seconds: i64::MIN, modified_nanos: 999_999_999 };
    let (result, told, _) = from_scripted_node("asked", &world.target(), TREE, move |peer| {
        peer.total(1, 2, 0);
        peer.say(&Message::Directory { name: b"asked", attributes: Attributes { modified_seconds: i64::MAX, ..odd } });
        peer.say(&Message::File { name: b"x", size: 0, attributes: odd });
        peer.content(b"");
        peer.say(&Message::Leave);
        peer.say(&Message::Finish);
    });
    // A time beyond the file system's is clamped by it or told as a problem; neither stops the copy.
    assert!(result.is_ok(), "{result:?} {told:?}");
    let mode = fs::metadata(world.target().join("asked")).unwrap().mode();
    assert_eq!(mode & 0o7000, 0, "{mode:o}");
}

#[test]
fn a_client_is_held_to_the_same_rules() {
    for (name, wanted) in [("../victim", "leads out"), ("/etc/x", "leads out"), ("..", "way to another")] {
        let world = World::new();
        let (mut client, from_client, to_client) = joined();
        let node = std::thread::spawn(move || serve(from_client, to_client));
        client.say(&Message::Hello { version: VERSION });
        client.say(&Message::Put {
            writing: Writing::default(),
            destination: world.target().to_str().unwrap().as_bytes(),
        });
        client.total(1, 1, 4);
        client.file(name, 4);
        let mut heard = Vec::new();
        while let Some(message) = client.hear() {
            heard.push(message);
        }
        assert!(heard.last().unwrap().contains(wanted), "{heard:?}");
        node.join().unwrap().unwrap_err();
        world.check(name);
    }
}

#[test]
fn a_receiver_that_answers_what_was_not_offered_is_stopped() {
    let world = World::new();
    fs::write(world.target().join("file"), b"content").unwrap();
    for lie in [Message::Want { offset: 8, digest: [0; 32] }, Message::Finished, Message::Total(Default::default())] {
        let (mut peer, from_node, to_node) = joined();
        let mut answer = Vec::new();
        lie.encode(&mut answer);
        let node = std::thread::spawn(move || {
            peer.say(&Message::Hello { version: VERSION });
            while peer.hear().is_some_and(|heard| !heard.starts_with("File")) {}
            peer.raw(&answer);
            while peer.hear().is_some() {}
        });
        let sources = [world.target().join("file")];
        let mut told = Told::default();
        let result = put(from_node, to_node, &sources, &NodePath::new("x").unwrap(), TREE, &mut told);
        assert!(result.unwrap_err().to_string().contains("breaks the rules"), "{lie:?}");
        node.join().unwrap();
    }
}
